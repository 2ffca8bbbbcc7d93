"""What leadline asks of an engine: read a source, run a statement, give rows back as Arrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from leadline.config.schema import Source
from leadline.storage.dialect import Dialect

__all__ = ["Store"]


class Store(Protocol):
    """A place where tables lie and SQL runs; one implementation for each engine."""

    dialect: Dialect

    def read(
        self, name: str, source: Source, as_text: Sequence[str], untold: bool = False, where: str = ""
    ) -> dict[str, str]:
        """Make the source readable as the relation `name`; return its columns with their types, in order.

        Columns named in `as_text` come as text where the format has no types of its own (CSV, JSON lines), so that
        keys keep their leading zeros and instants keep their zone. With `untold` all other columns of such a format
        come as text too, and their type is said to be TEXT: what they hold is for the reader to tell. `where` is what an
        error speaks of, where that isn't the table's source in the config.
        """

    def forget(self, name: str) -> None:
        """Drop what `read` made under a name."""

    def hand_over(self, kept: Path | None = None) -> None:
        """Say that all tables are loaded: an engine that reads through another one takes them over now.

        From here on no statement reaches a file, but for those below the folder `kept`.
        """

    def run(self, sql: str) -> None:
        """Run a statement that gives no rows."""

    def arrow(self, sql: str) -> Any:
        """Run a query and return its rows as a pyarrow Table."""

    def batches(self, sql: str, rows: int, wide: bool = False) -> Iterator[Any]:
        """Run a query and yield pyarrow RecordBatches of about so many rows as they come.

        `wide` says that the query puts parts of few columns beside the rows of its first table: the parts are to be held in
        memory, never the rows that they stand beside, whatever the engine guesses of their numbers.
        """

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a query with few rows and return them as tuples."""

    def put(self, name: str, table: Any) -> None:
        """Store an Arrow table under a name."""

    def close(self) -> None:
        """Let go of the engine and of its temporary files."""
