"""What leaves the process: results alone on stdout, and no secret on any line.

While a command runs, descriptor 1 is the null device's, and so is what Python code prints: libraries tell there what no
reader of `--json` can parse, a server's URL with its password among it. leadline's own results go to the descriptor that
was stdout at the beginning. A reader who left, or a full disk, is remembered, and never ends the work.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from leadline.masking import mask

__all__ = ["Outlet", "keep_results_apart", "only_results", "results"]


class Outlet(io.TextIOBase):
    """A stream for text: masks it, and goes silent where nobody can read it any more.

    Parameters
    ----------
    inner : stream or None
        Where the text goes; None for nowhere.
    handle : int, optional
        The descriptor to write to, in the place of `inner`.

    Examples
    --------
    >>> there = io.StringIO()
    >>> Outlet(there).write("from https://ann:secret@db.example/"), there.getvalue()
    (35, 'from https://***@db.example/')
    """

    def __init__(self, inner: Any, handle: int | None = None) -> None:
        self._inner, self._handle = inner, handle
        self.failure: Exception | None = None

    def write(self, text: str) -> int:
        """Write a text, masked."""
        if self.failure is None and (self._inner is not None or self._handle is not None):
            try:
                self._put(mask(text))
            except (OSError, ValueError) as error:
                self.failure = error
        return len(text)

    def _put(self, text: str) -> None:
        if self._handle is None:
            self._inner.write(text)
            return
        data = text.encode("utf-8" if self._inner is None else self.encoding, "backslashreplace")
        while data:
            try:
                data = data[os.write(self._handle, data) :]
            except BlockingIOError:  # a pipe that is full and doesn't wait by itself
                select.select([], [self._handle], [])

    def flush(self) -> None:
        """Pass on what is held back."""
        if self.failure is None and self._inner is not None and self._handle is None:
            try:
                self._inner.flush()
            except (OSError, ValueError) as error:
                self.failure = error

    def isatty(self) -> bool:
        """Whether a person reads it."""
        return self._inner is not None and bool(self._inner.isatty())

    def writable(self) -> bool:
        """It always is."""
        return True

    def fileno(self) -> int:
        """Return the descriptor, where there is one."""
        if self._handle is not None:
            return self._handle
        if self._inner is None:
            raise io.UnsupportedOperation("fileno")
        return int(self._inner.fileno())

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """How text becomes bytes."""
        return str(getattr(self._inner, "encoding", None) or "utf-8")

    @property
    def has_left(self) -> bool:
        """Whether the reader left, or never was there: that is no failure."""
        return isinstance(self.failure, ValueError) or getattr(self.failure, "errno", None) in (
            errno.EPIPE,
            errno.EBADF,
        )


_open: list[Outlet] = []  # where results go while a command runs


def results() -> Any:
    """Return the stream for results: stdout as it was when the command began.

    Examples
    --------
    >>> results() is sys.stdout
    True
    """
    return _open[-1] if _open else sys.stdout


@contextmanager
def keep_results_apart() -> Iterator[Outlet]:
    """Mask stdout and stderr inside the block, and keep descriptor 1 for nobody but `results`."""
    _open_standard_handles()
    before = sys.stdout, sys.stderr
    handle = os.dup(1) if _writes_to(before[0], 1) else None
    if handle is not None:
        before[0].flush()
        _point_at_null(1)
    out = Outlet(before[0], handle)
    _open.append(out)
    sys.stdout, sys.stderr = out, Outlet(before[1], 2 if _writes_to(before[1], 2) else None)
    try:
        yield out
    finally:
        _open.pop()
        out.flush()
        sys.stdout, sys.stderr = before
        if handle is not None:
            os.dup2(handle, 1)
            os.close(handle)


def only_results() -> None:
    """From now on stdout has what is written to `results` alone: what libraries print goes nowhere."""
    if _open:
        sys.stdout = Outlet(None)


def _writes_to(stream: Any, handle: int) -> bool:
    try:
        return bool(stream.fileno() == handle)
    except (AttributeError, OSError, ValueError):
        return False


def _open_standard_handles() -> None:
    """Open what was closed: else the next file gets its number, and what libraries print is written into that."""
    for handle in (0, 1, 2):
        try:
            os.fstat(handle)
        except OSError:
            _point_at_null(handle)


def _point_at_null(handle: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    if null != handle:
        os.dup2(null, handle)
        os.close(null)
