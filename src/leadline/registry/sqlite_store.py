"""A SQLite store of MLflow's, read and written without MLflow's client, whose import takes longer than a whole night.

Only what a night asks for: which version an alias means, and a finished run with its figures and one record. Only where
the file's schema is one that was seen to be written so, row for row, by the client; everything else is left to the client.
"""

from __future__ import annotations

import getpass
import json
import sqlite3
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from leadline.core.files import discard, write_text
from leadline.errors import LeadlineError
from leadline.registry.moved import is_in_place

__all__ = ["SCHEMAS", "alias_version", "experiment_stands", "log_finished_run"]

SCHEMAS = frozenset({"dc11669786a5"})
"""The schemas, by Alembic's number, of which a test holds that a run written here is the client's own: MLflow 3.17's."""

PATIENCE = 5.0

"""Seconds in which another writer must let go, as long as the client's own."""


def alias_version(file: Path, name: str, alias: str) -> str | None:
    """Return the version that an alias means; None where the client must be asked, if only for its refusal.

    Examples
    --------
    >>> alias_version(Path("no-such.db"), "demo", "champion") is None
    True
    """
    try:
        with _opened(file, "ro") as store:
            found = store.execute(
                "SELECT version FROM registered_model_aliases WHERE workspace = 'default' AND name = ? AND alias = ?",
                (name, alias),
            ).fetchone()
        return None if found is None else str(found[0])
    except (sqlite3.Error, _LeftToClientError):
        return None


def experiment_stands(file: Path, name: str) -> bool:
    """Whether a store of a known schema can take a run of an experiment; False where the client must be asked, if only for its refusal.

    Examples
    --------
    >>> experiment_stands(Path("no-such.db"), "demo")
    False
    """
    try:
        with _opened(file, "ro") as store:
            return bool(_experiment(store, file, name))
    except (sqlite3.Error, _LeftToClientError):
        return False


def log_finished_run(
    file: Path,
    experiment: str,
    run_name: str,
    tags: Mapping[str, str],
    metrics: Sequence[tuple[str, float]],
    record: tuple[str, Mapping[str, Any]],
) -> bool:
    """Write a finished run, whole or not at all; False where nothing was written and the client must do it.

    Parameters
    ----------
    tags, metrics
        What the client would be given, cut and finite.
    record : (str, mapping)
        A file's name and what it holds, as JSON beside the run.

    Examples
    --------
    >>> log_finished_run(Path("no-such.db"), "demo", "night", {}, [], ("night.json", {}))
    False
    """
    run, now = uuid.uuid4().hex, int(time.time() * 1000)
    place: Path | None = None
    try:
        with _opened(file, "rw") as store:
            store.execute("BEGIN IMMEDIATE")
            number, folder = _experiment(store, file, experiment)
            place = folder / run
            write_text(place / "artifacts" / record[0], json.dumps(record[1], indent=2, default=str))
            _insert_run(store, run, run_name, now, number, place)
            told = {"mlflow.user": _user(), "mlflow.source.name": sys.argv[0] or "<console>"}
            told |= {"mlflow.source.type": "LOCAL", "mlflow.runName": run_name, **tags}
            store.executemany(
                "INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)", [(*t, run) for t in told.items()]
            )
            for table in ("metrics", "latest_metrics"):
                store.executemany(
                    f"INSERT INTO {table} (key, value, timestamp, step, is_nan, run_uuid) VALUES (?, ?, ?, 0, 0, ?)",
                    [(key, value, now, run) for key, value in metrics],
                )
            store.commit()
        return True
    except (sqlite3.Error, LeadlineError, OSError, _LeftToClientError):
        if place is not None:
            discard(place)
            with suppress(OSError):
                place.parent.rmdir()  # the experiment's, where this would have been its first run
        return False


class _LeftToClientError(Exception):
    """What stands there isn't what this module knows."""


@contextmanager
def _opened(file: Path, mode: str) -> Iterator[sqlite3.Connection]:
    """Open a store of a known schema."""
    uri = f"{file.absolute().as_uri()}?mode={mode}"
    with closing(sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)) as store:
        if {str(row[0]) for row in store.execute("SELECT version_num FROM alembic_version")} - SCHEMAS:
            raise _LeftToClientError
        yield store


def _experiment(store: sqlite3.Connection, file: Path, name: str) -> tuple[int, Path]:
    """Return an active experiment's number, and the folder of its runs."""
    found = store.execute(
        "SELECT experiment_id, artifact_location FROM experiments WHERE workspace = 'default' AND name = ? AND lifecycle_stage = 'active'",
        (name,),
    ).fetchone()
    if found is None or not Path(str(found[1])).is_absolute() or not is_in_place(file, str(found[1])):
        raise _LeftToClientError
    return int(found[0]), Path(str(found[1]))


def _insert_run(store: sqlite3.Connection, run: str, name: str, now: int, experiment: int, place: Path) -> None:
    store.execute(
        "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time, "
        "source_version, lifecycle_stage, artifact_uri, experiment_id) "
        "VALUES (?, ?, 'UNKNOWN', '', '', ?, 'FINISHED', ?, ?, '', 'active', ?, ?)",
        (run, name, _user(), now, now, f"{place}/artifacts", experiment),
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return "unknown"
