"""The tables as leadline sees them: canonical columns, their roles, and the SQL that casts a source's column to them.

Every instant becomes a BIGINT of microseconds, every id a VARCHAR, money integer cents, so that the feature SQL
that follows needs nothing but comparisons on integers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from leadline.config.schema import Config
from leadline.core.choices import closest
from leadline.core.point_in_time import EARLIEST, LATEST
from leadline.storage.dialect import UNTOLD, identifier, literal

__all__ = [
    "CLOCKS", "ISO", "KEYS", "LETTERED", "UNTOLD", "ZONED", "CanonicalColumn", "cast_sql", "columns_of", "find_column", "is_nested", "kind_of_type", "looks_naive",
    "reading_of", "reading_sql", "text_sql",
]  # fmt: skip

Role = Literal["key", "ref", "text", "time", "money"]

CLOCKS = {
    "leads": "created_at",
    "events": "occurred_at",
    "stages": "changed_at",
    "opportunities": "created_at",
    "history": "changed_at",
    "merges": "merged_at",
    "touches": "touched_at",
}
"""The column that says when a row happened, for each dated table."""

KEYS = {"leads": "lead_id", "accounts": "account_id", "events": "event_id", "opportunities": "opportunity_id"}
"""The column that names a row, for each table that has one."""

BLANKS = " \t\r\n\u00a0"
"""What may stand around an id or a word without changing it."""

DATED = r"^\d{4}-\d{1,2}-\d{1,2}"
NAIVE = DATED + r"([T ]+\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?)?$"
OFFSET = r"[+-]\d{2}(:?\d{2}(:?\d{2})?)?"
ZONED = (
    DATED
    + rf"[T ]+\d{{1,2}}:\d{{2}}(:\d{{2}}(\.\d+)?)?\s*(Z|UTC|GMT|(UTC|GMT)?\s*{OFFSET}|[A-Za-z_]+/[A-Za-z0-9_+/-]+)$"
)
"""A zone is an offset, Z, UTC, GMT or a region's name: letters such as CST, IST or BST are those of several places."""
ISO = DATED + r"([T ]+\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*(Z|[A-Z]{3,5}|(UTC|GMT)?\s*[+-]\d{2}.*|[A-Za-z_]+/.*)?)?$"
"""A date, or a time with whatever stands for its zone."""

LETTERED = DATED + r"[T ]+\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*[A-Za-z]{2,5}$"

UNITS = {"unix": 1_000_000, "unix_ms": 1_000, "unix_us": 1}
"""How many microseconds one is of what is counted since 1970."""

EXCEL_1970 = 25_569
"""1970-01-01 as Excel counts days."""

TIMES_OF_DAY = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", " %I:%M%p", " %I:%M:%S%p")

NUMBERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
    "FLOAT",
    "DOUBLE",
    "BOOLEAN",
)


@dataclass(frozen=True)
class CanonicalColumn:
    """A canonical column: its name here, its name in the source, what it is for, whether a row needs it, and how its times are written."""

    name: str
    source: str
    role: Role
    required: bool = True
    reading: str = ""


def columns_of(table: str, section: Any) -> tuple[CanonicalColumn, ...]:
    """List the canonical columns that a table's section of the config maps (attributes apart).

    Examples
    --------
    >>> from leadline.config.schema import Stages
    >>> section = Stages(source="s.csv", lead="id", stage="to", changed_at="at")
    >>> [(c.name, c.source) for c in columns_of("stages", section)]
    [('lead_id', 'id'), ('stage', 'to'), ('changed_at', 'at')]
    """
    wanted = [
        (name, key, role, required) for name, key, role, required in _LAYOUT[table] if getattr(section, key, None)
    ]
    columns = [CanonicalColumn(name, getattr(section, key), role, required) for name, key, role, required in wanted]
    if getattr(section, "recorded_at", None):
        columns.append(CanonicalColumn("recorded_at", section.recorded_at, "time", False))
    return tuple(replace(c, reading=reading_of(section, c.source)) if c.role == "time" else c for c in columns)


def reading_of(section: Any, source: str) -> str:
    """Return how a column's times are written by the config's `times`; "" where it doesn't say."""
    times = getattr(section, "times", None) or ""
    if isinstance(times, str):
        return times
    return next((way for name, way in times.items() if name.lower() == source.lower()), "")


_LAYOUT: dict[str, tuple[tuple[str, str, Role, bool], ...]] = {
    "leads": (
        ("lead_id", "key", "key", True),
        ("account_id", "account", "ref", False),
        ("created_at", "created_at", "time", True),
    ),
    "accounts": (("account_id", "key", "key", True),),
    "events": (
        ("event_id", "key", "key", True),
        ("lead_id", "lead", "ref", True),
        ("account_id", "account", "ref", False),
        ("behaviour", "type", "text", False),
        ("occurred_at", "occurred_at", "time", True),
    ),
    "stages": (
        ("lead_id", "lead", "ref", True),
        ("stage", "stage", "text", True),
        ("changed_at", "changed_at", "time", True),
        ("reason", "reason", "text", False),
    ),
    "opportunities": (
        ("opportunity_id", "key", "key", True),
        ("lead_id", "lead", "ref", False),
        ("account_id", "account", "ref", False),
        ("created_at", "created_at", "time", True),
        ("closed_at", "closed_at", "time", False),
        ("stage", "stage", "text", False),
        ("amount", "amount", "money", False),
    ),
    "history": (
        ("lead_id", "lead", "ref", True),
        ("field", "field", "text", True),
        ("value", "value", "text", False),
        ("changed_at", "changed_at", "time", True),
    ),
    "spend": (
        ("campaign", "campaign", "text", False),
        ("month", "month", "time", True),
        ("cost", "cost", "money", True),
    ),
    "merges": (
        ("from_id", "from_", "ref", True),
        ("into_id", "into", "ref", True),
        ("merged_at", "merged_at", "time", True),
    ),
    "touches": (
        ("lead_id", "lead", "ref", True),
        ("touched_at", "touched_at", "time", True),
        ("kind", "kind", "text", False),
    ),
    "suppress": (
        ("lead_id", "lead", "ref", False),
        ("account_id", "account", "ref", False),
        ("reason", "reason", "text", False),
        ("since", "from_", "time", False),
    ),
    "overrides": (
        ("lead_id", "lead", "ref", True),
        ("tier", "tier", "text", True),
        ("since", "from_", "time", False),
        ("until", "until", "time", False),
    ),
}


def find_column(wanted: str, there: dict[str, str]) -> tuple[str | None, str]:
    """Find a column by its exact name or else by its letters; return it, or None and a hint.

    Examples
    --------
    >>> find_column("Lead_ID", {"lead_id": "VARCHAR"})
    ('lead_id', '')
    >>> find_column("leadid", {"lead_id": "VARCHAR"})
    (None, 'did you mean `lead_id`?')
    >>> find_column("lead_id", {"L001": "TEXT", "ann@example.com": "TEXT"})
    (None, 'its 2 columns have no names; is the first line a header?')
    """
    if wanted in there:
        return wanted, ""
    folded = {name.lower(): name for name in there}
    if wanted.lower() in folded:
        return folded[wanted.lower()], ""
    near = closest(wanted, there)
    if near is not None and not _is_data(near):
        return None, f"did you mean `{near}`?"
    if any(_is_data(name) for name in there):
        # Without a header the first row stands where names should: it must not be told.
        return None, f"its {len(there)} columns have no names; is the first line a header?"
    return None, f"the table has {', '.join(list(there)[:12])}"


def _is_data(name: str) -> bool:
    """Tell what is rather a row's value than a column's name: an address, a number, a date, an id, a line."""
    return bool(re.search(r"@|\n|^\W*$|^[^A-Za-z]*\d[^A-Za-z]*$|\d{3}|^\S+://", name))


def kind_of_type(type_name: str) -> Literal["number", "text", "time", "other"]:
    """Say what a DuckDB type holds.

    Examples
    --------
    >>> kind_of_type("DECIMAL(18,3)"), kind_of_type("VARCHAR"), kind_of_type("DATE"), kind_of_type("INTEGER[]")
    ('number', 'text', 'time', 'other')
    """
    if type_name in NUMBERS or (type_name.startswith("DECIMAL") and type_name.endswith(")")):
        return "number"
    if (
        type_name in ("VARCHAR", UNTOLD)
        or (type_name.startswith("ENUM") and type_name.endswith(")"))
        or type_name == "UUID"
    ):
        return "text"
    if type_name == "DATE" or (type_name.startswith("TIMESTAMP") and not type_name.endswith("]")):
        return "time"
    return "other"


def is_nested(type_name: str) -> bool:
    """Say whether a DuckDB type holds lists or records.

    Examples
    --------
    >>> is_nested("VARCHAR[]"), is_nested("STRUCT(a INTEGER)"), is_nested("VARCHAR"), is_nested("DECIMAL(18,3)")
    (True, True, False, False)
    """
    return type_name.endswith("]") or type_name.startswith(("STRUCT", "MAP", "UNION", "LIST"))


def cast_sql(column: CanonicalColumn, type_name: str, config: Config) -> str:
    """Write the expression that casts a source's column to its canonical form; what can't be cast becomes NULL."""
    source = identifier(column.source)
    if column.role == "time":
        if column.name == "month" and type_name == "VARCHAR":
            source = (
                f"CASE WHEN regexp_matches({source}, '^\\d{{4}}-\\d{{2}}$') THEN {source} || '-01' ELSE {source} END"
            )
        return _instant_sql(source, type_name, config.timezone or "UTC", column.reading)
    if column.role == "money":
        return f"TRY_CAST(ROUND(TRY_CAST({source} AS DOUBLE) * 100) AS BIGINT)"
    text = f"TRIM({text_sql(source, type_name)}, {literal(BLANKS)})"  # an id with a blank behind it still joins
    if column.role in ("key", "ref") and type_name == "VARCHAR":
        text = f"REGEXP_REPLACE({text}, '^(\\d+)\\.0+$', '\\1')"  # a gap among whole numbers makes 17.0 of 17 in CSV
    return f"NULLIF({text}, '')"


def text_sql(source: str, type_name: str) -> str:
    """Write an id or a word as text.

    A nullable integer key often arrives as 123.0 or as a decimal, and must still join with 123; NaN is no key.
    """
    if type_name in ("FLOAT", "DOUBLE"):
        whole = f"{source} = FLOOR({source}) AND ABS({source}) < 9e15"
        return (
            f"CASE WHEN NOT isfinite({source}) THEN NULL WHEN {whole} THEN CAST(CAST({source} AS BIGINT) AS VARCHAR) "
            f"ELSE CAST({source} AS VARCHAR) END"
        )
    if type_name.startswith("DECIMAL"):
        return f"REGEXP_REPLACE(CAST({source} AS VARCHAR), '\\.0+$', '')"
    return f"CAST({source} AS VARCHAR)"


def _instant_sql(source: str, type_name: str, zone: str, reading: str = "") -> str:
    """Write an instant as microseconds; infinity, and what no calendar can say, become NULL."""
    kind = kind_of_type(type_name)
    if kind == "time" and _has_zone(type_name):
        instant = f"epoch_us(CAST({source} AS TIMESTAMPTZ))"
    elif kind == "time":
        instant = f"epoch_us(CAST({source} AS TIMESTAMP) AT TIME ZONE {literal(zone)})"
    elif kind == "text":
        text = f"TRIM(CAST({source} AS VARCHAR))"
        joined = f"REGEXP_REPLACE({text}, '\\s*(?:UTC|GMT)?\\s*({OFFSET})$', '\\1')"
        naive = f"epoch_us(TRY_CAST(REPLACE({text}, ',', '.') AS TIMESTAMP) AT TIME ZONE {literal(zone)})"
        instant = (
            f"CASE WHEN regexp_matches({text}, {literal(NAIVE)}) THEN {naive} "
            f"WHEN regexp_matches({text}, {literal(ZONED)}) THEN epoch_us(TRY_CAST({joined} AS TIMESTAMPTZ)) "
            f"{f'ELSE {reading_sql(text, reading, zone)} ' if reading else ''}END"
        )
    elif kind == "number" and reading:
        instant = reading_sql(text_sql(source, type_name), reading, zone)
    else:
        return "CAST(NULL AS BIGINT)"
    return f"CASE WHEN {instant} BETWEEN {EARLIEST} AND {LATEST} THEN {instant} END"


def reading_sql(text: str, reading: str, zone: str) -> str:
    """Write the instant that a text is by a reading: a format as strptime has it, alone or before a time of the day, or a count.

    Examples
    --------
    >>> reading_sql("a", "unix", "UTC")
    'TRY_CAST(ROUND(TRY_CAST(a AS DOUBLE) * 1000000) AS BIGINT)'
    """
    if reading in UNITS:
        return f"TRY_CAST(ROUND(TRY_CAST({text} AS DOUBLE) * {UNITS[reading]}) AS BIGINT)"
    if reading == "excel":
        seconds = f"TRY_CAST(ROUND((TRY_CAST({text} AS DOUBLE) - {EXCEL_1970}) * 86400) AS BIGINT)"
        return f"CASE WHEN {seconds} BETWEEN -9e9 AND 9e9 THEN epoch_us(make_timestamp({seconds} * 1000000) AT TIME ZONE {literal(zone)}) END"
    plain = f"REGEXP_REPLACE({text}, ',?[\\s\u00a0\u202f]+', ' ', 'g')"
    if "%z" in reading:
        return f"epoch_us(TRY_STRPTIME({plain}, {literal(reading)}))"
    suffixes = ("",) if re.search("%[HI]", reading) else TIMES_OF_DAY
    ways = ", ".join(literal(reading + suffix) for suffix in suffixes)
    return f"epoch_us(TRY_STRPTIME({plain}, [{ways}]) AT TIME ZONE {literal(zone)})"


def _has_zone(type_name: str) -> bool:
    return "TIME ZONE" in type_name or "TZ" in type_name


def looks_naive(column: CanonicalColumn, type_name: str) -> str:
    """Write the condition under which a row's instant names no zone.

    Examples
    --------
    >>> looks_naive(CanonicalColumn("at", "at", "time"), "TIMESTAMP"), looks_naive(CanonicalColumn("at", "at", "time"), "TIMESTAMP WITH TIME ZONE")
    ('("at" IS NOT NULL)', 'FALSE')
    """
    source, kind = identifier(column.source), kind_of_type(type_name)
    if column.reading in UNITS or "%z" in column.reading:
        return (
            "FALSE"
            if kind == "number"
            else f"COALESCE(regexp_matches(TRIM(CAST({source} AS VARCHAR)), {literal(NAIVE)}), FALSE)"
        )
    if kind == "text" and column.reading:
        text = f"TRIM(CAST({source} AS VARCHAR))"
        return f"COALESCE({text} <> '' AND NOT regexp_matches({text}, {literal(ZONED)}), FALSE)"
    if kind == "text":
        return f"COALESCE(regexp_matches(TRIM(CAST({source} AS VARCHAR)), {literal(NAIVE)}), FALSE)"
    return "FALSE" if _has_zone(type_name) else f"({source} IS NOT NULL)"
