"""What a source's text means: which kind it is, where it lies, and what a log may say of it."""

from __future__ import annotations

import glob
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from leadline.config.frames import FRAME, FrameSource
from leadline.config.schema import Query, Source, SqlFile
from leadline.errors import ConfigError, MissingError
from leadline.storage.dialect import identifier
from leadline.storage.schemes import plugged_fetch

__all__ = ["SourceLocation", "locate_source", "without_secrets"]

Kind = Literal["parquet", "csv", "json", "duckdb", "postgres", "query", "frame", "plug-in"]

LONGEST_SQL = 1_000_000

ENDINGS: dict[str, Kind] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
}


@dataclass(frozen=True)
class SourceLocation:
    """A source that is understood: its kind, its files or URI, and the table or query in it.

    Attributes
    ----------
    kind : Kind
        How it is read.
    place : str
        A path, a glob, a database's URI (which may hold a password: never log it), or a DataFrame's name.
    query : str
        For databases and `query`: the SELECT statement to run there.
    files : tuple of Path
        The files behind it, as far as leadline knows them.
    table : bool
        Whether `query` only names a table.
    fetch : callable, optional
        Gives the rows as an Arrow table, where they are at hand or a plug-in reads them.
    """

    kind: Kind
    place: str
    query: str = ""
    files: tuple[Path, ...] = ()
    table: bool = False
    fetch: Callable[[], Any] | None = None


def locate_source(source: Source, where: str) -> SourceLocation:
    """Understand a source.

    Parameters
    ----------
    source : Source
        As it stands in the config.
    where : str
        The config's key, for messages: ``tables.leads.source``.

    Raises
    ------
    MissingError
        No file is there.
    ConfigError
        The text is no source that leadline knows.

    Examples
    --------
    >>> locate_source("postgresql://db/crm?table=public.leads", "tables.leads.source").query
    'SELECT * FROM "public"."leads"'
    >>> locate_source("leads.xlsx", "tables.leads.source")
    Traceback (most recent call last):
    ...
    leadline.errors.ConfigError: tables.leads.source: 'leads.xlsx' has no known ending; expected .parquet, .csv, .tsv, .jsonl or a duckdb:/// or postgresql:// URL; export it as one of these
    """
    if isinstance(source, Query):
        query = _one_select(source.query, where)
        return _inside(source.database, query, where) if source.database else SourceLocation("query", "", query)
    if isinstance(source, SqlFile):
        path = Path(source.sql)
        query = _one_select(_sql_text(path, where), where)
        return (
            _inside(source.database, query, where)
            if source.database
            else SourceLocation("query", str(path), query, (path,))
        )
    if isinstance(source, FrameSource):
        return SourceLocation("frame", source, fetch=lambda: source.table)
    if source == FRAME:
        raise MissingError(
            f"{where}: a DataFrame, which only Python can give; expected it beside the config, as in "
            "leadline.train(config, tables={'leads': frame}); give it there, or name a file here"
        )
    scheme = source.partition("://")[0] if "://" in source else ""
    if scheme in DATABASES:
        return DATABASES[scheme](source, where)
    fetch = plugged_fetch(source, where, frozenset(DATABASES)) if scheme else None
    return SourceLocation("plug-in", source, fetch=fetch) if fetch else _files(source, where)


def without_secrets(source: Source) -> str:
    """Say a source in a log: a database without user, password and host.

    Examples
    --------
    >>> without_secrets("postgresql://ann:secret@db.example/crm?table=leads")
    'postgresql:///crm?table=leads'
    """
    if not isinstance(source, str):
        inside = f" in {without_secrets(source.database)}" if source.database else ""
        return (source.sql if isinstance(source, SqlFile) else "query") + inside
    if "://" not in source:
        return source
    parts = urlsplit(source)
    shown = [(k, v) for k, v in parse_qsl(parts.query) if k == "table"]
    return (
        urlunsplit((parts.scheme, "", parts.path, urlencode(shown), ""))
        .replace(":/", ":///", 1)
        .replace("/////", "///")
    )


def _sql_text(path: Path, where: str) -> str:
    if not path.is_file():
        raise MissingError(f"{where}: no file {path}; expected a SQL file; mend the path")
    try:
        with path.open("rb") as stream:
            data = stream.read(LONGEST_SQL + 1)
        if len(data) > LONGEST_SQL:
            raise ConfigError(f"{where}: {path} has over {LONGEST_SQL:,} bytes; expected a SQL file; mend the path")
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{where}: {path} can't be read as UTF-8 text ({type(error).__name__}); expected a SQL file"
        ) from None


def _inside(database: str, query: str, where: str) -> SourceLocation:
    """Put a query into the database in which it is run."""
    parts = urlsplit(database)
    if {name for name, _ in parse_qsl(parts.query)} & {"table", "query"}:
        raise ConfigError(f"{where}.database: names a table or a query; expected the database alone; leave it out")
    if parts.scheme in ("postgres", "postgresql"):
        return SourceLocation("postgres", database, query)
    if parts.scheme != "duckdb":
        raise ConfigError(
            f"{where}.database: no database that leadline knows; expected duckdb:///file.db or postgresql://…; "
            "leave it out for SQL over files"
        )
    path = _duckdb_path(database, f"{where}.database")
    return SourceLocation("duckdb", str(path), query, (path,))


def _one_select(text: str, where: str) -> str:
    query = re.sub(r"(;|\s)+$", "", text)
    if not re.match(r"^(\s|--[^\n]*\n|/\*.*?\*/|\()*(select|with|from)\b", query, re.IGNORECASE | re.DOTALL):
        raise ConfigError(f"{where}: not a SELECT statement; expected one query that gives the table's rows")
    return query


def _database(source: str, where: str) -> tuple[str, str, bool]:
    """Split a database URL into the URI for the driver, the query to run, and whether that only names a table."""
    parts = urlsplit(source)
    options = dict(parse_qsl(parts.query))
    table, query = options.pop("table", None), options.pop("query", None)
    if (table is None) == (query is None):
        raise ConfigError(f"{where}: a database URL needs either ?table=… or ?query=…; add one of them")
    uri = urlunsplit(parts._replace(query=urlencode(options)))
    if query is not None:
        return uri, _one_select(query, where), False
    return uri, "SELECT * FROM " + ".".join(identifier(part) for part in str(table).split(".")), True


def _postgres(source: str, where: str) -> SourceLocation:
    return SourceLocation("postgres", *_database(source, where)[:2])


def _duckdb_file(source: str, where: str) -> SourceLocation:
    _, query, table = _database(source, where)
    path = _duckdb_path(source, where)
    return SourceLocation("duckdb", str(path), query, (path,), table)


DATABASES = {"postgres": _postgres, "postgresql": _postgres, "duckdb": _duckdb_file}
"""How a URL is understood, by its scheme."""


def _duckdb_path(source: str, where: str) -> Path:
    # By hand: the standard library takes the first folder of an absolute path, after four slashes, for a host.
    path = Path(unquote(source.partition("?")[0].removeprefix("duckdb://").removeprefix("/")))
    if not path.is_file():
        raise MissingError(
            f"{where}: no file {path}; expected a DuckDB file; mend the path (four slashes make it absolute)"
        )
    return path


def _files(source: str, where: str) -> SourceLocation:
    if Path(source).is_dir():
        raise ConfigError(
            f"{where}: {source!r} is a folder; expected files; write it as a glob such as {source.rstrip('/')}/*.parquet"
        )
    if "://" in source:
        raise ConfigError(
            f"{where}: {source.partition('://')[0][:40]}:// is no place that leadline, or a package that it finds, reads; expected a file, or a duckdb:/// or "
            "postgresql:// URL; export it as .parquet or .csv, or use one of these"
        )
    bare = source.lower().removesuffix(".gz").removesuffix(".zst")
    kind = next((k for ending, k in ENDINGS.items() if bare.endswith(ending)), None)
    if kind is None:
        raise ConfigError(
            f"{where}: {source!r} has no known ending; expected .parquet, .csv, .tsv, .jsonl or a duckdb:/// or "
            "postgresql:// URL; export it as one of these"
        )
    if Path(source).is_file():
        return SourceLocation(kind, source, "", (Path(source),))
    found = tuple(sorted(Path(p) for p in glob.glob(source, recursive=True) if Path(p).is_file()))  # noqa: PTH207
    if not found:
        raise MissingError(
            f"{where}: no file matches {source!r}; expected at least one; mend the path (it is relative to the working directory)"
        )
    return SourceLocation(kind, source, "", found)
