"""What the report's sections add to a training, and what writing the page takes, on a demo world.

    python -m benchmarks.report [--leads N]

One training is run with its costly extras off (ablation, refits for stability, experiments), so that the share of the
sections is told against the least that a training does. Each part's clock runs in that one training.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from leadline import demo
from leadline.config.load import load_config
from leadline.workflows.report import report
from leadline.workflows.training import evaluate, record, report_data
from leadline.workflows.training.train import train

PARTS: tuple[tuple[ModuleType, str, str], ...] = (
    (report_data, "gather_report_inputs", "ask the tables"),
    (evaluate, "training_funnel", "funnel and rejections"),
    (evaluate, "section_records", "assets, committees, intent stages"),
    (evaluate, "plot_figures", "beeswarm, dependence, interactions"),
    (evaluate, "points_records", "points card and rules audit"),
    (record, "behaviour_record", "behaviours"),
)
"""The functions that the sections need, and nothing else does; and what each makes."""

LIGHT = "\nleaks: {experiments: false}\n"


def timed(module: ModuleType, name: str, seconds: dict[str, float]) -> None:
    """Let a function's seconds add up under its name."""
    whole: Callable[..., Any] = getattr(module, name)

    def run(*given: Any, **named: Any) -> Any:
        begin = time.perf_counter()
        try:
            return whole(*given, **named)
        finally:
            seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - begin

    setattr(module, name, run)


def config_text(folder: Path) -> str:
    """Return the demo's config without a training's costly extras."""
    text = demo.config_text(f"{folder}/")
    assert "folds: 3" in text and "leaks:" not in text
    return text.replace("folds: 3", "folds: 3, ablation: false, stability: false") + LIGHT


def main(arguments: Sequence[str]) -> int:
    """Train once on a demo world, and print what each part took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__.splitlines()[0])
    parser.add_argument("--leads", type=int, default=2000)
    asked = parser.parse_args(arguments)
    seconds: dict[str, float] = {}
    for module, name, _ in PARTS:
        timed(module, name, seconds)
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            whole, page, written = _run(Path(folder), asked.leads)
        finally:
            os.chdir(before)
    sections = sum(seconds.values())
    print(f"demo, {asked.leads:,} leads: training {whole:.1f} s, of which the report's sections {sections:.1f} s:")
    for _, name, words in PARTS:
        print(f"  {words:<36}{seconds.get(name, 0.0):>8.1f} s")
    print(f"writing the page: {page:.1f} s, {written / 1024:,.0f} KB")
    print(f"beyond training: {sections + page:.1f} s, {(sections + page) / (whole - sections):.2f} of the rest")
    return 0


def _run(folder: Path, leads: int) -> tuple[float, float, int]:
    """Return the seconds of the training and of the page, and the page's bytes."""
    demo.write_world(demo.make_world(leads, 1), folder)
    place = folder / "demo.yaml"
    place.write_text(config_text(folder), encoding="utf-8")
    config = load_config(place)
    begin = time.perf_counter()
    train(config)
    trained = time.perf_counter()
    page = report(config, folder / "report.html").page
    return trained - begin, time.perf_counter() - trained, Path(page).stat().st_size


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
