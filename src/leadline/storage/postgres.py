"""PostgreSQL, through ADBC (the extra `postgres`): what a query gives as Arrow, how long a server may take, what its refusals mean.

A server's own words aren't shown, as they may quote a row or hold a secret: its SQLSTATE is, in words where there are some.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from leadline.errors import ConfigError, DataError, LeadlineError, RetryError, UsageError

__all__ = ["Snapshot", "connect", "fetch", "session"]

SAID = {
    "28P01": "wrong user or password",
    "28000": "this user may not connect",
    "3D000": "no such database",
    "3F000": "no such schema",
    "42P01": "no such table",
    "42703": "no such column",
    "42501": "no permission",
    "42601": "not SQL",
    "25006": "the database takes no writes",
    "40001": "another transaction was in the way",
    "40P01": "a deadlock",
    "53100": "its disk is full",
    "53300": "too many connections",
    "55P03": "another session holds a lock for longer than lock_timeout",
    "57014": "longer than statement_timeout",
    "57P01": "an administrator ended the connection",
    "57P03": "it is starting, or shutting down",
}
"""What an SQLSTATE means, in words."""

PASSING = ("08", "40", "53", "57")
"""Classes of SQLSTATEs that another try may not meet, and one state beside them."""

LOCKED = "55P03"

ASKED_WRONGLY = ("28", "3D", "3F", "42")
"""Classes that somebody has to mend: who asks, what for, and where."""

AT_CONNECTING = (
    ("too many", "53300"),
    ("connection slots are reserved", "53300"),
    ("starting up", "57P03"),
    ("shutting down", "57P03"),
    ("in recovery mode", "57P03"),
    ("password authentication failed", "28P01"),
    ("no password supplied", "28P01"),
    ("no pg_hba.conf entry", "28000"),
    ("is not permitted to log in", "28000"),
    (r'role "[^"]*" does not exist', "28000"),
    (r'database "[^"]*" does not exist', "3D000"),
    ("permission denied for database", "42501"),
)
"""libpq gives no SQLSTATE for a connection that fails, only the server's words."""

LIMITS = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""Of a connection, where the URL has no others: seconds, and how often a silent server is asked whether it is there."""

WAITS = {"lock_timeout": "15s", "statement_timeout": "1h"}
"""Of a session, where the server has none."""


def connect(uri: str, where: str, refused: Callable[[str, str], LeadlineError] | None = None) -> Any:
    """Open a connection.

    Parameters
    ----------
    refused : callable, optional
        Makes an error of an SQLSTATE that another try would meet again, and of its meaning; by default a `ConfigError`.

    Raises
    ------
    UsageError
        The extra isn't installed.
    RetryError
        The server can't be reached within `connect_timeout`, ten seconds by default.
    ConfigError
        It doesn't let leadline in.
    """
    try:
        import adbc_driver_postgresql.dbapi as postgres
    except ImportError:
        raise UsageError(f"{where}: a postgresql:// URL needs the extra; install leadline[postgres]") from None
    try:
        return postgres.connect(_limited(uri))
    except postgres.Error as error:
        said = str(error)
        state = _state_of(error) or next((state for words, state in AT_CONNECTING if re.search(words, said)), None)
        if state is not None and not _passes(state):
            raise (refused or _source_refused(where))(state, _words(state)) from None
        what = f"{type(error).__name__}" if state is None else _words(state)
        raise RetryError(
            f"{where}: PostgreSQL can't be reached ({what}); expected a server that answers and lets leadline in; "
            "check host, user, password and database, and run the command again"
        ) from None


def _limited(uri: str) -> str:
    """Add the limits of a connection that a URL doesn't set.

    Examples
    --------
    >>> _limited("postgresql://db/crm?connect_timeout=3").partition("&")[0]
    'postgresql://db/crm?connect_timeout=3'
    """
    parts = urlsplit(uri)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    more = {name: value for name, value in LIMITS.items() if name not in options}
    return urlunsplit(parts._replace(query=urlencode(options | more, quote_via=quote)))


@contextmanager
def session(uri: str, where: str, refused: Callable[[str, str], LeadlineError]) -> Iterator[Any]:
    """Yield a connection whose statements don't wait for ever; what the server refuses becomes what `refused` makes of it.

    Raises
    ------
    RetryError
        The connection broke, or the refusal is one that passes: a lock, a deadlock, too many connections, a restart.
    """
    with connect(uri, where, refused) as connection, _said(where, refused):
        _limit_waits(connection)
        yield connection


def _limit_waits(connection: Any) -> None:
    """Limit how long the session's statements wait, where neither server nor user has said so."""
    with connection.cursor() as cursor:
        for name, value in WAITS.items():
            cursor.execute(f"SELECT current_setting('{name}')")
            if cursor.fetchone()[0] == "0":
                cursor.execute(f"SET {name} = '{value}'")


@contextmanager
def _said(where: str, refused: Callable[[str, str], LeadlineError]) -> Iterator[None]:
    import adbc_driver_postgresql.dbapi as postgres

    try:
        yield
    except postgres.Error as error:
        state = _state_of(error)
        broke = state is None and isinstance(error, (postgres.OperationalError, postgres.InternalError))
        if broke or (state is not None and _passes(state)):
            what = "the connection broke" if broke else _words(str(state))
            raise RetryError(
                f"{where}: PostgreSQL stopped on the way ({what}); expected an answer; "
                "nothing was changed there; run the command again"
            ) from None
        raise refused(str(state), _words(str(state))) from None


def _state_of(error: Any) -> str | None:
    state = getattr(error, "sqlstate", None)
    return str(state) if state and str(state) != "00000" else None


def _passes(state: str) -> bool:
    """Tell whether another try may go well.

    Examples
    --------
    >>> [_passes(state) for state in ("08006", "57P01", "55P03", "42P01", "22012")]
    [True, True, True, False, False]
    """
    return state[:2] in PASSING or state == LOCKED


def _words(state: str) -> str:
    return f"{SAID[state]}, SQLSTATE {state}" if state in SAID else f"SQLSTATE {state}"


def _source_refused(where: str) -> Callable[[str, str], LeadlineError]:
    def refused(state: str, words: str) -> LeadlineError:
        if state[:2] in ASKED_WRONGLY:
            return ConfigError(
                f"{where}: PostgreSQL refused the query ({words}); expected rows; mend the URL, the table, the query or the grants"
            )
        return DataError(f"{where}: PostgreSQL refused the query ({words}); expected rows; mend the table or the query")

    return refused


class Snapshot:
    """One look at a database: every query sees it as it stood at the first, whatever is written meanwhile.

    Raises
    ------
    RetryError, ConfigError
        As `connect` says.
    """

    def __init__(self, uri: str, where: str) -> None:
        self._connection = connect(uri, where)
        with _said(where, _source_refused(where)):
            with self._connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            _limit_waits(self._connection)

    def fetch(self, query: str, where: str) -> tuple[Any, dict[str, str]]:
        """Return a query's rows as a pyarrow Table, and the SQL type of each numeric column, which arrives as text.

        Raises
        ------
        ConfigError, DataError
            The query fails there, as for a table that doesn't exist.
        RetryError
            The connection broke, or what is in the way passes.
        """
        with _said(where, _source_refused(where)), self._connection.cursor() as cursor:
            cursor.execute(query)
            table = cursor.fetch_arrow_table()
            return table, {field.name: _number_type(field) for field in table.schema if _is_numeric(field)}

    def close(self) -> None:
        """End it."""
        self._connection.close()


def fetch(uri: str, query: str, where: str) -> tuple[Any, dict[str, str]]:
    """Return a single query's rows; see `Snapshot.fetch`."""
    look = Snapshot(uri, where)
    try:
        return look.fetch(query, where)
    finally:
        look.close()


def _is_numeric(field: Any) -> bool:
    return (field.metadata or {}).get(b"POSTGRESQL:type") == b"numeric"


def _number_type(field: Any) -> str:
    """Choose a DECIMAL of the column's scale where the server tells it: ids of twenty digits stay exact."""
    modifier = int(field.metadata.get(b"POSTGRESQL:typmod", b"-1")) - 4
    precision, scale = modifier >> 16, modifier & 0xFFFF
    return f"DECIMAL(38,{scale})" if modifier > 0 and precision <= 38 and scale <= 38 else "DOUBLE"
