"""Files that a CRM takes: CSV for Salesforce's Bulk API, for HubSpot's import and for Dynamics 365's import wizard.

Each has a column that names the record, and fields made for leadline's figures. The tier is the one that sales works
with: one set by hand stands in the place of the model's.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leadline.config.scoring import Deliver
from leadline.delivery.changes import CHANGE, HANDOFFS, WHY
from leadline.delivery.folder_sink import OLD_COLUMNS, retire_partitions, write_partition
from leadline.delivery.formats import FORMULA, line_bytes, spreadsheet_safe
from leadline.errors import ConfigError

__all__ = ["FORMATS", "CrmFormat", "crm_files", "deliver", "retire_deliveries"]

REASONS = ("reason_1", "reason_2", "reason_3")


@dataclass(frozen=True)
class CrmFormat:
    """What one CRM takes.

    Attributes
    ----------
    id_column : str
        The header of the column that names the record.
    fields : mapping of str to str
        The scores' columns, and the CRM's field for each.
    line_end, nothing : str
        What ends a line, and what says that a field is to be emptied.
    most_rows, most_bytes : int
        What one file may hold: rows without the header, and bytes.
    longest : int
        How many characters a text may have.
    """

    id_column: str
    fields: Mapping[str, str]
    line_end: str
    nothing: str
    most_rows: int
    most_bytes: int
    longest: int = 255


def _named(pattern: str) -> dict[str, str]:
    words = {
        "probability": "Probability",
        "tier": "Tier",
        "rank": "Rank",
        "as_of": "Scored_At",
        "model_version": "Model",
    }
    words |= {reason: reason.title() for reason in REASONS}
    return {
        column: pattern.format(word, word.lower(), word.lower().replace("_", " ")) for column, word in words.items()
    }


FORMATS = {
    # Bulk API: a batch has at most 10,000 records, 10 MB and 10,000,000 characters; #N/A empties a field; LF by default.
    "salesforce": CrmFormat("Id", _named("Leadline_{0}__c"), "\n", "#N/A", 10_000, 10_000_000),
    # HubSpot: at most 1,048,576 rows a file, the header among them, and 20 MB where the subscription is the free one.
    "hubspot": CrmFormat("Record ID", _named("Leadline {2}"), "\r\n", "", 1_048_575, 20_000_000),
    # Dynamics: the import wizard takes files up to 8 MB.
    "dynamics": CrmFormat("leadid", _named("new_leadline_{1}"), "\r\n", "", 1_000_000, 8_000_000),
}


def crm_files(
    to: str, rows: Any, id_column: str | None = None, fields: Mapping[str, str] | None = None, percent: bool = False
) -> tuple[dict[str, bytes], int]:
    """Return the files, by name, and how many rows they hold.

    Parameters
    ----------
    to : str
        salesforce, hubspot or dynamics.
    rows : pyarrow.Table
        Scores. A lead whose id a spreadsheet would run as a formula is left out: changed, it would name nobody.
    id_column, fields
        In the place of the CRM's own, where the config has others.
    percent : bool
        Whether probabilities are told in percent, as a CRM's percent fields take them: 25 for a quarter.

    Raises
    ------
    ConfigError
        `fields` names a column that the scores don't have.

    Examples
    --------
    >>> import pyarrow as pa
    >>> rows = pa.table({"lead_id": ["00Q1"], "probability": [0.25], "tier": ["A"], "tier_override": ["C"]})
    >>> files, count = crm_files("salesforce", rows, fields={"probability": "Score__c", "tier": "Tier__c"})
    >>> files
    {'leads-001.csv': b'Id,Score__c,Tier__c\\n00Q1,0.25,C\\n'}
    """
    form = FORMATS[to]
    if fields:
        wanted = {OLD_COLUMNS.get(c, c): f for c, f in fields.items()}
    else:
        wanted = {c: f for c, f in form.fields.items() if c in rows.column_names}
    unknown = sorted(set(wanted) - set(rows.column_names))
    if unknown:
        raise ConfigError(
            f"nightly.deliver.fields: the scores have no column {', '.join(unknown)}; "
            f"expected some of {', '.join(rows.column_names)}; mend the name"
        )
    named = list(rows.column("lead_id").to_pylist())
    safe = [n for n, lead in enumerate(named) if not re.match(FORMULA, lead)]
    told = spreadsheet_safe(
        _in_percent(_as_worked(rows).select([*wanted])) if percent else _as_worked(rows).select([*wanted])
    )
    columns = [_cells(told.column(c).to_pylist(), form) for c in wanted]
    lines = _lines(
        [id_column or form.id_column, *wanted.values()], ((named[n], *(c[n] for c in columns)) for n in safe), form
    )
    parts = list(_split(lines, form))
    return {f"leads-{number:03d}.csv": data for number, data in enumerate(parts, 1)}, len(safe)


def _as_worked(rows: Any) -> Any:
    """Put the tier that somebody set by hand in the place of the model's."""
    import pyarrow.compute as pc

    if "tier_override" in rows.column_names:
        tier = pc.coalesce(rows.column("tier_override"), rows.column("tier"))
        rows = rows.set_column(rows.column_names.index("tier"), "tier", tier)
    return rows


def _in_percent(rows: Any) -> Any:
    """Tell every probability in percent."""
    import pyarrow.compute as pc

    for place, name in enumerate(rows.column_names):
        if name in CHANCES or re.match(r"p_(\d+[mhdw]$|\w+_given_\w+$)", name):
            rows = rows.set_column(place, name, pc.multiply(rows.column(name), 100.0))
    return rows


CHANCES = ("probability", "previous_probability", "probability_low", "probability_high")


def _cells(values: Sequence[Any], form: CrmFormat) -> list[Any]:
    """Write values as the CRM takes them: numbers as they are to six places, texts no longer than its fields."""
    return [
        form.nothing
        if v is None
        else round(v, 6)
        if isinstance(v, float)
        else v[: form.longest]
        if isinstance(v, str)
        else v
        for v in values
    ]


def _lines(head: Sequence[str], rows: Iterable[Sequence[Any]], form: CrmFormat) -> Iterator[bytes]:
    """Yield each line as bytes, the header first."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator=form.line_end)
    for row in (head, *rows):
        writer.writerow(row)
        yield buffer.getvalue().encode("utf-8")
        buffer.seek(0)
        buffer.truncate()


def _split(lines: Iterator[bytes], form: CrmFormat) -> Iterator[bytes]:
    """Split lines into files that the CRM takes, each with the header; without rows there is one with it alone."""
    head = next(lines)
    held, size, files = [head], len(head), 0
    for line in lines:
        if len(held) > form.most_rows or size + len(line) > form.most_bytes:
            yield b"".join(held)
            held, size, files = [head], len(head), files + 1
        held.append(line)
        size += len(line)
    if len(held) > 1 or not files:
        yield b"".join(held)


# Deliveries: a night's files for other systems, put in place before the night itself is called finished.


def deliver(
    plans: Sequence[Deliver], rows: Any, delta: Any, handed: Sequence[Mapping[str, Any]], night: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Write each delivery's files into a partition of its folder; return what was delivered where.

    Parameters
    ----------
    rows, delta : pyarrow.Table
        The night's scores, and what changed since the night before.
    handed : sequence of records
        The handoffs.
    night : mapping
        The night's record.

    Raises
    ------
    ConfigError
        A delivery names a column that the scores don't have.
    OutputError
        A folder can't be written; what stood there still does.
    """
    made = []
    for plan in plans:  # all are made before the first is written
        if plan.to == "handoffs":
            made.append((plan, {HANDOFFS: line_bytes(handed)}, len(handed)))
        else:
            made.append(
                (
                    plan,
                    *crm_files(
                        plan.to, _still_open(delta) if plan.changed else rows, plan.id_column, plan.fields, plan.percent
                    ),
                )
            )
    told = []
    for plan, files, count in made:
        record = {name: night[name] for name in KEPT}
        place = write_partition(Path(plan.folder), files, {**record, "to": plan.to, "rows": count})
        told.append({"to": plan.to, "place": str(place), "rows": count, "files": len(files)})
    return told


KEPT = ("as_of", "as_of_value", "is_dated", "model_name", "model_version", "run_id")


def _still_open(delta: Any) -> Any:
    """Leave out the leads that are gone, for whom a CRM has no use, and give the columns the scores' own names."""
    import pyarrow.compute as pc

    open_still = delta.filter(pc.not_equal(delta.column(CHANGE), "gone")).drop_columns([CHANGE])
    return open_still.rename_columns([CHANGE if name == WHY else name for name in open_still.column_names])


def retire_deliveries(plans: Sequence[Deliver], model: str, as_of: int) -> int:
    """Remove deliveries of nights before an as_of; return how many.

    Examples
    --------
    >>> retire_deliveries([], "demo", 0)
    0
    """
    return sum(retire_partitions(Path(plan.folder), model, as_of) for plan in plans)
