"""The bench of models judges everybody on the same rows, and its shares of the truth are shares."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leadline.dataset.feature_spec import Feature
from leadline.model.encoding.encoder import Matrix
from leadline.model.fitting.logistic import sigmoid

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # the benches are no part of the installed package

from benchmarks import models  # noqa: E402

TRUTH = np.array([0.05, 0.1, 0.4, 0.2, 0.02])


def test_the_truth_knows_all_of_itself_and_its_mean_nothing() -> None:
    assert models.information(TRUTH, TRUTH, np.ones(5)) == pytest.approx(1.0)
    assert models.information(TRUTH, np.full(5, TRUTH.mean()), np.ones(5)) == pytest.approx(0.0)
    assert models.information(TRUTH, 1 - TRUTH, np.ones(5)) < 0
    assert models.calibration_error(TRUTH, TRUTH, np.ones(5)) == pytest.approx(0.0)
    assert models.calibration_error(np.tile(TRUTH, 20), np.tile(TRUTH, 20) * 1.5, np.ones(100)) == pytest.approx(0.5)


def test_everybody_is_judged_on_the_newest_fold(capsys: pytest.CaptureFixture[str]) -> None:
    random, n = np.random.default_rng(2), np.arange(2_000)
    values = pd.DataFrame({"a": random.normal(size=2_000), "b": random.normal(size=2_000)})
    truth = sigmoid(-1.5 + values["a"].to_numpy() + np.abs(values["b"].to_numpy()))
    y = (random.random(2_000) < truth) * 1.0
    matrix = Matrix(values, y, np.ones(2_000), n.astype(str), n, n + 1)
    specs = [Feature(name, "fit", name, "number", "value", name) for name in ("a", "b")]
    folds = [(n[: cut - 1], n[cut : cut + 500]) for cut in (500, 1_000, 1_500)]
    fold = models.newest(specs, matrix, n.astype(object), folds, seed=3, truth=truth, halves=True)
    assert fold.y.tolist() == y[1_500:].tolist()
    assert set(fold.said) == {"model", *models.PEERS, *models.HALVES}
    shares = {who: models.information(fold.truth, said, fold.weight) for who, said in fold.said.items()}
    assert shares["regression"] < shares["model"] < 1
    models.figures(fold)
    assert "model less peer" in capsys.readouterr().out
