"""The search tries recipes on older folds only, and is the same each time."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leadline.errors import UsageError
from leadline.history.spec import Feature
from leadline.model.matrix import Matrix
from leadline.model.tune import tune

N = 900
SPECS = (Feature("visits", "behaviour", "visits", "count", "count", "visited"),)


def world(flip_newest: bool = False) -> tuple[Matrix, list[tuple[Any, Any]]]:
    rng = np.random.default_rng(5)
    visits = rng.poisson(2.0, N).astype(float)
    y = (rng.random(N) < 1 / (1 + np.exp(3 - visits))).astype(float)
    rows = np.arange(N)
    if flip_newest:
        y[700:] = 1 - y[700:]
    matrix = Matrix(pd.DataFrame({"visits": visits}), y, np.ones(N), rows.astype(str), rows, rows)
    return matrix, [(rows[:300], rows[300:500]), (rows[:500], rows[500:700]), (rows[:700], rows[700:])]


def test_the_same_seed_finds_the_same_recipe() -> None:
    pytest.importorskip("optuna", reason="pip install leadline[tune]")
    matrix, folds = world()
    assert tune(SPECS, matrix, folds, 4, seed=3) == tune(SPECS, matrix, folds, 4, seed=3)


def test_the_newest_fold_has_no_say() -> None:
    pytest.importorskip("optuna", reason="pip install leadline[tune]")
    matrix, folds = world()
    turned, _ = world(flip_newest=True)
    assert tune(SPECS, matrix, folds, 4, seed=3) == tune(SPECS, turned, folds, 4, seed=3)


def test_without_optuna_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    matrix, folds = world()
    with pytest.raises(UsageError, match=r"install leadline\[tune\]"):
        tune(SPECS, matrix, folds, 4, seed=3)
