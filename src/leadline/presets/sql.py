"""Shaping: the SQL that turns a vendor's tables into ours, in words that DuckDB and PostgreSQL share.

Each statement begins with one WITH part for each of the vendor's tables, which gives its columns our names and types;
a column that the source lacks is NULL there. What follows is the same for every source.
"""

from __future__ import annotations

from collections.abc import Sequence

from leadline.presets.inspect import FoundTables, is_naive, is_text
from leadline.storage.dialect import identifier, literal

__all__ = ["later_sql", "nothing_sql", "sql_file", "sql_list", "time_sql", "with_part"]

EMPTY = {"id": "VARCHAR", "text": "VARCHAR", "time": "TIMESTAMPTZ", "number": "FLOAT8"}
WHOLE = ("DOUBLE", "FLOAT", "REAL", "DECIMAL", "NUMERIC")


def with_part(seen: FoundTables, table: str, *fields: str) -> str:
    """Write the WITH part of a vendor's table with these of its fields.

    Examples
    --------
    >>> from leadline.presets.inspect import VendorTable, find_tables
    >>> from leadline.storage.catalog import SourceCatalog, Relation
    >>> there = SourceCatalog("postgres", "", "", (Relation("main", "Lead", '"main"."Lead"', {"Id": "TEXT"}),))
    >>> lead = VendorTable(("lead",), {"id": ("id", ("id",)), "title": ("text", ("title",))}, ("id",))
    >>> print(with_part(find_tables(there, {"lead": lead}, "lead", "crm"), "lead", "id", "title"))
    lead AS (
      SELECT CAST("Id" AS VARCHAR) AS id,
        CAST(NULL AS VARCHAR) AS title
      FROM "main"."Lead"
    )
    """
    found = seen.tables[table]
    where = seen.contents.kind
    columns = []
    for field in fields:
        kind = found.vendor.fields[field][0]
        if field in found.columns:
            column, type_name = found.columns[field]
            columns.append(f"{_read(identifier(column), kind, type_name, where, seen.times_are_text)} AS {field}")
        else:
            columns.append(f"{nothing_sql(kind, seen)} AS {field}")
    # A table in history mode holds each version of a row; the active one is what stands there now.
    now = f"\n  WHERE {_flag(found.active)}" if found.active else ""
    chosen = ",\n    ".join(columns)
    return f"{table} AS (\n  SELECT {chosen}\n  FROM {found.relation.sql}{now}\n)"


def sql_file(about: str, parts: Sequence[str], body: str) -> str:
    """Put a SQL file together: what it is, its WITH parts, and the query."""
    comment = "\n".join(f"-- {line}" for line in about.strip().splitlines())
    before = ",\n".join(parts)
    return f"{comment}\nWITH {before}\n{body.strip()}\n"


def sql_list(words: Sequence[str]) -> str:
    """Write words as the inside of IN (…).

    Examples
    --------
    >>> sql_list(["a", "it's"])
    "'a', 'it''s'"
    """
    return ", ".join(literal(w) for w in words)


def nothing_sql(kind: str, seen: FoundTables) -> str:
    """Write the NULL of a column that the source lacks."""
    text = kind == "time" and seen.times_are_text
    return "FALSE" if kind == "flag" else f"CAST(NULL AS {'VARCHAR' if text else EMPTY[kind]})"


def time_sql(instant: str, seen: FoundTables) -> str:
    """Write an instant that the SQL itself made as the source's times are: as instants, or as text."""
    return f"CAST({instant} AS VARCHAR)" if seen.times_are_text else instant


def later_sql(one: str, other: str, seen: FoundTables) -> str:
    """Write the later of two times; a text that is none stays, and is told when the table is read."""
    if not seen.times_are_text:
        return f"GREATEST({one}, {other})"
    cast = "CAST" if seen.contents.kind == "postgres" else "TRY_CAST"
    earlier = f"{cast}({one} AS TIMESTAMPTZ) < {cast}({other} AS TIMESTAMPTZ)"
    return f"CASE WHEN {one} IS NULL OR {earlier} THEN {other} ELSE {one} END"


def _read(column: str, kind: str, type_name: str, where: str, texts: bool) -> str:
    """Write the expression that reads a column as what it holds."""
    if kind == "flag":
        return _flag(column)
    if kind == "time":
        return _text_time(column, type_name) if texts else _time(column, type_name)
    if kind == "number":
        if is_text(type_name):
            return (
                f"TRY_CAST({column} AS FLOAT8)"
                if where != "postgres"
                else f"CAST(NULLIF(TRIM({column}), '') AS FLOAT8)"
            )
        return f"CAST({column} AS FLOAT8)"
    if kind == "id" and type_name.startswith(WHOLE):
        return f"CAST(CAST({column} AS BIGINT) AS VARCHAR)"
    if kind == "id" and is_text(type_name) and where == "files":
        # A gap among whole numbers makes 17.0 of 17 in a CSV file.
        return f"NULLIF(REGEXP_REPLACE(TRIM({column}), '^(\\d+)\\.0+$', '\\1'), '')"
    return f"CAST({column} AS VARCHAR)"


def _time(column: str, type_name: str) -> str:
    """Write an instant of a type with a zone; a day begins in UTC, as both vendors' interfaces mean it."""
    if type_name == "DATE":
        return f"CAST({column} AS TIMESTAMP) AT TIME ZONE 'UTC'"
    if "WITH TIME ZONE" in type_name or type_name == "TIMESTAMPTZ":
        return column
    return f"TO_TIMESTAMP(CAST({column} AS FLOAT8) / 1000.0)"  # milliseconds since 1970, as HubSpot's interface gives


def _text_time(column: str, type_name: str) -> str:
    """Write a time as the text that it is: whether it names a zone, and is a time at all, is looked at when it is read."""
    if is_text(type_name):
        return f"NULLIF(TRIM({column}), '')"
    if is_naive(type_name) or type_name == "DATE":
        return f"CAST({column} AS VARCHAR)"
    return f"CAST({_time(column, type_name)} AS VARCHAR)"


def _flag(column: str) -> str:
    return f"COALESCE(LOWER(CAST({column} AS VARCHAR)) IN ('true', 't', '1', 'yes'), FALSE)"
