"""Where scores go, by what `--out` says: a Parquet or CSV file, a folder partitioned by as_of, or a PostgreSQL table."""

from __future__ import annotations

from pathlib import Path

from leadline.delivery.folder_sink import open_file, open_folder
from leadline.delivery.sink import Sink
from leadline.errors import UsageError

__all__ = ["open_sink"]

KINDS = "expected .parquet, .csv, a folder or postgresql://…?table=t"


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
        return open_folder(default)
    if out.startswith(("postgresql://", "postgres://")):
        from leadline.delivery.postgres_sink import open_table

        return open_table(out)
    if "://" in out:
        raise UsageError(f"--out {out.split('://')[0][:40]!r}: unknown kind of place; {KINDS}")
    if not out.strip():
        raise UsageError(f"--out '': names no place; {KINDS}")
    path = Path(out)
    if path.suffix in (".parquet", ".csv"):
        return open_file(path, default)
    if path.suffix and not path.is_dir():
        raise UsageError(f"--out {out!r}: unknown ending; {KINDS}")
    return open_folder(path)
