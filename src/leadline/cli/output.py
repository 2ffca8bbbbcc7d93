"""How commands print: results to stdout, progress to stderr, tables that fit 80 columns, colour only on a terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from leadline.cli.progress import ProgressReporter, clear_moving
from leadline.cli.streams import results
from leadline.masking import mask, mask_record

__all__ = ["Printer", "format_figure", "plural_s"]


class Printer:
    """Prints sentences, tables and JSON.

    Parameters
    ----------
    quiet : bool
        No progress.
    log : str
        Progress as `text` or as lines of `json`.
    as_json : bool
        Results as JSON.
    """

    def __init__(self, quiet: bool, log: str, as_json: bool) -> None:
        self._log, self._json = log, as_json
        self._config = ""  # where the config of a data file stands, if one was named in its place
        self.progress = ProgressReporter(quiet, log)

    @property
    def run_id(self) -> str:
        """Names this run, in its log and in what it writes."""
        return self.progress.run_id

    def _say(self, text: str = "") -> None:
        clear_moving()
        print(text, file=results())

    def _with_config(self, record: dict[str, Any]) -> dict[str, Any]:
        """Say in a record where the config of a data file stands."""
        return {"config": self._config, **record} if self._config else record

    def _as_json(self, record: Any) -> bool:
        if self._json:
            self._say(json.dumps(mask_record(record), indent=2, ensure_ascii=False, allow_nan=False))
        return self._json

    def _table(self, head: Sequence[str], rows: Sequence[Sequence[str]], wrap: int | None = None) -> None:
        """Print a table; a column named by `wrap` takes what room is left and breaks its lines."""
        from rich.box import SIMPLE
        from rich.console import Console as Rich
        from rich.table import Table

        clear_moving()
        width = None if results().isatty() else 80
        table = Table(box=SIMPLE, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
        for n, name in enumerate(head):
            table.add_column(
                name, justify="left" if n == 0 or n == wrap else "right", overflow="fold", no_wrap=n != wrap
            )
        for row in rows:
            table.add_row(*map(mask, row))
        Rich(file=results(), width=width, highlight=False, markup=False).print(table)

    def _lines(self, head: Sequence[str], rows: Sequence[Sequence[str]], room: Sequence[int]) -> None:
        """Print a table of sentences, if there are any; columns with a share of the room break their lines."""
        if not rows:
            return
        clear_moving()
        from rich.box import SIMPLE
        from rich.console import Console as Rich
        from rich.table import Table

        table = Table(box=SIMPLE, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), expand=True)
        for name, share in zip(head, room, strict=True):
            table.add_column(name, overflow="fold", no_wrap=not share, ratio=share or None)
        for row in rows:
            table.add_row(*map(mask, row))
        Rich(file=results(), width=None if results().isatty() else 80, highlight=False, markup=False).print(table)
        self._say()


def plural_s(n: int) -> str:
    return "" if n == 1 else "s"


def format_figure(value: float, digits: int = 3) -> str:
    return (
        "–"
        if value != value
        else f"{value:.{digits}f}".replace("0.", ".", 1)
        if 0 <= value < 1 and digits == 3
        else f"{value:.{digits}f}"
    )
