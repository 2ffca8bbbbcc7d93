"""The model as a scikit-learn estimator: the same encoding, fit and calibration on any table of numbers and categories."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from leadline.dataset.feature_spec import Feature
from leadline.model.encoding.encoder import Matrix
from leadline.model.fitting.fit import fit_chosen, fit_scorer
from leadline.model.fitting.recipe import Recipe
from leadline.model.fitting.small_data import choose_complexity, regression_penalty
from leadline.model.scorer import Scorer

__all__ = ["LeadlineClassifier"]

Floats = NDArray[np.float64]

MOST = 2_000  # of the newest rows, that feature importances are told from


class LeadlineClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """leadline's model of a binary outcome, for scikit-learn: trees beside a regression, calibrated, with exact SHAP values.

    Rows are taken to stand in the order of time, oldest first: what is chosen is chosen on later rows than it was fitted
    on, and the calibration follows the newest. Few rows of the rarer class get the regression alone, as in a training.
    Columns of text or categories in a DataFrame are categories; missing values are taken as they are.

    Parameters
    ----------
    learning_rate, max_depth, num_leaves, l2, feature_fraction : float, int, int, float, float
        Of the trees, as LightGBM's; `max_depth` is at most 6.
    max_rounds : int
        How many trees at most; how many is chosen.
    random_state : int, RandomState or None
        The seed.
    n_jobs : int or None
        Threads; the model is the same with any number.

    Attributes
    ----------
    classes_ : array
        The two classes; the second is the one whose probability is modeled.
    n_features_in_, feature_names_in_ : int, array of str
        The columns of `fit`; names where it was given a DataFrame.
    feature_importances_ : array
        Each column's share of the mean absolute SHAP value, over the newest rows.
    expected_value_ : float
        The log odds that `shap_values` add up from.
    scorer_ : Scorer
        The fitted model.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"visits": rng.poisson(3, 400), "source": rng.choice(["ads", "fair"], 400)})
    >>> model = LeadlineClassifier().fit(X, X["visits"] + (X["source"] == "fair") > 3)
    >>> model.predict(pd.DataFrame({"visits": [0, 8], "source": ["ads", "fair"]})).tolist()
    [False, True]
    >>> model.fit(X, X["visits"])
    Traceback (most recent call last):
    ...
    ValueError: Only binary classification is supported. The type of the target is multiclass.
    """

    def __init__(
        self,
        learning_rate: float = Recipe.learning_rate,
        max_depth: int = Recipe.max_depth,
        num_leaves: int = Recipe.num_leaves,
        l2: float = Recipe.l2,
        feature_fraction: float = Recipe.feature_fraction,
        max_rounds: int = Recipe.max_rounds,
        random_state: Any = 7,
        n_jobs: int | None = None,
    ) -> None:
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.num_leaves = num_leaves
        self.l2 = l2
        self.feature_fraction = feature_fraction
        self.max_rounds = max_rounds
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LeadlineClassifier:
        """Fit the model; a row of weight 0 is left out.

        Raises
        ------
        ValueError
            There are fewer or more than two classes, or X, y or the weights aren't what scikit-learn takes.
        """
        values, y = self._read(X, y, learns=True)
        weight = _check_sample_weight(sample_weight, values, dtype=np.float64, ensure_non_negative=True)
        self.classes_ = np.unique(y)
        rows = np.flatnonzero(weight > 0)
        if len(np.unique(y[rows])) < 2:
            raise ValueError("Found one class only; expected rows of two classes, with a weight above 0.")
        when = np.arange(len(rows))
        positive = (y[rows] == self.classes_[1]).astype(np.float64)
        kept = values.iloc[rows].reset_index(drop=True)
        self.scorer_ = self._fit(Matrix(kept, positive, weight[rows], when, when, when + 1))
        parts, self.expected_value_ = self.scorer_.contributions(kept.iloc[-MOST:])
        shares = np.average(np.abs(parts), axis=0, weights=weight[rows][-MOST:])
        self.feature_importances_ = shares / (shares.sum() or 1.0)
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Return the calibrated probabilities of both classes, in the order of `classes_`."""
        check_is_fitted(self)
        p = self.scorer_.probability(self._read(X)[0])
        return np.column_stack([1 - p, p])

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likelier class of each row."""
        likely = self.predict_proba(X)[:, 1] > 0.5
        return np.asarray(self.classes_[likely.astype(int)])

    def shap_values(self, X: Any) -> Floats:
        """Return each column's part of each row's log odds before calibration; with `expected_value_` they add up to it."""
        check_is_fitted(self)
        return self.scorer_.contributions(self._read(X)[0])[0]

    def __sklearn_tags__(self) -> Any:
        """Say that there are two classes, and that values may be missing."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags

    def _fit(self, matrix: Matrix) -> Scorer:
        recipe = Recipe(
            learning_rate=self.learning_rate, max_depth=self.max_depth, num_leaves=self.num_leaves, l2=self.l2,
            feature_fraction=self.feature_fraction, max_rounds=self.max_rounds,
        )  # fmt: skip
        state, threads = self.random_state, self.n_jobs or 1
        seed = int(state if isinstance(state, (int, np.integer)) else check_random_state(state).randint(2**31 - 1))
        rung = choose_complexity(matrix).name
        if rung != "boosting":
            alike = replace(matrix, weight=np.ones(len(matrix)))
            recipe = replace(recipe, anchored=True, rounds=0, c=regression_penalty(alike, len(self._specs)))
        if rung == "rules":  # too few to hold some back
            return fit_chosen(self._specs, matrix, recipe, seed, threads)
        return fit_scorer(self._specs, matrix, [], recipe, seed, threads)[0]

    @property
    def _specs(self) -> tuple[Feature, ...]:
        names = getattr(self, "feature_names_in_", [f"column {n}" for n in range(self.n_features_in_)])
        return tuple(
            Feature(
                f"f{n}", "fit", f"f{n}", "category" if n in self._categories else "number", "value", str(name), "leads"
            )
            for n, name in enumerate(names)
        )

    def _read(self, X: Any, y: Any = "no_validation", learns: bool = False) -> tuple[pd.DataFrame, Any]:
        """Check rows as scikit-learn does, and give them as the model's own columns, which a fit learns."""
        framed = isinstance(X, pd.DataFrame)
        if learns:
            self._categories = {n for n, kind in enumerate(X.dtypes) if not is_numeric_dtype(kind)} if framed else set()
        if framed and (self._categories or not all(map(is_numeric_dtype, X.dtypes))):
            validate_data(self, X, y, reset=learns, skip_check_array=True)
            if learns:
                y = column_or_1d(y, warn=True)
                check_consistent_length(X, y)
            columns = [self._column(X.iloc[:, n], n) for n in range(X.shape[1])]
        else:
            asked: dict[str, Any] = {"dtype": np.float64, "ensure_all_finite": "allow-nan", "reset": learns}
            checked = validate_data(self, X, y, **asked)
            numbers, y = checked if learns else (checked, y)
            columns = list(numbers.T)
        if learns:
            check_classification_targets(y)
            if (kind := type_of_target(y)) != "binary":
                raise ValueError(f"Only binary classification is supported. The type of the target is {kind}.")
        return pd.DataFrame({f"f{n}": column for n, column in enumerate(columns)}), y

    def _column(self, column: pd.Series[Any], number: int) -> Any:
        """Return a column of a DataFrame as numbers, or as text with None where it is missing."""
        if is_datetime64_any_dtype(column.dtype):
            raise ValueError(
                f"Column {column.name!r} holds times; expected numbers or categories, such as days since then."
            )
        if number not in self._categories:
            return column.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.array(
            [None if missing else str(v) for v, missing in zip(column, column.isna(), strict=True)], dtype=object
        )
