"""What lies in a place that holds many tables: a folder of exports, a DuckDB file or a PostgreSQL database.

Nothing is loaded: the columns are listed, and small questions are answered where the data lie.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import duckdb

from leadline.errors import DataError, MissingError, RetryError, UsageError
from leadline.storage.csv_trouble import csv_trouble
from leadline.storage.dialect import identifier, literal

__all__ = ["Relation", "SourceCatalog", "list_relations"]

Kind = Literal["files", "duckdb", "postgres"]
READERS = {".parquet": "read_parquet", ".pq": "read_parquet", ".csv": "read_csv", ".tsv": "read_csv"}
LISTED = (
    "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns "
    "WHERE table_catalog = current_database() AND table_schema NOT IN ('information_schema', 'pg_catalog') "
    "ORDER BY table_schema, table_name, ordinal_position"
)
MOST_FILES = 500


@dataclass(frozen=True)
class Relation:
    """A table, a view, or the files of one table.

    Attributes
    ----------
    schema : str
        Its schema; "" for files.
    name : str
        Its name; a file's without its ending.
    sql : str
        What stands behind FROM.
    columns : dict of str to str
        Column names and the types that the place gives them.
    trouble : str
        Why a file of it can't be read as a table; "".
    """

    schema: str
    name: str
    sql: str
    columns: dict[str, str]
    trouble: str = ""


@dataclass(frozen=True)
class SourceCatalog:
    """A place with its tables.

    Attributes
    ----------
    kind : str
        files, duckdb or postgres.
    place : str
        The folder, the file, or the URI for the driver (which may hold a password: never show it).
    schema : str
        The schema that was asked for; "" for any.
    relations : tuple of Relation
        What is there.
    """

    kind: Kind
    place: str
    schema: str
    relations: tuple[Relation, ...]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask a small question where the data lie.

        Raises
        ------
        DataError
            It can't be answered there.
        """
        if self.kind == "postgres":
            from leadline.storage.postgres import fetch

            return _tuples(fetch(self.place, sql, "--source")[0])
        with _opened(self.kind, self.place) as connection:
            return list(connection.execute(sql).fetchall())


def list_relations(source: str) -> SourceCatalog:
    """List the tables of a place.

    Parameters
    ----------
    source : str
        A folder of Parquet or CSV files, a DuckDB file (a path, or ``duckdb:///file.db``) or ``postgresql://…``; URLs take ``?schema=``.

    Raises
    ------
    MissingError
        There is no such folder or file.
    UsageError
        It is none of these.
    RetryError
        The database can't be reached.

    Examples
    --------
    >>> list_relations("no-such-folder")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: --source no-such-folder: not there; expected a folder of exports, a DuckDB file or a postgresql:// URL; mend it
    """
    if re.match(r"^(postgres|postgresql)://", source):
        uri, schema = _without_schema(source)
        from leadline.storage.postgres import fetch

        return _database("postgres", uri, schema, _tuples(fetch(uri, LISTED, "--source")[0]))
    path, schema = _path(source)
    if path.is_dir():
        return SourceCatalog("files", str(path), "", _files(path))
    if not path.is_file():
        raise MissingError(
            f"--source {path}: not there; expected a folder of exports, a DuckDB file or a postgresql:// URL; mend it"
        )
    if path.suffix.lower() in READERS:
        raise UsageError(f"--source {path}: one file; expected the folder that holds all exported tables; name that")
    found = SourceCatalog("duckdb", str(path), schema, ())
    return _database("duckdb", str(path), schema, found.rows(LISTED))


def _path(source: str) -> tuple[Path, str]:
    """Return the path that a source names, and the schema that it asks for."""
    if not source.startswith("duckdb://"):
        return Path(source), ""
    # By hand: the standard library takes the first folder of an absolute path, after four slashes, for a host.
    path = Path(unquote(source.partition("?")[0].removeprefix("duckdb://").removeprefix("/")))
    return path, _without_schema(source)[1]


def _without_schema(source: str) -> tuple[str, str]:
    """Take ``?schema=`` out of a database's URL, which its driver doesn't know."""
    parts = urlsplit(source)
    options = dict(parse_qsl(parts.query))
    schema = options.pop("schema", "")
    return urlunsplit(parts._replace(query=urlencode(options))), schema


def _database(kind: Kind, place: str, schema: str, listed: list[tuple[Any, ...]]) -> SourceCatalog:
    columns: dict[tuple[str, str], dict[str, str]] = {}
    for there, table, column, type_name in listed:
        if not schema or str(there).lower() == schema.lower():
            columns.setdefault((str(there), str(table)), {})[str(column)] = str(type_name).upper()
    relations = [Relation(s, t, f"{identifier(s)}.{identifier(t)}", there) for (s, t), there in columns.items()]
    return SourceCatalog(kind, place, schema, tuple(relations))


def _files(folder: Path) -> tuple[Relation, ...]:
    """Take each file of a folder for a table, and each folder of files in it."""
    relations = []
    with _opened("files", str(folder)) as connection:
        for name, files, pattern, reader in _tables_in(folder):
            options, trouble = (
                _csv_options(connection, files) if reader == "read_csv" else ("", _mixed_zones(connection, files))
            )
            sql = f"{reader}({literal(pattern)}, union_by_name = true{options})"
            try:
                found = connection.execute(f"DESCRIBE SELECT * FROM {sql}").fetchall()
            except duckdb.Error:
                found = []  # no table; if it was needed, the preset says that it is missing
            if found or trouble:
                columns = {str(row[0]): str(row[1]).upper() for row in found}
                relations.append(Relation("", name, sql, columns, trouble))
    return tuple(relations)


def _mixed_zones(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> str:
    """Tell a column of times that has a zone in some Parquet files and none in others: together they would all be in UTC."""
    types: dict[str, set[bool]] = {}
    for path in files if len(files) > 1 else ():
        try:
            found = connection.execute(f"DESCRIBE SELECT * FROM read_parquet({literal(_escaped(path))})").fetchall()
        except duckdb.Error:
            continue
        for name, type_name, *_ in found:
            if str(type_name).startswith("TIMESTAMP"):
                types.setdefault(str(name), set()).add("TIME ZONE" in str(type_name))
    mixed = next((name for name, zoned in types.items() if len(zoned) > 1), "")
    return (
        f"{files[0].parent}: {mixed!r} has a time zone in some files and none in others; expected one kind; export them alike"
        if mixed
        else ""
    )


def _csv_options(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> tuple[str, str]:
    """Say how CSV files are read, by one delimiter, so that a line that doesn't fit is an error at night; and which doesn't now.

    A CSV file's values all come as text: an id keeps its zeros, and the SQL says what is a number.
    """
    options, trouble = ", all_varchar = true, header = true, sample_size = -1, comment = ''", ""
    for path in files:
        trouble = trouble or csv_trouble(path)
    if not trouble:
        sniffed = f"SELECT Delimiter FROM sniff_csv({literal(_escaped(files[0]))}, header = true, sample_size = -1)"
        try:
            options += f", delim = {literal(str(connection.execute(sniffed).fetchall()[0][0]))}"
        except duckdb.Error:
            trouble = ""  # an empty file: no table
    return options, trouble


def _tables_in(folder: Path) -> Iterator[tuple[str, list[Path], str, str]]:
    """Yield (name, files, path or glob, reader) of what looks like a table."""
    for path in sorted(folder.iterdir())[:MOST_FILES]:
        if path.is_file() and path.suffix.lower() in READERS:
            yield path.stem, [path], _escaped(path), READERS[path.suffix.lower()]
        elif path.is_dir() and not path.name.startswith((".", "_")):
            ending = next((e for e in READERS if next(path.glob(f"*{e}"), None) is not None), None)
            if ending is not None:
                yield path.name, sorted(path.glob(f"*{ending}")), f"{_escaped(path)}/*{ending}", READERS[ending]


def _escaped(path: Path) -> str:
    """Write a path in which DuckDB sees no glob."""
    return re.sub(r"([\[*?])", r"[\1]", str(path))


def _tuples(table: Any) -> list[tuple[Any, ...]]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


@contextmanager
def _opened(kind: Kind, place: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open DuckDB, inside a file of its own kind under a name of ours: the file's may be that of a schema in it."""
    with _readable_errors(place), duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        if kind == "duckdb":
            connection.execute(f"ATTACH {literal(place)} AS looked_at (READ_ONLY)")
            connection.execute("USE looked_at")
        yield connection


@contextmanager
def _readable_errors(place: str) -> Iterator[None]:
    """Turn DuckDB's errors into one sentence; their own words may quote a row."""
    try:
        yield
    except duckdb.IOException as error:
        if "set lock on file" in str(error):
            raise RetryError(
                f"--source {place}: another process writes to that file; expected to be alone; run the command again"
            ) from None
        raise DataError(f"--source {place}: isn't a DuckDB file that can be read; expected an intact one") from None
    except duckdb.Error as error:
        raise DataError(
            f"--source {place}: can't be read ({type(error).__name__.removesuffix('Exception')}); expected tables as the "
            "vendor exports them; export them again"
        ) from None
