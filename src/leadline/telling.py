"""Progress, told on stderr: lines of text or of JSON, a bar on a terminal, nothing when asked to be quiet."""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

__all__ = ["Telling"]


class Telling:
    """Tells how far a command has come; called with a stage's name, it tells that.

    Parameters
    ----------
    quiet : bool
        Tell nothing.
    log : str
        `text`, or lines of `json`.
    """

    def __init__(self, quiet: bool, log: str) -> None:
        self._quiet, self._log = quiet, log
        self._began = time.monotonic()
        self.run_id = secrets.token_hex(8)

    def __call__(self, stage: str) -> None:
        """Tell a stage's name."""
        if self._quiet:
            return
        seconds = time.monotonic() - self._began
        self._write(self._line({"stage": stage}) if self._log == "json" else f"{seconds:7.1f}s  {stage}")

    def warn(self, text: str) -> None:
        """Tell a warning, whether or not progress is told."""
        self._write(self._line({"warning": text}) if self._log == "json" else f"leadline: warning: {text}")

    def _line(self, said: dict[str, str]) -> str:
        """Write something as JSON, with the time and the run's id."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        seconds = round(time.monotonic() - self._began, 3)
        return json.dumps({"time": now, "run_id": self.run_id, "seconds": seconds, **said}, ensure_ascii=False)

    def _write(self, line: str) -> None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    @property
    def shows_bars(self) -> bool:
        """Whether stderr is a terminal, and text is wanted there."""
        return not self._quiet and self._log == "text" and sys.stderr.isatty()

    @contextmanager
    def bar(self, words: str, total: int, done: int) -> Iterator[Callable[[int, str], None]]:
        """Show a bar while the block runs; it goes when the block ends, and its last words stay as a line.

        What it yields takes how many are done, and a few words about them.
        """
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        last = ""
        columns = (TimeElapsedColumn(), TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn())
        console = Console(file=sys.stderr)
        with Progress(*columns, TextColumn("{task.fields[said]}"), console=console, transient=True) as shown:
            task = shown.add_task(words, total=total, completed=done, said="")

            def step(number: int, said: str) -> None:
                nonlocal last
                last = f"{words}: {number} of {total}, {said}"
                shown.update(task, completed=number, said=said)

            yield step
        if last:
            self(last)
