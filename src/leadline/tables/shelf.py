"""Where the kept log lies: a folder for each file of the source, sealed by hashes; what is damaged or foreign isn't there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leadline import files
from leadline.config import Config
from leadline.errors import DataError
from leadline.tables.forgotten import read_tombstones
from leadline.tables.store import Store
from leadline.tables.store.dialect import literal
from leadline.tables.store.sources import without_secrets

__all__ = ["FOLDER", "LOOSE", "Part", "Shelf", "fingerprint", "shelf_of"]

FOLDER = Path(".leadline") / "fold"
FORMAT = 1
EDGE = 2**16
LOOSE = "before-"
"""How the names of what is kept of all files together begin."""

ROWS, SAID, UNIQUE = "rows.parquet", "part.json", "unique.json"


@dataclass(frozen=True)
class Part:
    """What is kept of one file.

    Attributes
    ----------
    name : str
        The file's fingerprint.
    rows : int
        How many it has.
    types : tuple of (column, column in the source, its type)
        As what its columns were read.
    unfit : str
        Why its rows aren't kept; "" when they are.
    known_from : int or None
        When its first row was both done and known; None where it has no row with a time.
    rows_file : Path
        Where its rows lie.
    """

    name: str
    rows: int = 0
    types: tuple[tuple[str, str, str], ...] = ()
    unfit: str = ""
    known_from: int | None = None
    rows_file: Path = Path()

    @classmethod
    def refused(cls, name: str, why: str) -> Part:
        """Make the part of a file that must be read anew each time."""
        return cls(name, unfit=why)


@dataclass(frozen=True)
class Shelf:
    """The folder of one source under one reading; every method wants its lock held."""

    folder: Path

    def find(self, name: str) -> Part | None:
        """Return what is kept of a file; what isn't as it was put there is removed."""
        place = self.folder / name
        said = _opened(place / SAID)
        try:
            if said is not None and said["name"] == name:
                types = tuple((str(a), str(b), str(c)) for a, b, c in said["types"])
                since = None if said["known_from"] is None else int(said["known_from"])
                part = Part(name, int(said["rows"]), types, str(said["unfit"]), since, place / ROWS)
                if part.unfit or files.sha256(part.rows_file) == said["sum"]:
                    return part
        except (KeyError, TypeError, ValueError, OSError):
            pass
        files.discard(place)
        return None

    def put(self, name: str, part: Part, store: Store | None = None, query: str = "") -> Part:
        """Put a part in its place, whole, with the rows that a query gives."""
        said: dict[str, Any] = {"name": name, "rows": part.rows, "types": part.types, "unfit": part.unfit}
        said |= {"known_from": part.known_from, "sum": ""}
        with files.staging(self.folder) as staged:
            if store is not None:
                store.run(f"COPY ({query}) TO {literal(str(staged / ROWS))} (FORMAT parquet)")
                said["sum"] = files.sha256(staged / ROWS)
            files.write_json(staged / SAID, _sealed(said))
            files.place(staged, self.folder / name)
        found = self.find(name)
        if found is None:
            raise DataError(f"kept log: what was just put in {self.folder} isn't there; expected a disk that keeps it")
        return found

    def unique(self) -> set[str]:
        """Return the parts of which it is known that no key stands in two of them."""
        said = _opened(self.folder / UNIQUE)
        return set(said.get("parts", [])) if said is not None else set()

    def say_unique(self, names: Iterable[str]) -> None:
        """Remember that no key stands in two of these parts."""
        files.write_json(self.folder / UNIQUE, _sealed({"parts": sorted(names)}))

    def drop_others(self, names: set[str]) -> None:
        """Remove what is kept of files that changed or went; what stands beside a file's rows bears its name."""
        for place in self.folder.iterdir():
            if (
                place.name.partition(".")[0] not in names
                and place.name not in (".lock", UNIQUE)
                and not place.name.startswith(LOOSE)
            ):
                files.discard(place)

    def drop_loose(self) -> None:
        """Remove what is kept of all files together."""
        for place in self.folder.glob(f"{LOOSE}*"):
            files.discard(place)


def shelf_of(config: Config, engine: str) -> Shelf:
    """Name the folder by all that the kept rows hang on, apart from the files: the mapping, the zone, the versions."""
    import leadline

    section = config.tables.events
    assert section is not None
    mapping = section.model_dump(mode="json", exclude={"source", "max_clock_skew"})
    told = [FORMAT, leadline.__version__, engine, config.timezone, without_secrets(section.source), mapping]
    gone = read_tombstones().print  # what was kept before a lead was forgotten isn't used any more
    return Shelf(FOLDER.absolute() / _hash([*told, gone] if gone else told)[:16])


def fingerprint(path: Path) -> str:
    """Name a file by its path, size, time of change, and the hash of its first and last bytes.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "events.csv"
    >>> files.write_text(path, "id,lead\\n1,L1\\n"); before = fingerprint(path)
    >>> files.write_text(path, "id,lead\\n1,L2\\n"); fingerprint(path) == before
    False
    """
    about = path.stat()
    with path.open("rb") as stream:
        edges = hashlib.sha256(stream.read(EDGE))
        stream.seek(max(0, about.st_size - EDGE))
        edges.update(stream.read(EDGE))
    return _hash([str(path), about.st_size, about.st_mtime_ns, edges.hexdigest()])[:32]


def _hash(record: Any) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _sealed(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, "seal": _hash(record)}


def _opened(path: Path) -> dict[str, Any] | None:
    """Read a sealed record; None where there is none, or it isn't as it was written."""
    try:
        said = dict(files.read_json(path))
        return said if said.pop("seal") == _hash(said) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
