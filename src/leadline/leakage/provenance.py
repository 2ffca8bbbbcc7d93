"""Suspects by place: the outcome's own table (LL202), what each row has to itself (LL203, LL204), rows in order of outcome (LL216)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from leadline.config.schema import Engine, Query, Source, SqlFile
from leadline.leakage.column_names import snake_case
from leadline.leakage.evidence import Answer, GateContext
from leadline.tables import open_store
from leadline.tables.attributes import Attribute

__all__ = ["id_number", "in_order_of_outcome", "near_unique_text", "outcome_table_column"]

FILE = re.compile(
    r"'([^'\n]+\.(?:parquet|csv|tsv|jsonl|ndjson|json)(?:\.gz)?)'|\"([^\"\n]+\.(?:parquet|csv))\"", re.IGNORECASE
)
IDS = re.compile(r"(^|_)(id|ids|uuid|guid|key|number|num|no|nr|code|ref|reference|serial|row|index)($|_)")
UNIQUE, FEWEST, RUNS = 0.95, 200, 0.95
SAMPLE = 20_000
PARTS, SORTED = (
    20,
    0.6,
)  # parts of the file, and what of the outcome they may tell; a base rate that grows tenfold tells .25


def outcome_table_column(gate: GateContext) -> Iterator[Answer]:
    """Refuse attributes that are the outcome, or are read where the outcome stands: they exist for those who reached it."""
    config = gate.config
    for a in gate.loaded.attributes:
        if config.is_flat and a.column.lower() == str(config.outcome.column).lower():
            yield (
                f"leads.{a.column}",
                "is the outcome itself",
                "columns known before it",
                "drop it from attributes",
                0,
            )
    for name, section in (("leads", config.tables.leads), ("accounts", config.tables.accounts)):
        for table in ("stages", "opportunities"):
            other = getattr(config.tables, table)
            if section is None or other is None or not section.attributes:
                continue
            if section.source == other.source:
                yield (
                    f"tables.{name}.attributes", f"come from the source that holds the outcome ({table})", "a source of their own",
                    "read attributes from the table of leads as they were created", 0,
                )  # fmt: skip
            else:
                yield from _from_its_file(gate, name, section.source, other.source, table)
                yield from _deal_columns(gate, name, other, table)


def _from_its_file(gate: GateContext, name: str, source: Source, other: Source, table: str) -> Iterator[Answer]:
    """Find attributes that a join brings from a file of the outcome's source, and from no other."""
    mine, theirs = _files(source), _files(other)
    shared, own = mine & theirs, mine - theirs
    if not shared or not own:
        return  # no file in common; or all lies in one file, where only its behaviour can tell
    there = {c.lower() for file in sorted(shared) for c in _columns(file)}
    also = {c.lower() for file in sorted(own) for c in _columns(file)}
    for a in gate.loaded.attributes:
        if a.table == name and a.column.lower() in there - also:
            yield (
                f"{name}.{a.column}", f"is joined from the file that tells of the outcome (tables.{table}), so it exists for those who reached it",
                "columns of the table of leads", "drop it", 0,
            )  # fmt: skip


def _deal_columns(gate: GateContext, name: str, section: Any, table: str) -> Iterator[Answer]:
    """Find attributes with the name of a column that tells of the deal, filled hardly but for leads with a deal."""
    if name != "leads" or section.lead is None:
        return
    mapped = {
        "stage": section.stage,
        "reason": getattr(section, "reason", None),
        "amount": getattr(section, "amount", None),
    }
    names = {str(column).lower() for column in mapped.values() if column}
    for a in gate.judged:
        if a.table == "leads" and a.column.lower() in names:
            inside, outside = gate.loaded.store.rows(
                f"SELECT AVG(CASE WHEN o.lead_id IS NOT NULL THEN CASE WHEN l.{a.name} IS NULL THEN 0.0 ELSE 1.0 END END), "
                f"AVG(CASE WHEN o.lead_id IS NULL THEN CASE WHEN l.{a.name} IS NULL THEN 0.0 ELSE 1.0 END END) "
                f"FROM leads AS l LEFT JOIN (SELECT DISTINCT lead_id FROM {table}) AS o ON o.lead_id = l.lead_id"
            )[0]
            inside, outside = float(inside or 0.0), float(outside or 0.0)
            if inside and outside < 0.05 * inside:
                yield (
                    f"leads.{a.column}", f"has the name of a column of {table}, and a value for {inside:.0%} of the leads there and {outside:.0%} of the others",
                    "columns of the table of leads", "drop it", 0,
                )  # fmt: skip


def near_unique_text(gate: GateContext) -> Iterator[Answer]:
    """Tell text attributes that nearly every lead has to itself: they can't be learnt from, and may name people."""
    for a, filled, distinct in _counts(gate, "category"):
        if filled and distinct > max(50, 0.5 * filled):
            yield (
                f"{a.table}.{a.column}", f"{distinct} values on {filled} rows: near-unique text, of which no level is kept", "words that leads share",
                "drop it from attributes", distinct,
            )  # fmt: skip


def id_number(gate: GateContext) -> Iterator[Answer]:
    """Tell whole numbers that nearly every row has to itself and that are named as ids, or run with time."""
    for a, filled, distinct in _counts(gate, "number"):
        if filled < FEWEST or distinct < UNIQUE * filled or not _whole(gate, a):
            continue
        runs = abs(_with_time(gate, a))
        named = bool(IDS.search(snake_case(a.column)))
        if named or runs > RUNS:
            how = f" that run with time (rank correlation {runs:.2f})" if runs > RUNS else ", named as an id"
            yield (
                f"{a.table}.{a.column}", f"{distinct} whole numbers on {filled} rows{how}", "numbers that mean a quantity",
                "drop it: tonight's numbers lie beyond all that the model learnt from", distinct,
            )  # fmt: skip


def in_order_of_outcome(gate: GateContext) -> Iterator[Answer]:
    """Refuse a flat file whose order is that of the outcome: no part of it has both, so neither folds nor the gate can judge."""
    rows = gate.loaded.store.arrow(
        f"SELECT order_at, outcome FROM leads WHERE outcome IS NOT NULL AND order_at IS NOT NULL AND {gate.visible('leads')} ORDER BY order_at, MD5(lead_id)"
    )
    y = rows.column("outcome").to_numpy().astype(np.float64)
    if len(y) < FEWEST or not 0 < y.sum() < len(y):
        return
    part = np.arange(len(y)) * PARTS // len(y)
    rate = np.bincount(part, y) / np.bincount(part)
    told = float(((rate[part] - y.mean()) ** 2).mean() / y.var())
    if told > SORTED:
        yield (
            f"snapshots.order_by: {gate.config.snapshots.order_by}",
            f"of {PARTS} parts of the file in this order {int(((rate > 0.05) & (rate < 0.95)).sum())} hold both outcomes: the rows are sorted by the outcome, or come from two lists",
            "an order in which the leads came", "name a column that runs with time in snapshots.order_by, or export the leads in the order of their creation", len(y),
        )  # fmt: skip


def _counts(gate: GateContext, kind: str) -> Iterator[tuple[Attribute, int, int]]:
    """Count each attribute's values, and its distinct ones; one query a table."""
    for table in ("leads", "accounts"):
        mine = [a for a in gate.loaded.attributes if a.table == table and a.kind == kind]
        if mine:
            counts = ", ".join(f"COUNT({a.name}), COUNT(DISTINCT {a.name})" for a in mine)
            row = gate.loaded.store.rows(f"SELECT {counts} FROM {table} WHERE {gate.visible(table)}")[0]
            for n, a in enumerate(mine):
                yield a, int(row[2 * n]), int(row[2 * n + 1])


def _whole(gate: GateContext, a: Attribute) -> bool:
    broken = f"{a.name} <> FLOOR({a.name}) AND {gate.visible(a.table)}"
    return not gate.loaded.store.rows(f"SELECT COUNT(*) FROM {a.table} WHERE {broken}")[0][0]


def _with_time(gate: GateContext, a: Attribute) -> float:
    """Rank correlation of a number of leads with the time at which they came; 0 for accounts, which have none."""
    if a.table != "leads":
        return 0.0
    at = "order_at" if gate.config.is_flat else "created_at"
    rows = gate.loaded.store.arrow(
        f"SELECT CAST({at} AS DOUBLE) AS moment, {a.name} AS x FROM leads WHERE {at} IS NOT NULL AND {a.name} IS NOT NULL AND {gate.visible('leads')} ORDER BY MD5(lead_id) LIMIT {SAMPLE}"
    )
    ranks = [np.argsort(np.argsort(rows.column(c).to_numpy(), kind="stable"), kind="stable") for c in ("moment", "x")]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1]) if rows.num_rows > 1 else 0.0


def _files(source: Source) -> set[str]:
    """List the files that a source reads."""
    if isinstance(source, str):
        return {source} if "://" not in source else set()
    if isinstance(source, SqlFile):
        path = Path(source.sql)
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
    elif isinstance(source, Query):
        text = source.query
    return {a or b for a, b in FILE.findall(text)}


def _columns(file: str) -> list[str]:
    """List a file's columns; an engine that was handed its tables reads no more files, so another store does."""
    store = open_store(Engine())
    try:
        return list(store.read("raw_aside", file, []))
    finally:
        store.close()
