"""Levels: the fast as-of sums against a slow oracle, privacy of rare levels, exact records."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.model.encoding.target_encoding import STRENGTH, CategoryLevels, known_sums, lift_and_share


@st.composite
def dated(draw):
    n = draw(st.integers(1, 40))
    column = lambda of: np.array(draw(st.lists(of, min_size=n, max_size=n)))  # noqa: E731
    as_of = column(st.integers(0, 12))
    known_at = as_of + column(st.integers(0, 5))
    return column(st.integers(0, 3)), as_of, known_at, column(st.sampled_from([0.0, 1.0])), column(st.floats(0.5, 9.0))


def slow(code, as_of, known_at, hits, weight):
    """Look at every pair of rows."""
    out = []
    for j in range(len(code)):
        known = [i for i in range(len(code)) if code[i] == code[j] and known_at[i] <= as_of[j]]
        out.append((sum(hits[i] for i in known), sum(weight[i] for i in known)))
    return np.array(out).T


@settings(deadline=None, max_examples=300)
@given(dated())
def test_asof_sums_equal_the_slow_oracle(rows):
    code, as_of, known_at, y, weight = rows
    np.testing.assert_allclose(
        np.stack(known_sums(code, as_of, known_at, y * weight, weight)),
        slow(code, as_of, known_at, y * weight, weight),
        rtol=1e-12,
        atol=1e-12,
    )


@settings(deadline=None, max_examples=100)
@given(dated())
def test_asof_lift_is_the_documented_rate_over_the_prior(rows):
    code, as_of, known_at, y, weight = rows
    column = pd.Series([f"level {c}" for c in code])
    lead = np.arange(len(code))
    table = CategoryLevels.fit("source", column, y, weight, lead)
    lift, share = table.numbers_asof(column, y, weight, as_of, known_at)
    own = slow(table.codes(column), as_of, known_at, y * weight, weight)
    total = slow(np.zeros(len(code)), as_of, known_at, y * weight, weight)
    for j in range(len(code)):
        prior = total[0, j] / total[1, j] if total[1, j] else 0.0
        m = STRENGTH / prior if prior else 0.0
        expected = (own[0, j] + m * prior) / (own[1, j] + m) / prior if prior else 1.0
        assert lift[j] == pytest.approx(expected, rel=1e-9)
        assert share[j] == pytest.approx(own[1, j] / total[1, j] if total[1, j] else 0.0, rel=1e-9)


@settings(deadline=None, max_examples=60)
@given(dated(), st.integers(0, 12))
def test_labels_that_come_later_change_nothing(rows, cut):
    code, as_of, known_at, y, weight = rows
    flipped = np.where(known_at > cut, 1 - y, y)
    before = known_sums(code, as_of, known_at, y * weight, weight)[0][as_of <= cut]
    after = known_sums(code, as_of, known_at, flipped * weight, weight)[0][as_of <= cut]
    assert before.tolist() == after.tolist()


def test_lift_of_a_rare_level_is_near_one_and_of_a_common_one_near_its_own():
    lift, _ = lift_and_share(*(np.array(v) for v in ([1.0, 400.0], [1.0, 1000.0], [2000.0] * 2, [10_000.0] * 2)))
    assert lift[0] == pytest.approx(1.08, abs=0.01)
    assert lift[1] == pytest.approx(2.0, rel=0.06)


def test_levels_are_counted_by_leads_not_rows():
    column = pd.Series(["common"] * MIN_GROUP_SIZE + ["one lead's own"] * 50)
    lead = np.array([*range(MIN_GROUP_SIZE), *[99] * 50])
    table = CategoryLevels.fit("title", column, np.zeros(len(column)), np.ones(len(column)), lead)
    assert table.names == ("common",)
    assert "own" not in str(table.to_record())
    assert table.weight == (20.0, 50.0, 0.0)


@pytest.mark.parametrize("dtype", ["object", "str", "category"])
def test_any_text_dtype_and_missing(dtype):
    column = pd.Series(["a", None, "b"] * 20).astype(dtype)
    table = CategoryLevels.fit("source", column, np.ones(60), np.ones(60), np.arange(60))
    assert table.codes(column[:3]).tolist() == [0, 3, 1]
    assert table.codes(pd.Series([None, None], dtype=object)).tolist() == [3, 3]


def test_a_level_never_seen_is_other():
    table = CategoryLevels.fit("s", pd.Series(["a"] * 30), np.ones(30), np.ones(30), np.arange(30))
    lift, share = table.numbers(pd.Series(["new"]))
    assert (lift[0], share[0]) == (1.0, 0.0)
    assert CategoryLevels.from_record(table.to_record()) == table
