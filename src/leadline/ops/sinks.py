"""Where scores go: a Parquet or CSV file, a folder partitioned by as_of, or a PostgreSQL table. Each is old or new, never half."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leadline.errors import UsageError
from leadline.files import locked, read_json, sha256, sweep, write_bytes, write_json
from leadline.times import format_instant

__all__ = ["NIGHT", "Sink", "finished", "open_sink", "partition_name", "read_night", "to_csv", "to_parquet"]

NIGHT = "night.json"
PART = "scores.parquet"


@dataclass(frozen=True)
class Sink:
    """A place for scores.

    Attributes
    ----------
    shown : str
        What a log may say of it, without secrets.
    lock : callable
        Returns a context in which nobody else writes there.
    write : callable
        Takes the Arrow table and the night's summary; returns where the rows are now.
    previous : callable
        Takes an as_of; returns lead_id → probability of the newest finished night before it.
    """

    shown: str
    lock: Callable[[], AbstractContextManager[None]]
    write: Callable[[Any, dict[str, Any]], str]
    previous: Callable[[int, str], dict[str, float]]


def open_sink(out: str | None, name: str) -> Sink:
    """Understand `--out`.

    Raises
    ------
    UsageError
        The ending is none that leadline writes.

    Examples
    --------
    >>> open_sink(None, "demo").shown
    'scores/demo'
    >>> open_sink("scores.xlsx", "demo")
    Traceback (most recent call last):
    ...
    leadline.errors.UsageError: --out 'scores.xlsx': unknown ending; expected .parquet, .csv, a folder or postgresql://…?table=t
    """
    default = Path("scores") / name
    if out is None:
        return _folder(default)
    if out.startswith(("postgresql://", "postgres://")):
        from leadline.ops.postgres_sink import open_table

        return open_table(out)
    if "://" in out:
        raise UsageError(
            f"--out {out.split('://')[0]!r}: unknown kind of place; expected .parquet, .csv, a folder or postgresql://…?table=t"
        )
    path = Path(out)
    if path.suffix in (".parquet", ".csv"):
        return _file(path, default)
    if path.suffix and not path.is_dir():
        raise UsageError(f"--out {out!r}: unknown ending; expected .parquet, .csv, a folder or postgresql://…?table=t")
    return _folder(path)


def to_parquet(table: Any) -> bytes:
    """Return a table as the bytes of a Parquet file.

    Examples
    --------
    >>> import pyarrow as pa
    >>> to_parquet(pa.table({"a": [1]}))[:4]
    b'PAR1'
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, compression="zstd")
    return bytes(buffer.getvalue())


def to_csv(table: Any) -> bytes:
    """Return a table as the bytes of a CSV file; text that a spreadsheet would run as a formula is made harmless.

    Examples
    --------
    >>> import pyarrow as pa
    >>> print(to_csv(pa.table({"reason_1": ["=1+1", "fine"], "probability": [-0.5, 0.5]})).decode())
    "reason_1","probability"
    "'=1+1",-0.5
    "fine",0.5
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv as pacsv

    columns = {}
    for name in table.column_names:
        column = table.column(name)
        if pa.types.is_string(column.type):
            runs = pc.match_substring_regex(column, r"^[\s]*[=+\-@\t\r]")
            column = pc.if_else(runs, pc.binary_join_element_wise("'", column, ""), column)
        elif pa.types.is_timestamp(column.type):
            instants = column.cast(pa.int64()).to_pylist()
            written = {instant: format_instant(instant) for instant in set(instants)}
            column = pa.array([written[instant] for instant in instants], pa.string())
        columns[name] = column
    buffer = io.BytesIO()
    pacsv.write_csv(pa.table(columns), buffer)
    return buffer.getvalue()


def partition_name(as_of: int, is_dated: bool) -> str:
    """Name a night's folder.

    Examples
    --------
    >>> partition_name(0, True), partition_name(12, False)
    ('as_of=1970-01-01T00-00-00Z', 'as_of=12')
    """
    return f"as_of={format_instant(as_of).replace(':', '-') if is_dated else as_of}"


def _file(path: Path, default: Path) -> Sink:
    def write(table: Any, _: dict[str, Any]) -> str:
        write_bytes(path, to_csv(table) if path.suffix == ".csv" else to_parquet(table))
        return str(path)

    def lock() -> AbstractContextManager[None]:
        return locked(path.with_name(f".{path.name}.lock"))

    return Sink(str(path), lock, write, lambda as_of, name: _before(default, as_of, name))


def _folder(folder: Path) -> Sink:
    def write(table: Any, night: dict[str, Any]) -> str:
        place = folder / partition_name(night["as_of_value"], night["is_dated"])
        if place.is_dir():
            sweep(place)
        # The rows first, the record of the night last: a night without its record isn't finished.
        write_bytes(place / PART, to_parquet(table))
        write_json(place / NIGHT, {**night, "sha256": sha256(place / PART)})
        return str(place)

    return Sink(str(folder), lambda: locked(folder / ".lock"), write, lambda as_of, name: _before(folder, as_of, name))


def finished(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the finished nights of a folder with their records, the newest first.

    A night is finished when its record is there and the rows are those that the record was written for. A damaged
    one is passed over. Only the nights that are asked for are hashed.

    Examples
    --------
    >>> list(finished(Path("no-such-folder")))
    []
    """
    nights = [(file.parent, _record(file)) for file in folder.glob(f"as_of=*/{NIGHT}")]
    told = [(place, record) for place, record in nights if record is not None]
    for place, record in sorted(told, key=lambda night: -night[1]["as_of_value"]):
        rows = place / PART
        if rows.is_file() and sha256(rows) == record.get("sha256"):
            yield place, record


def _record(file: Path) -> dict[str, Any] | None:
    """Read a night's record; None for one that can't be read as such."""
    try:
        record = dict(read_json(file))
    except (ValueError, TypeError):
        return None
    return record if type(record.get("as_of_value")) is int and "model_name" in record else None


def read_night(place: Path, columns: list[str]) -> Any:
    """Read some columns of one night as a pyarrow Table."""
    import pyarrow.parquet as pq

    return pq.ParquetFile(place / PART).read(columns=columns)


def _before(folder: Path, as_of: int, name: str) -> dict[str, float]:
    """Read the newest finished night before `as_of` of the same model."""
    for place, record in finished(folder):
        if record["model_name"] == name and record["as_of_value"] < as_of:
            rows = read_night(place, ["lead_id", "probability"])
            return dict(zip(rows.column("lead_id").to_pylist(), rows.column("probability").to_pylist(), strict=True))
    return {}
