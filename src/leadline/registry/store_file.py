"""A SQLite store as a file: where it is, by which URI MLflow finds it, and how it is made whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from leadline.core.files import locked, staging

__all__ = ["is_absent", "make_store", "odd_place", "sqlite_file", "sqlite_uri"]


def sqlite_file(uri: str) -> Path | None:
    """Return the file of a SQLite store; None for any other store."""
    path = uri.removeprefix("sqlite:///").split("?")[0]
    return Path(path) if uri.startswith("sqlite:///") and path not in ("", ":memory:") else None


def is_absent(uri: str) -> bool:
    """Tell whether a store is a file that isn't there yet: reading it must not make it."""
    file = sqlite_file(uri)
    return file is not None and not (file.is_file() and file.stat().st_size)


def sqlite_uri(file: Path) -> str:
    """Return a SQLite file's URI: absolute, but where its folder's name would be read as an escape or a query."""
    place = str(file.absolute())
    if not ODD & set(place):
        return f"sqlite:///{place}"
    near = os.path.relpath(file)
    return f"sqlite:///{quote(near, safe='/ ') if ODD & set(near) else near}"


def odd_place(uri: str, experiment: str) -> str | None:
    """Return where an experiment's artifacts go if MLflow would read its own choice as an escaped path; None leaves it the choice."""
    file = sqlite_file(uri)
    if file is None or not ODD & set(str(file.absolute())):
        return None
    return (file.absolute().parent / "mlruns" / quote(experiment, safe="")).as_uri()


ODD = frozenset("%?")
"""What MLflow and SQLAlchemy don't take for a letter of a path."""


def make_store(uri: str) -> None:
    """Make a SQLite store whole or not at all: MLflow's own way, killed half through, leaves one that never opens."""
    file = sqlite_file(uri)
    if file is None or not is_absent(uri):
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    lock = file.with_name(f".{file.name}.lock")
    with locked(lock, wait=MAKING, private=True):
        if not is_absent(uri):
            return  # another first run made it meanwhile
        with staging(file.absolute().parent) as folder:
            made = SqlAlchemyStore(sqlite_uri(folder / "new.db"), "./mlruns")
            made.engine.dispose()
            file.unlink(missing_ok=True)  # an empty one
            (folder / "new.db").rename(file)


MAKING = 120.0
"""Seconds in which another first run must have made the store."""
