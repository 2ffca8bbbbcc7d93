"""The only module that opens a file for writing; what it writes is old or new, never half.

A file is written beside its place, flushed to the disk, and renamed over it; a folder is staged whole and renamed.
Whatever goes wrong on the way, the reader sees what stood there before.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from leadline.core.jsonable import LARGEST_JSON, parse_json
from leadline.core.leftovers import STAGING, hold, opened, sweep
from leadline.errors import OutputError, RetryError

__all__ = [
    "discard",
    "grant",
    "locked",
    "place",
    "read_json",
    "sha256",
    "staging",
    "swap",
    "sweep",
    "write_bytes",
    "write_json",
    "write_sums",
    "write_text",
]

HERE, EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux's renameat2
SUMS = "SHA256SUMS"


def write_bytes(path: Path, data: bytes, private: bool = False) -> None:
    """Write `data` to `path` so that a reader finds the old content or the new, never a part.

    Parameters
    ----------
    private : bool
        Whether it tells of people: then it, and folders that are made for it, are for those alone whom `grant` names.

    Raises
    ------
    OutputError
        The disk is full, the folder isn't writable, or the path is a folder; the old file still stands.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "deep" / "a.txt"
    >>> write_bytes(place, b"whole", private=True); place.read_bytes(), oct(place.stat().st_mode & 0o777)
    (b'whole', '0o600')
    """
    with _readable_errors_of(path):
        _make_folder(path.parent, private)
        sweep(path.parent)

        def make() -> tuple[Path, int]:
            beside = path.with_name(f"{STAGING}{secrets.token_hex(4)}-{path.name}"[:200])
            return beside, os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)

        beside, handle = hold(make)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                if private and _modes() is not None:
                    os.fchmod(handle, _modes()[0])  # type: ignore[index]
                os.fsync(handle)
                beside.replace(path)
            _sync_folder(path.parent)
        finally:
            beside.unlink(missing_ok=True)


def write_text(path: Path, text: str, private: bool = False) -> None:
    """Write text as UTF-8, atomically; see `write_bytes`.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_text(folder / "a.txt", "é"); (folder / "a.txt").read_bytes()
    b'\xc3\xa9'
    """
    write_bytes(path, text.encode("utf-8"), private)


def write_json(path: Path, record: Any, private: bool = False) -> None:
    """Write a record as JSON with sorted keys, one a line, so that equal records are equal bytes; NaN is refused.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_json(folder / "a.json", {"b": 1, "a": 2}); dict(read_json(folder / "a.json"))
    {'a': 2, 'b': 1}
    >>> write_json(folder / "a.json", float("nan"))
    Traceback (most recent call last):
    ...
    ValueError: Out of range float values are not JSON compliant...
    """

    def text(value: Any) -> str:
        return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)

    # Keys a line each and no deeper: indenting all is done in Python, ten times as slow, and records are megabytes.
    lines = (
        ",\n".join(f"  {text({key: record[key]})[1:-1]}" for key in sorted(record)) if isinstance(record, dict) else ""
    )
    write_text(path, f"{{\n{lines}\n}}\n" if lines else text(record) + "\n", private)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_bytes(folder / "a", b""); sha256(folder / "a")[:8]
    'e3b0c442'
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_sums(folder: Path) -> None:
    """Write SHA256SUMS over every file below `folder`, in the format that ``sha256sum --check`` reads.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_bytes(folder / "a", b""); write_sums(folder)
    >>> (folder / "SHA256SUMS").read_text().split()[1]
    'a'
    """
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.name != SUMS)
    write_text(folder / SUMS, "".join(f"{sha256(folder / name)}  {name}\n" for name in names))


@contextmanager
def staging(parent: Path, private: bool = False) -> Iterator[Path]:
    """Yield an empty folder inside `parent` that vanishes at the end of the block, unless `place` moved it.

    A lock is held on it meanwhile, by which others tell it from what a dead process left.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with staging(folder) as staged:
    ...     write_text(staged / "a.txt", "whole")
    ...     place(staged, folder / "final")
    >>> sorted(p.name for p in folder.iterdir())
    ['final']
    """
    with _readable_errors_of(parent):
        _make_folder(parent, private)
        sweep(parent)

        def make() -> Path:
            folder = parent / f"{STAGING}{secrets.token_hex(4)}-{secrets.token_hex(4)}"
            folder.mkdir(0o700 if private else 0o777)
            return folder

        folder, handle = hold(lambda: opened(make))
        if private and _modes() is not None:
            os.fchmod(handle, _modes()[1])  # type: ignore[index]
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def place(staged: Path, final: Path) -> None:
    """Flush a staged folder to the disk and rename it to its place, whole; a folder that stands there stays.

    Raises
    ------
    OutputError
        Something stands at `final`, or the disk refuses.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "final").mkdir(); write_text(folder / "final" / "old", "stays")
    >>> with staging(folder) as staged:
    ...     place(staged, folder / "final")
    Traceback (most recent call last):
    ...
    leadline.errors.OutputError: ...: directory not empty; expected to be able to write there; choose another place or mend its permissions
    """
    with _readable_errors_of(final):
        _settle(staged)
        staged.rename(final)
        _sync_folder(final.parent)


def swap(staged: Path, final: Path, last: str) -> None:
    """Put a staged folder in a folder's place, in one step: a reader finds the old files or the new ones.

    Where the file system can't exchange two folders, the files are moved one by one, `last` at the very end.

    Parameters
    ----------
    last : str
        The name of the file without which a reader takes the folder for unfinished: its manifest.

    Raises
    ------
    OutputError
        The disk refuses, or a file stands at `final`.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for text in ("old", "new"):
    ...     with staging(folder) as staged:
    ...         write_text(staged / "a.txt", text)
    ...         swap(staged, folder / "final", "a.txt")
    >>> (folder / "final" / "a.txt").read_text(), [p.name for p in folder.iterdir()]
    ('new', ['final'])
    """
    with _readable_errors_of(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        _settle(staged)
        if not final.exists():
            staged.rename(final)
        elif not _exchange(staged, final):
            _move_over(staged, final, last)
        _sync_folder(final.parent)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where the system or the file system can't."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(HERE, os.fsencode(one), HERE, os.fsencode(other), EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP):
        return False
    raise OSError(code, os.strerror(code))


def _move_over(staged: Path, final: Path, last: str) -> None:
    """Move the files one by one, the manifest last; what the new folder doesn't have goes."""
    names = sorted((p.name for p in staged.iterdir()), key=lambda name: name == last)
    for name in names:
        (staged / name).replace(final / name)
    for left in final.iterdir():
        if left.name not in names and left.is_file():
            left.unlink()
    _sync_folder(final)


def discard(path: Path) -> None:
    """Remove a file or a folder, whole: it loses its name first, so that nobody finds half of it; nothing there is fine.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_text(folder / "deep" / "a.txt", "goes"); discard(folder / "deep"); discard(folder / "never")
    >>> list(folder.iterdir())
    []
    """
    with _readable_errors_of(path):
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.is_dir():
            gone = path.with_name(f"{STAGING}{secrets.token_hex(4)}-{secrets.token_hex(4)}")
            path.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)


@contextmanager
def locked(path: Path, wait: float = 0.0, private: bool = False) -> Iterator[None]:
    """Hold an exclusive lock, released by the kernel even when the process dies.

    Raises
    ------
    RetryError
        Somebody else holds it after `wait` seconds.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with locked(folder / ".lock"), locked(folder / ".lock"):
    ...     pass
    Traceback (most recent call last):
    ...
    leadline.errors.RetryError: lock ...: another leadline run holds it; expected to be alone; wait for it to end and run the command again
    """
    with _readable_errors_of(path):
        _make_folder(path.parent, private)
        stream = path.open("a")
    with stream:
        deadline = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise RetryError(
                        f"lock {path}: another leadline run holds it; expected to be alone; "
                        "wait for it to end and run the command again"
                    ) from None
                time.sleep(0.05)
            except OSError as error:
                with _readable_errors_of(path):
                    raise error
        yield


def read_json(path: Path) -> Mapping[str, Any]:
    """Read a JSON object, within the bounds of `parse_json`.

    Raises
    ------
    ValueError
        It isn't JSON, or there is too much of it.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_json(folder / "a.json", {"a": 1}); read_json(folder / "a.json")["a"]
    1
    """
    with path.open("rb") as stream:
        record: Mapping[str, Any] = parse_json(stream.read(LARGEST_JSON + 1))
    return record


MODES = {"owner": (0o600, 0o700), "group": (0o640, 0o750), "umask": None}
"""Whom files and folders that tell of people are for, with their modes; None leaves that to the process's umask."""

_granted: ContextVar[str] = ContextVar("granted", default="owner")


def grant(access: str) -> None:
    """Say whom files that tell of people are for, from now on: `owner`, `group`, or whom the umask lets.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "a"
    >>> grant("group"); write_bytes(place, b"", private=True); oct(place.stat().st_mode & 0o777)
    '0o640'
    >>> grant("owner")
    """
    _granted.set(access)


def _modes() -> tuple[int, int] | None:
    return MODES[_granted.get()]


def _make_folder(folder: Path, private: bool) -> None:
    """Make a folder and those above it; private ones for whom `grant` says, whatever the umask."""
    modes = _modes() if private else None
    if modes is None or folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        return
    _make_folder(folder.parent, private)
    try:
        folder.mkdir(modes[1])
        folder.chmod(modes[1])
    except FileExistsError:
        folder.mkdir(exist_ok=True)  # a file that stands there is an error all the same


def _settle(staged: Path) -> None:
    """Flush a staged folder to the disk; what others wrote in it is for nobody for whom the folder isn't."""
    mode = staged.stat().st_mode
    for path in staged.rglob("*"):
        own = path.stat().st_mode & 0o777
        if own & ~mode & 0o777:
            path.chmod(own & mode)
        _sync_folder(path)
    _sync_folder(staged)


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _readable_errors_of(path: Path) -> Iterator[None]:
    """Turn the system's errors on the way to `path` into one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            fix = "free some space and run the command again"
        else:
            fix = "choose another place or mend its permissions"
        raise OutputError(
            f"output {path}: {os.strerror(error.errno or 0).lower()}; expected to be able to write there; {fix}"
        ) from error
