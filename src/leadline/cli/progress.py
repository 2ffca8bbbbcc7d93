"""Progress, told on stderr: lines of text or of JSON, a spinner and bars on a terminal, nothing when asked to be quiet."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from leadline.masking import mask_record

__all__ = ["ProgressReporter", "clear_moving"]

_moving: list[ProgressReporter] = []  # whose spinner or bar is on the terminal, if anybody's


def clear_moving() -> None:
    """Take whatever moves off the terminal, so that something else can be written there.

    Examples
    --------
    >>> clear_moving()
    """
    while _moving:
        _moving.pop().rest()


class ProgressReporter:
    """Tells how far a command has come; called with a stage's name, it tells that.

    On a terminal the stage that runs has a spinner, and becomes a line when it ends; elsewhere each stage is a line.

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
        self._shown: Any = None  # rich's display, while it moves
        self._stage = ""  # the line that the spinner's stage becomes
        self._within: Callable[[str], None] | None = None  # tells a stage beside the bar that is shown
        self.run_id = secrets.token_hex(8)

    def __call__(self, stage: str) -> None:
        """Tell a stage's name."""
        if self._quiet:
            return
        if self._within is not None:
            self._within(stage)
            return
        line = f"{time.monotonic() - self._began:7.1f}s  {stage}"
        if self.shows_bars:
            self.rest()
            self._spin(line)
        else:
            self._write(self._line({"stage": stage}) if self._log == "json" else line)

    def begin(self) -> None:
        """Show on a terminal that something is going on before the first stage: what a command imports takes seconds."""
        if self.shows_bars:
            self._spin("", "starting")

    def warn(self, text: str) -> None:
        """Tell a warning, whether or not progress is told."""
        clear_moving()
        self._write(self._line({"warning": text}) if self._log == "json" else f"leadline: warning: {text}")

    def rest(self) -> None:
        """Take the spinner or the bar off the terminal; the spinner's stage stays as a line."""
        if self._shown is not None:
            self._shown.stop()
        self._shown = None
        if self._stage:
            self._write(self._stage)
        self._stage = ""

    def _line(self, said: dict[str, str]) -> str:
        """Write something as JSON, with the time and the run's id."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        seconds = round(time.monotonic() - self._began, 3)
        return json.dumps(
            mask_record({"time": now, "run_id": self.run_id, "seconds": seconds, **said}), ensure_ascii=False
        )

    def _write(self, line: str) -> None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    @property
    def shows_bars(self) -> bool:
        """Whether stderr is a terminal that can, and text is wanted there."""
        return not self._quiet and self._log == "text" and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def _spin(self, line: str, shown: str = "") -> None:
        """Show a stage with a spinner and the time it takes, until `rest`; then its line stays."""
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        self._stage = line
        self._show(TextColumn("{task.description}", markup=False), SpinnerColumn(), TimeElapsedColumn()).add_task(
            shown or line
        )

    def _show(self, *columns: Any) -> Any:
        """Start a display of these columns; what is written to stdout meanwhile is none of its business."""
        from rich.console import Console
        from rich.progress import Progress

        console = Console(file=sys.stderr)
        shown = Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
        shown.start()
        self._shown = shown
        _moving.append(self)
        return shown

    @contextmanager
    def bar(self, words: str, total: int, done: int) -> Iterator[Callable[[int, str], None]]:
        """Show a bar while the block runs; it goes when the block ends, and its last words stay as a line.

        What it yields takes how many are done, and a few words about them. A stage that is told meanwhile stands beside it.
        """
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn

        self.rest()
        number, last = done, ""
        columns = (
            TextColumn("{task.description}", markup=False), BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("{task.fields[said]}", markup=False),
        )  # fmt: skip

        def tell(said: str) -> None:
            if self._shown is None:  # something else was written in between
                task[:] = [self._show(*columns).add_task(words, total=total, completed=number, said=said)]
            self._shown.update(task[0], completed=number, said=said)

        def step(new: int, said: str) -> None:
            nonlocal number, last
            number, last = new, f"{words}: {new} of {total}{f', {said}' if said else ''}"
            tell(said)

        task: list[Any] = []
        tell("")
        self._within = tell
        try:
            yield step
        finally:
            self._within = None
            self.rest()
        if last:
            self._write(f"{time.monotonic() - self._began:7.1f}s  {last}")
