"""The small-data ladder: leads are counted, not snapshots, and the thresholds stand in one place."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.model.encoding.encoder import Matrix
from leadline.model.fitting import small_data
from leadline.model.fitting.recipe import Recipe
from leadline.model.fitting.small_data import BOOSTING, REGRESSION, choose_complexity, regression_penalty

RUNGS = ("rules", "regression", "boosting")


def matrix(positive: int, negative: int, snapshots: int = 1) -> Matrix:
    """So many positive and negative leads, each with so many snapshots, of which a positive one's last is positive."""
    lead = np.repeat(np.arange(positive + negative), snapshots)
    last = np.tile(np.arange(snapshots) == snapshots - 1, positive + negative)
    n = np.arange(len(lead))
    return Matrix(pd.DataFrame(index=n), (lead < positive) & last, np.ones(len(n)), lead, n, n + 1)


@pytest.mark.parametrize(
    ("positive", "rung"),
    [
        (1, "rules"),
        (REGRESSION - 1, "rules"),
        (REGRESSION, "regression"),
        (BOOSTING - 1, "regression"),
        (BOOSTING, "boosting"),
    ],
)
def test_each_threshold_is_where_it_says(positive: int, rung: str) -> None:
    assert choose_complexity(matrix(positive, 500)).name == rung


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 4))
def test_more_snapshots_of_the_same_leads_change_nothing_and_the_rarer_outcome_decides(
    positive: int, negative: int, snapshots: int
) -> None:
    told = choose_complexity(matrix(positive, negative, snapshots))
    assert told == choose_complexity(matrix(positive, negative))
    assert told.name == choose_complexity(matrix(negative, positive)).name
    assert told.positive_leads == positive and told.negative_leads == negative


@given(st.integers(1, 400), st.integers(0, 50))
def test_more_leads_never_lead_to_a_lower_rung(positive: int, more: int) -> None:
    lower, higher = (RUNGS.index(small_data.complexity_for(n, 1_000).name) for n in (positive, positive + more))
    assert lower <= higher


@given(st.integers(0, 400), st.integers(0, 400), st.integers(0, 9))
def test_the_reason_is_one_sentence_with_the_count_and_the_threshold(positive: int, negative: int, rules: int) -> None:
    told = small_data.complexity_for(positive, negative, rules)
    numbers = [int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*", told.reason)]
    assert min(positive, negative) in numbers and {REGRESSION, BOOSTING} & set(numbers)
    assert "\n" not in told.reason and ". " not in told.reason and not told.reason.endswith(".")
    assert told.to_record() == {
        "name": told.name, "positive_leads": positive, "negative_leads": negative, "reason": told.reason,
    }  # fmt: skip


@given(st.integers(1, 200), st.integers(1, 12))
def test_the_penalty_is_stronger_the_more_features_and_snapshots_a_lead_has(features: int, snapshots: int) -> None:
    here = regression_penalty(matrix(5, 20, snapshots), features)
    assert 0 < here <= max(Recipe().c_grid)
    assert regression_penalty(matrix(5, 20, snapshots + 1), features) <= here
    assert regression_penalty(matrix(5, 20, snapshots), features + 1) <= here
    assert here == regression_penalty(
        matrix(10, 40, snapshots), features
    )  # more leads alone: more evidence, the same prior
