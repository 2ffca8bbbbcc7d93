"""PostgreSQL as a source: a query's rows as Arrow, through ADBC (the extra `postgres`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from leadline.errors import DataError, LeadlineError, RetryError, UsageError

__all__ = ["connect", "fetch", "session"]

SAID = {"42P01": "no such table", "42703": "no such column", "42501": "no permission"}


def connect(uri: str, where: str) -> Any:
    """Open a connection.

    Raises
    ------
    UsageError
        The extra isn't installed.
    RetryError
        The server can't be reached or refuses; its own words aren't shown, as they may hold a secret.
    """
    try:
        import adbc_driver_postgresql.dbapi as postgres
    except ImportError:
        raise UsageError(f"{where}: a postgresql:// URL needs the extra; install leadline[postgres]") from None
    try:
        return postgres.connect(uri)
    except postgres.Error as error:
        raise RetryError(
            f"{where}: PostgreSQL can't be reached ({type(error).__name__}); expected a server that lets leadline in; "
            "check host, user, password and database, and run the command again"
        ) from None


@contextmanager
def session(uri: str, where: str, refused: Callable[[str], LeadlineError]) -> Iterator[Any]:
    """Yield a connection; what the server refuses becomes the error that `refused` makes of its SQLSTATE."""
    with connect(uri, where) as connection:
        import adbc_driver_postgresql.dbapi as postgres

        try:
            yield connection
        except postgres.Error as error:
            # Only the state: the server's own words may quote a row.
            raise refused(str(getattr(error, "sqlstate", None))) from None


def fetch(uri: str, query: str, where: str) -> tuple[Any, dict[str, str]]:
    """Return a query's rows as a pyarrow Table, and the SQL type of each numeric column, which arrives as text.

    Raises
    ------
    DataError
        The query fails there, as for a table that doesn't exist.
    """

    def refused(state: str) -> DataError:
        said = SAID.get(state, f"SQLSTATE {state}")
        return DataError(f"{where}: PostgreSQL refused the query ({said}); expected rows; mend the table or the query")

    with session(uri, where, refused) as connection, connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        cursor.execute(query)
        table = cursor.fetch_arrow_table()
        return table, {field.name: _number_type(field) for field in table.schema if _is_numeric(field)}


def _is_numeric(field: Any) -> bool:
    return (field.metadata or {}).get(b"POSTGRESQL:type") == b"numeric"


def _number_type(field: Any) -> str:
    """Choose a DECIMAL of the column's scale where the server tells it: ids of twenty digits stay exact."""
    modifier = int(field.metadata.get(b"POSTGRESQL:typmod", b"-1")) - 4
    precision, scale = modifier >> 16, modifier & 0xFFFF
    return f"DECIMAL(38,{scale})" if modifier > 0 and precision <= 38 and scale <= 38 else "DOUBLE"
