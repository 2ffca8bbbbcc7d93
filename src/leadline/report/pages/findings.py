"""The page of `check`: what was found, why it is suspicious, what to do, what was accepted, and what couldn't be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.report.pages.page import render
from leadline.report.parts import Cell, PageSection, PageTable, TableColumn, cell

__all__ = ["findings_page", "findings_sections"]

KINDS = (
    ("error", "refused", "Refused", "Training stops at each of these"),
    ("warning", "warned", "Warnings", "Training goes on; look at each of these"),
    ("note", "noted", "Notes", "Nothing is wrong; this is how the data were read"),
)


def findings_page(record: Mapping[str, Any]) -> str:
    """Return the findings as one self-contained HTML page; it makes no request, and holds counts and names, never a value.

    Parameters
    ----------
    record : mapping
        A check's, as `leadline.workflows.check.CheckResult.to_record` makes it.
    """
    return render("findings.html.j2", record["name"], None, findings_sections(record))


def findings_sections(record: Mapping[str, Any]) -> tuple[PageSection, ...]:
    """Return the page's sections: the verdict, then the findings by how much they matter; none is empty but the verdict.

    Examples
    --------
    >>> [s.key for s in findings_sections({"name": "demo", "ok": True, "known_at": None, "rows": {}, "findings": []})]
    ['verdict']
    """
    findings: Sequence[Mapping[str, Any]] = record["findings"]
    accepted = [f for f in findings if f.get("accepted")]
    rest = [f for f in findings if not f.get("accepted")]
    parts = [_verdict(record, accepted)]
    for severity, key, title, means in KINDS:
        mine = [f for f in rest if f["severity"] == severity]
        if mine:
            parts.append(
                PageSection(key, title, f"{means}: {format.count(len(mine), 'finding')}.", (_table(key, title, mine),))
            )
        if severity == "error" and accepted:
            parts.append(_accepted(accepted))
    unasked = [f for f in rest if f["severity"] == "not applicable"]
    return (*parts, *([_skipped_section(unasked)] if unasked else []))


def _verdict(record: Mapping[str, Any], accepted: Sequence[Any]) -> PageSection:
    findings = [f for f in record["findings"] if not f.get("accepted")]
    number = {kind: sum(f["severity"] == kind for f in findings) for kind, *_ in KINDS}
    said = format.join([format.count(n, kind) for kind, n in number.items() if n]) or "nothing"
    at = f", as known at {format.date_text(record['known_at'])}" if record.get("known_at") is not None else ""
    verdict = "Training may go ahead" if record["ok"] else "Training refuses these data"
    excused = f"; {format.count(len(accepted), 'error')} accepted with a reason" if accepted else ""
    found = f"{verdict}: the checks found {said}{at}{excused}."
    rows = tuple((cell(name), cell(format.count(n), n)) for name, n in record["rows"].items())
    table = PageTable("rows", "Rows that were looked at", (TableColumn("table"), TableColumn("rows", True)), rows)
    return PageSection("verdict", "The verdict", found, (table,) if rows else ())


def _table(key: str, title: str, findings: Sequence[Mapping[str, Any]]) -> PageTable:
    columns = (
        TableColumn("code"),
        TableColumn("where"),
        TableColumn("what was seen"),
        TableColumn("what to do"),
        TableColumn("why it is suspicious"),
    )
    return PageTable(f"t-{key}", f"{title}, one a line", columns, tuple(map(_row, findings)))


def _row(f: Mapping[str, Any]) -> tuple[Cell, ...]:
    counted = f" ({format.count(f['rows'], 'row')})" if f.get("rows") else ""
    return (
        cell(_code(f)),
        cell(f["subject"]),
        cell(f"{f['seen']}; expected {f['expected']}{counted}"),
        cell(f["fix"]),
        cell(f.get("why") or format.ABSENT),
    )


def _accepted(findings: Sequence[Mapping[str, Any]]) -> PageSection:
    """Tell the errors that the config accepts, each with its reason."""
    columns = (TableColumn("code"), TableColumn("where"), TableColumn("what was seen"), TableColumn("accepted because"))
    rows = tuple((cell(_code(f)), cell(f["subject"]), cell(f["seen"]), cell(f["accepted"])) for f in findings)
    found = f"The config accepts {format.count(len(findings), 'error')}; each reason stands in the run’s record, too."
    return PageSection("accepted", "Accepted", found, (PageTable("t-accepted", "Accepted errors", columns, rows),))


def _skipped_section(findings: Sequence[Mapping[str, Any]]) -> PageSection:
    columns = (TableColumn("code"), TableColumn("where"), TableColumn("why it doesn’t apply"))
    rows = tuple((cell(_code(f)), cell(f["subject"]), cell(f["seen"])) for f in findings)
    found = f"{format.count(len(findings), 'check')} couldn’t look here, so nothing is known of what they look for."
    return PageSection(
        "unasked", "Not applicable", found, (PageTable("t-unasked", "Checks that don’t apply", columns, rows),)
    )


def _code(f: Mapping[str, Any]) -> str:
    return f"{f['code']} {f['title']}" if f.get("title") else str(f["code"])
