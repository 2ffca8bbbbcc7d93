"""Whole commands beside one LightGBM fit of the same matrix in the same run: `train`, `score` and `demo`, by stage.

    python -m benchmarks.train [--leads N] [--seed S] [--data DIR] [--demo N]

Each command runs in a process of its own, as a user would type it; its CPU seconds and its peak memory are what the kernel counted when it
ended, imports included. Stages are told by the command's own progress. The budgets stand beside what was measured.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

__all__ = ["Used", "main"]

ROOT = Path(__file__).parents[1]
SHORT = 0.1  # CPU seconds below which a stage has no line of its own
ROUNDS, LEAVES, DEPTH = 300, 31, 6  # of the fit that all is measured by
TRAIN, PREPARE, MEMORY, SCORE, SCORE_KEPT, DEMO = 8.0, 1.0, 3.0, 4.0, 2.0, 40.0
PREPARING = (
    "reading tables",
    "taking snapshots",
    "computing features",
)  # how the stages of features, checks and report data begin


@dataclass(frozen=True)
class Used:
    """What a process used: CPU seconds, seconds, its peak in GB, and its stages as (name, CPU seconds)."""

    cpu: float
    seconds: float
    peak_gb: float
    stages: tuple[tuple[str, float], ...] = ()

    @property
    def preparing(self) -> float:
        """CPU seconds of what comes before fitting."""
        return sum(cpu for name, cpu in self.stages if name.startswith(PREPARING))


def run(words: list[str], folder: Path) -> Used:
    """Run one of this module's jobs in its own process, and count what it used.

    Raises
    ------
    RuntimeError
        It failed; its last line is told.
    """
    paths = [str(ROOT), str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    told, said = folder / "stages.json", folder / "said.txt"
    told.unlink(missing_ok=True)
    start = time.perf_counter()
    with said.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.train", "--job", str(told), *words],
            cwd=folder, stdout=out, stderr=out, env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        last = said.read_text().strip().splitlines()[-1:] or [""]
        raise RuntimeError(f"{' '.join(words)}: exit {process.returncode}: {last[0][:300]}")
    stages = json.loads(told.read_text()) if told.exists() else []
    cpu = usage.ru_utime + usage.ru_stime
    return Used(cpu, time.perf_counter() - start, usage.ru_maxrss / 1024**2, tuple((name, s) for name, s in stages))


def job(told: Path, words: list[str]) -> int:
    """Make the world, fit the one model, or run a command of leadline with a clock at each of its stages."""
    if words[0] == "make":
        return make(int(words[1]), int(words[2]))
    if words[0] == "fit":
        return fit(told)
    from leadline.cli import main as leadline
    from leadline.cli.progress import ProgressReporter

    started: list[tuple[str, float]] = [("starting", 0.0)]
    usual = ProgressReporter.__call__

    def clocked(self: ProgressReporter, text: str) -> None:
        started.append((text, time.process_time()))
        usual(self, text)

    setattr(ProgressReporter, "__call__", clocked)  # noqa: B010 - a method can't be assigned by name
    sys.argv = ["leadline", *words]
    code = 0
    try:
        leadline()
    except SystemExit as end:
        code = int(end.code or 0)
    ends = [*(at for _, at in started[1:]), time.process_time()]
    told.write_text(json.dumps([(name, end - at) for (name, at), end in zip(started, ends, strict=True)]))
    return code


def make(leads: int, seed: int) -> int:
    """Write a demo world and its config into the working folder, with the instants to train and to score at."""
    from leadline import demo

    world = demo.make_world(leads, seed)
    demo.write_world(world, Path("world"))
    Path("world/demo.yaml").write_text(demo.config_text("world/"), encoding="utf-8")
    at = [(world.end - timedelta(weeks=weeks)).isoformat() for weeks in (4, 2, 1)]
    Path("at.json").write_text(json.dumps(at))
    return 0


def fit(told: Path) -> int:
    """Fit one LightGBM model of the training's matrix, bins included, and nothing else."""
    import lightgbm

    from leadline.config.load import load_config
    from leadline.model.encoding.encoder import Encoder
    from leadline.workflows.common import parse_as_of
    from leadline.workflows.training.fit import training_matrix
    from leadline.workflows.training.prepare import prepare_training

    config = load_config("world/demo.yaml")
    made = prepare_training(config, parse_as_of(config, json.loads(Path("at.json").read_text())[0]))
    matrix = training_matrix(made)
    x = Encoder.fit(made.features.specs, matrix).tree(matrix.values)
    settings = {
        "objective": "binary", "num_leaves": LEAVES, "max_depth": DEPTH, "verbosity": -1, "num_threads": os.cpu_count()
    }  # fmt: skip
    start = time.process_time()
    lightgbm.train(settings, lightgbm.Dataset(x, matrix.y, weight=matrix.weight), ROUNDS)
    name = f"{len(matrix):,} snapshots × {x.shape[1]} columns, {matrix.positives:,} positive"
    told.write_text(json.dumps([(name, time.process_time() - start)]))
    return 0


def rows_of(trained: Used, one: float, nights: list[Used], shown: Used | None) -> list[tuple[str, str, str, bool]]:
    """Return what was measured beside its budget, and whether it holds.

    Examples
    --------
    >>> used = Used(80.0, 60.0, 2.5, (("reading tables", 10.0), ("fitting", 70.0)))
    >>> for row in rows_of(used, 10.0, [], None):
    ...     print(*row, sep=" | ")
    train: CPU over one fit | 8.0 | ≤ 8 | True
    train: features, checks, report data over one fit | 1.0 | ≤ 1 | True
    train: peak GB | 2.5 | ≤ 3 | True
    """
    told = [
        ("train: CPU over one fit", trained.cpu / one, TRAIN),
        ("train: features, checks, report data over one fit", trained.preparing / one, PREPARE),
        ("train: peak GB", trained.peak_gb, MEMORY),
    ]
    limits = (("score: CPU s, first night", SCORE), ("score: CPU s, with what it kept", SCORE_KEPT))
    told += [(what, night.cpu, most) for (what, most), night in zip(limits, nights, strict=False)]
    if shown is not None:
        told.append(("demo: seconds from command to report", shown.seconds, DEMO))
    return [(what, f"{value:.1f}", f"≤ {most:g}", value <= most) for what, value, most in told]


def stage_lines(used: Used) -> list[str]:
    """List a command's stages with their CPU seconds; what is short is summed up at the end."""
    long = [(name, cpu) for name, cpu in used.stages if cpu >= SHORT]
    rest = used.cpu - sum(cpu for _, cpu in long)
    return [f"  {cpu:8.1f}  {name}" for name, cpu in (*long, ("all else, the end of Python among it", rest))]


def measure(folder: Path, leads: int, seed: int, demo_leads: int) -> int:
    """Run all in one folder, print it, and return 1 where a budget is missed."""
    run(["make", str(leads), str(seed)], folder)
    train_at, *nights_at = json.loads((folder / "at.json").read_text())
    single = run(["fit"], folder)
    trained = run(["train", "world/demo.yaml", "--as-of", train_at], folder)
    nights = [run(["score", "world/demo.yaml", "--as-of", at], folder) for at in nights_at]
    apart = folder / "apart"  # a night is held against those before it, which were of another world
    apart.mkdir(exist_ok=True)
    shown = run(["demo", "shown", "--leads", str(demo_leads)], apart) if demo_leads else None
    ((what, one),) = single.stages
    print(f"{leads:,} leads, seed {seed}: {what}; one LightGBM fit takes {one:.1f} CPU s")
    commands: list[tuple[str, Used | None]] = [
        ("train", trained),
        *(("score", night) for night in nights),
        ("demo", shown),
    ]
    for name, used in commands:
        if used is not None:
            print(f"\n{name}: {used.cpu:.1f} CPU s, {used.seconds:.1f} s, {used.peak_gb:.2f} GB")
            print(*stage_lines(used), sep="\n")
    rows = rows_of(trained, one, nights, shown)
    print(f"\n{'budget':<52}{'measured':>9}{'budget':>8}")
    for name, value, most, holds in rows:
        print(f"{name:<52}{value:>9}{most:>8}{'' if holds else '   missed'}")
    return 0 if all(holds for *_, holds in rows) else 1


def main(arguments: list[str] | None = None) -> int:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train", description=__doc__)
    parser.add_argument("--leads", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--demo", type=int, default=6_000, help="leads of the demo; 0 leaves it out")
    parser.add_argument("--data", type=Path, help="an empty folder to keep all in")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as kept:
        folder = (asked.data or Path(kept)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        return measure(folder, asked.leads, asked.seed, asked.demo)


if __name__ == "__main__":
    sys.exit(job(Path(sys.argv[2]), sys.argv[3:]) if sys.argv[1:2] == ["--job"] else main())
