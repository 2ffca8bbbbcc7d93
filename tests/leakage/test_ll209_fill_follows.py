"""LL209: columns that are filled in as a consequence of the outcome."""

from __future__ import annotations

import numpy as np
import pytest

from suspects import dated, flat, outcomes, told, words


def filled(rng: np.random.Generator, y: np.ndarray, positive: float, negative: float) -> list[object]:
    half, other = positive / 2, negative / 2
    return words(rng, y, ["red", "blue", None], [half, half, 1 - positive], [other, other, 1 - negative])


@pytest.mark.parametrize(
    ("positive", "negative", "expected"),
    [(1.0, 0.0, True), (0.3, 0.0, True), (0.0, 0.6, True), (0.9, 0.2, True), (0.9, 0.7, False), (0.5, 0.5, False), (0.05, 0.01, False)],
)  # fmt: skip
@pytest.mark.parametrize("kind", [flat, dated])
def test_fill_that_follows_the_outcome_is_refused(tmp_path, kind, positive, negative, expected) -> None:
    rng, y = outcomes()
    assert told(kind(tmp_path, y, {"need": filled(rng, y, positive, negative)}), "LL209") == (
        ["need"] if expected else []
    )


def test_it_is_refused_even_if_declared_and_says_the_shares(tmp_path) -> None:
    rng, y = outcomes()
    (found,) = [
        f
        for f in flat(tmp_path, y, {"need": filled(rng, y, 0.9, 0.1)}, known_at_creation=["need"])
        if f.code == "LL209"
    ]
    assert "of the positive leads" in found.seen and "accept LL209" in found.fix


def test_a_placeholder_is_no_fill(tmp_path) -> None:
    rng, y = outcomes()
    column = [v or "Select" for v in filled(rng, y, 0.95, 0.05)]
    assert told(flat(tmp_path, y, {"need": column}), "LL209") == ["need"]


def test_a_rare_column_goes_with_the_one_that_it_never_stands_without(tmp_path) -> None:
    rng, y = outcomes()
    deal = filled(rng, y, 1.0, 0.02)
    rare = [v if v and i % 10 == 0 else None for i, v in enumerate(deal)]
    spread = ["x" if i % 13 == 0 else None for i in range(len(y))]
    assert told(dated(tmp_path, y, {"deal": deal, "rare": rare, "spread": spread}), "LL209") == ["deal", "rare"]


@pytest.mark.parametrize(("positive", "negative", "expected"), [(1.0, 0.1, ["company"]), (0.97, 0.97, [])])
def test_an_account_that_leads_get_once_they_are_won_is_refused(tmp_path, positive, negative, expected) -> None:
    rng, y = outcomes()
    has = words(rng, y, [True, False], [positive, 1 - positive], [negative, 1 - negative])
    company = [f"A{i % 300}" if h else None for i, h in enumerate(has)]
    assert told(dated(tmp_path, y, {"company": company}, account="company", attributes=[]), "LL209") == expected


@pytest.mark.parametrize(
    ("declared", "expected"), [(["form"], []), ([], ["team size"]), (["team size"], ["team size"])]
)
def test_what_only_the_long_form_asks_goes_with_the_form(tmp_path, declared, expected) -> None:
    rng, y = outcomes()
    form = words(rng, y, ["demo", "newsletter", "book"], [0.9, 0.05, 0.05], [0.08, 0.6, 0.32])
    size = [float(rng.integers(1, 90)) if f == "demo" else None for f in form]
    assert told(flat(tmp_path, y, {"form": form, "team size": size}, known_at_creation=declared), "LL209") == expected


def test_a_declared_column_that_is_empty_for_the_same_leads_vouches_for_nothing(tmp_path) -> None:
    rng, y = outcomes()
    need = filled(rng, y, 0.95, 0.05)
    plan = ["gold" if n else None for n in need]
    found = flat(tmp_path, y, {"need": need, "plan": plan}, known_at_creation=["plan"])
    assert told(found, "LL209") == ["need", "plan"]
