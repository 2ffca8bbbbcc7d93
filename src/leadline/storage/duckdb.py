"""The DuckDB store: the default engine, in memory, spilling to a temporary folder of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from leadline.config.schema import Engine, Source
from leadline.core.leftovers import ScratchFolder
from leadline.errors import DataError, LeadlineError, MissingError, OutputError, RetryError
from leadline.storage.csv_trouble import csv_encoding, csv_files_of, csv_trouble
from leadline.storage.dialect import DUCKDB, UNTOLD, identifier, literal
from leadline.storage.locations import SourceLocation, locate_source

__all__ = ["DuckStore"]

TELLABLE = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)
"""Errors whose first line speaks of names only; all others may quote a lead's data and are never shown."""


CSV_OPTIONS = "union_by_name = true, sample_size = -1, header = true, skip = 0, comment = ''"
"""The whole file is looked at; no line of it is skipped or taken for a comment to find a better table in the others."""


class DuckStore:
    """Tables in DuckDB.

    Examples
    --------
    >>> with DuckStore(Engine()) as store:
    ...     store.run("CREATE TABLE t AS SELECT 1 AS a")
    ...     store.rows("SELECT a FROM t")
    [(1,)]
    """

    dialect = DUCKDB

    def __init__(self, engine: Engine) -> None:
        self._spill = ScratchFolder("leadline-spill-")
        self._connection = duckdb.connect(
            config={
                "memory_limit": engine.memory.replace(" ", ""),
                "threads": engine.threads,
                "temp_directory": self._spill.name,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        self._connection.execute("SET TimeZone = 'UTC'")
        if self._connection.execute("SELECT current_setting('enable_progress_bar')").fetchall()[0][0]:
            # leadline tells its own progress; in a notebook without widgets DuckDB refuses even to be told so
            self._connection.execute("SET enable_progress_bar = false")
        self._attached: dict[str, str] = {}
        self._behind: dict[str, str] = {}
        self._csv_files: dict[str, Sequence[Path]] = {}
        self._fetched = 0
        self._snapshots: dict[str, Any] = {}

    def __enter__(self) -> DuckStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection and remove what was spilled."""
        self._end_snapshots()
        self._connection.close()
        self._spill.cleanup()

    def run(self, sql: str) -> None:
        """Run a statement that gives no rows."""
        with self._said("the statement"):
            self._connection.execute(sql)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a query with few rows and return them as tuples."""
        with self._said("the query"):
            return list(self._connection.execute(sql).fetchall())

    def arrow(self, sql: str) -> Any:
        """Run a query and return its rows as a pyarrow Table."""
        with self._said("the query"):
            return self._connection.sql(sql).to_arrow_table()

    def batches(self, sql: str, rows: int, wide: bool = False) -> Iterator[Any]:
        """Run a query and yield its rows as they come; see `Store.batches`."""
        with self._said("the query"):
            if wide:  # DuckDB would hash the wide rows where it thinks them fewer than a part's
                self._connection.execute("SET disabled_optimizers = 'build_side_probe_side'")
            try:
                yield from self._connection.sql(sql).to_arrow_reader(rows)
            finally:
                if wide:
                    self._connection.execute("RESET disabled_optimizers")

    def put(self, name: str, table: Any) -> None:
        """Store an Arrow table under a name, replacing what stood there."""
        self._connection.register("_arriving", table)
        try:
            self.run(f"CREATE OR REPLACE TABLE {identifier(name)} AS SELECT * FROM _arriving")
        finally:
            self._connection.unregister("_arriving")

    def read(
        self, name: str, source: Source, as_text: Sequence[str], untold: bool = False, where: str = ""
    ) -> dict[str, str]:
        """Make the source readable as the view `name`; see `Store.read`."""
        where = where or f"tables.{name.removeprefix('raw_')}.source"
        located = locate_source(source, where)
        if located.kind in ("csv", "query"):
            self._csv_files[where] = located.files if located.kind == "csv" else csv_files_of(located.query)
        with self._said(where):
            if located.kind == "postgres" or located.fetch is not None:
                table, numbers = (
                    (located.fetch(), {})
                    if located.fetch is not None
                    else self._snapshot(located.place, where).fetch(located.query, where)
                )
                self._fetched += 1
                self.put(f"_fetched_{self._fetched}", table)
                exact = ", ".join(f"TRY_CAST({identifier(c)} AS {t}) AS {identifier(c)}" for c, t in numbers.items())
                select = f"SELECT *{f' REPLACE ({exact})' if exact else ''} FROM _fetched_{self._fetched}"
            else:
                select = self._select(located, as_text, untold, where)
            self._behind[name] = "".join(re.findall(r"FROM (_fetched_\d+)$", select))
            self._connection.execute(f"CREATE OR REPLACE VIEW {identifier(name)} AS {select}")
            columns = self._columns(f"SELECT * FROM {identifier(name)}")
        if untold and located.kind in ("csv", "json", "frame"):
            mapped = {c.lower() for c in as_text}
            return {c: UNTOLD if t == "VARCHAR" and c.lower() not in mapped else t for c, t in columns.items()}
        return columns

    def _snapshot(self, uri: str, where: str) -> Any:
        """Open a database's snapshot at its first table; all others see the same."""
        from leadline.storage.postgres import Snapshot

        if uri not in self._snapshots:
            self._snapshots[uri] = Snapshot(uri, where)
        return self._snapshots[uri]

    def _end_snapshots(self) -> None:
        while self._snapshots:
            self._snapshots.popitem()[1].close()

    def forget(self, name: str) -> None:
        """Drop the view, and what was fetched for it."""
        self.run(f"DROP VIEW IF EXISTS {identifier(name)}")
        fetched = self._behind.pop(name, "")
        if fetched:
            self.run(f"DROP TABLE IF EXISTS {fetched}")

    def hand_over(self, kept: Path | None = None) -> None:
        """Let no statement reach a file, a server or an extension any more; the tables stay where they are.

        Examples
        --------
        >>> with DuckStore(Engine()) as store:
        ...     store.hand_over()
        ...     store.rows("SELECT content FROM read_text('/etc/hostname')")
        Traceback (most recent call last):
        ...
        leadline.errors.DataError: the query: reaches for a file outside of the tables; expected SQL over tables; mend it
        """
        self._end_snapshots()
        if kept is not None:
            self._connection.execute(f"SET allowed_directories = [{literal(str(kept.absolute()) + '/')}]")
        self._connection.execute("SET enable_external_access = false")

    def tables(self) -> list[str]:
        """List the tables, without those that only stand behind a view."""
        found = self.rows(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'memory' AND NOT starts_with(table_name, '_') ORDER BY 1"
        )
        return [str(row[0]) for row in found]

    def save(self, name: str, place: Path) -> None:
        """Write a table as Parquet into a temporary folder, for another engine to take over."""
        self.run(f"COPY {identifier(name)} TO {literal(str(place))} (FORMAT parquet)")

    def _columns(self, query: str) -> dict[str, str]:
        return {str(row[0]): str(row[1]) for row in self._connection.execute(f"DESCRIBE {query}").fetchall()}

    def _listed(self, paths: Sequence[Path]) -> str:
        """List files for a reader; a folder such as type=x adds a column, unless the files have one of that name themselves."""
        keys = _folder_keys(paths)
        if not keys:
            return _listed(paths)
        name = paths[0].name.lower()
        read = "read_parquet" if ".parquet" in name else "read_json" if ".json" in name else "read_csv"
        own = self._columns(f"SELECT * FROM {read}({_listed(paths[:1])}, hive_partitioning = false)")
        shadows = keys & {column.lower() for column in own}
        return f"{_listed(paths)}, hive_partitioning = {'false' if shadows else 'true'}"

    def _select(self, located: SourceLocation, as_text: Sequence[str], untold: bool, where: str) -> str:
        if located.kind == "query":
            self._only_reads(located.query)
            self._whole_parts(where)
            return f"SELECT * FROM (\n{located.query}\n)"
        if located.kind == "duckdb":
            return self._attach(located)
        if located.kind == "parquet":
            return self._parquet(located, as_text, where)
        if located.kind == "csv":
            return self._csv(located, as_text, untold, where)
        return self._json(self._listed(located.files), as_text, untold)

    def _parquet(self, located: SourceLocation, as_text: Sequence[str], where: str) -> str:
        """Read Parquet; a mapped column of dates that has a zone in one part and none in another comes as text, which keeps both."""
        together = f"SELECT * FROM read_parquet({self._listed(located.files)}, union_by_name = true)"
        if len(located.files) == 1:
            return together
        parts = {path: self._columns(f"SELECT * FROM read_parquet({self._listed([path])})") for path in located.files}
        _same_columns(parts, as_text, where)
        wanted, types = {c.lower() for c in as_text}, dict[str, set[str]]()
        for there in parts.values():
            for column, type_name in there.items():
                types.setdefault(column.lower(), set()).add(re.sub(r"_(S|MS|NS)$", "", type_name))
        mixed = {c for c, t in types.items() if c in wanted and len(t) > 1 and re.search("TIMESTAMP|DATE", str(t))}
        if not mixed:
            return together
        selects = []
        for path, there in parts.items():
            texts = ", ".join(
                f"CAST({identifier(c)} AS VARCHAR) AS {identifier(c)}" for c in there if c.lower() in mixed
            )
            selects.append(f"SELECT * REPLACE ({texts}) FROM read_parquet({self._listed([path])})")
        return " UNION ALL BY NAME ".join(selects)

    def _csv(self, located: SourceLocation, as_text: Sequence[str], untold: bool, where: str) -> str:
        """Read CSV; a file that makes no table of the mapped columns is looked at line by line, and told."""
        parts: dict[Path, dict[str, str]] = {}
        encodings = {path: csv_encoding(path) for path in located.files}
        wanted = {name.lower() for name in as_text}
        for path in located.files:
            if encodings[path] in ("utf-16le", "utf-16be"):
                _tell_csv(path, where)
            read = f"read_csv({self._listed([path])}, {CSV_OPTIONS}, all_varchar = true{_encoded(encodings[path])})"
            parts[path] = self._columns(f"SELECT * FROM {read}")
            there = {c.lower() for c in parts[path]}
            # An engine that finds no table in a file takes each of its lines for one cell.
            if wanted - there - {"row"} or (len(there) == 1 and not wanted & there):
                _tell_csv(path, where)
        _same_columns(parts, as_text, where)
        selects = []
        for encoding in sorted(set(encodings.values())):
            files = [path for path in located.files if encodings[path] == encoding]
            listed = self._listed(files)
            apart = _folder_keys(files) if listed.endswith("true") else set()
            columns = dict.fromkeys(c for path in files for c in parts[path] if c.lower() in wanted - apart)
            texts = ", ".join(f"{literal(c)}: 'VARCHAR'" for c in columns)
            typed = f", types = {{{texts}}}" if texts else ""
            types = ", all_varchar = true" if untold else typed
            selects.append(f"SELECT * FROM read_csv({listed}, {CSV_OPTIONS}{types}{_encoded(encoding)})")
        return " UNION ALL BY NAME ".join(selects)

    def _only_reads(self, query: str) -> None:
        statements = self._connection.extract_statements(query)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise duckdb.ParserException("more than one statement, or one that isn't a SELECT")

    def _whole_parts(self, where: str) -> None:
        """Refuse a file of several that a query reads in which the engine finds no table: by its name each row would lose all columns."""
        parts = self._csv_files[where]
        if len(parts) > 1:
            for path in parts:
                read = f"read_csv({_listed([path])}, header = true, all_varchar = true, comment = ''{_encoded(csv_encoding(path))})"
                if len(self._columns(f"SELECT * FROM {read}")) == 1:
                    _tell_csv(path, where)

    def _json(self, files: str, as_text: Sequence[str], untold: bool) -> str:
        options = "format = 'newline_delimited', union_by_name = true, sample_size = -1"
        wanted = {name.lower() for name in as_text}
        types = {
            c: "VARCHAR" if c.lower() in wanted or (untold and re.fullmatch(r'[A-Z_" ]+(\(\d+,\d+\))?', t)) else t
            for c, t in self._columns(f"SELECT * FROM read_json({files}, {options})").items()
        }
        columns = ", ".join(f"{literal(c)}: {literal(t)}" for c, t in types.items())
        return f"SELECT * FROM read_json({files}, format = 'newline_delimited', columns = {{{columns}}})"

    def _attach(self, located: SourceLocation) -> str:
        alias = self._attached.get(located.place)
        if alias is None:
            alias = f"source_{len(self._attached)}"
            self._connection.execute(f"ATTACH {literal(located.place)} AS {alias} (READ_ONLY)")
            self._attached[located.place] = alias
        if located.table:
            return re.sub(r"^SELECT \* FROM ", f"SELECT * FROM {alias}.", located.query)
        # A query names its tables bare: it is run inside the file's own database.
        self._only_reads(located.query)
        self._fetched += 1
        self._connection.execute(f"USE {alias}")
        try:
            self._connection.execute(f"CREATE TABLE memory.main._fetched_{self._fetched} AS {located.query}")
        finally:
            self._connection.execute("USE memory")
        return f"SELECT * FROM _fetched_{self._fetched}"

    @contextmanager
    def _said(self, where: str) -> Iterator[None]:
        """Turn DuckDB's errors into one sentence that holds names at most."""
        try:
            yield
        except duckdb.PermissionException:
            raise DataError(
                f"{where}: reaches for a file outside of the tables; expected SQL over tables; mend it"
            ) from None
        except duckdb.OutOfMemoryException:
            raise OutputError(
                f"{where}: the engine ran out of memory or temporary disk; expected it to fit; "
                f"raise engine.memory or free space in {Path(self._spill.name).parent}"
            ) from None
        except duckdb.IOException as error:
            raise _io_error(where, str(error)) from None
        except (RuntimeError, duckdb.InterruptException) as error:
            if "interrupt" in str(error).lower():  # Ctrl-C reaches DuckDB first, which makes its own error of it
                raise KeyboardInterrupt from None
            raise
        except duckdb.Error as error:
            self._tell_csv_behind(where, isinstance(error, duckdb.InvalidInputException))
            raise _plain_error(where, error) from None

    def _tell_csv_behind(self, where: str, while_reading: bool) -> None:
        """Refuse by name a CSV file that may be behind an error: of this source, or of any that a statement was reading."""
        late = while_reading and where in ("the statement", "the query")
        for source, files in self._csv_files.items():
            for path in files if late or where == source else ():
                _tell_csv(path, source)


def _plain_error(where: str, error: duckdb.Error) -> DataError:
    """Tell an error by its own first line where that speaks of names only, else by its kind."""
    if isinstance(error, TELLABLE):
        return DataError(f"{where}: {str(error).splitlines()[0]}; expected SQL that runs; mend it")
    if "not utf-8" in str(error).lower():
        return DataError(f"{where}: isn't UTF-8; expected UTF-8 text; save or export it as UTF-8")
    return DataError(
        f"{where}: can't be read ({type(error).__name__.removesuffix('Exception')}); expected an intact file of "
        "the kind that its ending names; export it again"
    )


def _io_error(where: str, said: str) -> LeadlineError:
    """Tell what kind of file trouble it is by DuckDB's words, and show none of them."""
    if "No files found" in said or "No such file" in said:
        return MissingError(f"{where}: a file that it reads isn't there; expected it; mend the path")
    if "No space left" in said:
        return OutputError(
            f"{where}: no space left on device; expected room to spill; free some and run the command again"
        )
    if "set lock on file" in said:
        return RetryError(f"{where}: another process writes to that file; expected to be alone; run the command again")
    return DataError(
        f"{where}: can't be read (IO); expected an intact file of the kind that its ending names; export it again"
    )


def _tell_csv(path: Path, where: str) -> None:
    """Refuse a CSV file in which a line doesn't fit, or whose encoding can't be read."""
    trouble = csv_trouble(path)
    if trouble:
        raise DataError(trouble if where == str(path) else f"{where}: {trouble}")


def _same_columns(parts: Mapping[Path, Mapping[str, str]], as_text: Sequence[str], where: str) -> None:
    """Refuse parts of a table of which one lacks a mapped column that another has: its rows would lose it in silence."""
    had = {path: {c.lower() for c in there} for path, there in parts.items()}
    for name in as_text:
        lacking = [path for path, there in had.items() if name.lower() not in there]
        if lacking and len(lacking) < len(parts):
            raise DataError(
                f"{where}: {lacking[0]} has no column {name!r}, which other files have{_more(len(lacking) - 1)}; expected it in each of the "
                f"{len(parts)}; mend the export, or shape the files with a {{query: …}} source"
            )


def _more(others: int) -> str:
    return f" (nor have {others} more)" if others else ""


def _folder_keys(paths: Sequence[Path]) -> set[str]:
    """Return the keys of folders such as type=x, which the engine takes for columns."""
    return {key.lower() for path in paths for key in re.findall(r"([^/=]+)=[^/]*/", path.as_posix())}


def _listed(paths: Sequence[Path]) -> str:
    return "[" + ", ".join(literal(_escaped(path)) for path in paths) + "]"


def _encoded(encoding: str) -> str:
    return ", encoding = 'utf-16'" if encoding == "utf-16" else ""


def _escaped(path: Path) -> str:
    """Write a path in which DuckDB sees no glob."""
    return re.sub(r"([\[*?])", r"[\1]", str(path))
