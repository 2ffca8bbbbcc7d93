"""The page's first and last sections: what was asked of whom, and what was wrong with the data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from leadline.core import format
from leadline.report.parts import PageSection, PageTable, TableColumn, cell
from leadline.report.sections.model.drivers import support_sentences

__all__ = ["problems_section", "question_section"]

KINDS = (
    ("positive", "positive", "the outcome came within the horizon"),
    ("negative", "negative", "it is known that it didn't"),
    ("censored", "censored", "too early to say: what becomes of them isn't known, so they neither train nor judge"),
    ("late", "recorded after as_of", "the outcome had happened but wasn't recorded yet: left out"),
    ("before", "too early", "before the outcome began to be observed: left out"),
)
SEVERITIES = (("error", "error"), ("warning", "warning"), ("note", "note"))


def question_section(record: Mapping[str, Any]) -> PageSection:
    """Say the question, the time it was asked at, and the rows it was asked of."""
    counts, asked = record.get("snapshots", {}), record.get("outcome", {})
    flat = asked.get("reaches") is None
    whom = "each row" if flat else "each open lead"
    labelled = (counts.get("positive") or 0) + (counts.get("negative") or 0)
    known_at = record.get("known_at")
    when = f"at T, {format.date_text(known_at)}, it" if known_at is not None else "it"
    version = f" (version {record['version']})" if record.get("version") else ""
    found = (
        f"{record['name']}{version} asks of {whom} whether it {format.outcome(asked)}; {when} had learnt from "
        f"{format.count(labelled, 'labelled snapshot')}, {format.count(counts.get('positive'))} of them positive "
        f"(from {format.count(counts.get('positive_leads'), 'lead')})."
    )
    return PageSection(
        "asked",
        "What was asked, of whom",
        found,
        (*support_sentences(record), _kinds(counts), *_thinned(counts), _tables(record)),
    )


def _kinds(counts: Mapping[str, Any]) -> PageTable:
    total = sum(counts.get(key) or 0 for key, _, _ in KINDS)
    rows = tuple(
        (
            cell(title),
            cell(format.count(counts.get(key)), counts.get(key)),
            cell(format.share((counts.get(key) or 0) / total if total else None), counts.get(key)),
            cell(means),
        )
        for key, title, means in KINDS
    )
    columns = (
        TableColumn("kind"),
        TableColumn("snapshots", True),
        TableColumn("share", True),
        TableColumn("what it means"),
    )
    return PageTable("kinds", "Snapshots by kind; a snapshot is one open lead at one as_of", columns, rows)


def _thinned(counts: Mapping[str, Any]) -> tuple[str, ...]:
    kept, there = counts.get("kept_negative"), counts.get("negative")
    if not (format.is_number(kept) and format.is_number(there)) or kept >= there:  # type: ignore[operator]
        return ()
    return (
        f"Of the negatives, {format.count(kept)} were kept by sampling, with weights that leave probabilities as they are.",
    )


def _tables(record: Mapping[str, Any]) -> PageTable:
    sources, prints = record.get("sources", {}), record.get("fingerprints", {})
    rows = tuple(
        (cell(name), cell(format.count(n), n), cell(str(sources.get(name, format.ABSENT))), cell(str(prints.get(name, format.ABSENT))))
        for name, n in record.get("tables", {}).items()
    )  # fmt: skip
    columns = (
        TableColumn("table"),
        TableColumn("rows visible at T", True),
        TableColumn("read from"),
        TableColumn("fingerprint", means="changes when the data do"),
    )
    return PageTable("tables", "Tables read", columns, rows)


def problems_section(record: Mapping[str, Any]) -> PageSection:
    """Tell what the checks found in the data."""
    told = record.get("findings", [])
    findings = [f for f in told if f["severity"] != "not applicable"]
    if not findings:
        return PageSection("problems", "Data problems found", "The checks found nothing to say against the data.")
    number = Counter(f["severity"] for f in findings)
    said = format.join([format.count(number[key], noun) for key, noun in SEVERITIES if number[key]])
    rows = tuple(
        (
            cell(f["code"]),
            cell(f["severity"]),
            cell(f["subject"]),
            cell(f["seen"]),
            cell(f["expected"]),
            cell(f"accepted: {f['accepted']}" if f.get("accepted") else f["fix"]),
            cell(format.count(f["rows"]) if f.get("rows") else format.ABSENT, f.get("rows") or None),
        )
        for f in findings
    )
    columns = (
        TableColumn("code"),
        TableColumn("severity"),
        TableColumn("where"),
        TableColumn("found"),
        TableColumn("expected"),
        TableColumn("what to do", means="or the reason with which it is accepted"),
        TableColumn("rows", True),
    )
    found = f"The checks found {format.count(len(findings), 'thing')} to say of the data: {said}."
    unasked = tuple(
        (cell(f["code"]), cell(f["subject"]), cell(f["seen"])) for f in told if f["severity"] == "not applicable"
    )
    heads = (TableColumn("code"), TableColumn("where"), TableColumn("why it doesn’t apply"))
    folded = "What couldn’t be checked"
    parts: tuple[PageTable, ...] = (PageTable("findings", "Findings of the checks", columns, rows),)
    parts += (PageTable("unasked", folded, heads, unasked, folded=folded),) if unasked else ()
    return PageSection("problems", "Data problems found", found, parts)
