"""Spreads: shares that add up, an index of nothing for the same rows, and what a night may bring that training hadn't."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.dataset.feature_spec import Feature
from leadline.monitoring.reference import feature_drift, value_distribution

NUMBER = Feature("visits", "behaviour", "visits", "count", "count", "visited")
WORD = Feature("source", "fit", "source", "category", "value", "source", table="leads")


@given(st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9), st.integers(0, 3).map(float)), min_size=1))
def test_shares_add_up_and_the_same_rows_lie_nowhere_else(values: list[float | None]) -> None:
    column = pd.Series(values, dtype=np.float64)
    made = value_distribution(NUMBER, column)
    assert sum(made["shares"]) == pytest.approx(1) and len(made["shares"]) == len(made["cuts"]) + 2
    assert made["cuts"] == sorted(set(made["cuts"])) and len(made["cuts"]) <= 9
    assert feature_drift(NUMBER, column, made, len(values))[0] == 0


def test_a_column_that_goes_silent_or_a_level_that_is_new_is_far_away() -> None:
    numbers = pd.Series(np.random.default_rng(7).poisson(2.0, 500).astype(float))
    then = value_distribution(NUMBER, numbers)
    for now in (pd.Series(np.zeros(500)), pd.Series(np.full(500, np.nan)), numbers + 3):
        index, chance = feature_drift(NUMBER, now, then, 500)
        assert index > 0.25 + chance
    again = pd.Series(np.random.default_rng(8).poisson(2.0, 500).astype(float))
    index, chance = feature_drift(NUMBER, again, then, 500)
    assert index < 0.25 + chance
    words = pd.Series(["web"] * 60 + ["fair"] * 30 + [None] * 10, dtype=object)
    then = value_distribution(WORD, words, ["fair", "web"])
    assert then["cuts"] == ["web", "fair"] and then["shares"] == [0.1, 0.0, 0.6, 0.3]
    assert feature_drift(WORD, words, then, 100)[0] == 0
    assert feature_drift(WORD, pd.Series(["phone"] * 100, dtype=object), then, 100)[0] > 1


def test_weights_count() -> None:
    column = pd.Series([0.0, 1.0])
    assert value_distribution(NUMBER, column, weight=np.array([3.0, 1.0]))["shares"][-1] == 0.25
