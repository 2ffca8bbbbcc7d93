"""What a process puts aside while it works, and how the next one tells that it is dead: by a lock, never by a number.

The kernel lets a lock go when its process dies, also in a container, where every process has the number 1. Each staged
file or folder, and each spill folder, is locked by who made it; what nobody holds is swept.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from leadline.errors import OutputError

__all__ = ["STAGING", "ScratchFolder", "hold", "opened", "sweep", "sweep_scratch"]

STAGING = ".staging-"
STAGED = re.compile(r"\.staging-[0-9a-f]+-")
SPILLED = re.compile(r"leadline-spill-")
OLD_SPILLED = re.compile(r"leadline-(spark-)?[a-z0-9_]{8}$")
"""Spill folders of older versions, on which no lock is held."""

DAY_SECONDS = 86_400.0


def sweep(folder: Path) -> list[str]:
    """Remove what dead processes left half-done in `folder`; return the names removed.

    Who stages something holds a lock on it, which the kernel lets go when the process dies: whatever its number was, and
    in whichever container. Where the file system has no locks, what is older than a day is dead.

    Examples
    --------
    >>> from leadline.core.files import staging
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / ".staging-1-x").mkdir()
    >>> with staging(folder) as mine:
    ...     mine.exists(), (folder / ".staging-1-x").exists(), sweep(folder)
    (True, False, [])
    """
    return _sweep(folder, STAGED)


def _sweep(folder: Path, pattern: re.Pattern[str], min_age: float = 0.0) -> list[str]:
    removed = []
    for left in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not pattern.match(left.name):
            continue
        try:
            about = left.lstat()
            if about.st_uid != os.geteuid() or time.time() - about.st_mtime < min_age:
                continue
            handle = os.open(left, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            continue  # gone meanwhile, or not ours to open
        try:
            if _is_free(handle, about.st_mtime):
                with suppress(OSError):  # whoever can remove it will: nobody reads it
                    shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
                    removed.append(left.name)
        finally:
            os.close(handle)
    return removed


def _is_free(handle: int, changed_at: float) -> bool:
    """Tell whether nobody holds a lock on what is open."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    except OSError:
        return time.time() - changed_at > DAY_SECONDS


def hold(make: Callable[[], tuple[Path, int]]) -> tuple[Path, int]:
    """Make a file or a folder and lock it; where a sweep was quicker than the lock, make another.

    Parameters
    ----------
    make : callable
        Returns a path that was never there before, and the open descriptor of what it made there.
    """
    while True:
        path, handle = make()
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:
            return path, handle  # a file system without locks: age tells there
        if path.exists():
            return path, handle
        os.close(handle)


def opened(make: Callable[[], Path]) -> tuple[Path, int]:
    """Make a folder and open it; where a sweep was quicker than the opening, make another.

    Parameters
    ----------
    make : callable
        Makes a folder that was never there before.
    """
    while True:
        folder = make()
        with suppress(FileNotFoundError):
            return folder, os.open(folder, os.O_RDONLY | os.O_DIRECTORY)


class ScratchFolder:
    """A folder for what a process spills, in the system's folder for such; gone when it is cleaned up, or swept by a later one.

    Examples
    --------
    >>> scratch = ScratchFolder("leadline-spill-")
    >>> place = Path(scratch.name); place.is_dir()
    True
    >>> scratch.cleanup(); place.exists()
    False
    """

    def __init__(self, prefix: str) -> None:
        sweep_scratch()

        try:
            place, handle = hold(lambda: opened(lambda: Path(tempfile.mkdtemp(prefix=prefix))))
        except OSError as error:
            why = os.strerror(error.errno or 0).lower()
            raise OutputError(
                f"{tempfile.gettempdir()}: {why}; expected room for temporary files; free some, or set TMPDIR to another folder"
            ) from None
        self.name = str(place)
        self._end = weakref.finalize(self, _drop_scratch, self.name, handle)

    def cleanup(self) -> None:
        """Remove it, with all that is in it."""
        self._end()


def _drop_scratch(name: str, handle: int) -> None:
    shutil.rmtree(name, ignore_errors=True)
    with suppress(OSError):
        os.close(handle)


def sweep_scratch() -> list[str]:
    """Remove the spill folders that dead processes left in the system's folder for such; return the names removed.

    Examples
    --------
    >>> sorted(sweep_scratch()) == sweep_scratch()
    True
    """
    place = Path(tempfile.gettempdir())
    return [*_sweep(place, SPILLED), *_sweep(place, OLD_SPILLED, DAY_SECONDS)]
