"""A scikit-learn estimator that somebody brought, in the place of leadline's own trees: how it is found, read and explained.

It reads the encoder's numbers: the trees' where it takes missing values, else the regression's. It is kept as skops, which loads
scikit-learn's own types and no others, so that reading a bundle runs nobody's code.
"""

from __future__ import annotations

import importlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadline.core.jsonable import parse_json
from leadline.errors import ConfigError, DataError, UsageError
from leadline.model.encoding.encoder import Encoder, Matrix
from leadline.model.fitting.logistic import log_odds

__all__ = ["ABOUT", "ESTIMATOR", "OwnModel", "fit_estimator", "load_factory"]

Floats: TypeAlias = NDArray[np.float64]

ESTIMATOR, ABOUT = "own.skops", "own.json"
"""The bundle's files that hold one."""

TRUSTED = (
    "numpy.dtype", "scipy.interpolate._bsplines.BSpline", "sklearn.calibration._CalibratedClassifier", "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor", "sklearn.feature_selection._univariate_selection.f_classif",
    "sklearn.metrics._scorer._PassthroughScorer", "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer", "sklearn.tree._tree.Tree", "sklearn.utils._bunch.Bunch",
)  # fmt: skip
"""Types that only hold numbers, beside those that skops trusts itself; a whole package would hold functions that write files, too."""


def load_factory(use: str, params: Mapping[str, Any], seed: int) -> Any:
    """Make the estimator that the config names; what draws in it draws from the config's seed.

    Parameters
    ----------
    use : str
        ``package.module:factory``: a class, or a function that returns an estimator.
    params : mapping
        What it is called with.

    Raises
    ------
    ConfigError
        It can't be imported or called, gives no classifier, or one that a bundle can't hold.

    Examples
    --------
    >>> load_factory("sklearn.linear_model:LogisticRegression", {"C": 0.5}, 7)
    LogisticRegression(C=0.5, random_state=7)
    >>> load_factory("sklearn.svm:LinearSVC", {}, 7)
    Traceback (most recent call last):
    ...
    leadline.errors.ConfigError: model.use: sklearn.svm:LinearSVC gives a LinearSVC; expected a classifier with fit and predict_proba; name another
    """
    module, _, name = use.partition(":")
    try:
        made = getattr(importlib.import_module(module), name)(**params)
    except Exception as error:
        raise ConfigError(
            f"model.use: {use} can't be made ({type(error).__name__}); expected an installed package and a factory that takes `params`; "
            "try it in Python"
        ) from error
    if not all(hasattr(made, method) for method in ("fit", "predict_proba", "get_params", "set_params")):
        raise ConfigError(
            f"model.use: {use} gives a {type(made).__name__}; expected a classifier with fit and predict_proba; name another"
        )
    draws = [key for key, value in made.get_params().items() if key.split("__")[-1] == "random_state" and value is None]
    made.set_params(**dict.fromkeys(draws, seed))
    _dumped(made)
    return made


@dataclass(frozen=True)
class OwnModel:
    """A fitted estimator.

    Attributes
    ----------
    estimator : estimator
        With `predict_proba`; its second class is the outcome.
    linear : bool
        Whether it reads the regression's columns, which are never missing, or the trees'.
    start : tuple of float
        The row that contributions start from: the median of each column, or its average.
    edge : float
        How near to 0 and 1 a probability may be: half a row's worth.
    """

    estimator: Any
    linear: bool
    start: tuple[float, ...]
    edge: float

    def margin(self, encoder: Encoder, values: pd.DataFrame) -> Floats:
        """Return the log odds before calibration."""
        return self._margin(self._rows(encoder, values))

    def contributions(self, encoder: Encoder, values: pd.DataFrame) -> tuple[Floats, Floats]:
        """Return the margin and each feature's part of it: with `base` the parts add up to the margin, to rounding.

        A feature's part is what the margin moves by when its columns turn from the start to the row's, after the features
        before it have; the mean of both directions through all features (Shapley values by two permutations).
        """
        rows, owned = self._rows(encoder, values), self._owned(encoder)
        parts, margin = np.zeros((len(rows), len(owned)), order="F"), self._margin(rows)
        for order in (range(len(owned)), range(len(owned) - 1, -1, -1)):
            state, before = np.tile(np.array(self.start), (len(rows), 1)), np.full(len(rows), self.base)
            for place in order:
                if not owned[place]:
                    continue
                state[:, owned[place]] = rows[:, owned[place]]
                after = self._margin(state)
                parts[:, place] += (after - before) / 2
                before = after
        return margin, parts

    @property
    def base(self) -> float:
        """The log odds of the row that contributions start from."""
        return float(self._margin(np.array([self.start]))[0])

    def require_no_rows(self, rows: int) -> None:
        """Refuse an estimator that keeps the rows that it was fitted on, as a bundle holds no lead's data.

        Raises
        ------
        ConfigError
            It keeps a table of as many rows.
        """
        with zipfile.ZipFile(io.BytesIO(_dumped(self.estimator))) as archive:
            parts = [name for name in archive.namelist() if name.endswith(".npy")]
            shapes = [np.load(io.BytesIO(archive.read(name))).shape for name in parts]
        if any(len(shape) == 2 and shape[0] == rows for shape in shapes):
            raise ConfigError(
                f"model.use: {type(self.estimator).__name__} keeps the rows that it is fitted on; expected an estimator that doesn't, as a "
                "bundle holds no lead's data; name another"
            )

    def to_files(self) -> dict[str, bytes]:
        """Return it as skops, and JSON beside it."""
        about = {"linear": self.linear, "start": [None if np.isnan(v) else v for v in self.start], "edge": self.edge}
        return {ESTIMATOR: _dumped(self.estimator), ABOUT: json.dumps(about, sort_keys=True).encode() + b"\n"}

    @classmethod
    def from_files(cls, files: Mapping[str, str | bytes]) -> OwnModel:
        """Read what `to_files` wrote.

        Raises
        ------
        DataError
            It holds other types than scikit-learn's own, or can't be read.
        """
        try:
            from skops.io import loads

            about = parse_json(files[ABOUT])
            start = tuple(np.nan if value is None else float(value) for value in about["start"])
            return cls(loads(files[ESTIMATOR], trusted=[*TRUSTED]), bool(about["linear"]), start, float(about["edge"]))
        except ImportError:
            raise UsageError(
                f"{ESTIMATOR}: needs skops and scikit-learn; install what leadline itself requires"
            ) from None
        except Exception as error:  # noqa: BLE001 - skops raises what the types inside raise
            raise DataError(
                f"{ESTIMATOR}: can't be read ({type(error).__name__}); expected what train wrote, and the scikit-learn that it was fitted by; "
                "restore or train again"
            ) from None

    def _rows(self, encoder: Encoder, values: pd.DataFrame) -> Floats:
        return np.ascontiguousarray(encoder.linear(values) if self.linear else encoder.tree(values))

    def _owned(self, encoder: Encoder) -> list[list[int]]:
        """List the columns of each feature."""
        of = [column.feature for column in (encoder.linear_columns if self.linear else encoder.tree_columns)]
        return [[n for n, feature in enumerate(of) if feature == name] for name in encoder.names]

    def _margin(self, rows: Floats) -> Floats:
        p = self.estimator.predict_proba(rows)[:, 1] if len(rows) else np.empty(0)
        return log_odds(np.clip(np.asarray(p, dtype=np.float64), self.edge, 1 - self.edge))


def fit_estimator(encoder: Encoder, matrix: Matrix, estimator: Any) -> OwnModel:
    """Fit a copy of an estimator on labeled rows; what a category's level is known by, no row knows from its own future.

    Raises
    ------
    DataError
        It can't be fitted on them.
    """
    from sklearn.base import clone
    from sklearn.utils import get_tags

    fresh = clone(estimator)
    linear = not get_tags(fresh).input_tags.allow_nan
    rows = encoder.linear(matrix.values) if linear else encoder.tree_asof(matrix).astype(np.float64)
    rows = np.ascontiguousarray(rows)
    try:
        fresh.fit(rows, matrix.y, **_weights(fresh, matrix.weight))
    except Exception as error:
        raise DataError(
            f"model.use: {type(fresh).__name__} can't be fitted ({type(error).__name__}) on {len(rows)} rows of {rows.shape[1]} numbers"
            f"{'' if linear else ', some of them missing'}; expected an estimator that can; mend `params`, or name another"
        ) from error
    start = (
        np.zeros(rows.shape[1])
        if linear
        else np.array([np.median(c[~np.isnan(c)]) if (~np.isnan(c)).any() else np.nan for c in rows.T])
    )
    return OwnModel(fresh, linear, tuple(start.tolist()), 0.5 / (len(rows) + 1))


def _weights(estimator: Any, weight: Floats) -> dict[str, Floats]:
    """Name the argument that takes the weights: the estimator's, or its last step's; none where it takes none."""
    from sklearn.utils.validation import has_fit_parameter

    steps = getattr(estimator, "steps", None)
    last, prefix = (steps[-1][1], f"{steps[-1][0]}__") if steps else (estimator, "")
    return {f"{prefix}sample_weight": weight} if has_fit_parameter(last, "sample_weight") else {}


def _dumped(estimator: Any) -> bytes:
    """Write an estimator as skops.

    Raises
    ------
    ConfigError
        It holds types that are loaded on trust alone.
    """
    from skops.io import dumps, get_untrusted_types

    data: bytes = dumps(estimator)
    odd = sorted({*map(str, get_untrusted_types(data=data))} - {*TRUSTED})
    if odd:
        raise ConfigError(
            f"model.use: holds {', '.join(odd[:3])}; expected scikit-learn's own types, as a bundle holds nothing that is loaded "
            "on trust; name another"
        )
    return data
