"""Where a run's time went: the costliest files and shared fixtures, told beside pytest's own list of slow tests (`--durations`)."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

__all__ = ["Times", "table"]

LEAST = 0.05  # seconds: a quicker fixture isn't worth a line
SHARED = ("module", "package", "session")


def table(what: str, spent: Sequence[tuple[str, int, float, float]], rows: int) -> list[str]:
    """Say what took longest, by seconds; (its name, how often, seconds, CPU seconds) each.

    Examples
    --------
    >>> for line in table("file", [("test_a.py", 3, 1.25, 1.0), ("test_b.py", 1, 9.0, 12.04)], 10):
    ...     print(line)
    seconds    CPU times  file
        9.0   12.0     1  test_b.py
        1.2    1.0     3  test_a.py
    """
    told = [f"{seconds:7.1f} {cpu:6.1f} {times:5}  {name}" for name, times, seconds, cpu in spent]
    order = sorted(range(len(spent)), key=lambda n: -spent[n][2])
    return [f"{'seconds':>7} {'CPU':>6} {'times':>5}  {what}", *(told[n] for n in order[:rows])]


def used() -> float:
    """CPU seconds of this process and of its children that have ended."""
    return sum(os.times()[:4])


@dataclass
class Spent:
    """How often a thing was done, and what it cost."""

    times: int = 0
    seconds: float = 0.0
    cpu: float = 0.0

    def add(self, seconds: float, cpu: float, times: int = 1) -> None:
        self.times, self.seconds, self.cpu = self.times + times, self.seconds + seconds, self.cpu + cpu


class Times:
    """A plug-in. Each test's report bears what the shared fixtures that were made for it took, so that workers' times arrive too.

    A fixture's time holds that of the fixtures it asks for first; a file's holds the fixtures that its tests were the first to ask for.
    """

    def __init__(self) -> None:
        self.made: list[tuple[str, float, float]] = []
        self.began = used()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        began, cpu = time.perf_counter(), used()
        try:
            return (yield)
        finally:
            seconds = time.perf_counter() - began
            if fixturedef.scope in SHARED and seconds >= LEAST:
                where = fixturedef.baseid or "tests"
                self.made.append((f"{fixturedef.argname} ({where})", seconds, used() - cpu))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Iterator[None]:
        report = yield
        now = used()
        report.spent_cpu, self.began = now - self.began, now
        report.fixtures_made, self.made = self.made, []
        return report

    def pytest_terminal_summary(self, terminalreporter: Any, config: pytest.Config) -> None:
        """Print both tables where the slowest tests are asked for."""
        if not config.option.durations:
            return
        reports = [r for kind in terminalreporter.stats.values() for r in kind if hasattr(r, "spent_cpu")]
        for what, spent in (("file", by_file(reports)), ("shared fixture", by_fixture(reports))):
            if not spent:
                continue
            terminalreporter.section(f"costliest {what}s", sep="-")
            told = [(name, s.times, s.seconds, s.cpu) for name, s in spent.items()]
            for line in table(what, told, config.option.durations):
                terminalreporter.write_line(line)


def by_file(reports: Iterable[Any]) -> dict[str, Spent]:
    """Sum up by file; what is counted are its tests."""
    files: dict[str, Spent] = defaultdict(Spent)
    for report in reports:
        files[report.nodeid.split("::")[0]].add(report.duration, report.spent_cpu, int(report.when == "call"))
    return files


def by_fixture(reports: Iterable[Any]) -> dict[str, Spent]:
    """Sum up by shared fixture; each worker that made it counts."""
    fixtures: dict[str, Spent] = defaultdict(Spent)
    for report in reports:
        for name, seconds, cpu in report.fixtures_made:
            fixtures[name].add(seconds, cpu)
    return fixtures
