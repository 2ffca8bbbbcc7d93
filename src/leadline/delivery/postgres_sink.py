"""Scores in a PostgreSQL table: a night is upserted in one transaction, so a reader sees the old rows or the new.

Beside the table ``t`` stand ``t_nights``, a row for each night with its record, the view ``t_latest``, the rows of each
model's newest night, and, where leads have accounts, ``t_accounts``, the nights' accounts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from leadline.core.files import locked
from leadline.core.jsonable import parse_json
from leadline.core.point_in_time import format_instant
from leadline.delivery.folder_sink import OLD_COLUMNS, WANTED, previous_scores_of, renamed, with_old
from leadline.delivery.sink import RunKey, Sink
from leadline.errors import OutputError, UsageError
from leadline.scoring.previous_scores import PreviousScores
from leadline.storage.dialect import identifier

__all__ = ["forget_rows", "open_table"]

ROW = ("lead_id", "as_of", "model_name", "model_version")
"""What names a row. A version's number alone is not enough: two models may share a table."""

ACCOUNT_ROW = ("account_id", "as_of", "model_name", "model_version")

STAGED = "leadline_tonight"
LONGEST = 63  # bytes of a name: PostgreSQL cuts longer ones, and two would become one


@dataclass(frozen=True)
class TableTarget:
    """A table on a server, and what stands beside it; names are quoted."""

    uri: str
    schema: str
    name: str

    def quoted(self, ending: str = "") -> str:
        """Return the name of the table, or of what stands beside it."""
        parts = [*([self.schema] if self.schema else []), self.name + ending]
        return ".".join(identifier(part) for part in parts)


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
    target = _target(out)
    name = f"{target.schema}.{target.name}" if target.schema else target.name
    shown = f"postgresql table {name}"

    def write(table: Any, night: dict[str, Any], beside: Mapping[str, bytes] = {}, accounts: Any = None) -> str:
        _write(target, table, night, accounts)
        return shown

    def lock(wait: float = 0.0) -> AbstractContextManager[None]:
        return locked(Path("scores") / f".postgresql-{name.replace('/', '_')}.lock", wait, private=True)

    return Sink(
        shown, lock, write, lambda as_of, model: _previous(target, as_of, model),
        lambda key: _done(target, key), lambda key: _rows(target, key),
        lambda since, as_of, model: _records(target, since, as_of, model), lambda model, as_of: _retire(target, model, as_of),
    )  # fmt: skip


def _target(out: str) -> TableTarget:
    """Read which table a URL names."""
    parts = urlsplit(out)
    options = dict(parse_qsl(parts.query))
    name = options.pop("table", None)
    if not name:
        raise UsageError("--out postgresql://…: no table; expected ?table=… at its end; add it")
    schema, _, bare = name.rpartition(".")
    if len(f"{bare}_accounts".encode()) > LONGEST:
        raise UsageError(
            f"--out postgresql://…: the table's name is too long; expected at most {LONGEST - 9} bytes, as {bare[:20]}…_accounts "
            "needs a name too; shorten it"
        )
    return TableTarget(urlunsplit(parts._replace(query=urlencode(options))), schema, bare)


def _write(target: TableTarget, rows: Any, night: Mapping[str, Any], accounts: Any) -> None:
    """Upsert a night's rows, and drop those of leads that it no longer has; its accounts with them, in one transaction."""
    with _connected(target.uri) as connection, connection.cursor() as cursor:
        # Two machines may score the same night; the lock file is one machine's, this lock is the server's.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext($1))", [f"leadline {target.quoted()}"])
        cursor.adbc_ingest(STAGED, rows, mode="create", temporary=True)
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {target.quoted()} AS TABLE pg_temp.{STAGED} WITH NO DATA")
        _widen(cursor, target, ROW)
        mine, key = _night_sql(night["as_of_value"], night["is_dated"], night["model_name"], night["model_version"])
        cursor.execute(
            f"DELETE FROM {target.quoted()} AS t WHERE {mine} "
            f"AND NOT EXISTS (SELECT 1 FROM pg_temp.{STAGED} AS s WHERE s.lead_id = t.lead_id)",
            key,
        )
        filled = _filled(cursor, target, rows.schema.names)
        _require_types(cursor, target, filled)
        columns, values = (", ".join(map(identifier, names)) for names in (filled, filled.values()))
        again = ", ".join(f"{identifier(c)} = EXCLUDED.{identifier(c)}" for c in filled if c not in ROW)
        cursor.execute(
            f"INSERT INTO {target.quoted()} ({columns}) SELECT {values} FROM pg_temp.{STAGED} "
            f"ON CONFLICT ({', '.join(ROW)}) DO {f'UPDATE SET {again}' if again else 'NOTHING'}"
        )
        cursor.execute(f"DROP TABLE pg_temp.{STAGED}")
        _put_accounts(cursor, target, accounts, mine, key)
        _put_record(cursor, target, night, mine, key)
        connection.commit()


def _put_accounts(cursor: Any, target: TableTarget, accounts: Any, mine: str, key: list[Any]) -> None:
    """Put the night's accounts in place of its old ones; where there never were any, there is no table."""
    firms = replace(target, name=f"{target.name}_accounts")
    if accounts is not None:
        cursor.adbc_ingest(STAGED, accounts, mode="create", temporary=True)
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {firms.quoted()} AS TABLE pg_temp.{STAGED} WITH NO DATA")
        _widen(cursor, firms, ACCOUNT_ROW)
        _require_types(cursor, firms, {name: name for name in accounts.schema.names})
    if _exists(cursor, firms.quoted()):
        cursor.execute(f"DELETE FROM {firms.quoted()} AS t WHERE {mine}", key)
    if accounts is not None:
        names = ", ".join(map(identifier, accounts.schema.names))
        cursor.execute(f"INSERT INTO {firms.quoted()} ({names}) SELECT {names} FROM pg_temp.{STAGED}")
        cursor.execute(f"DROP TABLE pg_temp.{STAGED}")


FITS = {
    "double precision": ("double precision", "numeric"),
    "bigint": ("bigint", "numeric"),
    "integer": ("integer", "bigint", "numeric"),
    "text": ("text", "character varying", "citext"),
    "boolean": ("boolean",),
    "timestamp with time zone": ("timestamp with time zone",),
}
"""Types of a table's columns that hold every value of a type of ours as it is; PostgreSQL would cast to others in silence."""


def _require_types(cursor: Any, target: TableTarget, filled: Mapping[str, str]) -> None:
    """Make sure that each column keeps what is written to it: an integer makes 0 of every probability."""
    kinds = {}
    for place in (f"pg_temp.{STAGED}", target.quoted()):
        cursor.execute(
            "SELECT a.attname, format_type(COALESCE(NULLIF(t.typbasetype, 0), a.atttypid), CASE WHEN t.typbasetype <> 0 THEN t.typtypmod "
            "ELSE a.atttypmod END) FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid "
            "WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped",
            [place],
        )
        kinds[place] = {str(name): str(kind) for name, kind in cursor.fetchall()}
    ours, theirs = kinds.values()
    for column, source in filled.items():
        wanted, there = ours[source], theirs[column]
        bare = there.partition("(")[0] if wanted != "double precision" else there  # numeric(9,2) rounds
        if there != wanted and bare not in FITS.get(wanted, ()):
            raise OutputError(
                f"--out: the table's column {column} is {there}; expected {wanted}, which keeps every value as it is; "
                "nothing was changed; alter the column, or name another table"
            )


def _filled(cursor: Any, target: TableTarget, names: Sequence[str]) -> dict[str, str]:
    """Say which columns a night fills, each with which of its own.

    A table of an older leadline has some under an old name, too, by which others may read it: it goes on being filled.
    """
    old = {old: new for old, new in OLD_COLUMNS.items() if new in names and _has(cursor, target, old)}
    return {name: name for name in names} | old


def _widen(cursor: Any, target: TableTarget, row: Sequence[str]) -> None:
    """Give a table the columns that it lacks, and the key: it may be new, or the config may ask for more than before."""
    cursor.execute(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 "
        "AND NOT attisdropped AND attname <> ALL (SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($2) AND attnum > 0)",
        [f"pg_temp.{STAGED}", target.quoted()],
    )
    for name, kind in cursor.fetchall():
        cursor.execute(f"ALTER TABLE {target.quoted()} ADD COLUMN {identifier(name)} {kind}")
    cursor.execute(
        "SELECT COUNT(*) FROM pg_index AS i WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indpred IS NULL AND ("
        "SELECT array_agg(a.attname::text ORDER BY a.attname) FROM pg_attribute AS a WHERE a.attrelid = i.indrelid "
        "AND a.attnum = ANY (i.indkey)) = $2::text[]",
        [target.quoted(), "{" + ",".join(sorted(row)) + "}"],
    )
    if not cursor.fetchone()[0]:
        cursor.execute(f"ALTER TABLE {target.quoted()} ADD PRIMARY KEY ({', '.join(row)})")
        cursor.execute(f"CREATE INDEX ON {target.quoted()} (model_name, as_of)")


def _put_record(cursor: Any, target: TableTarget, night: Mapping[str, Any], mine: str, key: list[Any]) -> None:
    """Put the night's record in place of its old one, and make sure of the view of the latest."""
    kind = "timestamptz" if night["is_dated"] else "bigint"
    nights, latest = target.quoted("_nights"), target.quoted("_latest")
    cursor.execute(
        f"CREATE TABLE IF NOT EXISTS {nights} (as_of {kind} NOT NULL, model_name text NOT NULL, model_version text NOT NULL, "
        "leads bigint NOT NULL, record text NOT NULL, written_at timestamptz NOT NULL, PRIMARY KEY (as_of, model_name, model_version))"
    )
    cursor.execute(f"DELETE FROM {nights} AS t WHERE {mine}", key)
    cursor.execute(
        f"INSERT INTO {nights} VALUES ($1::text::{kind}, $2, $3, $4::text::bigint, $5, clock_timestamp())",
        [*key, str(night.get("leads", 0)), json.dumps(night, sort_keys=True, allow_nan=False)],
    )
    cursor.execute(
        f"CREATE OR REPLACE VIEW {latest} AS SELECT s.* FROM {target.quoted()} AS s JOIN (SELECT DISTINCT ON (model_name) "
        f"model_name, as_of, model_version FROM {nights} ORDER BY model_name, as_of DESC, written_at DESC) AS n "
        "ON n.model_name = s.model_name AND n.as_of = s.as_of AND n.model_version = s.model_version"
    )


def _night_sql(as_of: int, is_dated: bool, model: str, version: str) -> tuple[str, list[Any]]:
    """Write the condition that picks a night's rows, and what it asks for."""
    text, kind = _as_of(as_of, is_dated)
    condition = f"t.as_of = $1::text::{kind} AND t.model_name = $2 AND t.model_version = $3"
    return condition, [text, model, version]


def _previous(target: TableTarget, as_of: int, model: str) -> PreviousScores:
    """Read the newest night before `as_of`; of several versions that scored it, the newest."""
    with _connected(target.uri) as connection, connection.cursor() as cursor:
        if not _exists(cursor, target.quoted()):
            return PreviousScores()
        before, kind = _as_of(as_of, _is_dated(cursor, target))
        instant = "(EXTRACT(EPOCH FROM {0}) * 1000000)::bigint" if kind == "timestamptz" else "{0}"
        there = [c for c in with_old(WANTED) if _has(cursor, target, c)]
        cursor.execute(
            f"SELECT {', '.join(there)}, {instant.format('as_of')} AS when_ FROM {target.quoted()} WHERE model_name = $1 AND as_of = "
            f"(SELECT MAX(as_of) FROM {target.quoted()} WHERE model_name = $1 AND as_of < $2::text::{kind}) "
            "ORDER BY LENGTH(model_version), model_version",
            [model, before],
        )
        rows = renamed(cursor.fetch_arrow_table())
        if not rows.num_rows:
            return PreviousScores()
        known, firms = previous_scores_of(rows, int(rows.column("when_")[0].as_py())), target.quoted("_accounts")
        if not _exists(cursor, firms):
            return known
        then = _as_of(int(known.as_of or 0), kind == "timestamptz")[0]
        cursor.execute(
            f"SELECT account_id, probability FROM {firms} WHERE model_name = $1 AND as_of = $2::text::{kind} "
            "ORDER BY LENGTH(model_version), model_version",
            [model, then],
        )
        return replace(known, accounts=dict(cursor.fetchall()))


def _done(target: TableTarget, key: RunKey) -> dict[str, Any] | None:
    with _connected(target.uri) as connection, connection.cursor() as cursor:
        if not _exists(cursor, target.quoted("_nights")):
            return None
        mine, values = _night_sql(key.as_of, key.is_dated, key.model, key.version)
        cursor.execute(f"SELECT record FROM {target.quoted('_nights')} AS t WHERE {mine}", values)
        row = cursor.fetchone()
        try:
            return dict(parse_json(row[0])) if row else None
        except (ValueError, TypeError):
            return None  # not what leadline wrote: the night is scored again


def _records(target: TableTarget, since: int, as_of: int, model: str) -> list[dict[str, Any]]:
    """Read the records of a model's nights from one as_of on and before another, the newest first."""
    with _connected(target.uri) as connection, connection.cursor() as cursor:
        if not _exists(cursor, target.quoted("_nights")):
            return []
        kind = "timestamptz" if _is_dated(cursor, target) else "bigint"
        ends = [_as_of(at, kind == "timestamptz")[0] for at in (since, as_of)]
        cursor.execute(
            f"SELECT record FROM {target.quoted('_nights')} WHERE model_name = $1 AND as_of >= $2::text::{kind} "
            f"AND as_of < $3::text::{kind} ORDER BY as_of DESC",
            [model, *ends],
        )
        return [dict(json.loads(row[0])) for row in cursor.fetchall()]


def _rows(target: TableTarget, key: RunKey) -> Any:
    with _connected(target.uri) as connection, connection.cursor() as cursor:
        mine, values = _night_sql(key.as_of, key.is_dated, key.model, key.version)
        cursor.execute(f"SELECT * FROM {target.quoted()} AS t WHERE {mine} ORDER BY t.rank", values)
        return renamed(cursor.fetch_arrow_table())


def _retire(target: TableTarget, model: str, as_of: int) -> int:
    """Remove a model's nights before an as_of, but for the newest of all, in one transaction."""
    with _connected(target.uri) as connection, connection.cursor() as cursor:
        kind = "timestamptz" if _is_dated(cursor, target) else "bigint"
        old = (
            f"model_name = $1 AND as_of < $2::text::{kind} AND as_of < "
            f"(SELECT MAX(as_of) FROM {target.quoted('_nights')} WHERE model_name = $1)"
        )
        values = [model, _as_of(as_of, kind == "timestamptz")[0]]
        cursor.execute(f"SELECT COUNT(*) FROM {target.quoted('_nights')} WHERE {old}", values)
        count = int(cursor.fetchone()[0])
        cursor.execute(f"DELETE FROM {target.quoted()} WHERE {old}", values)
        if _exists(cursor, target.quoted("_accounts")):
            cursor.execute(f"DELETE FROM {target.quoted('_accounts')} WHERE {old}", values)
        cursor.execute(f"DELETE FROM {target.quoted('_nights')} WHERE {old}", values)
        connection.commit()
        return count


def forget_rows(out: str, name: str, leads: Sequence[str]) -> int:
    """Delete leads' rows of a model from a table, with those of their accounts, in one transaction; return how many leads' rows went."""
    target = _target(out)
    with _connected(target.uri) as connection, connection.cursor() as cursor:
        if not _exists(cursor, target.quoted()):
            return 0
        gone, firms = 0, target.quoted("_accounts")
        has_accounts = _exists(cursor, firms)
        for lead in leads:
            mine, key = "model_name = $1 AND lead_id = $2", [name, lead]
            if has_accounts:
                cursor.execute(
                    f"DELETE FROM {firms} AS a WHERE model_name = $1 AND (best_lead_id = $2 OR EXISTS (SELECT 1 FROM {target.quoted()} AS t "
                    "WHERE t.lead_id = $2 AND t.account_id = a.account_id AND t.as_of = a.as_of AND t.model_name = a.model_name "
                    "AND t.model_version = a.model_version))",
                    key,
                )
            cursor.execute(f"SELECT COUNT(*) FROM {target.quoted()} WHERE {mine}", key)
            gone += int(cursor.fetchone()[0])
            cursor.execute(f"DELETE FROM {target.quoted()} WHERE {mine}", key)
        connection.commit()
        return gone


def _connected(uri: str) -> AbstractContextManager[Any]:
    from leadline.storage.postgres import session

    return session(uri, "--out", _refused)


def _refused(_: str, words: str) -> OutputError:
    return OutputError(
        f"--out: PostgreSQL refused the rows ({words}); expected a table that leadline may write; "
        "nothing was changed; mend the table or its grants"
    )


def _as_of(as_of: int, is_dated: bool) -> tuple[str, str]:
    """Write an as_of as text, and the type of the column that holds it."""
    return (format_instant(as_of), "timestamptz") if is_dated else (str(as_of), "bigint")


def _is_dated(cursor: Any, target: TableTarget) -> bool:
    """Tell whether a table's nights are instants; a flat file's are whole numbers."""
    cursor.execute(
        "SELECT format_type(atttypid, NULL) LIKE 'timestamp%' FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = 'as_of'",
        [target.quoted()],
    )
    row = cursor.fetchone()
    return bool(row and row[0])


def _has(cursor: Any, target: TableTarget, column: str) -> bool:
    cursor.execute(
        "SELECT COUNT(*) FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = $2 AND NOT attisdropped",
        [target.quoted(), column],
    )
    return bool(cursor.fetchone()[0])


def _exists(cursor: Any, target: str) -> bool:
    cursor.execute("SELECT to_regclass($1) IS NOT NULL", [target])
    return bool(cursor.fetchone()[0])
