"""Scores in a PostgreSQL table: a night's rows are replaced in one transaction, so a reader sees the old or the new."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from leadline.errors import OutputError, UsageError
from leadline.files import locked
from leadline.ops.sinks import Sink
from leadline.times import format_instant

__all__ = ["open_table"]


def open_table(out: str) -> Sink:
    """Understand ``postgresql://…?table=t``.

    Raises
    ------
    UsageError
        The URL names no table.

    Examples
    --------
    >>> open_table("postgresql://db/crm?table=scores").shown
    'postgresql table scores'
    >>> open_table("postgresql://db/crm")
    Traceback (most recent call last):
    ...
    leadline.errors.UsageError: --out postgresql://…: no table; expected ?table=… at its end; add it
    """
    parts = urlsplit(out)
    options = dict(parse_qsl(parts.query))
    name = options.pop("table", None)
    if not name:
        raise UsageError("--out postgresql://…: no table; expected ?table=… at its end; add it")
    uri = urlunsplit(parts._replace(query=urlencode(options)))
    schema, _, table = name.rpartition(".")
    target = ".".join(f'"{part}"' for part in name.replace('"', '""').split("."))

    def write(rows: Any, night: dict[str, Any]) -> str:
        """Replace this night's rows in one transaction: a reader sees the old ones or the new ones."""
        with _connected(uri) as connection, connection.cursor() as cursor:
            # Two machines may score the same night; the lock file is one machine's, this lock is the server's.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext($1))", [f"leadline {target}"])
            if _exists(cursor, target):
                as_of, kind = _as_of(night["as_of_value"], night["is_dated"])
                cursor.execute(
                    f"DELETE FROM {target} WHERE as_of = $1::{kind} AND model_name = $2 AND model_version = $3",
                    [as_of, night["model_name"], night["model_version"]],
                )
            cursor.adbc_ingest(table, rows, mode="create_append", db_schema_name=schema or None)
            connection.commit()
        return f"postgresql table {name}"

    def previous(as_of: int, model: str) -> dict[str, float]:
        with _connected(uri) as connection, connection.cursor() as cursor:
            if not _exists(cursor, target):
                return {}
            is_dated = _is_dated(cursor, target)
            before, kind = _as_of(as_of, is_dated)
            cursor.execute(
                f"SELECT lead_id, probability FROM {target} WHERE model_name = $1 AND as_of = "
                f"(SELECT MAX(as_of) FROM {target} WHERE model_name = $1 AND as_of < $2::{kind}) "
                "ORDER BY LENGTH(model_version), model_version",
                [model, before],
            )
            rows = cursor.fetch_arrow_table()
            return dict(zip(rows.column(0).to_pylist(), rows.column(1).to_pylist(), strict=True))

    lock_file = Path("scores") / f".postgresql-{name.replace('/', '_')}.lock"
    return Sink(f"postgresql table {name}", lambda: locked(lock_file), write, previous)


def _connected(uri: str) -> AbstractContextManager[Any]:
    from leadline.tables.store.postgres import session

    return session(uri, "--out", _refused)


def _refused(state: str) -> OutputError:
    return OutputError(
        f"--out: PostgreSQL refused the rows (SQLSTATE {state}); expected a table that leadline may write; "
        "nothing was changed; mend the table or its grants"
    )


def _as_of(as_of: int, is_dated: bool) -> tuple[str, str]:
    """Write an as_of as text, and the type of the column that holds it."""
    return (format_instant(as_of), "timestamptz") if is_dated else (str(as_of), "bigint")


def _is_dated(cursor: Any, target: str) -> bool:
    """Tell whether a table's nights are instants; a flat file's are whole numbers."""
    cursor.execute(
        "SELECT format_type(atttypid, NULL) LIKE 'timestamp%' FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = 'as_of'",
        [target],
    )
    row = cursor.fetchone()
    return bool(row and row[0])


def _exists(cursor: Any, target: str) -> bool:
    cursor.execute("SELECT to_regclass($1) IS NOT NULL", [target])
    return bool(cursor.fetchone()[0])
