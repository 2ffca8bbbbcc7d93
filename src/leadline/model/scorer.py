"""The scorer: encode → predict → calibrate → tier → reasons; what a bundle holds and what a night runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadline.errors import DataError
from leadline.model.baselines import Logistic, sigmoid
from leadline.model.calibrate import Calibrator
from leadline.model.matrix import Encoder, check_names
from leadline.model.sound import check_trees
from leadline.model.tiers import Tiers
from leadline.model.train import Recipe

__all__ = ["FILES", "Scorer", "Tiers"]

Floats: TypeAlias = NDArray[np.float64]

CHUNK = 32_768  # rows encoded at once, so that memory is bounded
FILES = ("model.txt", "encoder.json", "linear.json", "calibrator.json", "tiers.json", "recipe.json")


@dataclass(frozen=True)
class Scorer:
    """A fitted model, whole: values of features in; margins, probabilities, tiers and contributions out.

    Attributes
    ----------
    encoder, logistic, trees, calibrator : Encoder, Logistic, str, Calibrator
        The steps; `trees` is LightGBM's text.
    recipe : Recipe
        How it was fitted, all that was chosen filled in; `recipe.share` is the weight of the regression's margin.
    bands : Tiers
        The bands of probability.
    """

    encoder: Encoder
    logistic: Logistic
    trees: str = field(repr=False)
    calibrator: Calibrator
    recipe: Recipe
    bands: Tiers = field(default_factory=Tiers)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the features it reads."""
        return self.encoder.names

    @property
    def anchored(self) -> bool:
        """Whether the margin starts from the regression's."""
        return bool(self.recipe.anchored)

    @property
    def _bare(self) -> bool:
        """Whether the regression scores alone: no tree was asked for, and LightGBM isn't (it can't do without columns)."""
        return self.anchored and not self.recipe.rounds and not self.recipe.plain_rounds

    def margin(self, values: pd.DataFrame) -> Floats:
        """Return the log odds before calibration; columns are taken by name, and a missing one is a `DataError`."""
        return self._chunked(values, self._margin)

    def probability(self, values: pd.DataFrame) -> Floats:
        """Return the calibrated probabilities, in the order of the rows."""
        return self.calibrator.probability(self.margin(values))

    def logistic_probability(self, values: pd.DataFrame) -> Floats:
        """Return what the regression beside the model says."""
        return sigmoid(self._chunked(values, lambda part: self.logistic.margin(self.encoder.linear(part))))

    def tiers(self, p: Floats) -> NDArray[np.str_]:
        """Return each probability's tier."""
        return self.bands.of(p)

    def contributions(self, values: pd.DataFrame) -> tuple[Floats, float]:
        """Return each feature's part of each row's margin, columns as in `names`, and the base that all rows share.

        ``contributions.sum(axis=1) + base == margin``, to rounding. A tree's part is its SHAP value; a linear
        column's is coefficient × (value − mean).
        """
        parts = [self._contributions(part) for part in self._parts(values)]
        return np.concatenate([*parts, np.empty((0, len(self.names)))]), self._base

    def with_tiers(self, tiers: Tiers) -> Scorer:
        """Return the same scorer with other bands."""
        return replace(self, bands=tiers)

    def with_calibrator(self, calibrator: Calibrator) -> Scorer:
        """Return the same scorer calibrated anew."""
        return replace(self, calibrator=calibrator)

    def to_files(self) -> dict[str, str]:
        """Return the scorer as texts by file name: LightGBM's text and JSON, nothing pickled."""
        return {
            "model.txt": self.trees,
            "encoder.json": self.encoder.to_json(),
            "linear.json": self.logistic.to_json(),
            "calibrator.json": self.calibrator.to_json(),
            "tiers.json": json.dumps(self.bands.to_record(), sort_keys=True) + "\n",
            "recipe.json": json.dumps(self.recipe.to_record(), sort_keys=True) + "\n",
        }

    @classmethod
    def from_files(cls, files: Mapping[str, str | bytes]) -> Scorer:
        """Read what `to_files` wrote.

        Raises
        ------
        DataError
            A file is missing, isn't whole, or doesn't fit the others.

        Examples
        --------
        >>> Scorer.from_files({"model.txt": "tree"})
        Traceback (most recent call last):
        ...
        leadline.errors.DataError: scorer: encoder.json, ... aren't there; expected 6 files; restore or train again
        """
        missing = [name for name in FILES if name not in files]
        if missing:
            verb = "isn't" if len(missing) == 1 else "aren't"
            raise DataError(
                f"scorer: {', '.join(missing)} {verb} there; expected {len(FILES)} files; restore or train again"
            )
        encoder = _read("encoder.json", files, Encoder.from_json)
        logistic = _read("linear.json", files, Logistic.from_json)
        if logistic.columns != tuple(column.name for column in encoder.linear_columns):
            raise DataError("linear.json: its columns aren't encoder.json's; expected the same; restore or train again")
        trees = _read("model.txt", files, str)
        check_trees(trees, len(encoder.tree_columns))
        return cls(
            encoder,
            logistic,
            trees,
            _read("calibrator.json", files, Calibrator.from_json),
            _read("recipe.json", files, lambda text: Recipe.from_record(json.loads(text))),
            _read("tiers.json", files, lambda text: Tiers.from_record(json.loads(text))),
        )

    @cached_property
    def _booster(self) -> Any:
        return lightgbm.Booster(model_str=self.trees)

    @cached_property
    def _base(self) -> float:
        if self._bare:
            return self.logistic.intercept
        # The trees' expected value is the same for every row, so a row of nothing tells it.
        nothing = np.full((1, len(self.encoder.tree_columns)), np.nan)
        trees = float(np.asarray(self._booster.predict(nothing, pred_contrib=True))[0, -1])
        return trees + self.recipe.share * self.logistic.intercept

    def _margin(self, values: pd.DataFrame) -> Floats:
        if self._bare:
            return self.logistic.margin(self.encoder.linear(values))
        tree = self.encoder.tree(values)
        margin = np.asarray(self._booster.predict(tree, raw_score=True), dtype=np.float64)
        return (
            margin + self.recipe.share * self.logistic.margin(self.encoder.linear(values)) if self.anchored else margin
        )

    def _contributions(self, values: pd.DataFrame) -> Floats:
        place = {name: number for number, name in enumerate(self.names)}
        out = np.zeros((len(values), len(place)))
        if not self._bare:
            trees = np.asarray(self._booster.predict(self.encoder.tree(values), pred_contrib=True))
            for number, column in enumerate(self.encoder.tree_columns):
                out[:, place[column.feature]] += trees[:, number]
        if self.anchored:
            linear = self.recipe.share * self.logistic.contributions(self.encoder.linear(values))
            for number, part in enumerate(self.encoder.linear_columns):
                out[:, place[part.feature]] += linear[:, number]
        return out

    def _parts(self, values: pd.DataFrame) -> Iterator[pd.DataFrame]:
        check_names(values, self.names)
        for start in range(0, len(values), CHUNK):
            yield values.iloc[start : start + CHUNK]

    def _chunked(self, values: pd.DataFrame, score: Callable[[pd.DataFrame], Floats]) -> Floats:
        return np.concatenate([*(score(part) for part in self._parts(values)), np.empty(0)])


def _read(name: str, files: Mapping[str, str | bytes], parse: Callable[[str], Any]) -> Any:
    content = files[name]
    try:
        return parse(content.decode("utf-8") if isinstance(content, bytes) else content)
    except (ValueError, KeyError, TypeError) as error:
        kind = type(error).__name__
        raise DataError(f"{name}: can't be read ({kind}); expected what train wrote; restore or train again") from None
