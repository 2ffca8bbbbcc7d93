"""What goes with conversion: rates, lift and its interval by account, and when there are too few to say."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.core.point_in_time import Horizon
from leadline.dataset.feature_spec import Feature
from leadline.explanation.drivers import Driver
from leadline.insights.behaviours import (
    BehaviourComparison,
    LabeledSnapshots,
    compare_behaviours,
    lift_interval,
    mean_effects,
)
from leadline.metrics import classification

WEEK, QUARTER = Horizon.parse("7d"), Horizon.parse("90d")


def count(behaviour: str, window: Horizon = QUARTER) -> Feature:
    return Feature(
        f"n_{behaviour}_{window}", "behaviour", f"behaviour:{behaviour}", "count", "count", f"did {behaviour}",
        field=behaviour, by="behaviour", window=window,
    )  # fmt: skip


def since(behaviour: str) -> Feature:
    return Feature(
        f"since_{behaviour}", "recency", f"behaviour:{behaviour}", "days", "since_last", f"did {behaviour}",
        field=behaviour, by="behaviour",
    )  # fmt: skip


def asked(
    y: npt.ArrayLike,
    lead: npt.ArrayLike | None = None,
    group: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
) -> LabeledSnapshots:
    y = np.asarray(y, dtype=np.float64)
    lead = np.arange(len(y)).astype(str) if lead is None else np.asarray(lead)
    group = lead if group is None else np.asarray(group)
    weight = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=np.float64)
    return LabeledSnapshots(y, weight, lead.astype(object), group.astype(object))


def compared(
    columns: dict[Feature, npt.ArrayLike],
    rows: LabeledSnapshots,
    window: Horizon = QUARTER,
    ranked: list[Driver] | None = None,
) -> BehaviourComparison:
    values = pd.DataFrame({s.name: np.asarray(v, dtype=np.float64) for s, v in columns.items()})
    return compare_behaviours(
        list(columns), values, rows, window, {"call": "evaluation"}, ranked or [], {"behaviour:call": -0.5}
    )


def drawn(
    seed: int, accounts: int = 300, strength: float = 2.0
) -> tuple[LabeledSnapshots, npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Snapshots of accounts that share a habit and a chance."""
    rng = np.random.default_rng(seed)
    code = np.repeat(np.arange(accounts), rng.integers(1, 12, accounts))
    did = rng.random(len(code)) < rng.beta(2, 3, accounts)[code]
    y = rng.random(len(code)) < np.clip(rng.gamma(2, 0.05, accounts)[code] * np.where(did, strength, 1.0), 0, 1)
    return asked(y, code, code), did, code


def test_rates_reach_and_what_the_model_makes_of_it() -> None:
    did = np.repeat([1.0, 0.0], 100)
    y = np.concatenate([np.repeat([1.0, 0.0], [30, 70]), np.repeat([1.0, 0.0], [10, 90])])
    told = compared({count("call"): did}, asked(y), ranked=[Driver("behaviour:call", "called", 1.0, 0.25, 0.9)])
    one = told.behaviours[0]
    assert (one.leads, one.reach, one.positive_leads, one.intent, one.too_few) == (100, 0.5, 30, "evaluation", False)
    assert (one.with_it, one.without_it, one.lift) == pytest.approx((0.3, 0.1, 3.0))
    assert 1 < one.low < 3 < one.high and (one.weight, one.effect) == (0.25, -0.5)
    assert (told.window, told.snapshots, told.leads, told.positive_leads, told.conversion) == ("90d", 200, 200, 40, 0.2)


def test_what_the_model_does_not_use_has_no_weight() -> None:
    one = compared({count("call"): np.arange(100) % 2}, asked(np.arange(100) % 3 == 0)).behaviours[0]
    assert math.isnan(one.weight) and math.isnan(one.effect)


@pytest.mark.parametrize(
    ("with_it", "positive_with", "positive_without", "few"),
    [
        (19, 10, 20, True),
        (20, 5, 20, False),
        (40, 4, 20, True),
        (40, 0, 20, True),
        (40, 20, 4, True),
        (185, 20, 10, True),
    ],
)
def test_too_few_leads_or_positive_ones_on_either_side(
    with_it: int, positive_with: int, positive_without: int, few: bool
) -> None:
    did = np.arange(200) < with_it
    y = np.zeros(200)
    y[:positive_with] = 1
    y[with_it : with_it + positive_without] = 1
    one = compared({count("call"): did}, asked(y)).behaviours[0]
    assert one.too_few is few is math.isnan(one.lift) is math.isnan(one.low)
    assert one.with_it == pytest.approx(positive_with / with_it)


def test_a_lead_with_many_snapshots_is_still_one_lead() -> None:
    lead = np.repeat(["busy", "idle"], 500)
    one = compared({count("call"): np.arange(1000) % 2}, asked(np.arange(1000) % 3 == 0, lead)).behaviours[0]
    assert one.leads == 2 and one.too_few


def test_lift_agrees_with_the_bootstrap_by_account() -> None:
    rows, did, code = drawn(3)
    ratio, low, high = lift_interval(did, rows.y, rows.weight, code)
    resampled = classification.bootstrap_by_group(
        lambda at: float(np.log(rows.y[at][did[at]].mean() / rows.y[at][~did[at]].mean())), code, 7, repeats=1000
    )
    assert ratio == pytest.approx(rows.y[did].mean() / rows.y[~did].mean())
    assert (math.log(low), math.log(high)) == pytest.approx(resampled, abs=0.06)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    held = 0
    for seed in range(300):
        rows, did, code = drawn(seed, strength=1.0)
        _, low, high = lift_interval(did, rows.y, rows.weight, code)
        held += low <= 1.0 <= high
    assert 0.92 <= held / 300 <= 0.98


def test_rows_of_one_account_are_no_more_evidence() -> None:
    rows, did, code = drawn(5)
    _, low, high = lift_interval(did, rows.y, rows.weight, code)
    again = np.tile(np.arange(len(code)), 4)
    assert lift_interval(did[again], rows.y[again], rows.weight[again], code[again]) == pytest.approx(
        lift_interval(did, rows.y, rows.weight, code)
    )
    _, alone_low, alone_high = lift_interval(did[again], rows.y[again], rows.weight[again], np.arange(len(again)))
    assert alone_high / alone_low < high / low


def test_a_weight_counts_as_so_many_rows_of_its_account() -> None:
    rows, did, code = drawn(6)
    weight = np.where(rows.y == 1, 1.0, 3.0)
    again = np.repeat(np.arange(len(code)), weight.astype(int))
    assert lift_interval(did, rows.y, weight, code) == pytest.approx(
        lift_interval(did[again], rows.y[again], np.ones(len(again)), code[again])
    )


def test_time_open_makes_no_lift_where_there_is_none() -> None:
    """All leads convert at one constant chance, whatever they did; a behaviour, once had, stays ("ever").

    Counting snapshots alike finds no lift; giving each lead a weight of one in all finds one, for a lead that converts
    is closed: its few snapshots, early ones, weigh most.
    """
    rng = np.random.default_rng(11)
    length = np.minimum(rng.geometric(0.08, 4000), 40)
    lead = np.repeat(np.arange(4000), length)
    age = np.arange(len(lead)) - np.repeat(np.cumsum(length) - length, length)
    y = ((age == length[lead] - 1) & (length[lead] < 40)) * 1.0
    did = age >= rng.geometric(0.1, 4000)[lead]
    _, low, high = lift_interval(did, y, np.ones(len(y)), lead)
    assert low < 1 < high and high / low < 1.3
    wrong, _, wrong_high = lift_interval(did, y, 1 / length[lead], lead)
    assert wrong < 0.7 and wrong_high < 1


@given(st.integers(0, 2**31), st.permutations(range(80)))
def test_rows_in_any_order_say_the_same(seed: int, order: list[int]) -> None:
    rng = np.random.default_rng(seed)
    y, lead, did = rng.integers(0, 2, 80), rng.integers(0, 60, 80), rng.integers(0, 3, 80)
    one = compared({count("call"): did}, asked(y, lead, lead // 2)).behaviours[0]
    other = compared({count("call"): did[order]}, asked(y[order], lead[order], lead[order] // 2)).behaviours[0]
    assert one.__dict__ == pytest.approx(other.__dict__, nan_ok=True)


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 5)), max_size=60))
def test_figures_are_bounded_or_undefined(rows: list[tuple[bool, bool, int]]) -> None:
    did, y, account = (np.array([r[k] for r in rows], dtype=float) for k in range(3))
    one = compared({count("call"): did}, asked(y, group=account)).behaviours[0]
    for value in (one.with_it, one.without_it):
        assert math.isnan(value) or 0 <= value <= 1
    assert 0 <= one.reach <= 1 and one.positive_leads <= one.leads <= len(rows)
    ratio, low, high = lift_interval(did > 0, y, np.ones(len(y)), np.unique(account, return_inverse=True)[1])
    assert math.isnan(ratio) or (0 < low <= ratio <= high)


def test_the_window_is_read_from_whatever_column_stayed() -> None:
    days = np.array([1.0, 30.0, 90.0, 91.0, np.nan] * 20)
    exact, y = (days <= 90) * 1.0, np.arange(100) % 4 == 0
    by_count = compared({count("call"): exact, since("call"): days}, asked(y)).behaviours[0]
    by_since = compared({since("call"): days}, asked(y)).behaviours[0]
    by_shorter = compared({count("call", WEEK): exact}, asked(y)).behaviours[0]
    for other in (by_since, by_shorter):
        assert other.__dict__ == pytest.approx(by_count.__dict__, nan_ok=True)
    assert by_count.leads == 60
    assert not compared({count("call", QUARTER): exact}, asked(y), WEEK).behaviours  # a longer window can't tell


def test_the_highest_lift_comes_first_and_too_few_last() -> None:
    n = np.arange(400)
    y = n % 4 == 0
    told = compared(
        {
            count("rare"): n < 3,
            count("even"): n % 3 == 0,
            count("rarer"): n < 2,
            count("call"): (n % 8 == 0) | (n % 5 == 0),
        },
        asked(y),
    )
    ones = [b.name for b in told.behaviours]
    assert ones == ["call", "even", "rare", "rarer"]


def test_other_features_are_no_behaviours() -> None:
    intent = Feature(
        "n_intent",
        "behaviour",
        "intent:purchase",
        "count",
        "count",
        "acts",
        field="purchase",
        by="intent",
        window=QUARTER,
    )
    age = Feature("age", "age", "age", "days", "age", "created", "leads")
    assert compared({intent: np.ones(10), age: np.ones(10)}, asked(np.ones(10))).behaviours == ()


def test_effects_tell_which_way_a_group_goes_where_its_features_run_against_each_other() -> None:
    specs = [
        count("call"),
        since("call"),
        Feature("since_mql", "funnel", "stage:mql", "days", "since_stage", "became MQL", "stages", "mql", "stage"),
    ]
    values = pd.DataFrame({s.name: v for s, v in zip(specs, ([2.0, 0.0], [3.0, np.nan], [np.nan, 5.0]), strict=True)})
    moved = mean_effects(specs, values, np.array([[0.3, -0.1, 0.0], [-0.2, -0.2, 0.6]]), np.ones(2), QUARTER)
    assert moved == pytest.approx({"behaviour:call": 0.6, "stage:mql": 0.6})
    assert math.isnan(
        mean_effects(specs[:1], values, np.ones((1, 1))[[0, 0]], np.array([1.0, 0.0]), QUARTER)["behaviour:call"]
    )


def test_labels_and_keys_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        LabeledSnapshots(np.ones(2), np.ones(2), np.array(["a"], dtype=object), np.array(["a", "b"], dtype=object))
