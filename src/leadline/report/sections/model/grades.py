"""The section on fit × engagement: the grid with what became of each cell, what each axis adds, and what to do at its corners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.report.parts import COUNTED, Cell, Collapsed, PageSection, PageTable, Part, TableColumn, cell
from leadline.report.text import drawn_units

__all__ = ["axes_sentence", "grades_section", "grid_sentence", "open_by_grade"]

TITLE = "Fit and engagement"
FITS, ENGAGEMENTS = "ABCD", "1234"
QUIET, EAGER = [a + b for a in "AB" for b in "34"], [a + b for a in "CD" for b in "12"]
"""The corners where the two disagree: they fit and are quiet; they are active and don't fit."""

HOW = (
    "Fit is what the model makes of who a lead and its account are, engagement what it makes of what they do; the letters A to D and the digits 1 to 4 are the best tenth, the next fifth, "
    "three tenths and the rest among earlier leads. Each lead counts once: in the cell of its first scoring date in the newest fold, by a model that saw nothing of that fold. "
    "Cells of fewer than 20 leads have no rate. Intervals: cluster bootstrap over {drawn}."
)


def grades_section(record: Mapping[str, Any]) -> PageSection | None:
    """Tell what became of each cell of the grid; None where there are no grades."""
    told: Mapping[str, Any] | None = record.get("grades")
    if told is None:
        return None
    what = format.outcome_plural(record.get("outcome", {}))
    parts: tuple[Part, ...] = (_grid(told, what), _axes(told, what), axes_sentence(told), *_corners(told, record, what), Collapsed(COUNTED, (HOW.format(drawn=drawn_units(record)),)))  # fmt: skip
    return PageSection("grades", TITLE, grid_sentence(told, what), parts)


def open_by_grade(record: Mapping[str, Any]) -> list[PageTable]:
    """Count the open leads of each cell; nothing where there are no grades."""
    counts: Mapping[str, int] | None = (record.get("open_leads") or {}).get("grades")
    if not counts:
        return []
    columns = (TableColumn("fit"), *(TableColumn(f"engagement {b}", True) for b in ENGAGEMENTS))
    rows = tuple(
        (cell(a), *(cell(format.count(n), n) for n in (counts.get(a + b, 0) for b in ENGAGEMENTS))) for a in FITS
    )
    return [PageTable("open-grades", "Open leads by fit (A is best) and engagement (1 is best)", columns, rows)]


def grid_sentence(told: Mapping[str, Any], what: str) -> str:
    """Say how far the corners lie apart, and where the grid isn't honest."""
    cells = {c["name"]: c for c in told["cells"]}
    known = [c for c in told["cells"] if format.is_number(c["rate"]["value"])]
    if not known:
        return "Too few leads to say what became of the cells."
    best = (
        cells["A1"] if format.is_number(cells["A1"]["rate"]["value"]) else max(known, key=lambda c: c["rate"]["value"])
    )
    last = (
        cells["D4"] if format.is_number(cells["D4"]["rate"]["value"]) else min(known, key=lambda c: c["rate"]["value"])
    )
    head = f"Of the leads graded {best['name']} {format.share(best['rate']['value'])} became {what}, of those graded {last['name']} {format.share(last['rate']['value'])}"
    rises = told["rises"]
    if rises:
        return f"{head}; but {' and '.join(rises)} converts more often than the grades say, beyond noise."
    return f"{head}. No worse letter or digit converts more often than the one before it, beyond noise."


def _grid(told: Mapping[str, Any], what: str) -> PageTable:
    cells = {c["name"]: c for c in told["cells"]}
    columns = (TableColumn("fit"), *(TableColumn(f"engagement {b}", True) for b in ENGAGEMENTS))
    rows = tuple((cell(a), *(_rate(cells[a + b]) for b in ENGAGEMENTS)) for a in FITS)
    return PageTable("grade-grid", f"Became {what}, of the leads of each grade", columns, rows)


def _rate(one: Mapping[str, Any]) -> Cell:
    rate = one["rate"]
    if not format.is_number(rate["value"]):
        return cell(f"{format.ABSENT} of {format.count(round(one['leads']))}")
    interval = f" ({format.share(rate['low'])}–{format.share(rate['high'])})" if format.is_number(rate["low"]) else ""
    return cell(f"{format.share(rate['value'])} of {format.count(round(one['leads']))}{interval}", rate["value"])


def _axes(told: Mapping[str, Any], what: str) -> PageTable:
    columns = (
        TableColumn("grade"), TableColumn("leads", True), TableColumn(f"became {what}", True), TableColumn("95% interval", True), TableColumn("predicted", True),
    )  # fmt: skip
    rows = tuple(
        (
            cell(f"{kind} {one['name']}"), cell(format.count(round(one["leads"])), one["leads"]), cell(format.share(one["rate"]["value"]), one["rate"]["value"]),
            cell(_interval(one["rate"])), cell(format.share(one["predicted"]), one["predicted"]),
        )
        for kind in ("fit", "engagement") for one in told[kind]
    )  # fmt: skip
    return PageTable("grade-axes", "The same along each axis", columns, rows, folded="Each axis by itself")


def _interval(rate: Mapping[str, Any]) -> str:
    return (
        f"{format.share(rate['low'])}–{format.share(rate['high'])}" if format.is_number(rate["low"]) else format.ABSENT
    )


def axes_sentence(told: Mapping[str, Any]) -> str:
    """Say what each axis adds to the other."""
    auc, adds = told["auc"], told["adds"]
    if not format.is_number(auc["model"]["value"]):
        return "What each axis adds can’t be told: the newest fold has one class alone."
    each = [f"{who} alone {_three(auc[who]['value'])}" for who in ("fit", "engagement")]
    plus = []
    for who in ("fit", "engagement"):
        told_of = adds[who]
        proven = "" if (told_of["low"] or 0) > 0 else ", not proven"
        interval = f"95% {_three(told_of['low'], True)} to {_three(told_of['high'], True)}"
        plus.append(f"{who} adds {_three(told_of['value'], True)} ({interval}{proven})")
    return f"AUC in the newest fold: {', '.join(each)}, the model {_three(auc['model']['value'])}. Beside the other, {plus[0]} and {plus[1]}."


def _three(value: float | None, sign: bool = False) -> str:
    return format.decimal(value, 3, sign).replace("0.", ".", 1)


def _corners(told: Mapping[str, Any], record: Mapping[str, Any], what: str) -> list[str]:
    """Say what to do where fit and engagement disagree."""
    counts: Mapping[str, int] = (record.get("open_leads") or {}).get("grades") or {}
    cells = {c["name"]: c for c in told["cells"]}
    return [
        _corner("They fit, and are quiet", QUIET, cells, counts, what, "sales-led outreach to those of a known account, nurture for the rest; don’t wait for them to ask"),
        _corner("They are active, and don’t fit", EAGER, cells, counts, what, "qualify before a rep’s time goes in: need, budget, country; self-service or a partner otherwise"),
    ]  # fmt: skip


def _corner(
    title: str, names: Sequence[str], cells: Mapping[str, Any], counts: Mapping[str, int], what: str, do: str
) -> str:
    leads, reached = (sum(cells[name][key] for name in names) for key in ("leads", "reached"))
    rate = f"; {format.share(reached / leads)} of {format.count(round(leads))} became {what}" if leads >= 20 else ""
    now = f", {format.count(sum(counts.get(name, 0) for name in names))} of them open" if counts else ""
    return f"{title} ({names[0]}, {', '.join(names[1:])}{now}){rate}: {do}."
