"""A place for scores: what every kind of it can do. Each is old or new, never half."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from leadline.scoring.previous_scores import PreviousScores

__all__ = ["RunKey", "Sink", "WriteRun"]


@dataclass(frozen=True)
class RunKey:
    """Which night: when (an instant, unless the file is flat), and by which model.

    Examples
    --------
    >>> RunKey(0, True, "demo", "1")
    RunKey(as_of=0, is_dated=True, model='demo', version='1')
    """

    as_of: int
    is_dated: bool
    model: str
    version: str


class WriteRun(Protocol):
    """Writes a night: its rows, its record, files beside them, and its accounts' rows; returns where the rows are now."""

    def __call__(
        self, table: Any, night: dict[str, Any], beside: Mapping[str, bytes] = ..., accounts: Any = None
    ) -> str: ...


@dataclass(frozen=True)
class Sink:
    """A place for scores.

    Attributes
    ----------
    shown : str
        What a log may say of it, without secrets.
    lock : callable
        Takes the seconds to wait; returns a context in which nobody else writes there.
    write : WriteRun
        Takes the Arrow table and the night's record.
    previous : callable
        Takes an as_of and a model's name; returns the newest finished night before it.
    done : callable
        Takes a `RunKey`; returns the record of that night where it is finished, else None.
    records : callable
        Takes two as_ofs and a model's name; returns the records of its finished nights from the first on and before the
        second, the newest first.
    rows : callable
        Takes a `RunKey`; returns the finished night's rows as a pyarrow Table.
    retire : callable or None
        Takes a model's name and an as_of; removes its finished nights before it but for the newest, and returns how many.
    holds_nights : bool
        Whether it holds one night beside another.
    takes_files : bool
        Whether it takes files beside the rows.
    """

    shown: str
    lock: Callable[[float], AbstractContextManager[None]]
    write: WriteRun
    previous: Callable[[int, str], PreviousScores]
    done: Callable[[RunKey], dict[str, Any] | None]
    rows: Callable[[RunKey], Any]
    records: Callable[[int, int, str], list[dict[str, Any]]] = lambda since, as_of, name: []
    retire: Callable[[str, int], int] | None = None
    holds_nights: bool = True
    takes_files: bool = False
