"""What moved probabilities between the last two finished nights: each lead counted once, by what moved it most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leadline.core import format
from leadline.report.parts import PageTable, Part, TableColumn, cell

__all__ = ["moved_sentence", "movement_parts"]


def moved_sentence(told: Mapping[str, Any]) -> str:
    """Say how many leads moved, and what moved most of them.

    Examples
    --------
    >>> told = {"since": "2025-06-22T00:00:00Z", "by": 0.01, "up": 2, "down": 1, "causes": [{"cause": "asked for a demo", "up": 2, "down": 0}]}
    >>> moved_sentence(told)
    'Since the night of 22 Jun 2025 the probability of 2 leads rose and that of 1 lead fell by 1.0 points or more; most often it was “asked for a demo” (2 leads).'
    """
    said = (
        f"Since the night of {format.date_text(told['since'])} the probability of {format.count(told['up'], 'lead')} rose and that of "
        f"{format.count(told['down'], 'lead')} fell by {format.decimal(100 * told['by'], 1)} points or more"
    )
    first = next(iter(told["causes"]), None)
    if first is None:
        return f"{said}."
    return f"{said}; most often it was “{first['cause']}” ({format.count(first['up'] + first['down'], 'lead')})."


def movement_parts(told: Mapping[str, Any] | None) -> list[Part]:
    """Return the sentence and a table of causes; nothing where no night before is known."""
    if not told:
        return []
    columns = (TableColumn("what moved it most"), TableColumn("leads up", True), TableColumn("leads down", True))
    rows = tuple(
        (cell(c["cause"]), cell(format.count(c["up"]), c["up"]), cell(format.count(c["down"]), c["down"]))
        for c in told["causes"]
    )
    table = PageTable("why-moved", "What moved probabilities, each lead once", columns, rows, folded="Every cause")
    return [moved_sentence(told), *([table] if rows else [])]
