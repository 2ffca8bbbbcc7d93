"""The tombstones: leads that were to be forgotten. Every read of the tables leaves them and all their rows out.

The list holds salted hashes, never an id. Whoever has the list can still test an id against it, as every read must:
so it is kept from others as the data are. Whoever was merged with a forgotten lead is the same person, and goes too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leadline.core.files import read_json, write_json
from leadline.errors import DataError
from leadline.storage import Store
from leadline.storage.dialect import literal

__all__ = [
    "FILE",
    "OLD_FILE",
    "Tombstones",
    "drop_forgotten",
    "mark_list",
    "merged_ids",
    "not_forgotten_sql",
    "read_tombstones",
    "require_list",
]

FILE = Path("scores") / "forgotten.json"
OLD_FILE = Path(".leadline") / "forgotten.json"
"""Where older leadlines kept it: in a folder that need not come along when a home is moved. It is read there, too."""

MARKS = (Path("models"), Path("scores"))
"""Where a model's name has a folder with `MARK` in it, which says that there is a list."""

MARK = "forgotten-list.json"


@dataclass(frozen=True)
class Tombstones:
    """Who is forgotten.

    Attributes
    ----------
    salt : str
        What each id is hashed with.
    leads : mapping of str to mapping
        By hash: when it was forgotten, and which models were trained with it.
    """

    salt: str = ""
    leads: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.leads)

    def hash(self, lead: str) -> str:
        """Return a lead's hash, as DuckDB's sha256 makes it, too."""
        return hashlib.sha256(f"{self.salt}{lead}".encode()).hexdigest()

    def has(self, lead: str | None) -> bool:
        """Tell whether a lead is forgotten.

        Examples
        --------
        >>> bare = Tombstones("s")
        >>> Tombstones("s", {bare.hash("L1"): {}}).has("L1"), bare.has("L1"), bare.has(None)
        (True, False, False)
        """
        return lead is not None and bool(self.leads) and self.hash(lead) in self.leads

    @property
    def print(self) -> str:
        """A hash of the list; "" where nobody is forgotten."""
        return hashlib.sha256("".join(sorted(self.leads)).encode()).hexdigest()[:16] if self.leads else ""

    def __repr__(self) -> str:
        return f"Tombstones({len(self)})"


def read_tombstones() -> Tombstones:
    """Read the list of this working directory; an empty one where nobody was ever forgotten.

    It lies beside the outputs, and goes where they go.

    Raises
    ------
    DataError
        The file isn't what `leadline forget` wrote: going on would bring back who is to be forgotten.
    """
    lists = [_read_list(file) for file in (FILE, OLD_FILE) if file.exists()]
    if len(lists) == 2 and lists[0].salt != lists[1].salt:
        raise DataError(
            f"{OLD_FILE}: a second list of forgotten leads beside {FILE}, made by an older leadline; expected one; "
            "remove it, and forget its leads again"
        )
    return next(iter(lists), Tombstones())


def _read_list(file: Path) -> Tombstones:
    try:
        told = read_json(file)
        leads = {str(name): dict(about) for name, about in told["leads"].items()}
        return Tombstones(str(told["salt"]), leads)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise DataError(
            f"{file}: the list of forgotten leads can't be read; expected what `leadline forget` wrote; put back a copy of it, "
            "or forget them all again after removing it"
        ) from None


def mark_list(name: str, stones: Tombstones) -> None:
    """Say beside a model, and beside its nights, that there is a list, and how long it is.

    Nothing is said where there is no such folder: what isn't there can't be moved without the list.
    """
    for place in (folder / name for folder in MARKS):
        if place.is_dir():
            write_json(place / MARK, {"forgotten": len(stones), "list": FILE.as_posix()}, private=True)


def require_list(name: str) -> None:
    """Make sure that the list is here, if a model or its nights say that there is one.

    Raises
    ------
    DataError
        It isn't, or it is a shorter one: whoever is on it would be scored again.

    Examples
    --------
    >>> require_list("no-such-model")
    """
    told = max((_marked(folder / name / MARK) for folder in MARKS), default=0)
    here = len(read_tombstones()) if told else 0
    if told > here:
        found = f"it has {here:,} of the {told:,} leads" if here else f"isn't here, and {told:,} leads are"
        raise DataError(
            f"{FILE}: the list of forgotten leads {found} that models/{name} or scores/{name} speaks of; "
            "expected the whole list; copy it from where this home was moved from"
        )


def _marked(file: Path) -> int:
    try:
        return int(read_json(file)["forgotten"])
    except FileNotFoundError:
        return 0
    except (OSError, ValueError, KeyError, TypeError):
        return 1  # it was there, so there is a list


def merged_ids(ids: Iterable[str], merges: Iterable[tuple[str, str]]) -> set[str]:
    """Return the ids and all that are merged with them, in either direction and over any number of steps.

    Examples
    --------
    >>> sorted(merged_ids(["b"], [("a", "b"), ("b", "c"), ("x", "y")]))
    ['a', 'b', 'c']
    """
    linked: dict[str, list[str]] = {}
    for one, other in merges:
        linked.setdefault(one, []).append(other)
        linked.setdefault(other, []).append(one)
    found, waiting = set(ids), list(ids)
    while waiting:
        for near in linked.get(waiting.pop(), ()):
            if near not in found:
                found.add(near)
                waiting.append(near)
    return found


def drop_forgotten(store: Store, tables: Iterable[str], begins: str = "all_") -> int:
    """Delete the rows of forgotten leads from the tables, before anything looks at them; return how many leads went.

    Parameters
    ----------
    tables : iterable of str
        The tables to look through; `leads` and, where records were merged, `merges` among them.
    begins : str
        How the names of the tables in the store begin.
    """
    stones = read_tombstones()
    if not stones:
        return 0
    places = [(f"{begins}{table}", column) for table in tables for column in _who(store, f"{begins}{table}")]
    ids: set[str] = set()
    for name, column in places:  # a hash for each lead, not for each row
        each = f"SELECT DISTINCT {column} AS lead_id FROM {name} WHERE {column} IS NOT NULL"
        ids |= {
            str(row[0]) for row in store.rows(f"SELECT lead_id FROM ({each}) AS t WHERE {_is_stone(stones, 'lead_id')}")
        }
    if not ids:
        return 0
    _put(store, ids | merged_ids(ids, _merges(store, f"{begins}merges") if "merges" in tables else []))
    mine = "IN (SELECT lead_id FROM forgotten)"
    gone = int(store.rows(f"SELECT COUNT(DISTINCT lead_id) FROM {begins}leads WHERE lead_id {mine}")[0][0])
    for name, column in places:
        store.run(f"DELETE FROM {name} WHERE {column} {mine}")
    store.run("DROP TABLE forgotten")
    return gone


def not_forgotten_sql(column: str = "lead_id") -> str:
    """Write the condition that a row isn't a forgotten lead's; "" where nobody is forgotten.

    What is kept of the log from night to night is kept without them.
    """
    stones = read_tombstones()
    return f"NOT COALESCE({_is_stone(stones, column)}, FALSE)" if stones else ""


def _is_stone(stones: Tombstones, column: str) -> str:
    hashes = ", ".join(literal(name) for name in sorted(stones.leads))
    return f"sha256({literal(stones.salt)} || {column}) IN ({hashes})"


def _who(store: Store, table: str) -> list[str]:
    """List a table's columns that name leads."""
    there = {str(row[0]) for row in store.rows(f"DESCRIBE {table}")}
    return [column for column in ("lead_id", "from_id", "into_id") if column in there]


def _merges(store: Store, table: str) -> list[tuple[str, str]]:
    rows = store.rows(f"SELECT from_id, into_id FROM {table} WHERE from_id IS NOT NULL AND into_id IS NOT NULL")
    return [(str(one), str(other)) for one, other in rows]


def _put(store: Store, ids: set[str]) -> None:
    import pyarrow as pa

    store.put("forgotten", pa.table({"lead_id": pa.array(sorted(ids), pa.string())}))
