"""Boosting: shallow LightGBM trees, from scratch or on top of the regression's margin, and how many of them.

The same rows give the same text whatever their order and the number of threads (law 7): rows are sorted by key, the
seed is given, nothing is sampled by row, and what LightGBM prints about its run is cut off the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import lightgbm
import numpy as np
from numpy.typing import NDArray

from leadline.metrics import classification
from leadline.model.fitting.logistic import sigmoid
from leadline.model.fitting.recipe import Recipe

__all__ = [
    "BinnedRows",
    "BoostingFold",
    "LossCurve",
    "Recipe",
    "choose_rounds",
    "fit_loss_curve",
    "fit_trees",
    "lightgbm_params",
    "mix_trees",
    "model_text",
    "no_trees",
    "tree_margin",
]

Floats: TypeAlias = NDArray[np.float64]

END = "end of trees\n"

MIN_PLAIN_ROUNDS = 10  # fewer trees from scratch can't tell leads apart

NOISE = 1.0  # standard errors between folds within which fewer trees are as good as the best number

PATIENCE = 40  # rounds without a gain after which a fold's curve is taken to be over

LEAF_POSITIVES = 60  # one leaf for each so many positives, up to num_leaves: the anchor leaves little to fit


class BinnedRows:
    """Rows that LightGBM has binned, once for all models that are grown on them: they differ in where they start, and in how rows weigh.

    Parameters
    ----------
    x, y, weight : arrays
        Rows sorted by key; their columns in any float type.
    settings : dict
        `lightgbm_params`; how columns are binned isn't changed later.

    Examples
    --------
    >>> x = np.arange(200.0)[:, None]
    >>> y, one = (x[:, 0] > 99) * 1.0, np.ones(200)
    >>> settings = lightgbm_params(Recipe(min_hessian=1.0), y, one, 7, 1)
    >>> rows = BinnedRows(x, y, one, settings)
    >>> first, started, again = (model_text(rows.grow(settings, 3, start)) for start in (None, x[:, 0] / 100, None))
    >>> first == again, first == started
    (True, False)
    """

    def __init__(self, x: NDArray[Any], y: Floats, weight: Floats, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._data = lightgbm.Dataset(x, y, weight=weight, params=settings).construct()

    def beside(self, x: NDArray[Any], y: Floats, weight: Floats) -> Any:
        """Return other rows in the same bins, to watch the loss on."""
        return lightgbm.Dataset(x, y, weight=weight, reference=self._data, params=self._settings).construct()

    def grow(
        self,
        settings: dict[str, Any],
        rounds: int,
        start: Floats | None,
        weight: Floats | None = None,
        watched: tuple[Any, Floats | None] | None = None,
        callbacks: Sequence[Any] = (),
    ) -> Any:
        """Grow so many trees from a margin (None: from the base rate, kept in the first tree) and return LightGBM's booster."""
        _set(self._data, "init_score", start)
        if weight is not None:
            _set(self._data, "weight", weight)
        if watched is not None:
            _set(watched[0], "init_score", watched[1])
        if rounds == 0:
            return lightgbm.Booster(settings, self._data)
        test = {} if watched is None else {"valid_sets": [watched[0]], "valid_names": ["test"]}
        return lightgbm.train(settings, self._data, num_boost_round=rounds, callbacks=[*callbacks], **test)


def _set(data: Any, field: str, numbers: Floats | None) -> None:
    """Give binned rows other starts or weights; `set_init_score` alone can't take a start away again."""
    setattr(data, field, numbers)
    data.set_field(field, numbers)


@dataclass(frozen=True)
class BoostingFold:
    """One forward fold, ready for trees: what to fit on, what to judge on, and both margins to start from.

    `bins`, once filled, is shared by all that `dataclasses.replace` makes of the fold.
    """

    x: NDArray[Any]
    y: Floats
    weight: Floats
    start: Floats | None
    test_x: NDArray[Any]
    test_y: Floats
    test_weight: Floats
    test_start: Floats | None
    counts: Sequence[float] | None = None
    bins: dict[str, Any] = field(default_factory=dict, repr=False)

    def binned(self, settings: dict[str, Any]) -> tuple[BinnedRows, Any]:
        """Return the training and the test rows in bins, made at the first call."""
        if not self.bins:
            self.bins["train"] = BinnedRows(self.x, self.y, self.weight, settings)
            self.bins["test"] = self.bins["train"].beside(self.test_x, self.test_y, self.test_weight)
        return self.bins["train"], self.bins["test"]


@dataclass(frozen=True)
class LossCurve:
    """A fold's validation log loss after 0, 1, 2 … trees."""

    losses: tuple[float, ...]
    trees: str
    trial: BoostingFold

    def margin(self, rounds: int, x: NDArray[Any] | None = None, start: Floats | None = None) -> Floats:
        """Return rows' margins after so many trees (a fold that stopped early keeps what it has); the test's by default."""
        if x is None:
            x, start = self.trial.test_x, self.trial.test_start
        return tree_margin(self.trees, x, rounds) + (0.0 if start is None else start)


def fit_trees(
    x: Floats,
    y: Floats,
    weight: Floats,
    seed: int,
    rounds: int,
    recipe: Recipe,
    start: Floats | None = None,
    threads: int = 1,
    key: Sequence[NDArray[Any]] | None = None,
    counts: Sequence[float] | None = None,
) -> str:
    """Fit `rounds` trees and return LightGBM's text; zero trees are a text without trees.

    Parameters
    ----------
    start : array, optional
        The margin that boosting starts from; without it, the base rate's, kept in the first tree.
    key : arrays, optional
        What to sort rows by, first key first; without it rows are taken to be sorted.
    counts : floats, optional
        How much a split by each column counts; 0 for a column that no tree splits by.

    Examples
    --------
    >>> x = np.arange(200.0)[:, None]
    >>> text = fit_trees(x, (x[:, 0] > 99) * 1.0, np.ones(200), seed=7, rounds=3, recipe=Recipe(min_hessian=1.0))
    >>> text.startswith("tree"), text.endswith("end of trees\\n"), tree_margin(text, x).argmax() > 99
    (True, True, np.True_)
    """
    if key is not None:
        order = np.lexsort(tuple(reversed(key)))
        x, y, weight, start = x[order], y[order], weight[order], None if start is None else start[order]
    settings = lightgbm_params(recipe, y, weight, seed, threads, counts)
    return model_text(BinnedRows(x, y, weight, settings).grow(settings, rounds, start))


def fit_loss_curve(trial: BoostingFold, recipe: Recipe, seed: int, threads: int = 1) -> LossCurve:
    """Fit a fold's trees until its validation log loss has long stopped falling."""
    settings = lightgbm_params(recipe, trial.y, trial.weight, seed, threads, trial.counts)
    data, test = trial.binned(settings)
    seen: dict[str, dict[str, list[float]]] = {}
    watch = [lightgbm.record_evaluation(seen), lightgbm.early_stopping(PATIENCE, verbose=False)]
    most = recipe.max_rounds if recipe.rounds is None else max(1, recipe.rounds)
    booster = data.grow(settings, most, trial.start, watched=(test, trial.test_start), callbacks=watch)
    if trial.test_start is None:
        rate = float(np.sum(trial.y * trial.weight) / np.sum(trial.weight))
        nothing = np.full(len(trial.test_y), rate)
    else:
        nothing = sigmoid(trial.test_start)
    losses = [classification.log_loss(trial.test_y, nothing, trial.test_weight), *seen["test"]["binary_logloss"]]
    return LossCurve(tuple(losses), model_text(booster), trial)


def choose_rounds(curves: Sequence[LossCurve], recipe: Recipe) -> int:
    """Return the fewest trees whose weighted mean log loss over the folds is within noise of the least.

    Noise is one standard error of the difference between folds (Breiman's rule), so that trees which help in one fold
    alone aren't taken. A curve that stopped early goes on at its last value, which lies above its least. Anchored
    boosting may take no tree at all; plain boosting takes at least 10.

    Examples
    --------
    >>> nothing = np.zeros((1, 1))
    >>> trial = BoostingFold(nothing, *[np.ones(1)] * 3, nothing, *[np.ones(1)] * 3)
    >>> choose_rounds([LossCurve((0.5, 0.4, 0.3, 0.6), "", trial), LossCurve((0.5, 0.4, 0.3), "", trial)], Recipe())
    2
    """
    if recipe.rounds is not None:
        return recipe.rounds
    longest = max(len(curve.losses) for curve in curves)
    padded = np.array([np.pad(curve.losses, (0, longest - len(curve.losses)), mode="edge") for curve in curves])
    part = np.array([curve.trial.test_weight.sum() for curve in curves])
    part = part / part.sum()
    lowest = 0 if curves[0].trial.start is not None else min(MIN_PLAIN_ROUNDS, longest - 1)
    best = lowest + int(np.argmin((part @ padded)[lowest:]))
    worse = padded - padded[:, [best]]
    mean = part @ worse
    error = np.sqrt(part**2 @ (worse - mean) ** 2 * len(curves) / max(1, len(curves) - 1))
    return lowest + int(np.argmax((mean <= NOISE * error)[lowest:]))


def tree_margin(trees: str, x: NDArray[Any], rounds: int | None = None, threads: int = 0) -> Floats:
    """Return the trees' part of the margin, after `rounds` of them (None for all).

    Parameters
    ----------
    threads : int
        Whoever asks beside a fit that is running must name that fit's number: LightGBM keeps one number for the whole process,
        and a fit whose number changes under it writes beyond its memory. 0 leaves it to LightGBM.
    """
    if rounds == 0 or len(x) == 0:
        return np.zeros(len(x))
    booster = lightgbm.Booster(model_str=trees)
    said = booster.predict(x, raw_score=True, num_iteration=rounds or -1, num_threads=threads)
    return np.asarray(said, dtype=np.float64)


def lightgbm_params(
    recipe: Recipe,
    y: Floats,
    weight: Floats,
    seed: int,
    threads: int,
    counts: Sequence[float] | None = None,
    bins: int = 255,
) -> dict[str, Any]:
    """Return LightGBM's settings; leaves are fewer and fuller where data are few."""
    fewest = min(int(np.sum(y > 0)), int(np.sum(y <= 0)))
    scaled = int(np.clip(len(y) / 2000, 20, 200))
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": recipe.learning_rate,
        "max_depth": recipe.max_depth,
        "num_leaves": int(np.clip(fewest / LEAF_POSITIVES, 4, max(4, recipe.num_leaves))),
        "min_data_in_leaf": scaled if recipe.min_leaf is None else recipe.min_leaf,
        "min_sum_hessian_in_leaf": recipe.min_hessian,
        "lambda_l2": recipe.l2,
        "feature_fraction": recipe.feature_fraction,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "feature_pre_filter": False,  # a recipe with smaller leaves may be grown on the same bins
        "max_bin": bins,
        "num_threads": threads,
        "verbosity": -1,
        **({} if counts is None or all(counts) else {"feature_contri": [*counts]}),
    }


def model_text(booster: Any) -> str:
    """Return the text up to the last tree: what follows tells of the run (threads, paths), not of the model.

    The columns' extremes are taken out of the header: each is a single lead's number, and no prediction needs them.
    """
    text: str = booster.model_to_string(num_iteration=-1)
    text = re.sub(r"(?m)^feature_infos=.*$", lambda m: "feature_infos=" + " ".join(["none"] * len(m[0].split())), text)
    return text[: text.index(END)] + END


def no_trees(width: int) -> str:
    """Return LightGBM's text of a model of so many columns without any tree."""
    head = "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n"
    names = " ".join(f"Column_{number}" for number in range(width))
    infos = " ".join(["none"] * width)
    rest = f"max_feature_idx={width - 1}\nobjective=binary sigmoid:1\nfeature_names={names}\nfeature_infos={infos}\n"
    return f"{head}{rest}tree_sizes=\n\nend of trees\n"


# Trees of several boosted models as one LightGBM text, each model's margin taken with its share.
#
# The margin of a mean of models is a mean of margins, and trees add up: one text with every leaf scaled holds them all,
# so that what reads it (prediction, contributions) needs to know nothing of the mixing.


SCALED = ("leaf_value", "internal_value")


def mix_trees(parts: Sequence[tuple[float, str]]) -> str:
    """Return one text whose margin is ``Σ share · margin`` of the parts; shares that are powers of two keep every bit.

    Parameters
    ----------
    parts : sequence of (share, text)
        Models of the same columns, as `fit_trees` returns them.

    Examples
    --------
    >>> import numpy as np
    >>> from leadline.model.fitting.boosting import Recipe, fit_trees, tree_margin
    >>> x = np.arange(200.0)[:, None]
    >>> one, two = (fit_trees(x, (x[:, 0] > cut) * 1.0, np.ones(200), 7, 3, Recipe(min_hessian=1.0)) for cut in (60, 140))
    >>> both = tree_margin(mix_trees([(0.5, one), (0.5, two)]), x)
    >>> bool(np.allclose(both, (tree_margin(one, x) + tree_margin(two, x)) / 2, rtol=0, atol=1e-15))
    True
    """
    head = parts[0][1].split("Tree=", 1)[0].removesuffix(END)
    trees: list[str] = []
    for share, text in parts:
        for block in re.split(r"(?m)^(?=Tree=)", text.removesuffix(END))[1:]:
            trees.append(_scaled(re.sub(r"^Tree=\d+", f"Tree={len(trees)}", block), share))
    sizes = " ".join(str(len(tree.encode())) for tree in trees)
    return re.sub(r"(?m)^tree_sizes=.*$", f"tree_sizes={sizes}", head) + "".join(trees) + END


def _scaled(block: str, share: float) -> str:
    """Scale a tree's values; numbers are written so that reading gives the same bits."""
    lines = []
    for line in block.split("\n"):
        name, _, values = line.partition("=")
        if name in SCALED and share != 1.0:
            line = f"{name}={' '.join(repr(share * float(value)) for value in values.split())}"
        lines.append(line)
    return "\n".join(lines)
