"""LL207: with dated tables, a single attribute that separates as whole honest models don't."""

from __future__ import annotations

import numpy as np
import pytest

from suspects import dated, outcomes, told


def shifted(rng: np.random.Generator, y: np.ndarray, by: float) -> np.ndarray:
    """Normal values, higher for positives: .6 gives an AUC of .66, 1.6 one of .87."""
    return rng.normal(size=len(y)) + by * y


@pytest.mark.parametrize(("by", "expected"), [(0.0, []), (0.6, []), (1.0, []), (1.6, ["grade"])])
def test_it_is_refused_above_the_bound_only(tmp_path, by, expected) -> None:
    rng, y = outcomes()
    assert told(dated(tmp_path, y, {"grade": shifted(rng, y, by)}), "LL207") == expected


def test_the_figures_stand_in_the_sentence(tmp_path) -> None:
    rng, y = outcomes()
    (found,) = [
        f
        for f in dated(tmp_path, y, {"grade": shifted(rng, y, 1.6), "plain": shifted(rng, y, 0.3)})
        if f.code == "LL207"
    ]
    assert (
        "AUC 0.8" in found.seen and "all other attributes together give 0.5" in found.seen and "shuffled" in found.seen
    )
    assert "known_at_creation" in found.fix and "history" in found.fix


def test_declared_it_is_let_in(tmp_path) -> None:
    rng, y = outcomes()
    found = dated(tmp_path, y, {"grade": shifted(rng, y, 1.6)}, known_at_creation=["grade"])
    assert told(found, "LL207") == [] and told(found, "LL215") == []


def test_what_only_tells_the_time_is_let_in(tmp_path) -> None:
    rng = np.random.default_rng(5)
    late = np.arange(2_000) >= 1_000
    y = (rng.random(2_000) < np.where(late, 0.6, 0.05)).astype(int)
    found = dated(tmp_path, y, {"rate_of_the_day": late * 2.0 + rng.normal(size=2_000) / 50})
    assert told(found, "LL207") == [] and told(found, "LL215") == []


def test_one_account_with_many_leads_is_no_evidence(tmp_path) -> None:
    rng, y = outcomes()
    account = np.arange(len(y)) // 100  # a hundred leads each
    y = np.isin(account, [3, 9, 15]).astype(int)
    accounts = {"account_id": [f"A{i}" for i in range(20)], "size": rng.permutation(20).astype(float)}
    found = dated(
        tmp_path,
        y,
        {"account_id": [f"A{i}" for i in account]},
        {"accounts": accounts},
        account="account_id",
        attributes=[],
    )
    assert told(found, "LL207") == []
