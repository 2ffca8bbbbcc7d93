"""SIGTERM and Ctrl-C end a command within two seconds, also while a library waits in C for a server or a lock.

Python runs a signal's handler between two of its own instructions: not before such a wait returns. So a thread of its own
hears of the signal at once, and ends the process where the main thread couldn't. What stands on the disk is old or new
at every moment, and what was staged is swept by the next run.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["GRACE", "answer_stops"]

GRACE = 1.5
"""Seconds that a command has to end by itself."""

STOPS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def answer_stops(end: Callable[[], None]) -> Iterator[None]:
    """Make of SIGTERM what Ctrl-C is; call `end`, which leaves the process, where the block goes on for all that.

    Examples
    --------
    >>> with answer_stops(lambda: None):
    ...     print("works")
    works
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    ended = threading.Event()
    before = signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # a stop by cron or Airflow cleans up as Ctrl-C does
    heard = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    watching = threading.Thread(target=_watch, args=(reader, ended, end), daemon=True)
    watching.start()
    try:
        yield
    finally:
        ended.set()
        signal.set_wakeup_fd(heard)
        signal.signal(signal.SIGTERM, before)
        os.close(writer)
        watching.join()
        os.close(reader)


def _watch(reader: int, ended: threading.Event, end: Callable[[], None]) -> None:
    while numbers := os.read(reader, 64):
        if set(numbers) & set(STOPS) and not ended.wait(GRACE):
            end()
