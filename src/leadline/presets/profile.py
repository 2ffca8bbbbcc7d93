"""What a file's columns look like, counted by the engine: filled, distinct, whole numbers, dates; never a row's value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.storage import Store
from leadline.storage.dialect import identifier, literal
from leadline.tables.schema import NAIVE, ZONED, kind_of_type

__all__ = [
    "MANY_VALUES",
    "ColumnProfile",
    "TableProfile",
    "common_values",
    "match_share",
    "profile_table",
    "rising_share",
]

SAMPLED = 500_000
"""How many rows of a file are looked at; of a longer one, the first."""

MANY_VALUES = 20
"""Different values from which a column is more than a yes or no, and may be text of single people."""

Kind = Literal["whole", "number", "time", "text", "empty"]

OTHERWISE = (
    r"^(\d{1,2}([/.-])\d{1,2}[/.-]\d{4}|\d{1,2}/\d{1,2}/\d{2}|\d{4}[/.]\d{1,2}[/.]\d{1,2}|\d{4}-\d{1,2}-\d{1,2}|"
    r"\d{1,2}[ /-][A-Za-z]{3,9}[ /-](\d{2}|\d{4})|[A-Za-z]{3,9} \d{1,2},? \d{4})(,?\s+\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(\s*[AaPp][Mm])?)?$"
)
"""Times that aren't in ISO 8601, as CRMs export them; in which order their day and month stand is told when they are read."""


@dataclass(frozen=True)
class ColumnProfile:
    """A column as seen.

    Attributes
    ----------
    name : str
        Its name in the source.
    kind : str
        whole, number, time, text or empty: what at least 99% of its filled cells are.
    filled, unique : float
        Shares: of rows with a value, and of distinct values among these.
    distinct : int
        How many values it has.
    naive : bool
        Whether its times name no zone.
    """

    name: str
    kind: Kind
    filled: float
    unique: float
    distinct: int
    naive: bool = False

    @property
    def is_key(self) -> bool:
        """Whether it names each row."""
        return self.filled == 1 and self.unique == 1


@dataclass(frozen=True)
class TableProfile:
    """A table as seen: its name in the store, its source, its rows looked at and its columns."""

    name: str
    source: str
    rows: int
    columns: tuple[ColumnProfile, ...]

    def of(self, name: str) -> ColumnProfile:
        """Return a column by its name."""
        return next(c for c in self.columns if c.name == name)


def profile_table(store: Store, name: str, source: str, look: str | None = None) -> TableProfile:
    """Look at a source's columns; its rows stay in the store under the name, with their place as `_row`.

    Parameters
    ----------
    source : str
        As the config will say it.
    look : str, optional
        Where to look, where that is something else: with a password, or only the first rows.

    Raises
    ------
    MissingError, ConfigError, DataError
        The source can't be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from leadline.config.schema import Engine
    >>> from leadline.storage import open_store
    >>> place = Path(tempfile.mkdtemp()) / "a.csv"
    >>> _ = place.write_text("id,at,word\\n1,2024-01-01,a\\n2,2024-01-02,a\\n")
    >>> store = open_store(Engine(threads=1))
    >>> sheet = profile_table(store, "a", str(place)); store.close()
    >>> [(c.name, c.kind, c.is_key) for c in sheet.columns]
    [('id', 'whole', True), ('at', 'time', True), ('word', 'text', False)]
    """
    there = store.read(f"raw_{name}", look or source, [], untold=True, where=source if isinstance(source, str) else "")
    columns = {c: t for c, t in there.items() if c != "_row"}
    chosen = ", ".join(identifier(c) for c in columns)
    store.run(
        f"CREATE OR REPLACE TABLE {identifier(name)} AS SELECT row_number() OVER () AS _row, {chosen} "
        f"FROM (SELECT * FROM {identifier(f'raw_{name}')} LIMIT {SAMPLED})"
    )
    counts = ", ".join(part for c, t in columns.items() for part in _counts(c, t))
    rows, *seen = store.rows(f"SELECT COUNT(*), {counts} FROM {identifier(name)}")[0]
    found = [
        _seen(c, t, int(rows), [int(n) for n in seen[6 * i : 6 * i + 6]]) for i, (c, t) in enumerate(columns.items())
    ]
    return TableProfile(name, source, int(rows), tuple(found))


def text_sql_of(column: str) -> str:
    """Write a cell as text, nothing where it is blank."""
    return f"NULLIF(TRIM(CAST({identifier(column)} AS VARCHAR)), '')"


def _counts(column: str, type_name: str) -> list[str]:
    """Count what is filled, distinct, numbers, whole numbers, times and times without a zone."""
    text = text_sql_of(column)
    # What begins with a nought, as 0042, is an id: it is no number.
    number = f"CASE WHEN NOT regexp_matches({text}, '^[+-]?0[0-9]|_') THEN TRY_CAST({text} AS DOUBLE) END"
    whole = f"{number} = FLOOR({number})"
    naive = f"regexp_matches({text}, {literal(f'{NAIVE}|{OTHERWISE}')})"
    dated = f"{naive} OR regexp_matches({text}, {literal(ZONED)})"
    if kind_of_type(type_name) == "time":
        has_zone = "TIME ZONE" in type_name or "TZ" in type_name
        dated, naive, whole, number = "TRUE", "FALSE" if has_zone else "TRUE", "FALSE", "NULL"
    where = f"{text} IS NOT NULL"
    return [
        f"COUNT({text})",
        f"COUNT(DISTINCT {text})",
        f"COUNT({number})",
        f"COUNT(*) FILTER ({where} AND {whole})",
        f"COUNT(*) FILTER ({where} AND ({dated}))",
        f"COUNT(*) FILTER ({where} AND {naive})",
    ]


def _seen(name: str, type_name: str, rows: int, counts: list[int]) -> ColumnProfile:
    filled, distinct, numbers, whole, times, naive = counts
    kind: Kind = "text"
    enough = 0.99 * filled
    if not filled:
        kind = "empty"
    elif times >= enough:
        kind = "time"
    elif whole >= enough:
        kind = "whole"
    elif numbers >= enough:
        kind = "number"
    return ColumnProfile(
        name, kind, filled / max(rows, 1), distinct / max(filled, 1), distinct, kind == "time" and naive > 0
    )


def match_share(store: Store, sheet: TableProfile, column: str, other: TableProfile, key: str) -> float:
    """Return the share of a column's filled cells whose value is a key of another table."""
    here, there = text_sql_of(column), text_sql_of(key)
    found = store.rows(
        f"SELECT COUNT(*), COUNT(*) FILTER (v IN (SELECT {there} FROM {identifier(other.name)})) "
        f"FROM (SELECT {here} AS v FROM {identifier(sheet.name)}) WHERE v IS NOT NULL"
    )[0]
    return float(found[1] / found[0]) if found[0] else 0.0


def rising_share(store: Store, sheet: TableProfile, column: str) -> float:
    """Return the share of steps from row to row, in the file's order, at which a number or a time doesn't fall."""
    cell = text_sql_of(column)
    value = f"TRY_CAST({cell} AS DOUBLE)" if sheet.of(column).kind != "time" else f"TRY_CAST({cell} AS TIMESTAMP)"
    up, steps = store.rows(
        f"SELECT COUNT(*) FILTER (v >= before), COUNT(before) FROM "
        f"(SELECT {value} AS v, LAG({value}) OVER (ORDER BY _row) AS before FROM {identifier(sheet.name)})"
    )[0]
    return float(up / steps) if steps else 0.0


def common_values(
    store: Store, sheet: TableProfile, column: str, least: int = MIN_GROUP_SIZE, most: int = 40
) -> dict[str, int]:
    """Count the rows of the commonest values, of those that enough rows share and that are no address or number."""
    cell = text_sql_of(column)
    found = store.rows(
        f"SELECT {cell}, COUNT(*) FROM {identifier(sheet.name)} WHERE {cell} IS NOT NULL "
        f"GROUP BY 1 HAVING COUNT(*) >= {least} ORDER BY 2 DESC, 1 LIMIT {most}"
    )
    return {str(v): int(n) for v, n in found if not re.search(r"@|\n|\d{5}|://|\$\{", str(v)) and len(str(v)) <= 60}
