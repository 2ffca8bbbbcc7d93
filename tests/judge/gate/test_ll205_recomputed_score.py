"""LL205: scores that tools keep up to date, by name."""

from __future__ import annotations

import pytest

from leadline.judge.suspects import is_rescored
from suspects import flat, outcomes, told


@pytest.mark.parametrize(
    "column",
    [
        "Activity Score",
        "Profile Index",
        "engagement_score",
        "FitGrade__c",
        "Behavior Rating",
        "intent_score",
        "Nurture Tier",
    ],
)
def test_a_score_is_known_by_name(column: str) -> None:
    assert is_rescored(column)


@pytest.mark.parametrize(
    "column", ["credit_score", "score_at_signup", "score", "price_index", "profile", "activity", "fit_notes", "index"]
)
def test_other_names_are_left_alone(column: str) -> None:
    assert not is_rescored(column)


@pytest.mark.parametrize(("declared", "expected"), [([], ["Fit Score"]), (["fit score"], [])])
def test_it_is_told_unless_declared(tmp_path, declared, expected) -> None:
    rng, y = outcomes()
    assert (
        told(flat(tmp_path, y, {"Fit Score": rng.integers(0, 9, len(y))}, known_at_creation=declared), "LL205")
        == expected
    )
