"""Looking: which of a vendor's tables and columns a source has, however they are spelled."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from leadline.errors import DataError, MissingError
from leadline.storage.catalog import Relation, SourceCatalog
from leadline.storage.dialect import identifier, literal
from leadline.tables.schema import ZONED

__all__ = [
    "Field",
    "FoundTable",
    "FoundTables",
    "Kind",
    "VendorTable",
    "find_tables",
    "fold_name",
    "is_naive",
    "is_text",
]

Kind = Literal["id", "text", "time", "number", "flag"]
Field = tuple[Kind, tuple[str, ...]]
"""What a column holds, and how sources spell its name."""

PREFIXES = ("", "property", "properties")
ACTIVE = "_fivetran_active"
MOST_TOLD = 8


@dataclass(frozen=True)
class VendorTable:
    """A vendor's table.

    Attributes
    ----------
    names : tuple of str
        How sources spell its name.
    fields : mapping of str to Field
        What we call a column: what it holds, and how sources spell it.
    needs : tuple of str
        The columns without which the table is of no use.
    """

    names: tuple[str, ...]
    fields: Mapping[str, Field]
    needs: tuple[str, ...]


@dataclass(frozen=True)
class FoundTable:
    """A vendor's table as it was found: the relation, and the source's column with its type for each of ours."""

    vendor: VendorTable
    relation: Relation
    columns: Mapping[str, tuple[str, str]]
    active: str = ""

    def has(self, *fields: str) -> bool:
        """Tell whether all these columns are there."""
        return all(f in self.columns for f in fields)


@dataclass(frozen=True)
class FoundTables:
    """What was found in a source: the vendor's tables, by our names for them."""

    contents: SourceCatalog
    tables: Mapping[str, FoundTable]

    def has(self, table: str, *fields: str) -> bool:
        """Tell whether a table is there with all these columns."""
        return table in self.tables and self.tables[table].has(*fields)

    @property
    def times_are_text(self) -> bool:
        """Whether times stay text: the zone of one that names none is the config's to say, which no SQL knows."""
        return bool(self.times_in(lambda kind: is_text(kind) or is_naive(kind)))

    def times_in(self, test: Callable[[str], bool]) -> list[tuple[FoundTable, str]]:
        """List the columns that hold times and whose type passes a test, with their tables."""
        return [
            (table, column)
            for table in self.tables.values()
            for field, (column, type_name) in table.columns.items()
            if table.vendor.fields[field][0] == "time" and test(type_name)
        ]

    def unzoned(self) -> tuple[str, ...]:
        """List the columns in which times of the day name no zone, as `Lead.CreatedDate`."""
        naive = self.times_in(is_naive)
        for table, column in self.times_in(is_text):
            text = f"TRIM({identifier(column)})"
            if self.contents.kind == "postgres":
                naive.append((table, column))  # and no look at its rows, which may be many
            elif self.contents.rows(
                f"SELECT 1 FROM {table.relation.sql} WHERE {text} LIKE '%:%' AND NOT regexp_matches({text}, {literal(ZONED)}) LIMIT 1"
            ):
                naive.append((table, column))
        return tuple(f"{printable_name(table.relation.name)}.{printable_name(column)}" for table, column in naive)

    def spelled(self, table: str) -> str:
        """Return the table's name as the source has it."""
        return printable_name(self.tables[table].relation.name)


def is_text(type_name: str) -> bool:
    """Tell a type of text, as DuckDB and PostgreSQL name them."""
    return type_name in ("VARCHAR", "TEXT") or type_name.startswith("CHARACTER")


def is_naive(type_name: str) -> bool:
    """Tell a type of instants that name no zone.

    Examples
    --------
    >>> is_naive("TIMESTAMP"), is_naive("TIMESTAMP WITH TIME ZONE"), is_naive("DATE")
    (True, False, False)
    """
    return type_name.startswith("TIMESTAMP") and "WITH TIME ZONE" not in type_name and type_name != "TIMESTAMPTZ"


def fold_name(name: str) -> str:
    """Reduce a name to its letters and digits: CreatedDate, created_date and Created Date are one.

    Examples
    --------
    >>> fold_name("Created Date") == fold_name("created_date") == fold_name("CreatedDate")
    True
    """
    return re.sub(r"[^a-z0-9]+", "", name.lower())


def find_tables(contents: SourceCatalog, vendors: Mapping[str, VendorTable], required: str, label: str) -> FoundTables:
    """Find a vendor's tables in a source.

    Parameters
    ----------
    contents : SourceCatalog
        What is there.
    vendors : mapping of str to VendorTable
        The tables to look for, by our names.
    required : str
        The one without which nothing can be done.
    label : str
        The source as it may be told.

    Raises
    ------
    MissingError
        The required table isn't there.
    DataError
        It lacks a column that it needs, or several schemas have it.
    """
    per_schema: dict[str, dict[str, FoundTable]] = {}
    for schema in dict.fromkeys(r.schema for r in contents.relations):
        there = [r for r in contents.relations if r.schema == schema]
        found = {name: _find(vendor, there) for name, vendor in vendors.items()}
        per_schema[schema] = {name: table for name, table in found.items() if table is not None}
    having = {s: tables for s, tables in per_schema.items() if required in tables}
    if not having:
        raise _no_table(contents, vendors[required], label)
    tables = having[_richest(having, label)]
    lost = [f for f in vendors[required].needs if f not in tables[required].columns]
    if lost:
        raise _no_column(tables[required], lost[0], label)
    whole = {name: t for name, t in tables.items() if t.has(*t.vendor.needs)}
    return FoundTables(contents, whole)


def _richest(having: Mapping[str, Mapping[str, FoundTable]], label: str) -> str:
    """Choose the schema that has most of the vendor's tables."""
    most = max(len(tables) for tables in having.values())
    best = sorted(s for s, tables in having.items() if len(tables) == most)
    if len(best) > 1:
        names = ", ".join(printable_name(s) for s in best[:MOST_TOLD])
        raise DataError(
            f"--source {label}: {len(best)} schemas have these tables ({names}); expected one; add ?schema=NAME"
        )
    return best[0]


def _find(vendor: VendorTable, there: list[Relation]) -> FoundTable | None:
    """Find a table: by the first of its names that something bears, views and tables alike."""
    by_name: dict[str, Relation] = {}
    for relation in there:
        by_name.setdefault(_bare(relation.name), relation)
    spelled = [fold_name(name) for name in vendor.names if fold_name(name) in by_name]
    if not spelled:
        return None
    relation = by_name[spelled[0]]
    if relation.trouble:
        raise DataError(relation.trouble)
    folded: dict[str, str] = {}
    for column in relation.columns:
        folded.setdefault(fold_name(column), column)
    columns = {}
    for field, (_, names) in vendor.fields.items():
        spelt = [folded[prefix + fold_name(n)] for n in names for prefix in PREFIXES if prefix + fold_name(n) in folded]
        if spelt:
            columns[field] = (spelt[0], relation.columns[spelt[0]])
    active = next((c for c in relation.columns if c.lower() == ACTIVE), "")
    return FoundTable(vendor, relation, columns, identifier(active) if active else "")


def _bare(name: str) -> str:
    """Reduce a file's name to the table's: HubSpot's own exports carry more."""
    export = re.fullmatch(r"hubspot-crm-exports-.*?(contacts|companies|deals).*", name.lower())
    return export[1] if export else fold_name(name)


def printable_name(name: str) -> str:
    """Return a name as it may be told: in one line, short, printable.

    Examples
    --------
    >>> printable_name("a\\nb" + "c" * 60)
    'a?bccccccccccccccccccccccccccccccccccccc'
    """
    return "".join(c if c.isprintable() else "?" for c in name)[:40]


def _no_table(contents: SourceCatalog, vendor: VendorTable, label: str) -> MissingError:
    names = [r.name for r in contents.relations]
    if not names:
        what = "no table" if contents.kind != "files" else "no Parquet or CSV file that can be read"
        where = f" in schema {printable_name(contents.schema)}" if contents.schema else ""
        return MissingError(f"--source {label}: {what}{where}; expected a table {vendor.names[0]}; mend the source")
    near = difflib.get_close_matches(fold_name(vendor.names[0]), [fold_name(n) for n in names], n=1)
    hint = next((f"; is it {printable_name(n)}?" for n in names if near and fold_name(n) == near[0]), "")
    told = ", ".join(printable_name(n) for n in names[:MOST_TOLD]) + (", …" if len(names) > MOST_TOLD else "")
    spelled = " or ".join(vendor.names[:2])
    return MissingError(
        f"--source {label}: no table {spelled} among its {len(names)} ({told}){hint}; expected the vendor's names; "
        "name the right place, or rename the table"
    )


def _no_column(table: FoundTable, field: str, label: str) -> DataError:
    names = table.vendor.fields[field][1]
    near = difflib.get_close_matches(fold_name(names[0]), [fold_name(c) for c in table.relation.columns], n=1)
    hint = next(
        (f"; is it {printable_name(c)}?" for c in table.relation.columns if near and fold_name(c) == near[0]), ""
    )
    return DataError(
        f"--source {label}: {printable_name(table.relation.name)} has no column {names[0]}{hint}; expected it, as leads can't be "
        "read without; add it to the sync"
    )
