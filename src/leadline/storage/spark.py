"""The Spark store: tables are read, checked and cut by DuckDB on the driver, and handed over; all that follows is Spark SQL.

The handing over is Parquet in a temporary folder, which every node must see: with a cluster's master, TMPDIR must name
a folder that all nodes share. Tables that statements make are Parquet there too: nothing is computed twice, and none must
fit in memory.
"""

from __future__ import annotations

import logging
import re
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from leadline.config.schema import Engine, Source
from leadline.core.leftovers import ScratchFolder
from leadline.errors import DataError, OutputError
from leadline.storage import spark_session
from leadline.storage.dialect import SPARK, Dialect
from leadline.storage.duckdb import DuckStore

__all__ = ["SparkStore", "join_statement", "needed_parts", "repeated_parts", "split_statement"]


# A statement taken apart: its WITH clause, part by part, for an engine that would compute a part anew at each mention.


Part = tuple[str, str]

"""(name, query)"""

SKIPPED = re.compile(r"'(?:[^'\\]|\\.|'')*'|`(?:[^`]|``)*`|\"(?:[^\"]|\"\")*\"|--[^\n]*|[()]", re.DOTALL)

HEAD = re.compile(r"\s*(\w+) AS \(")

COMMA = re.compile(r"\s*,")


def split_statement(sql: str) -> tuple[list[Part], str]:
    """Take a statement apart into the parts of its WITH clause, in order, and the query that reads them.

    Examples
    --------
    >>> split_statement("WITH a AS (SELECT ')' AS x),\\nb AS (SELECT (1) AS y FROM a)\\nSELECT y FROM b")
    ([('a', "SELECT ')' AS x"), ('b', 'SELECT (1) AS y FROM a')], '\\nSELECT y FROM b')
    >>> split_statement("SELECT 1")
    ([], 'SELECT 1')
    """
    parts: list[Part] = []
    if not sql.startswith("WITH "):
        return parts, sql
    at = len("WITH")
    while True:
        head = HEAD.match(sql, at)
        if head is None:
            raise ValueError(f"the statement's part {len(parts) + 1} isn't `name AS (query)`")
        end = _closing(sql, head.end())
        parts.append((head[1], sql[head.end() : end]))
        comma = COMMA.match(sql, end + 1)
        if comma is None:
            return parts, sql[end + 1 :]
        at = comma.end()


def _closing(sql: str, at: int) -> int:
    """Find the parenthesis that closes the one before `at`."""
    depth = 1
    for token in SKIPPED.finditer(sql, at):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if depth == 0:
            return token.start()
    raise ValueError("the statement ends within a part")


def join_statement(parts: list[Part], query: str) -> str:
    """Put a statement together again.

    Examples
    --------
    >>> join_statement([("a", "SELECT 1 AS x")], "SELECT x FROM a")
    'WITH a AS (SELECT 1 AS x)\\nSELECT x FROM a'
    """
    listed = ",\n".join(f"{name} AS ({text})" for name, text in parts)
    return f"WITH {listed}\n{query}" if parts else query


def repeated_parts(parts: list[Part], query: str) -> set[str]:
    """Name the parts that more than one place reads.

    Examples
    --------
    >>> repeated_parts([("a", "SELECT 1 AS x"), ("b", "SELECT x FROM a")], "SELECT * FROM b JOIN a ON a.x = b.x")
    {'a'}
    """
    texts = " ".join([*(text for _, text in parts), query])
    return {name for name, _ in parts if len(re.findall(rf"\b(?:FROM|JOIN)\s+{name}\b", texts)) > 1}


def needed_parts(parts: list[Part], query: str) -> list[Part]:
    """Keep the parts that a query reads, itself or through others.

    Examples
    --------
    >>> needed_parts([("a", "SELECT 1 AS x"), ("b", "SELECT x FROM a"), ("c", "SELECT 2 AS x")], "SELECT * FROM b")
    [('a', 'SELECT 1 AS x'), ('b', 'SELECT x FROM a')]
    """
    kept: list[Part] = []
    texts = query
    for name, text in reversed(parts):
        if re.search(rf"\b{name}\b", texts):
            kept.insert(0, (name, text))
            texts += f" {text}"
    return kept


MADE = re.compile(r"CREATE (?:OR REPLACE )?(?:TEMP(?:ORARY)? )?TABLE (\w+) AS\s(.*)", re.DOTALL)

TABLE = "table.parquet"

DROPPED = re.compile(r"DROP (?:TABLE|VIEW) (?:IF EXISTS )?(\w+)")


class SparkStore:
    """Tables in Spark, once `hand_over` was called; until then in DuckDB.

    Raises
    ------
    UsageError
        PySpark, or a Java that it runs on, isn't there.
    """

    def __init__(self, engine: Engine) -> None:
        spark_session.require_spark(engine)
        self.dialect: Dialect = DuckStore.dialect
        self._engine = engine
        self._folder = ScratchFolder("leadline-spill-spark-")
        self._reader: DuckStore | None = DuckStore(engine)
        self._running: spark_session.SparkHandle | None = None
        self._places: dict[str, tempfile.TemporaryDirectory[str]] = {}

    def __enter__(self) -> SparkStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop what this store started, and remove its files."""
        if self._reader is not None:
            self._reader.close()
        if self._running is not None:
            self._running.stop()
            self._running = None
        for name in list(self._places):
            self._remove(name)
        self._folder.cleanup()

    def read(
        self, name: str, source: Source, as_text: Sequence[str], untold: bool = False, where: str = ""
    ) -> dict[str, str]:
        """Make the source readable to DuckDB; see `Store.read`."""
        return self._at_first().read(name, source, as_text, untold, where)

    def forget(self, name: str) -> None:
        """Drop what `read` made under a name."""
        self._at_first().forget(name)

    def _at_first(self) -> DuckStore:
        if self._reader is None:
            raise ValueError("the tables are handed over: nothing can be read any more")
        return self._reader

    def hand_over(self, kept: Path | None = None) -> None:
        """Give the tables to Spark, which runs every statement from here on."""
        reader = self._at_first()
        for name in reader.tables():
            self._places[name] = self._place()
            reader.save(name, Path(self._places[name].name, TABLE))
        reader.close()
        self._reader, self.dialect = None, SPARK
        self._running = spark_session.start_session(self._engine, Path(self._folder.name))
        for name, place in self._places.items():
            self._show(name, place)

    @property
    def session(self) -> Any:
        """The Spark session that has the tables as temporary views."""
        if self._running is None:
            raise ValueError("the tables aren't handed over yet")
        return self._running.session

    def run(self, sql: str) -> None:
        """Run a statement that gives no rows: one that makes a table of a query, or drops one."""
        if self._reader is not None:
            self._reader.run(sql)
            return
        made, dropped = MADE.fullmatch(sql), DROPPED.fullmatch(sql)
        with self._said("the statement"):
            if made:
                self._keep(made[1], made[2])
            elif dropped:
                self._drop(dropped[1])
            else:
                raise ValueError(
                    f"Spark isn't asked to {sql.split(maxsplit=1)[0]}: its tables are made whole, by a query"
                )

    def _keep(self, name: str, query: str) -> None:
        place = self._place()
        try:
            self.session.sql(query).write.parquet(f"{place.name}/{TABLE}")
            self._show(name, place)
        except BaseException:
            place.cleanup()
            raise
        self._remove(name)  # what the table was before, which the query may have read
        self._places[name] = place

    def _drop(self, name: str) -> None:
        self.session.catalog.dropTempView(name)
        self._remove(name)

    def _place(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(dir=self._folder.name, ignore_cleanup_errors=True)

    def _show(self, name: str, place: tempfile.TemporaryDirectory[str]) -> None:
        self.session.read.parquet(f"{place.name}/{TABLE}").createOrReplaceTempView(name)

    def _remove(self, name: str) -> None:
        if name in self._places:
            self._places.pop(name).cleanup()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a query with few rows and return them as tuples."""
        if self._reader is not None:
            return self._reader.rows(sql)
        with self._said("the query"):
            return [tuple(row) for row in self.session.sql(sql).collect()]

    def arrow(self, sql: str) -> Any:
        """Run a query and return its rows as a pyarrow Table."""
        if self._reader is not None:
            return self._reader.arrow(sql)
        parts, query = split_statement(sql)
        shared, made = repeated_parts(parts, query), []
        with self._said("the query"):
            told: list[tuple[str, str]] = []
            for name, text in parts:
                if name in shared:  # Spark would compute it anew for each mention
                    made.append(f"part_{name}")
                    self._keep(made[-1], join_statement(needed_parts(told, text), text))
                    text = f"SELECT * FROM {made[-1]}"
                told.append((name, text))
            rows = self.session.sql(join_statement(told, query)).toArrow()
            for name in made:
                self._drop(name)
            return rows

    def batches(self, sql: str, rows: int, wide: bool = False) -> Iterator[Any]:
        """Run a query and yield its rows; Spark gathers all of them first."""
        yield from self.arrow(sql).to_batches(rows)

    def put(self, name: str, table: Any) -> None:
        """Store an Arrow table under a name, replacing what stood there."""
        if self._reader is not None:
            self._reader.put(name, table)
            return
        with self._said("the table"):
            self.session.createDataFrame(table).createOrReplaceTempView(name)
            self._remove(name)

    @contextmanager
    def _said(self, where: str) -> Iterator[None]:
        """Turn Spark's errors into one sentence; its own words may quote a lead's data, and none is shown."""
        from py4j.protocol import Py4JError, Py4JJavaError
        from pyspark.errors import AnalysisException, PySparkException
        from pyspark.logger import PySparkLogger

        told = PySparkLogger.getLogger("SQLQueryContextLogger")  # it logs all that the engine says
        before = told.level
        told.setLevel(logging.CRITICAL + 1)
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
                yield
        except AnalysisException as error:
            raise DataError(
                f"{where}: Spark refuses it ({error.getCondition()}); expected SQL that runs; mend it"
            ) from None
        except (PySparkException, Py4JJavaError) as error:
            said = str(error)
            if "OutOfMemory" in said or "No space left" in said or "not enough memory" in said.lower():
                raise OutputError(
                    f"{where}: Spark ran out of memory or temporary disk; expected it to fit; raise engine.memory or free "
                    f"space in {Path(self._folder.name).parent}"
                ) from None
            kind = error.getCondition() if isinstance(error, PySparkException) else type(error).__name__
            raise DataError(
                f"{where}: failed in Spark ({kind}); expected rows; check the tables that it reads"
            ) from None
        except (Py4JError, OSError):
            raise OutputError(
                f"{where}: Spark's Java process is gone; expected it to stay, and it often ends for want of memory; "
                "free some, or lower engine.memory"
            ) from None
        finally:
            told.setLevel(before)
