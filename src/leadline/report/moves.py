"""The section on what moves scores: the model's drivers, the strongest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from leadline.report import draw, say
from leadline.report.parts import Chart, Column, Section, Table, cell
from leadline.report.support import steady

__all__ = ["drivers", "way"]

MOVES = "Feature importance (mean |SHAP|)"
SHOWN = 15  # bars of a chart; its table has them all
MEANS = (
    "A driver is a group of features, such as one behaviour over all windows. Having events or a stage raises or lowers the score "
    "beyond what the other drivers say of the same lead: activity as such may lower it where its kinds raise it. A number "
    "does so as it grows; a category, as job title, has no one direction."
)

Record = Mapping[str, Any]


def drivers(record: Record) -> Section:
    """Rank what moves scores."""
    ranked: Sequence[Record] = [d for d in record.get("drivers", []) if say.known(d.get("weight"))]
    if not ranked or not ranked[0]["weight"] > 0:
        return Section("moves", MOVES, "No feature matters: all leads get the same one.")
    first, effects = ranked[:5], record.get("drivers_direction", {})
    alone = Counter(
        f["group"] for f in record.get("features", [])
    )  # of many features, one's direction isn't the group's
    ways = [effects.get(d["group"], d["direction"] if alone[d["group"]] < 2 else None) for d in ranked]
    together = say.share(sum(d["share"] or 0 for d in first), 0)
    some = "" if len(ranked) < 6 else f"; the first five together hold {together}"
    found = f"“{_words(ranked[0])}” matters most, with {say.share(ranked[0]['share'], 0)} of all contributions{some}."
    return Section("moves", MOVES, found, (_chart(ranked, ways), MEANS, *steady(record)))


def way(direction: Any) -> str:
    """Say which way a driver moves scores.

    Examples
    --------
    >>> way(0.2), way(-0.1), way(None)
    ('raises', 'lowers', '–')
    """
    return {"up": "raises", "down": "lowers", "flat": say.ABSENT}[_kind(direction)]


def _chart(ranked: Sequence[Record], ways: Sequence[Any]) -> Chart:
    drawn = [
        (_words(d), d["weight"], say.share(d["share"]), _kind(one))
        for d, one in zip(ranked[:SHOWN], ways, strict=False)
    ]
    shows = (
        f"A bar for each of the {say.count(len(drawn), 'strongest driver')}, as long as its mean effect on scores; "
        "the colour tells whether it raises a score, lowers it, or neither can be said: the table has it in words."
    )
    return Chart("bars", MOVES, shows, *draw.bars(drawn), _table(ranked, ways))


def _table(ranked: Sequence[Record], ways: Sequence[Any]) -> Table:
    columns = (
        Column("what"),
        Column("share of contributions", True),
        Column("mean effect on the log odds", True, "of whatever sign, over leads"),
        Column("having it, or more, … the score"),
    )
    rows = tuple(
        (
            cell(_words(d)),
            cell(say.share(d["share"]), d["share"]),
            cell(say.amount(d["weight"], 3), d["weight"]),
            cell(way(one), one),
        )
        for d, one in zip(ranked, ways, strict=True)
    )
    return Table("drivers", f"All {say.count(len(ranked), 'driver')}, the strongest first", columns, rows)


def _words(driver: Record) -> str:
    return "days since it was created" if driver["group"] == "age" else str(driver["words"])


def _kind(direction: Any) -> str:
    return "flat" if not say.known(direction) or direction == 0 else "up" if direction > 0 else "down"
