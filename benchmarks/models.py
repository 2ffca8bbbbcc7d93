"""The model beside its peers on identical folds: demo worlds with known truth, and four public data sets.

    python -m benchmarks.models [--leads N] [--seeds S …] [--bound N] [--sets NAME …] [--halves]

Every figure is of the newest fold, which chose nothing. Peers are fitted on the same training rows, encoded alike, and
say what they say: nobody calibrates them. `anchored` and `plain` are the two that the model averages, fitted as it
would fit them alone; `--halves` adds them.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt
import pandas as pd

from leadline import demo
from leadline.config.load import load_config
from leadline.dataset.feature_spec import Feature
from leadline.metrics import classification
from leadline.model.encoding.encoder import Encoder, Matrix
from leadline.model.fitting.fit import OutOfFold, RowSplit, fit_scorer, split_newest
from leadline.model.fitting.logistic import sigmoid
from leadline.model.fitting.recipe import Recipe
from leadline.model.fitting.selection import fit_path
from leadline.model.scorer import Scorer
from leadline.workflows.training.fit import training_matrix
from leadline.workflows.training.prepare import TrainingData, make_folds, prepare_training

Floats = npt.NDArray[np.float64]

CONFIGS = Path(__file__).parents[1] / "configs"
SETS = ("olist", "bpi2012", "xeducation", "bank")
PEERS = ("regression", "lightgbm")
HALVES = {"anchored": Recipe(anchored=True), "plain": Recipe(anchored=False)}
REPEATS = 400


@dataclass(frozen=True)
class Newest:
    """The newest fold's rows, and what everybody said of them.

    Attributes
    ----------
    y, weight : arrays
        The label, and how many snapshots a row stands for.
    group : array
        Whose account.
    said : mapping of str to array
        Probabilities.
    truth : array or None
        The true chances, where the world tells them.
    """

    y: Floats
    weight: Floats
    group: npt.NDArray[np.object_]
    said: Mapping[str, Floats]
    truth: Floats | None


def newest(
    specs: Sequence[Feature],
    matrix: Matrix,
    group: npt.NDArray[np.object_],
    folds: Sequence[RowSplit],
    seed: int,
    threads: int = 1,
    truth: Floats | None = None,
    halves: bool = False,
) -> Newest:
    """Fit the model and its peers on what came before the newest fold, and let them say."""
    _, honest = fit_scorer(specs, matrix, folds, None, seed, threads)
    order, rows, _, ((train, test),), _ = split_newest(matrix, folds)
    said = {"model": _in_order(honest, order[test])}
    for name, recipe in HALVES.items() if halves else ():
        alone = fit_scorer(specs, matrix, folds, recipe, seed, threads)[1]
        said[name] = sigmoid(_in_order(alone, order[test], "margin"))
    known = rows.take(train)
    encoder = Encoder.fit(specs, known)
    line, _ = fit_path(encoder, known, (1.0,))[1.0]  # scikit-learn's default penalty
    said["regression"] = sigmoid(line.margin(encoder.linear(rows.values.iloc[test])))
    settings = {
        "objective": "binary",
        "verbosity": -1,
        "seed": seed,
        "num_threads": threads,
        "deterministic": True,
        "force_row_wise": True,
    }
    data = lightgbm.Dataset(encoder.tree_asof(known), known.y, weight=known.weight)
    said["lightgbm"] = np.asarray(lightgbm.train(settings, data, 100).predict(encoder.tree(rows.values.iloc[test])))
    at = order[test]
    return Newest(matrix.y[at], matrix.weight[at], group[at], said, None if truth is None else truth[at])


def _in_order(honest: OutOfFold, rows: npt.NDArray[np.int64], what: str = "probability") -> Floats:
    """Return what was said of the newest fold's rows, in the order of `rows`."""
    mine = honest.judged
    place = np.argsort(honest.row[mine])
    sorted_rows = honest.row[mine][place]
    return np.asarray(getattr(honest, what)[mine][place][np.searchsorted(sorted_rows, rows)])


def information(truth: Floats, p: Floats, weight: Floats) -> float:
    """Return the share of what the truth knows, beyond the mean chance, that `p` knows: 1 for the truth itself."""
    truth, p = np.clip(truth, 1e-6, 1 - 1e-6), np.clip(p, 1e-6, 1 - 1e-6)

    def expected(said: Floats) -> float:
        return float(-np.average(truth * np.log(said) + (1 - truth) * np.log1p(-said), weights=weight))

    base = expected(np.full(len(truth), np.average(truth, weights=weight)))
    return (base - expected(p)) / (base - expected(truth))


def calibration_error(truth: Floats, p: Floats, weight: Floats) -> float:
    """Return the mean distance of said from true chances over tenths of the rows, as a share of the mean true chance."""
    tenths = np.array_split(np.argsort(p, kind="stable"), 10)
    off = sum(abs(float(np.sum(weight[rows] * (p[rows] - truth[rows])))) for rows in tenths)
    return off / float(np.sum(weight * truth))


def figures(fold: Newest) -> None:
    """Print everybody's figures, and the model's paired differences from each peer with 95% intervals by account."""
    y, w = fold.y, fold.weight
    print(f"{len(y):,} rows, {int(y.sum()):,} positive, base rate {np.average(y, weights=w):.3f}")
    print(
        f"{'':<12}{'AUC':>7}{'AP':>7}{'Brier':>8}{'log loss':>10}{'ECE':>7}"
        + ("" if fold.truth is None else f"{'information':>13}{'true error':>12}")
    )
    for who in sorted(fold.said, key=lambda name: name != "model"):
        p = fold.said[who]
        told = f"{who:<12}{classification.auc(y, p, w):>7.3f}{classification.average_precision(y, p, w):>7.3f}{classification.brier(y, p, w):>8.4f}"
        told += f"{classification.log_loss(y, p, w):>10.4f}{classification.expected_calibration_error(y, p, w):>7.4f}"
        if fold.truth is not None:
            known = np.isfinite(fold.truth)
            told += f"{information(fold.truth[known], p[known], w[known]):>13.3f}{calibration_error(fold.truth[known], p[known], w[known]):>12.1%}"
        print(told)
    print("model less peer (95%):")
    measures = {
        "AUC": classification.auc,
        "AP": classification.average_precision,
        "Brier": classification.brier,
        "ECE": classification.expected_calibration_error,
    }
    for who in PEERS:
        parts = []
        for name, metric in measures.items():
            gap, low, high = classification.paired_difference(
                metric, y, fold.said["model"], fold.said[who], fold.group, 7, w, REPEATS
            )
            parts.append(f"{name} {gap:+.4f} ({low:+.4f} to {high:+.4f})")
        print(f"  {who:<11}{'; '.join(parts)}", flush=True)


def of_world(leads: int, seed: int, bound: Scorer | None, halves: bool) -> None:
    """Judge on a demo world; `bound`, trained on a far larger world, says how much of the truth can be seen at all."""
    print(f"\n-- demo, {leads:,} leads, seed {seed} --")
    made, folds, truth, threads = _world(leads, seed)
    matrix = training_matrix(made)
    fold = newest(made.features.specs, matrix, made.features.group(), folds, seed, threads, truth, halves)
    if bound is not None:
        _, _, _, ((_, test),), _ = split_newest(matrix, folds)
        at = matrix.order()[test]
        values = made.features.values.iloc[at].reindex(columns=list(bound.names))
        fold = Newest(fold.y, fold.weight, fold.group, {**fold.said, "bound": bound.probability(values)}, fold.truth)
    figures(fold)


def _world(leads: int, seed: int) -> tuple[TrainingData, list[tuple[Any, Any]], Floats, int]:
    """Make a demo world, and compute its features, folds and true chances."""
    with tempfile.TemporaryDirectory() as folder:
        world = demo.make_world(leads, seed)
        demo.write_world(world, Path(folder))
        place = Path(folder) / "demo.yaml"
        place.write_text(demo.config_text(f"{folder}/"), encoding="utf-8")
        config = load_config(place)
        made = prepare_training(config, None)
    folds = [(f.train, f.test) for f in make_folds(config, made)[0]]
    told = world.truth.to_pandas()
    keys = pd.DataFrame(
        {
            "lead_id": made.features.lead_id.astype(str),
            "as_of": pd.to_datetime(made.features.as_of, unit="us", utc=True),
        }
    )
    both = [frame.astype({"lead_id": str, "as_of": "datetime64[us, UTC]"}) for frame in (keys, told)]
    return (
        made,
        folds,
        both[0].merge(both[1], on=["lead_id", "as_of"], how="left")["p_sql"].to_numpy(),
        config.engine.threads,
    )


def of_set(name: str, halves: bool) -> None:
    """Judge on a public data set."""
    print(f"\n-- {name} --")
    config = load_config(CONFIGS / f"{name}.yaml")
    made = prepare_training(config, None)
    folds = [(f.train, f.test) for f in make_folds(config, made)[0]]
    parts = made.features.specs, training_matrix(made), made.features.group()
    figures(newest(*parts, folds, config.seed, config.engine.threads, halves=halves))


def main(arguments: Sequence[str]) -> int:
    """Print the figures of each world and data set."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.models", description=__doc__.splitlines()[0])
    parser.add_argument("--leads", type=int, default=6000)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1])
    parser.add_argument(
        "--bound", type=int, default=0, help="leads of the world that says how much can be seen; 0 for none"
    )
    parser.add_argument("--halves", action="store_true", help="fit each half of the mean alone, too")
    parser.add_argument("--sets", nargs="*", choices=SETS, default=list(SETS))
    asked = parser.parse_args(arguments)
    bound = None
    if asked.bound:
        made, folds, _, threads = _world(asked.bound, 1000)
        bound = fit_scorer(made.features.specs, training_matrix(made), folds, None, 1000, threads)[0]
    for seed in asked.seeds:
        of_world(asked.leads, seed, bound, asked.halves)
    if not os.environ.get("LEADLINE_DATA"):
        print("\nLEADLINE_DATA isn't set: the public data sets are left out")
        return 0
    for name in asked.sets:
        of_set(name, asked.halves)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
