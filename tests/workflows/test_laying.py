"""Laying folds: what is an error, what a warning, where not one can be laid."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from leadline.config.modeling import Backtest, Outcome, SnapshotPlan
from leadline.config.schema import Config
from leadline.core.checks import Severity
from leadline.core.point_in_time import DAY
from leadline.dataset.labels import Labels
from leadline.model.fitting.small_data import REGRESSION
from leadline.workflows.training.prepare import plan_folds

CONFIG = Config.model_construct(
    backtest=Backtest(folds=2, test="28d"),
    outcome=Outcome(reaches="sql", within="30d"),
    snapshots=SnapshotPlan(every="7d"),
)


def history(weeks: int, positives: int) -> tuple[np.ndarray, Labels]:
    """Ten snapshots a week, so many of them positive, spread evenly."""
    as_of = np.repeat(np.arange(weeks) * 7 * DAY, 10)
    y = np.zeros(len(as_of))
    y[np.linspace(0, len(y) - 1, positives).astype(int)] = 1.0
    nan = np.full(len(as_of), np.nan)
    return as_of, Labels(y, np.ones(len(y)), as_of + 30 * DAY, nan, nan, nan)


@given(st.integers(20, 60), st.integers(1, 12))
def test_too_few_positives_go_on_unjudged_below_a_regression_and_are_refused_from_there(
    weeks: int, positives: int
) -> None:
    as_of, labels = history(weeks, positives)
    for leads, severity in ((positives, Severity.WARNING), (REGRESSION, Severity.ERROR)):
        folds, found = plan_folds(CONFIG, as_of, labels, leads)
        (one,) = found
        assert folds == () and one.code == "LL124" and one.severity is severity
        assert ("nothing is judged" in one.seen) == (severity is Severity.WARNING)


@given(st.integers(1, 5), st.integers(1, 10))
def test_a_history_shorter_than_the_horizon_is_refused_however_few_its_positives(weeks: int, positives: int) -> None:
    folds, (one,) = plan_folds(CONFIG, *history(weeks, positives), positives)
    assert folds == () and one.severity is Severity.ERROR and "holds no test" in one.seen


def test_a_long_history_with_positives_enough_has_all_its_folds() -> None:
    folds, found = plan_folds(CONFIG, *history(60, 200), 200)
    assert len(folds) == 2 and len(found) == 0
