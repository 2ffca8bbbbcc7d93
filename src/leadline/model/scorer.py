"""The scorer: encode → predict → calibrate → tier → reasons; what a bundle holds and what a night runs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadline.core.jsonable import parse_json
from leadline.errors import ConfigError, DataError
from leadline.model.calibration.calibrator import Calibrator
from leadline.model.encoding.encoder import Encoder, check_names
from leadline.model.fitting.logistic import Logistic, sigmoid
from leadline.model.fitting.recipe import Recipe
from leadline.model.lightgbm_library import LoadedTrees
from leadline.model.own_model import ESTIMATOR, OwnModel
from leadline.model.shap.tree_shap import TabulatedTrees, matches_lightgbm
from leadline.model.shap.trees import check_trees
from leadline.model.tiers import Tiers

__all__ = ["FILES", "Scorer", "Tiers"]

Floats: TypeAlias = NDArray[np.float64]
T = TypeVar("T")

CHUNK = 8_192  # rows encoded at once, so that memory is bounded
CORES = 8  # chunks at once: some 40 MB each at 180 features
CHECKED = 32  # rows of a night that are held against LightGBM's own numbers
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
    own : OwnModel or None
        An estimator that somebody brought, which scores in the place of the trees; the regression stands beside it.
    tabled : bool
        Whether contributions come from `attribution.Forest`, or, many times slower, from LightGBM.
    """

    encoder: Encoder
    logistic: Logistic
    trees: str = field(repr=False)
    calibrator: Calibrator
    recipe: Recipe
    bands: Tiers = field(default_factory=Tiers)
    own: OwnModel | None = field(default=None, compare=False, repr=False)
    tabled: bool = field(default=True, compare=False, repr=False)

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
        parts = [self._told(part)[1] for part in self._parts(values)]
        return np.concatenate([*parts, np.empty((0, len(self.names)))]), self._base

    def over(self, values: pd.DataFrame, each: Callable[[Floats], T]) -> tuple[Floats, list[T]]:
        """Return the margins, and what `each` makes of each chunk's contributions, so that they needn't all be kept.

        Chunks run on all cores; neither they nor the rows around a row are seen in its bits.
        """

        def one(part: pd.DataFrame) -> tuple[Floats, T]:
            margin, contributions = self._told(part)
            return margin, each(contributions)

        if self.tabled and not self._bare and self.own is None:
            self._forest.ready(len(values))
        with ThreadPoolExecutor(min(CORES, os.cpu_count() or 1)) as cores:
            done = list(cores.map(one, self._parts(values)))
        return np.concatenate([*(margin for margin, _ in done), np.empty(0)]), [told for _, told in done]

    def held(self, values: pd.DataFrame) -> tuple[Scorer, str]:
        """Hold a few of the rows against LightGBM's own numbers; return the scorer to use, and what is to be said.

        Where the tables' margins aren't LightGBM's to the bit, or a contribution is further off than `attribution.NEAR`, it is this
        scorer with LightGBM in the tables' place.
        """
        if not self.tabled or self._bare or self.own is not None or not len(values):
            return self, ""
        check_names(values, self.names)
        rows = np.random.default_rng(len(values)).choice(len(values), min(CHECKED, len(values)), replace=False)
        tree = self.encoder.tree(values.iloc[np.sort(rows)])
        if matches_lightgbm(self._forest, self._booster, tree):
            return self, ""
        return replace(self, tabled=False), (
            f"reasons: on {len(rows)} rows the fast tables' numbers aren't LightGBM's own; "
            "expected the same; this night took LightGBM's, which are slow; please tell leadline's makers"
        )

    def with_tiers(self, tiers: Tiers) -> Scorer:
        """Return the same scorer with other bands."""
        return replace(self, bands=tiers)

    def with_calibrator(self, calibrator: Calibrator) -> Scorer:
        """Return the same scorer calibrated anew."""
        return replace(self, calibrator=calibrator)

    def to_files(self) -> dict[str, str | bytes]:
        """Return the scorer as texts by file name: LightGBM's text and JSON, and skops for what was brought; nothing pickled."""
        return {
            **(self.own.to_files() if self.own is not None else {}),
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
            _read("recipe.json", files, lambda text: Recipe.from_record(parse_json(text))),
            _read("tiers.json", files, lambda text: Tiers.from_record(parse_json(text))),
            OwnModel.from_files(files) if ESTIMATOR in files else None,
        )

    @cached_property
    def _booster(self) -> LoadedTrees:
        return LoadedTrees(self.trees)

    @cached_property
    def _forest(self) -> TabulatedTrees:
        return TabulatedTrees.of(self.trees, len(self.encoder.tree_columns))

    @cached_property
    def _base(self) -> float:
        if self.own is not None:
            return self.own.base
        if self._bare:
            return self.logistic.intercept
        # The trees' expected value is the same for every row, so a row of nothing tells it.
        nothing = np.full((1, len(self.encoder.tree_columns)), np.nan)
        trees = float(np.asarray(self._booster.predict(nothing, pred_contrib=True))[0, -1])
        return trees + self.recipe.share * self.logistic.intercept

    def _margin(self, values: pd.DataFrame) -> Floats:
        if self.own is not None:
            return self.own.margin(self.encoder, values)
        if self._bare:
            return self.logistic.margin(self.encoder.linear(values))
        tree = self.encoder.tree(values)
        margin = np.asarray(self._booster.predict(tree, raw_score=True), dtype=np.float64)
        return (
            margin + self.recipe.share * self.logistic.margin(self.encoder.linear(values)) if self.anchored else margin
        )

    def _told(self, values: pd.DataFrame) -> tuple[Floats, Floats]:
        """Return the margin, the same bits as `margin` gives, and the contributions by feature (columns contiguous)."""
        if self.own is not None:
            return self.own.contributions(self.encoder, values)
        place = {name: number for number, name in enumerate(self.names)}
        out = np.zeros((len(values), len(place)), order="F")
        tree, linear = self.encoder.both(values)
        margin = np.zeros(len(values))
        if not self._bare:
            margin, parts = self._trees(tree)
            for number, column in enumerate(self.encoder.tree_columns):
                out[:, place[column.feature]] += parts[:, number]
        if self.anchored:
            line = np.full(len(values), self.logistic.intercept)
            parts_of = zip(self.encoder.linear_columns, self.logistic.coefficients, linear, strict=True)
            for part, coefficient, numbers in parts_of:
                own = coefficient * numbers
                line += own
                own *= self.recipe.share
                out[:, place[part.feature]] += own
            margin = line if self._bare else margin + self.recipe.share * line
        return margin, out

    def _trees(self, tree: Floats) -> tuple[Floats, Floats]:
        if self.tabled:
            return self._forest.parts(tree)
        margin = np.asarray(self._booster.predict(tree, raw_score=True), dtype=np.float64)
        return margin, np.asarray(self._booster.predict(tree, pred_contrib=True), dtype=np.float64)[:, :-1]

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
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, ConfigError) as error:
        kind = type(error).__name__
        raise DataError(f"{name}: can't be read ({kind}); expected what train wrote; restore or train again") from None
