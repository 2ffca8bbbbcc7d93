"""A scorer's recipe fitted again on accounts drawn with replacement: what the stability of drivers is told by.

Rows are encoded once, at most `ROWS` of them in whole accounts; a draw is then only other weights. The regression goes on from
the whole one's coefficients by the whole one's curvature, which finds the same minimum in a fraction of Newton's time; trees
are at most `refit.TREES`, on one set of bins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import lightgbm
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from leadline.history.spec import Feature
from leadline.model.baselines import sigmoid
from leadline.model.matrix import Encoder, Matrix
from leadline.model.newton import base_rate, newton
from leadline.model.refit import lighter
from leadline.model.train import Recipe, as_text, settings_of
from leadline.streams import drawn_again

__all__ = ["ROWS", "redrawn"]

Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.int64]

ROWS = 20_000
"""Training rows; refits on more cost more, and what they say of the drivers stays."""

EXPLAINED = 1_000  # rows that contributions are averaged over
NEAR = 1e-3  # of a coefficient: drivers are told to a hundredth
STEPS = 60


def redrawn(
    specs: Sequence[Feature],
    matrix: Matrix,
    recipe: Recipe,
    group: NDArray[Any],
    refits: int,
    random: np.random.Generator,
    threads: int = 1,
) -> Iterator[tuple[Floats, Rows]]:
    """Fit a recipe on drawn accounts, and yield each refit's contributions.

    Parameters
    ----------
    recipe : Recipe
        One with all filled in, as a scorer holds it.
    group : array
        Whose account a row is; accounts are drawn whole.

    Yields
    ------
    tuple
        The contributions to the log odds, rows × specs, of the rows whose numbers follow.

    Examples
    --------
    >>> import pandas as pd
    >>> n = np.arange(600)
    >>> specs = [Feature(name, "behaviour", name, "number", "value", name) for name in ("visits", "noise")]
    >>> data = Matrix(pd.DataFrame({"visits": n % 5.0, "noise": n % 3.0}), (n % 5 == 4) * 1.0, np.ones(600), n, n, n + 1)
    >>> made = redrawn(specs, data, Recipe(anchored=True, rounds=0), n // 2, 3, np.random.default_rng(7))
    >>> [bool(np.abs(parts[:, 0]).mean() > 5 * np.abs(parts[:, 1]).mean()) for parts, _ in made]
    [True, True, True]
    """
    _, who = np.unique(np.asarray(group).astype(str), return_inverse=True)
    rows = _whole_accounts(who, matrix, random)
    known, who = matrix.take(rows), np.unique(who[rows], return_inverse=True)[1]
    encoder, seed = Encoder.fit(specs, known), int(random.integers(2**31 - 1))
    explained = np.arange(max(len(known) - EXPLAINED, 0), len(known))
    linear, tree = encoder.linear(known.values), encoder.tree_asof(known)
    place = {spec.name: number for number, spec in enumerate(specs)}
    counts = [float(column.feature not in (recipe.moving or ())) for column in encoder.tree_columns]
    line = _Line(linear, known, recipe) if recipe.anchored else None
    settings = settings_of(lighter(recipe, 0), known.y, known.weight, seed, threads)
    data = lightgbm.Dataset(tree, known.y, weight=known.weight, params=settings, free_raw_data=False)
    for _ in range(refits):
        times = drawn_again(int(who.max()) + 1, random)
        weight = known.weight * times[who]
        parts, start = np.zeros((len(explained), len(specs))), None
        # A row that isn't drawn weighs next to nothing, as LightGBM wants weights above 0.
        data.set_weight(np.maximum(weight, 1e-6))
        if line is not None:
            coefficients = line.fit(weight)
            start = coefficients[0] + linear @ coefficients[1:]
            mine = recipe.share * linear[explained] * coefficients[1:]
            _add(parts, mine, [place[c.feature] for c in encoder.linear_columns])
        grown = [(int(recipe.rounds or 0), start)]
        grown += [(recipe.plain_rounds, None)] if recipe.anchored and recipe.plain_rounds else []
        for rounds, begin in grown:
            light = lighter(recipe, rounds)
            settings = settings_of(light, known.y, known.weight, seed, threads) | {"feature_contri": counts}
            begin = np.full(len(known), base_rate(known)) if begin is None else begin  # a start can't be unset again
            mine = _of_trees(settings, data.set_init_score(begin), int(light.rounds or 0), tree[explained])
            _add(parts, mine / len(grown), [place[c.feature] for c in encoder.tree_columns])
        yield parts, rows[explained]


def _whole_accounts(who: Rows, matrix: Matrix, random: np.random.Generator) -> Rows:
    """Return the rows, sorted by key, of as many whole accounts as `ROWS` holds."""
    sizes = np.bincount(who)
    order = random.permutation(len(sizes))
    kept = np.zeros(len(sizes), dtype=bool)
    kept[order[: max(2, int(np.searchsorted(np.cumsum(sizes[order]), ROWS, side="right")))]] = True
    ordered = matrix.order()
    return ordered[kept[who[ordered]]]


def _of_trees(settings: dict[str, Any], data: Any, rounds: int, x: Floats) -> Floats:
    """Grow trees, and return each column's part of what they say of some rows."""
    if not rounds:
        return np.zeros(x.shape)
    text = as_text(lightgbm.train(settings, data, num_boost_round=rounds))
    return np.asarray(lightgbm.Booster(model_str=text).predict(x, pred_contrib=True), dtype=np.float64)[:, :-1]


def _add(parts: Floats, columns: Floats, places: Sequence[int]) -> None:
    for number, place in enumerate(places):
        parts[:, place] += columns[:, number]


class _Line:
    """The regression on all rows, from which those on drawn accounts are found."""

    def __init__(self, x: Floats, known: Matrix, recipe: Recipe) -> None:
        self._x, self._y, self._c = x, known.y, float(recipe.c or 1.0)
        self._whole = newton(x, known, self._c, NEAR)
        p = sigmoid(self._whole[0] + x @ self._whole[1:])
        bent = np.column_stack([np.ones(len(x)), x])
        with threadpool_limits(limits=1):  # sums over threads differ in their last bits
            curvature = self._c * (bent.T @ (bent * (known.weight * p * (1 - p))[:, None]))
        curvature[np.diag_indices_from(curvature)] += np.append(1e-9, np.ones(x.shape[1]))
        self._inverse = np.linalg.inv(curvature)

    def fit(self, weight: Floats) -> Floats:
        """Return intercept and coefficients under other weights; steps that overshoot are halved."""
        line, stride, before = self._whole.copy(), 1.0, np.inf
        with threadpool_limits(limits=1):
            for _ in range(STEPS):
                off = self._c * weight * (sigmoid(line[0] + self._x @ line[1:]) - self._y)
                step = self._inverse @ np.append(off.sum(), self._x.T @ off + line[1:])
                size = float(np.max(np.abs(step)))
                stride = stride / 2 if size > before else stride
                line, before = line - stride * step, size
                if size < NEAR:
                    break
        return np.asarray(line, dtype=np.float64)
