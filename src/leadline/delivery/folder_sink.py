"""Scores in files: a folder with a partition for each night, or one Parquet or CSV file.

A partition is staged whole and takes its place in one step. It holds the rows, what was asked for beside them, and,
written last, ``night.json``: the night's record with a hash of every file. Without it a night isn't finished.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from leadline.core.files import discard, locked, read_json, sha256, staging, swap, sweep, write_bytes, write_json
from leadline.core.point_in_time import format_instant
from leadline.delivery.formats import csv_bytes, parquet_bytes
from leadline.delivery.sink import RunKey, Sink
from leadline.scoring.accounts import ACCOUNTS
from leadline.scoring.contributions import LeadContributions
from leadline.scoring.previous_scores import PreviousScores

__all__ = [
    "CONTRIBUTIONS",
    "NIGHT",
    "OLD_COLUMNS",
    "PART",
    "accounts_beside",
    "finished_runs",
    "is_intact",
    "open_file",
    "open_folder",
    "partition_name",
    "read_partition",
    "renamed",
    "retire_partitions",
    "with_old",
    "write_partition",
]  # fmt: skip

NIGHT = "night.json"
PART = "scores.parquet"
CONTRIBUTIONS = "contributions.parquet"
"""What each group of features added to each lead's log odds, beside a night's rows: the next night tells by it what moved."""
TEXTS = ("lead_id", "account_id", "tier", "tier_override", "override", "change", "model_name", "model_version")
WANTED = ["lead_id", "probability", "tier", "tier_override", "model_version"]
OLD_COLUMNS = {"override": "tier_override", "exploration": "is_holdout"}
"""Columns of the scores by the names that older nights have them under."""


def partition_name(as_of: int, is_dated: bool) -> str:
    """Name a night's folder.

    Examples
    --------
    >>> partition_name(0, True), partition_name(12, False)
    ('as_of=1970-01-01T00-00-00Z', 'as_of=12')
    """
    return f"as_of={format_instant(as_of).replace(':', '-') if is_dated else as_of}"


def open_folder(folder: Path) -> Sink:
    """Open a folder with a partition for each night.

    Examples
    --------
    >>> open_folder(Path("scores/demo")).shown
    'scores/demo'
    """

    def place(key: RunKey) -> Path:
        return folder / partition_name(key.as_of, key.is_dated)

    def write(table: Any, night: dict[str, Any], beside: Mapping[str, bytes] = {}, accounts: Any = None) -> str:
        firms = {} if accounts is None else {ACCOUNTS: parquet_bytes(accounts)}
        return str(write_partition(folder, {PART: parquet_bytes(table), **firms, **beside}, night))

    def done(key: RunKey) -> dict[str, Any] | None:
        record = _record(place(key) / NIGHT)
        return record if record and _is_of(record, key) and is_intact(place(key), record) else None

    def lock(wait: float = 0.0) -> AbstractContextManager[None]:
        return _alone(folder / ".lock", folder, wait)

    return Sink(
        str(folder), lock, write, lambda as_of, name: _before(folder, as_of, name),
        done, lambda key: read_partition(place(key)), lambda since, as_of, name: _records(folder, since, as_of, name),
        lambda name, as_of: retire_partitions(folder, name, as_of), takes_files=True,
    )  # fmt: skip


def open_file(path: Path, default: Path) -> Sink:
    """Open one file, whose record stands beside it as ``FILE.night.json``; the night before is looked for in `default`.

    Examples
    --------
    >>> open_file(Path("a.csv"), Path("scores/demo")).holds_nights
    False
    """
    record = path.with_name(f"{path.name}.{NIGHT}")

    def write(table: Any, night: dict[str, Any], beside: Mapping[str, bytes] = {}, accounts: Any = None) -> str:
        formed = csv_bytes if path.suffix == ".csv" else parquet_bytes
        data, firms = formed(table), None if accounts is None else formed(accounts)
        hashes = {"sha256": hashlib.sha256(data).hexdigest()}
        if firms is None and "accounts_sha256" in (_record(record) or {}):
            discard(accounts_beside(path))  # of the night that stood here; a file that was never ours stays
        elif firms is not None:
            write_bytes(accounts_beside(path), firms, private=True)
            hashes["accounts_sha256"] = hashlib.sha256(firms).hexdigest()
        write_bytes(path, data, private=True)
        write_json(record, {**night, **hashes}, private=True)
        return str(path)

    def done(key: RunKey) -> dict[str, Any] | None:
        found = _record(record)
        is_same = found and _is_of(found, key) and path.is_file() and sha256(path) == found.get("sha256")
        if found and "accounts_sha256" in found:
            firms = accounts_beside(path)
            is_same = is_same and firms.is_file() and sha256(firms) == found["accounts_sha256"]
        return found if is_same else None

    def rows(_: RunKey) -> Any:
        import pyarrow as pa
        import pyarrow.csv as pacsv
        import pyarrow.parquet as pq

        if path.suffix != ".csv":
            return renamed(pq.ParquetFile(path).read())
        head = pacsv.open_csv(path).schema.names
        kinds = {name: pa.string() for name in head if name.startswith("reason_") or name in TEXTS}
        options = pacsv.ConvertOptions(column_types=kinds, strings_can_be_null=True)
        return renamed(pacsv.read_csv(path, convert_options=options))

    def lock(wait: float = 0.0) -> AbstractContextManager[None]:
        return _alone(path.with_name(f".{path.name}.lock"), path.parent, wait)

    return Sink(
        str(path), lock, write, lambda as_of, name: _before(default, as_of, name), done, rows,
        lambda since, as_of, name: _records(default, since, as_of, name), holds_nights=False,
    )  # fmt: skip


def accounts_beside(path: Path) -> Path:
    """Name the file of a night's accounts beside the one file of its leads.

    Examples
    --------
    >>> accounts_beside(Path("out/night.csv")).as_posix()
    'out/night.accounts.csv'
    """
    return path.with_name(f"{path.stem}.accounts{path.suffix}")


@contextmanager
def _alone(lock: Path, folder: Path, wait: float) -> Iterator[None]:
    """Hold a place's lock: what was staged there is dead then, and goes."""
    with locked(lock, wait, private=True):
        sweep(folder)
        yield


def write_partition(folder: Path, files: Mapping[str, bytes], night: Mapping[str, Any]) -> Path:
    """Put a night's files and its record in place, in one step; return the partition."""
    place = folder / partition_name(night["as_of_value"], night["is_dated"])
    with staging(folder, private=True) as staged:
        for name, data in files.items():
            write_bytes(staged / name, data, private=True)
        hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        # The record last: where folders can't be exchanged, a night without its record isn't finished.
        write_json(staged / NIGHT, {**night, "files": hashes, "sha256": hashes.get(PART)}, private=True)
        swap(staged, place, NIGHT)
    return place


def finished_runs(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the finished nights of a folder with their records, the newest first.

    A night is finished when its record is there and the files are those that the record was written for. A damaged
    one is passed over. Only the nights that are asked for are hashed.

    Examples
    --------
    >>> list(finished_runs(Path("no-such-folder")))
    []
    """
    nights = [(file.parent, _record(file)) for file in folder.glob(f"as_of=*/{NIGHT}")]
    told = [(place, record) for place, record in nights if record is not None]
    for place, record in sorted(told, key=lambda night: -night[1]["as_of_value"]):
        if is_intact(place, record):
            yield place, record


def is_intact(place: Path, record: Mapping[str, Any]) -> bool:
    """Tell whether a night's files are those that its record was written for."""
    hashes = record.get("files")
    if not isinstance(hashes, dict):
        return False
    return all((place / name).is_file() and sha256(place / name) == digest for name, digest in hashes.items())


def retire_partitions(folder: Path, name: str, as_of: int) -> int:
    """Remove a model's finished nights before an as_of; the newest of them all stays, and so does what isn't finished.

    Examples
    --------
    >>> retire_partitions(Path("no-such-folder"), "demo", 0)
    0
    """
    mine = [(place, record) for place, record in finished_runs(folder) if record["model_name"] == name]
    old = [place for place, record in mine[1:] if record["as_of_value"] < as_of]
    for place in old:
        discard(place)
    return len(old)


def read_partition(place: Path, columns: list[str] | None = None) -> Any:
    """Read one night, or some of its columns as far as they are there, under today's names, as a pyarrow Table."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(place / PART)
    there = None if columns is None else [name for name in with_old(columns) if name in file.schema_arrow.names]
    return renamed(file.read(columns=there))


def with_old(columns: list[str]) -> list[str]:
    """List columns, and the names that older nights have them under.

    Examples
    --------
    >>> with_old(["tier", "tier_override"])
    ['tier', 'tier_override', 'override']
    """
    return [*columns, *(old for old, new in OLD_COLUMNS.items() if new in columns)]


def renamed(rows: Any) -> Any:
    """Give a night's rows today's names; where a table has a column under both, the new one's values go first.

    Examples
    --------
    >>> import pyarrow as pa
    >>> renamed(pa.table({"override": ["A", "B"], "tier_override": [None, "C"]})).to_pydict()
    {'tier_override': ['A', 'C']}
    """
    import pyarrow.compute as pc

    for old, new in OLD_COLUMNS.items():
        names = rows.column_names
        if old in names and new in names:
            both = pc.coalesce(rows.column(new), rows.column(old))
            rows = rows.set_column(names.index(new), new, both).drop_columns([old])
        elif old in names:
            rows = rows.rename_columns([new if name == old else name for name in names])
    return rows


def _record(file: Path) -> dict[str, Any] | None:
    """Read a night's record; None for one that isn't there or can't be read as such."""
    try:
        record = dict(read_json(file))
    except (OSError, ValueError, TypeError):
        return None
    return record if type(record.get("as_of_value")) is int and "model_name" in record else None


def _records(folder: Path, since: int, as_of: int, name: str) -> list[dict[str, Any]]:
    """Read the records of a model's nights from one as_of on and before another, the newest first; no file is hashed."""
    told = [record for file in folder.glob(f"as_of=*/{NIGHT}") if (record := _record(file)) is not None]
    mine = [r for r in told if r["model_name"] == name and since <= r["as_of_value"] < as_of]
    return sorted(mine, key=lambda record: -record["as_of_value"])


def _is_of(record: Mapping[str, Any], key: RunKey) -> bool:
    return (record["as_of_value"], record["model_name"], record.get("model_version")) == (
        key.as_of,
        key.model,
        key.version,
    )


def _before(folder: Path, as_of: int, name: str) -> PreviousScores:
    """Read the newest finished night before `as_of` of the same model."""
    for place, record in finished_runs(folder):
        if record["model_name"] == name and record["as_of_value"] < as_of:
            found = previous_scores_of(read_partition(place, WANTED), record["as_of_value"])
            return replace(found, contributions=_contributions(place, record), accounts=_account_chances(place, record))
    return PreviousScores()


def _contributions(place: Path, record: Mapping[str, Any]) -> LeadContributions | None:
    """Read what a night kept of its contributions; None where it is of an older leadline."""
    import pyarrow.parquet as pq

    if CONTRIBUTIONS not in record["files"]:
        return None
    return LeadContributions.from_arrow(pq.ParquetFile(place / CONTRIBUTIONS).read())


def _account_chances(place: Path, record: Mapping[str, Any]) -> dict[str, float]:
    """Read what the accounts of a night had; nothing where it has none."""
    import pyarrow.parquet as pq

    if ACCOUNTS not in record["files"]:
        return {}
    rows = pq.ParquetFile(place / ACCOUNTS).read(columns=["account_id", "probability"])
    return dict(zip(rows.column("account_id").to_pylist(), rows.column("probability").to_pylist(), strict=True))


def previous_scores_of(rows: Any, as_of: int) -> PreviousScores:
    """Make a `PreviousScores` of a night's rows.

    Examples
    --------
    >>> import pyarrow as pa
    >>> previous_scores_of(pa.table({"lead_id": ["a"], "probability": [0.5]}), 3).probability
    {'a': 0.5}
    """
    leads = rows.column("lead_id").to_pylist()

    def of(name: str) -> dict[str, Any]:
        if name not in rows.column_names:
            return {}
        return {lead: v for lead, v in zip(leads, rows.column(name).to_pylist(), strict=True) if v is not None}

    version = (
        next(iter(reversed(rows.column("model_version").to_pylist())), None)
        if "model_version" in rows.column_names
        else None
    )
    return PreviousScores(as_of, of("probability"), of("tier"), of("tier_override"), version)
