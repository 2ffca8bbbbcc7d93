"""LightGBM's own numbers without its Python package: the same bits, and no scikit-learn in a night."""

from __future__ import annotations

import subprocess
import sys

import lightgbm
import numpy as np
import pytest

from leadline.errors import DataError
from leadline.model.lightgbm_library import LoadedTrees


@pytest.fixture(scope="module")
def text() -> str:
    random = np.random.default_rng(3)
    x = random.normal(size=(600, 5))
    y = (x[:, 0] + random.normal(size=600) > 0).astype(float)
    booster = lightgbm.train({"objective": "binary", "verbosity": -1, "num_threads": 1}, lightgbm.Dataset(x, y), 12)
    return booster.model_to_string()


@pytest.mark.parametrize("asked", [{"raw_score": True}, {"pred_contrib": True}])
@pytest.mark.parametrize("order", ["C", "F"])
def test_its_numbers_are_the_packages_to_the_bit(text: str, asked: dict[str, bool], order: str) -> None:
    x = np.random.default_rng(4).normal(size=(300, 5)) * 5
    x[np.random.default_rng(5).random(x.shape) < 0.2] = np.nan
    x = np.asarray(x, order=order)
    expected = np.asarray(lightgbm.Booster(model_str=text).predict(x, **asked))
    assert np.array_equal(LoadedTrees(text).predict(x, **asked), expected)
    assert np.array_equal(LoadedTrees(text).predict(x[:1], **asked), expected[:1])
    assert LoadedTrees(text).predict(x[:0], **asked).shape == (0, *expected.shape[1:])


def test_columns_that_it_doesnt_know_are_refused(text: str) -> None:
    with pytest.raises(DataError, match="with these columns"):
        LoadedTrees(text).predict(np.zeros((2, 4)), raw_score=True)


def test_a_night_imports_what_it_uses() -> None:
    code = (
        "import sys, leadline.workflows.scoring.backfill, leadline.cli.console, leadline.cli.app\n"
        "print(*sorted({'lightgbm', 'sklearn', 'scipy', 'mlflow', 'sqlalchemy', 'shap', 'numba'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == []
