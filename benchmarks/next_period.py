"""How often the next period's AUC lies where the folds before it say that it may.

    python -m benchmarks.next_period [--leads N] [--seeds S …] [--folds K] [--sets NAME …]

Each world and each public data set is backtested in K folds, once. Then each fold from the third on is a next period: the folds before
it give an interval for its AUC, and so does the one before it alone, by its own bootstrap.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.models import CONFIGS, SETS
from leadline import demo
from leadline.config.load import load_config
from leadline.config.schema import Config
from leadline.evaluation.backtest import FoldResult, evaluate_folds
from leadline.metrics.intervals import next_period_interval
from leadline.workflows.common import no_progress
from leadline.workflows.training.fit import fit_model, judged_folds
from leadline.workflows.training.prepare import make_folds, prepare_training

BEFORE = 2  # folds that an interval is made of, at the least


@dataclass(frozen=True)
class NextPeriod:
    """One fold, and whether the intervals of those before it, and of the one before it alone, hold its AUC."""

    auc: float
    low: float
    high: float
    held: bool
    newest_alone_held: bool


def folds_of(config: Config, folds: int) -> tuple[FoldResult, ...]:
    """Backtest a config in so many folds."""
    config = config.model_copy(update={"backtest": config.backtest.model_copy(update={"folds": folds})})
    made = prepare_training(config, None)
    fitted = fit_model(config, made, make_folds(config, made)[0], 0, no_progress)
    return evaluate_folds(judged_folds(fitted), config.seed).folds


def periods(folds: Sequence[FoldResult]) -> Iterator[NextPeriod]:
    """Hold each fold against what those before it say."""
    told = [fold.figures["model"] for fold in folds]
    for number in range(BEFORE, len(told)):
        before, auc = told[:number], told[number].auc
        span = next_period_interval([m.auc for m in before], [(m.auc_low, m.auc_high) for m in before])
        if span is not None:
            alone = before[-1].auc_low <= auc <= before[-1].auc_high
            yield NextPeriod(auc, span.low, span.high, span.low <= auc <= span.high, alone)


def main(arguments: Sequence[str]) -> int:
    """Print each period with its interval, and how many held."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.next_period", description=__doc__.splitlines()[0])
    parser.add_argument("--leads", type=int, default=3000)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--folds", type=int, default=6)
    parser.add_argument("--sets", nargs="*", choices=SETS, default=list(SETS))
    asked = parser.parse_args(arguments)
    found: list[NextPeriod] = []
    for seed in asked.seeds:
        with tempfile.TemporaryDirectory() as folder:
            demo.write_world(demo.make_world(asked.leads, seed), Path(folder))
            place = Path(folder) / "demo.yaml"
            place.write_text(demo.config_text(f"{folder}/"), encoding="utf-8")
            found += told(f"demo, {asked.leads:,} leads, seed {seed}", folds_of(load_config(place), asked.folds))
    if os.environ.get("LEADLINE_DATA"):
        for name in asked.sets:
            found += told(name, folds_of(load_config(CONFIGS / f"{name}.yaml"), asked.folds))
    else:
        print("LEADLINE_DATA isn't set: the public data sets are left out")
    if found:
        held, alone = (sum(getattr(one, name) for one in found) for name in ("held", "newest_alone_held"))
        width = sorted(one.high - one.low for one in found)[len(found) // 2]
        print(
            f"{held} of {len(found)} periods within (95% is meant; median width {width:.3f}); within the newest fold's own interval: {alone}"
        )
    return 0


def told(name: str, folds: Sequence[FoldResult]) -> list[NextPeriod]:
    """Print the periods of one data set."""
    found = list(periods(folds))
    said = "; ".join(f"{p.auc:.3f} in {p.low:.3f}–{p.high:.3f}{'' if p.held else ' MISSED'}" for p in found)
    print(f"{name}: {said or 'too few folds'}", flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
