"""Figures of the fault tests: how often each fault was tried and how often leadline held, as one table at the run's end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["ELSEWHERE", "lines", "pytest_terminal_summary"]

PROPERTY = "fault"
BLOCKS = "blocks"

ELSEWHERE = {
    r"faults/test_a_night_killed.py::test_killed": "kill -9 of a writer of nights (each test kills many times)",
    r"faults/test_a_night_killed.py::test_on_a_full": "full disk",
    r"faults/test_a_night_killed.py::test_two": "two scorers at once",
    r"test_files.py::test_a_writer_killed": "kill -9 of a writer of one file",
    r"test_files.py::test_a_folder_killed": "kill -9 of a writer of a bundle",
    r"test_files.py::test_(a_full_disk|no_space|a_failing_flush)": "full disk",
    r"delivery/test_sink.py::test_killed": "kill -9 of a writer of nights",
    r"delivery/test_sink.py::test_when_the_disk": "full disk",
    r"delivery/test_sink.py::test_the_second_writer": "two scorers at once",
    r"registry/test_tracking.py::test_killed_while_the_store": "kill -9 while the registry is made",
    r"registry/test_tracking.py::test_a_registry_that": "registry refused or black-holed",
    r"registry/test_tracking.py::test_training_asks": "registry refused or black-holed",
    r"registry/test_pinned.py::": "registry refused or black-holed",
    r"registry/test_bundle.py::test_any_damage": "damaged bundle",
    r"test_cli.py::test_a_full_disk": "full disk",
    r"test_cli.py::test_an_interrupt": "SIGINT and SIGTERM of train, score and check",
    r"tables/test_event_cache.py::test_what_is_(damaged|foreign)": "damaged log cache",
    r"workflows/test_laws_end_to_end.py::test_a_night_scores_the_same": "shuffled, late and future-dated rows",
    r"workflows/test_laws_end_to_end.py::test_the_model_is_the_same": "shuffled, late and future-dated rows",
    r"storage/test_locations.py::test_(an_instant|naive_instants|every_width)": "zones and daylight saving",
}
"""Tests of faults that stand with the module that they are about: each is one trial."""


def tallied(reports: Iterable[Any]) -> dict[str, tuple[int, int]]:
    """Sum up what the tests tried and what held, by fault."""
    table: dict[str, tuple[int, int]] = {}

    def add(fault: str, tried: int, held: int) -> None:
        before = table.get(fault, (0, 0))
        table[fault] = before[0] + tried, before[1] + held

    for report in reports:
        for name, value in report.user_properties:
            if name == PROPERTY:
                add(*value)
        for pattern, fault in ELSEWHERE.items():
            if re.search(pattern, report.nodeid):
                add(fault, 1, int(report.passed))
    return table


def lines(table: Mapping[str, tuple[int, int]]) -> list[str]:
    """Say each fault with its figure.

    Examples
    --------
    >>> lines({"full disk": (3, 3)})
    ['fault      tried   held', 'full disk      3      3']
    """
    width = max(len(fault) for fault in table)
    rows = [f"{fault:<{width}} {tried:>6} {held:>6}" for fault, (tried, held) in sorted(table.items())]
    return [f"{'fault':<{width}}  tried   held", *rows]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table where any fault was tried, and how many of the documentation's blocks ran."""
    called = [
        report
        for key in ("passed", "failed")
        for report in terminalreporter.stats.get(key, [])
        if getattr(report, "when", "") == "call"
    ]
    for told in (value for report in called for name, value in report.user_properties if name == BLOCKS):
        terminalreporter.write_line(f"docs' blocks run: {told}")
    table = tallied(called)
    if table:
        terminalreporter.section("faults")
        for line in lines(table):
            terminalreporter.write_line(line)
