"""The night's scoring half, five reasons each, beside LightGBM's own predict and pred_contrib on the same rows in the same run.

    python -m benchmarks.scoring [--rows N] [--leads N] [--trees N] [--contrib N] [--data DIR]

A demo world's model scores the world's rows, drawn again until there are as many as asked, every lead's times moved a
little so that rows differ. Each contender runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt

from leadline import demo
from leadline.config.load import load_config
from leadline.explanation.reasons import TopGroups, reason_texts, top_groups
from leadline.features.build import FeatureTable
from leadline.model.fitting.fit import fit_scorer
from leadline.model.fitting.recipe import Recipe
from leadline.model.scorer import CHUNK, Scorer
from leadline.model.shap.tree_shap import TabulatedTrees
from leadline.scoring.ranking import rank_leads
from leadline.workflows.training.fit import training_matrix
from leadline.workflows.training.prepare import make_folds, prepare_training

ROOT = Path(__file__).parents[1]
Floats = npt.NDArray[np.float64]


def make(folder: Path, leads: int, trees: int) -> None:
    """Fit a model on a demo world, half regression and half trees, and keep it with the world's features."""
    demo.write_world(demo.make_world(leads, 1), folder)
    config_path = folder / "demo.yaml"
    config_path.write_text(demo.config_text(f"{folder}/"), encoding="utf-8")
    config = load_config(config_path)
    made = prepare_training(config, None)
    folds = [(f.train, f.test) for f in make_folds(config, made)[0]]
    recipe = Recipe(anchored=True, rounds=0, plain_rounds=trees, moving=(), c=0.01)
    scorer, _ = fit_scorer(made.features.specs, training_matrix(made), folds, recipe, 1, os.cpu_count() or 1)
    (folder / "made.pickle").write_bytes(pickle.dumps((scorer.to_files(), made.features)))


def load(folder: Path, rows: int) -> tuple[Scorer, FeatureTable]:
    """Return the model and as many open leads as asked, of one night."""
    files, made = pickle.loads((folder / "made.pickle").read_bytes())
    random = np.random.default_rng(7)
    values = made.values.iloc[random.integers(0, len(made), rows)].reset_index(drop=True)
    moved = random.random(rows) * 0.25
    for spec in made.specs:
        if spec.kind == "days":
            values[spec.name] += moved
    ids = np.array([f"L{n:08d}" for n in random.permutation(rows)], dtype=object)
    firms = np.array([f"A{n:07d}" for n in random.integers(0, rows // 4 + 1, rows)], dtype=object)
    return Scorer.from_files(files), FeatureTable(made.specs, ids, firms, np.full(rows, made.as_of.max()), values)


def night(folder: Path, rows: int, contrib: int) -> dict[str, Any]:
    """Score a night whole, and then its parts one by one."""
    scorer, made = load(folder, rows)
    before, told = _peak_mb(), {}
    scorer.held(made.values.iloc[:1])  # the loops are compiled once a machine, not once a night
    scorer.over(made.values.iloc[:8000], len)
    _, told["whole"] = _timed(lambda: rank_leads(scorer, made, int(made.as_of[0]), True, "demo", "1").to_arrow())
    peak = _peak_mb()
    specs = [s for s in made.specs if s.name in set(scorer.names)]
    _, told["spot check"] = _timed(lambda: scorer.held(made.values))
    (_, parts), told["pass"] = _timed(lambda: scorer.over(made.values, lambda c: top_groups(specs, c)))
    found = TopGroups.joined(parts)
    _, told["texts"] = _timed(lambda: reason_texts(specs, made.values, found, made.as_of))
    return {**told, "before_mb": before, "peak_mb": peak}


def peers(folder: Path, rows: int, contrib: int) -> dict[str, Any]:
    """Time LightGBM's predict and pred_contrib, and the tables' margins and contributions, on the same encoded rows."""
    scorer, made = load(folder, rows)
    booster, forest = (
        lightgbm.Booster(model_str=scorer.trees),
        TabulatedTrees.of(scorer.trees, len(scorer.encoder.tree_columns)),
    )
    chunks = [scorer.encoder.tree(made.values.iloc[start : start + CHUNK]) for start in range(0, rows, CHUNK)]
    x = np.asfortranarray(np.concatenate(chunks))
    chunks.clear()
    few = np.ascontiguousarray(x[:contrib])
    forest.parts(x[:8000])
    booster.predict(x[:8000])
    margin, told = _timed(lambda: booster.predict(x, raw_score=True))
    mine, tabled = _timed(lambda: np.concatenate(_in_threads(x, forest.margin)))
    _, both = _timed(lambda: _in_threads(x, lambda part: forest.parts(part)[0]))
    theirs, walked = _timed(lambda: booster.predict(few, pred_contrib=True)[:, :-1])
    parts = forest.parts(few)[1]
    first = [np.argsort(-np.abs(p), axis=1, kind="stable")[:, :5] for p in (parts, theirs)]
    return {
        "trees": booster.num_trees(), "columns": x.shape[1], "predict": told, "margin": tabled, "both": both,
        "pred_contrib": walked * rows / len(few), "equal_margins": int(np.sum(margin == mine)),
        "furthest": float(np.max(np.abs(parts - theirs))), "same_top_five": float(np.mean(np.all(first[0] == first[1], axis=1))),
        "peak_mb": _peak_mb(),
    }  # fmt: skip


def _in_threads(x: Floats, work: Callable[[Floats], Any]) -> list[Any]:
    with ThreadPoolExecutor(os.cpu_count()) as cores:
        return list(cores.map(work, (x[start : start + CHUNK] for start in range(0, len(x), CHUNK))))


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _run(job: str, folder: str, asked: argparse.Namespace) -> dict[str, Any]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    numbers = [f"--{name}={getattr(asked, name)}" for name in ("rows", "leads", "trees", "contrib")]
    command = [sys.executable, "-m", "benchmarks.scoring", *numbers, f"--data={folder}", f"--job={job}"]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.PIPE, text=True, check=True
    )
    return dict(json.loads(done.stdout or "{}"))


def show(rows: int, contrib: int, own: dict[str, Any], peer: dict[str, Any]) -> bool:
    """Print the table; return whether the promises hold."""
    attribution = peer["both"] - peer["margin"]
    rest = own["whole"] - attribution
    lines = [
        ("LightGBM predict", peer["predict"]),
        (f"LightGBM pred_contrib ({contrib:,} rows, scaled)", peer["pred_contrib"]),
        ("tables: margins", peer["margin"]),
        ("tables: margins and contributions", peer["both"]),
        ("night: whole, from features to Arrow", own["whole"]),
        ("night: its spot check", own["spot check"]),
        ("night: its pass (encode, predict, attribute)", own["pass"]),
        ("night: its reasons' texts", own["texts"]),
        ("night: its pass without attribution (encode, predict)", own["pass"] - attribution),
        ("night: all but attribution", rest),
    ]
    print(f"{rows:,} rows, {peer['trees']} trees, {peer['columns']} columns, {os.cpu_count()} cores\n")
    print("| what | s | rows/s | × predict |\n| --- | ---: | ---: | ---: |")
    for what, seconds in lines:
        print(f"| {what} | {seconds:.2f} | {rows / seconds:,.0f} | {seconds / peer['predict']:.2f} |")
    print(
        f"\npred_contrib / tables' attribution: {peer['pred_contrib'] / attribution:.0f} (with margins: {peer['pred_contrib'] / peer['both']:.0f})"
    )
    print(f"margins equal to the bit: {peer['equal_margins']:,} of {rows:,}; furthest contribution: {peer['furthest']:.1e}; "
          f"same top five: {peer['same_top_five']:.2%} of {contrib:,}")  # fmt: skip
    print(f"peak MB: night {own['peak_mb']:.0f} (features alone {own['before_mb']:.0f}), peers {peer['peak_mb']:.0f}")
    return peer["equal_margins"] == rows and peer["furthest"] <= 1e-4 and peer["same_top_five"] >= 0.999


def main(arguments: Sequence[str]) -> int:
    """Make the model, run both contenders, print what came of it; exit code 1 where values differ."""
    parser = argparse.ArgumentParser(prog="benchmarks.scoring", description=__doc__, allow_abbrev=False)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--leads", type=int, default=2_000, help="of the demo world that the model is fitted on")
    parser.add_argument("--trees", type=int, default=150)
    parser.add_argument("--contrib", type=int, default=2_000, help="rows for pred_contrib")
    parser.add_argument(
        "--data", help="keep the model here for the next run, which then takes it whatever --leads and --trees"
    )
    parser.add_argument("--job", choices=("night", "peers", "make"), help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.job == "make":
        make(Path(asked.data), asked.leads, asked.trees)
        return 0
    if asked.job:
        print(json.dumps({"night": night, "peers": peers}[asked.job](Path(asked.data), asked.rows, asked.contrib)))
        return 0
    with tempfile.TemporaryDirectory() as made:
        folder = asked.data or made
        Path(folder).mkdir(parents=True, exist_ok=True)
        if not (Path(folder) / "made.pickle").exists():
            _run("make", folder, asked)
        peer, own = (_run(job, folder, asked) for job in ("peers", "night"))
    return 0 if show(asked.rows, min(asked.rows, asked.contrib), own, peer) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
