"""The page of `monitor`: what past scores were worth, what drifted, what sales made of the leads, and the holdout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.report.pages.page import render
from leadline.report.parts import Cell, PageSection, PageTable, TableColumn, cell
from leadline.report.sections.movement import movement_parts

__all__ = ["monitor_page", "monitor_sections"]

SHARES = (
    TableColumn("rows", True),
    TableColumn("predicted", True),
    TableColumn("observed", True),
    TableColumn("95% interval", True),
)
DOUBTED = (
    "Intervals are 95%, at the effective number of rows: a lead is scored night after night, and leads of one account are alike, so rows "
    "are not independent. A segment is miscalibrated where chance alone would make any of them look so in fewer than one of twenty such tables."
)
LOT = (
    "The holdout’s tiers are assigned at random, and whoever works it sees no score: what becomes of its low-scored leads is what would become "
    "of low-scored leads if they were worked like the others, as far as the tier is what decides that."
)


def monitor_page(record: Mapping[str, Any]) -> str:
    """Return the monitor as one self-contained HTML page; it makes no request, and holds counts and names of segments.

    Parameters
    ----------
    record : mapping
        As `leadline.workflows.monitor.MonitorResult.to_record` makes it.
    """
    return render("monitor.html.j2", record["name"], None, monitor_sections(record))


def monitor_sections(record: Mapping[str, Any]) -> tuple[PageSection, ...]:
    """Return the page's sections; without a ripe row there are the advice and the drift alone."""
    told = [_advice(record)]
    if record["rows"]:
        told += [_calibration_table_section(record), _ranked(record), _sales(record["accepted"])]
    return (*told, *_moved(record.get("moved")), _drift(record["drift"]), *_holdout(record["exploration"]))


def _advice(record: Mapping[str, Any]) -> PageSection:
    line = f"{record['advice'][:1].upper()}{record['advice'][1:]}."
    seen = (
        f"{format.count(record['rows'], 'score')} of {format.count(record['nights'], 'night')} are old enough to count at {format.date_text(record['as_of'])}, "
        f"{format.count(record['positives'])} of them positive; {format.count(record['censored'])} are too recent."
    )
    whole = record["judged_version"] == "all"
    of = (
        "It is judged by all versions’ nights."
        if whole
        else f"It is judged by the nights of version {record['judged_version']}, the newest."
    )
    return PageSection(
        "advice",
        "Whether to retrain",
        line,
        (f"Why this is the rule: {record['because']}.", seen, of, *record["notes"]),
    )


def _calibration_table_section(record: Mapping[str, Any]) -> PageSection:
    found = (
        f"{format.share(record['predicted'])} was predicted and {format.share(record['observed'])} observed (95% interval "
        f"{_span(record)}); by band the mean difference (ECE) is {format.decimal(record['ece'], 3)}."
    )
    every = (record["segments"] or {}).get("segments", [])
    segments = tuple((cell(f"{s['by']} = {s['level']}"), *_row(s), cell(s["verdict"])) for s in every)
    lines = tuple((cell(f"band {n}"), *_row(b)) for n, b in enumerate(record["bands"], 1))
    tables = [
        PageTable("t-bands", "Conversion by band of the score, the best first", (TableColumn("band"), *SHARES), lines),
        PageTable(
            "t-segments",
            "Predicted and observed by segment",
            (TableColumn("segment"), *SHARES, TableColumn("verdict")),
            segments,
        ),
    ]
    return PageSection("held", "Do the probabilities hold", found, (*(t for t in tables if t.rows), DOUBTED))


def _ranked(record: Mapping[str, Any]) -> PageSection:
    found = f"A lead that converted stood above one that didn’t with chance {_auc(record)} (the AUC)."
    rows = tuple((cell(v["version"]), *_row(v), cell(_auc(v), v["auc"])) for v in record["versions"])
    table = PageTable(
        "t-versions", "By model version", (TableColumn("version"), *SHARES, TableColumn("AUC", True)), rows
    )
    return PageSection("ranked", "Does it rank", found, (table,))


def _sales(told: Mapping[str, Any]) -> PageSection:
    whole = {name: sum(t[name] for t in told["tiers"]) for name in ("leads", "accepted", "rejected")}
    found = (
        f"Of {format.count(whole['leads'], 'lead')}, each counted from the first night that it stood in a tier, {format.count(whole['accepted'])} reached "
        f"the outcome within the horizon and {format.count(whole['rejected'])} were rejected."
    )
    heads = (TableColumn("level"), *(TableColumn(n, True) for n in ("leads", "accepted", "rejected", "neither")))
    tables = [
        PageTable(f"t-{key}", caption, heads, tuple(_counts(t) for t in told[key]))
        for key, caption in (("tiers", "What became of leads, by tier"), ("sources", "What became of leads, by source"))
        if told[key]
    ]
    for key, caption in (("words", "Rejected, by stage"), ("reasons", "Rejected, by reason; rare ones together")):
        rows = tuple((cell(why), cell(format.count(n), n)) for why, n in told[key].items())
        if rows:
            tables.append(PageTable(f"t-{key}", caption, (TableColumn(key[:-1]), TableColumn("leads", True)), rows))
    return PageSection("sales", "What sales made of them", found, tuple(tables))


def _counts(t: Mapping[str, Any]) -> tuple[Cell, ...]:
    return (cell(t["level"]), *(cell(format.count(t[n]), t[n]) for n in ("leads", "accepted", "rejected", "neither")))


def _moved(told: Mapping[str, Any] | None) -> Sequence[PageSection]:
    if not told:
        return ()
    said, *tables = movement_parts(told)
    return (PageSection("moved", "What moved since the night before", str(said), tuple(tables)),)


def _drift(drift: Mapping[str, Any]) -> PageSection:
    title = "Have the inputs drifted"
    if "features" not in drift:
        return PageSection("drift", title, f"Nothing can be said: {drift.get('why', 'there is no night')}.")
    beyond = sum(d["beyond"] for d in drift["features"])
    found = (
        f"At {format.date_text(drift['as_of'])} the score lies {format.decimal(drift['score']['psi'])} (PSI) from the newest quarter of training, and "
        f"{format.count(beyond)} of {format.count(len(drift['features']), 'feature')} lie beyond {drift['bound']:g} and chance."
    )
    columns = (
        TableColumn("feature"),
        TableColumn("PSI", True),
        TableColumn("by chance up to", True),
        TableColumn("verdict"),
    )
    rows = tuple(
        (cell(d["words"]), cell(format.decimal(d["psi"]), d["psi"]), cell(format.decimal(d["chance"]), d["chance"]), cell("beyond" if d["beyond"] else "within"))
        for d in drift["features"]
    )  # fmt: skip
    folded = f"All {format.count(len(rows), 'feature')}, the farthest first"
    return PageSection(
        "drift",
        title,
        found,
        (PageTable("t-drift", "Features against training", columns, rows, folded=folded),) if rows else (),
    )


def _holdout(told: Mapping[str, Any] | None) -> Sequence[PageSection]:
    if told is None:
        return ()
    mine, rest = told["holdout"], told["rest"]
    found = f"In the exploration holdout, {format.count(mine['leads'], 'lead')} worked at random, the AUC is {_auc(mine)}; among all others it is {_auc(rest)}."
    columns = (
        TableColumn("score"), TableColumn("holdout", True), TableColumn("observed", True), TableColumn("95% interval", True),
        TableColumn("the rest", True), TableColumn("observed", True), TableColumn("95% interval", True),
    )  # fmt: skip
    rows = tuple(
        (
            cell(f"{format.share(b['from'])} to {format.share(b['to'])}", b["from"]),
            *_part(b["holdout"]),
            *_part(b["rest"]),
        )
        for b in told["bands"]
    )
    lot = told["by_lot"]
    drew = tuple(
        (cell(name), *_row(lot[key]))
        for key, name in (("best", "assigned the best tier"), ("others", "assigned another"))
    )
    tables = (
        PageTable("t-holdout", "Conversion by band of the score, the best first", columns, rows),
        PageTable(
            "t-lot",
            "What being in the best tier does, whatever the score",
            (TableColumn("of the holdout"), *SHARES),
            drew,
        ),
    )
    return (PageSection("holdout", "The exploration holdout", found, (*tables, LOT)),)


def _part(t: Mapping[str, Any]) -> tuple[Cell, ...]:
    return (
        cell(format.count(t["rows"]), t["rows"]),
        cell(format.share(t["observed"]), t["observed"]),
        cell(_span(t), t["low"]),
    )


def _row(t: Mapping[str, Any]) -> tuple[Cell, ...]:
    return (
        cell(format.count(t["rows"]), t["rows"]),
        cell(format.share(t["predicted"]), t["predicted"]),
        cell(format.share(t["observed"]), t["observed"]),
        cell(_span(t), t["low"]),
    )


def _span(t: Mapping[str, Any]) -> str:
    return format.shares(t["low"], t["high"])


def _auc(t: Mapping[str, Any]) -> str:
    return (
        f"{format.decimal(t['auc'], 3)} ({format.interval(t['auc_low'], t['auc_high'])})"
        if format.is_number(t["auc"])
        else format.ABSENT
    )
