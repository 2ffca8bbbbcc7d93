"""LL210: values that exist among positives only."""

from __future__ import annotations

import numpy as np
import pytest

from suspects import dated, flat, outcomes, told, words


@pytest.mark.parametrize(("held", "expected"), [(0.6, ["rep"]), (0.05, [])])
@pytest.mark.parametrize("kind", [flat, dated])
def test_levels_without_a_negative_are_refused_where_they_hold_many_positives(tmp_path, kind, held, expected) -> None:
    rng, y = outcomes(0.4)
    column = words(rng, y, ["closer", "a", "b"], [held, (1 - held) / 2, (1 - held) / 2], [0.0, 0.5, 0.5])
    assert told(kind(tmp_path, y, {"rep": column}), "LL210") == expected


def test_ranges_of_a_number_count_too(tmp_path) -> None:
    rng, y = outcomes()
    deal = np.where((y == 1) & (rng.random(len(y)) < 0.8), rng.integers(100, 200, len(y)), rng.integers(0, 20, len(y)))
    assert told(flat(tmp_path, y, {"deal": deal}), "LL210") == ["deal"]


def test_among_mostly_positive_leads_it_says_nothing(tmp_path) -> None:
    rng, y = outcomes(0.97)
    assert (
        told(flat(tmp_path, y, {"city": words(rng, y, ["a", "b", "c"], [0.4, 0.3, 0.3], [0.4, 0.3, 0.3])}), "LL210")
        == []
    )


def test_the_share_stands_in_the_sentence(tmp_path) -> None:
    rng, y = outcomes(0.4)
    (found,) = [
        f
        for f in flat(tmp_path, y, {"rep": words(rng, y, ["closer", "a"], [0.6, 0.4], [0.0, 1.0])})
        if f.code == "LL210"
    ]
    assert "that hold 59% of the positive leads" in found.seen and "closer" not in found.seen


@pytest.mark.parametrize(("wrong", "expected"), [(0.02, ["remark"]), (0.15, [])])
def test_levels_that_settle_the_outcome_one_way_or_the_other_are_refused(tmp_path, wrong, expected) -> None:
    rng, y = outcomes(0.4)
    right = 1 - wrong
    won, lost = [right / 2, right / 2, wrong / 2, wrong / 2], [wrong / 2, wrong / 2, right / 2, right / 2]
    column = words(rng, y, ["ja", "oui", "nein", "non"], won, lost)
    assert told(flat(tmp_path, y, {"remark": column}, known_at_creation=["remark"]), "LL210") == expected
