"""What is made once for a whole run, however many workers it has: the first that asks makes it, the others wait and take a copy."""

from __future__ import annotations

import fcntl
import io
import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

__all__ = ["once"]

RESULT = "result.pickle"
FOLDER = "folder"


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Any]) -> tuple[Path, Any]:
    """Have a folder filled, once a run; give each worker a copy of it, and of what the maker returned."""
    base = factory.getbasetemp()
    run = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    place = run / f"once-{name}"
    with alone(run / f"once-{name}.lock"):
        if not (place / RESULT).exists():
            shutil.rmtree(place, ignore_errors=True)  # of a maker that failed: the next one fails for itself
            (place / FOLDER).mkdir(parents=True)
            (place / RESULT).write_bytes(pickled(make(place / FOLDER)))
    copy = factory.mktemp(name)
    shutil.copytree(place / FOLDER, copy, dirs_exist_ok=True)
    return copy, pickle.loads((place / RESULT).read_bytes())


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Wait until no other worker is in the block; a worker that dies leaves it."""
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _empty_database() -> Any:
    import duckdb

    return duckdb.connect()


class _Pickler(pickle.Pickler):
    """An open database stays with its maker: what is read back has an empty one."""

    def reducer_override(self, obj: Any) -> Any:
        import duckdb

        return (_empty_database, ()) if isinstance(obj, duckdb.DuckDBPyConnection) else NotImplemented


def pickled(result: Any) -> bytes:
    text = io.BytesIO()
    _Pickler(text, protocol=pickle.HIGHEST_PROTOCOL).dump(result)
    return text.getvalue()
