"""Past nights of a whole training: everybody ranks the same rows, and what came of it stands in the result and the record."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from leadline.config.modeling import SnapshotPlan
from leadline.config.schema import Config
from leadline.core.rng import Stream, generator
from leadline.evaluation.baselines import SAYERS
from leadline.model.baselines import PEERS, predict_baselines
from leadline.workflows.training.evaluate import all_rankings, backtest_rankings
from leadline.workflows.training.publish import _topk_metrics

FLAT = Config.model_validate({
    "version": 1, "name": "flat", "tables": {"leads": {"source": "a.csv"}},
    "outcome": {"column": "won", "positive": 1}, "snapshots": {"order_by": "row"},
})  # fmt: skip


@pytest.fixture(scope="module")
def said(trained_home):
    return all_rankings(trained_home[1].fitted)


def test_everybody_says_something_of_every_row(trained_home, said) -> None:
    fitted = trained_home[1].fitted
    assert set(said) == set(SAYERS) - {"random"}
    assert all(len(p) == len(fitted.honest.row) and np.isfinite(p).all() for p in said.values())
    age = fitted.made.features.values["age"].to_numpy()[fitted.honest.row]
    born = fitted.matrix.as_of[fitted.honest.row] / 86_400e6 - age
    assert said["newest"] / 86_400e6 == pytest.approx(born, abs=1e-3)


def test_peers_stand_beside_the_row_they_spoke_of(trained_home, said) -> None:
    fitted = trained_home[1].fitted
    folds = [(fold.train, fold.test) for fold in fitted.folds]
    random = generator(fitted.config.seed, Stream.NIGHTS)
    told = predict_baselines(fitted.made.features.specs, fitted.matrix, folds, random)
    for who in PEERS:
        by_row = {int(row): p for fold in told for row, p in zip(fold.row, fold.said[who], strict=True)}
        assert said[who].tolist() == [by_row[int(row)] for row in fitted.honest.row]


def test_a_training_tells_what_its_nights_would_have_brought(trained_home) -> None:
    folder, result = trained_home
    told = result.judgement.nights
    assert [w.by for w in told.rankers] == list(SAYERS) and [gap.by for gap in told.model_minus_baseline] == list(
        SAYERS[1:]
    )
    rows = result.fitted.honest.row
    assert told.nights == len(np.unique(result.fitted.matrix.as_of[rows])) and 0 < told.won_nights < told.nights
    mine = told.rankers[0]
    assert (
        mine.worked <= told.nights * 40 and 0 < mine.sqls < mine.worked and mine.sqls_low < mine.sqls < mine.sqls_high
    )
    assert mine.won > 0 and mine.amount > 0
    record = json.loads((folder / result.folder / "record.json").read_text(encoding="utf-8"))
    assert record["nights"] == json.loads(json.dumps(told.to_record())) and record["nights_reason"] == ""
    assert record["optimism"]["forward"]["auc"] == result.judgement.optimism.forward.auc
    tracked = {name: value for name, value, _ in _topk_metrics(record)}
    assert tracked["topk.model.sqls"] == mine.sqls and tracked["topk.random.sqls"] > 0
    assert tracked["optimism.auc"] == pytest.approx(result.judgement.optimism.gap)


def test_the_newest_folds_figures_hold_the_peers_and_older_ones_do_not(trained_home) -> None:
    evaluation = trained_home[1].evaluation
    assert set(evaluation.newest.figures) == {*SAYERS, "base_rate"} - {"random"}
    assert all(set(fold.figures) == {"model", "logistic", "points", "base_rate"} for fold in evaluation.folds[:-1])
    assert np.isnan(evaluation.newest.figures["newest"].brier) and evaluation.newest.figures["lightgbm"].brier > 0


def test_a_flat_file_has_no_nights_and_says_why(trained_home, said) -> None:
    told = backtest_rankings(replace(trained_home[1].fitted, config=FLAT), said)
    assert told.rankers == () and "flat file" in told.reason and told.to_record() is None


def test_with_landmarks_nights_are_weeks_with_a_weeks_room(trained_home, said) -> None:
    fitted = trained_home[1].fitted
    plan = SnapshotPlan.model_validate({"after_creation": ["1d", "7d"]})
    told = backtest_rankings(replace(fitted, config=fitted.config.model_copy(update={"snapshots": plan})), said)
    assert told.per_night == 40 and told.nights == trained_home[1].judgement.nights.nights  # Mondays, as it happens
    daily = SnapshotPlan.model_validate({"every": "1d"})
    told = backtest_rankings(replace(fitted, config=fitted.config.model_copy(update={"snapshots": daily})), said)
    assert told.per_night == pytest.approx(40 / 7)
