"""Work with a known number of steps: a bar of it where one can be shown, else a few lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, runtime_checkable

from leadline.pipeline.asking import Progress

__all__ = ["Bars", "Step", "counted"]

Step = Callable[[int, str], None]


@runtime_checkable
class Bars(Protocol):
    """Who is told of progress and, on a terminal, can show a bar of it."""

    @property
    def shows_bars(self) -> bool:
        """Whether there is a terminal to show one on, and somebody who wants it."""

    def bar(self, words: str, total: int, done: int) -> AbstractContextManager[Step]:
        """Show a bar while the block runs; what it yields takes how many are done, and a few words."""


@contextmanager
def counted(progress: Progress, words: str, total: int, done: int = 0, lines: int | None = 10) -> Iterator[Step]:
    """Yield what is to be told of each step: how many are done, and a few words about them.

    Parameters
    ----------
    words : str
        The stage's name.
    total, done : int
        How many steps there are, and how many were done before.
    lines : int, optional
        How many lines to tell at most where no bar can be shown; with 0, only the stage's name; with None, nothing.

    Examples
    --------
    >>> with counted(print, "refitting", 4, lines=2) as step:
    ...     for number in range(1, 5):
    ...         step(number, "fine")
    refitting: 2 of 4, fine
    refitting: 4 of 4, fine
    """
    told: object = progress  # a plain callable will do, too
    if isinstance(told, Bars) and told.shows_bars:
        with told.bar(words, total, done) as step:
            yield step
        return
    every = max(1, total // lines) if lines else total + 1
    if lines == 0:
        progress(words)

    def tell(number: int, said: str) -> None:
        if number % every == 0 or (number == total and lines):
            progress(f"{words}: {number} of {total}{f', {said}' if said else ''}")

    yield tell
