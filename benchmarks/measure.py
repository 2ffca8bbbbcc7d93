"""Running jobs, each in a process of its own, and what came of their repeats.

The process that measures imports nothing heavy: Linux counts the parent's memory at the fork as the child's peak.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

__all__ = ["Measured", "run_job"]

ROOT = Path(__file__).parents[1]


@dataclass
class Measured:
    """The repeats of one contender on one question.

    Attributes
    ----------
    who, question : str
        Whose time; "" for a scan or a load, which ask nothing.
    seconds : list of float
        One a repeat (a scan has several in each), by the clock.
    cpu_seconds : list of float
        The same by the cores' own count, all threads together: what other work on the machine hardly changes.
    peak_mb : float
        The largest resident memory of its processes, tables included.
    placed_mb : float
        The same just before the clock started; 0 where it wasn't told.
    values : dict of str to str
        A hash of each feature's values.
    missing, failed : str
        The library that isn't there; the exit code and last line of a process that broke.
    """

    who: str
    question: str
    seconds: list[float] = field(default_factory=list)
    peak_mb: float = 0.0
    placed_mb: float = 0.0
    values: dict[str, str] = field(default_factory=dict)
    cpu_seconds: list[float] = field(default_factory=list)
    missing: str = ""
    failed: str = ""

    @property
    def median(self) -> float:
        """The median of the repeats, in seconds."""
        return median(self.seconds)

    @property
    def fastest(self) -> float:
        """The fastest of the repeats, in seconds."""
        return min(self.seconds)

    @property
    def cpu(self) -> float:
        """The least that the cores counted, in seconds."""
        return min(self.cpu_seconds, default=math.nan)

    def add(self, result: dict[str, Any]) -> None:
        """Take in one more repeat; values that change from one to the next are a failure."""
        self.missing, self.failed = result.get("missing", ""), result.get("failed", "")
        if self.missing or self.failed:
            return
        if self.values and self.values != result["values"]:
            self.failed = "the values of two repeats differ"
        self.seconds += result["seconds"]
        self.cpu_seconds += result["cpu"]
        self.values = result["values"]
        self.peak_mb = max(self.peak_mb, result["peak_mb"])
        self.placed_mb = max(self.placed_mb, result.get("placed_mb", 0.0))

    def agreement(self, truth: dict[str, str]) -> tuple[int, list[str]]:
        """Count the features whose values equal the truth's, and name those that differ; what only one has isn't compared."""
        both = self.values.keys() & truth.keys()
        wrong = sorted(name for name in both if truth[name] != self.values[name])
        return len(both) - len(wrong), wrong


def run_job(asked: dict[str, Any], limit: float) -> dict[str, Any]:
    """Run one job in its own process; return its record with ``peak_mb``, or why there is none.

    Parameters
    ----------
    asked : dict
        The job, see `benchmarks.job`.
    limit : float
        Seconds after which it is ended.
    """
    paths = [str(ROOT), str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-m", "benchmarks.job", json.dumps(asked)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    with process:
        try:
            said, complained = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            return {"failed": f"ended after {limit:g} s"}
    if process.returncode != 0:
        last = complained.strip().splitlines()[-1:] or [""]
        return {"failed": f"exit {process.returncode}: {last[0][:160]}"}
    return dict(json.loads(said))


def in_turn(jobs: Sequence[tuple[Measured, dict[str, Any], int]], limit: float) -> float:
    """Run every job once, then those with repeats left again, and so on, so that a busy moment hits all alike; stderr tells how it goes.

    Parameters
    ----------
    jobs : sequence of (Measured, dict, int)
        Where the results go, the job, and how often it runs.
    limit : float
        Seconds that one job may take.

    Returns
    -------
    float
        How long it all took.
    """
    start = time.perf_counter()
    for turn in range(max((repeats for _, _, repeats in jobs), default=0)):
        for measured, asked, repeats in jobs:
            if turn < repeats and not (measured.missing or measured.failed):
                result = run_job(asked, limit)
                measured.add(result)
                took = ", ".join(f"{s:.3f} s" for s in result.get("seconds", [])) or str(result)
                print(f"{measured.question or '-'}, {measured.who}: {took}", file=sys.stderr, flush=True)
    return time.perf_counter() - start
