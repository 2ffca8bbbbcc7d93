"""A SQLite store that was moved: MLflow keeps absolute paths in it, and would write artifacts where the store once was.

`python -m leadline.registry.moved STORE OLD NEW` puts new paths in the old ones' places.
"""

from __future__ import annotations

import shlex
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from leadline.errors import MissingError, UsageError

__all__ = ["is_in_place", "require_in_place", "rewrite_paths"]

PATHS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Where MLflow's tables hold places of artifacts."""

STORE = "mlruns"


def require_in_place(store: Path, location: str) -> None:
    """Make sure that the artifacts which a store speaks of are where it says, as far as they are in its own folder.

    Where the folder was moved with both in it, the store's paths follow.

    Raises
    ------
    MissingError
        They aren't there, stood beside the store once, and don't now: it was moved without them.

    Examples
    --------
    >>> require_in_place(Path("mlflow.db"), "s3://bucket/1")
    >>> require_in_place(Path("/srv/new/mlflow.db"), "/no-such/home/mlruns/1")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: tracking.uri: /srv/new/mlflow.db keeps its artifacts in /no-such/home/mlruns, which isn't there: the store was moved without them; expected them beside it; move them, too, or, where they are elsewhere, run `python -m leadline.registry.moved /srv/new/mlflow.db /no-such/home /srv/new`
    """
    root, home = _root(location), store.absolute().parent
    if root is None or is_in_place(store, location):
        return
    if (home / STORE).is_dir():
        rewrite_paths(store, str(root.parent), str(home))
        return
    words = shlex.join([str(store), str(root.parent), str(home)])
    raise MissingError(
        f"tracking.uri: {store} keeps its artifacts in {root}, which isn't there: the store was moved without them; "
        f"expected them beside it; move them, too, or, where they are elsewhere, run `python -m leadline.registry.moved {words}`"
    )


def is_in_place(store: Path, location: str) -> bool:
    """Whether a store's artifacts are where it says, or would be made beside it.

    Examples
    --------
    >>> is_in_place(Path("/srv/mlflow.db"), "/srv/mlruns/1"), is_in_place(Path("/srv/new/mlflow.db"), "/no-such/home/mlruns/1")
    (True, False)
    """
    root = _root(location)
    return root is None or root.exists() or root.parent in (store.absolute().parent, Path.cwd())


def _root(location: str) -> Path | None:
    """Return the folder of all artifacts on this machine; None where they are elsewhere."""
    parts = urlsplit(location)
    if parts.scheme not in ("", "file"):
        return None
    place = Path(unquote(parts.path) if parts.scheme else location)
    return next((p for p in [place, *place.parents] if p.name == STORE), None)


def rewrite_paths(store: Path, old: str, new: str) -> int:
    """Put a new folder in an old one's place wherever a store names it, in one transaction; return how many paths changed.

    Raises
    ------
    MissingError
        There is no such store.

    Examples
    --------
    >>> rewrite_paths(Path("no-such.db"), "/old", "/new")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: no-such.db: no such store; expected MLflow's SQLite file; mend the path
    """
    if not store.is_file():
        raise MissingError(f"{store}: no such store; expected MLflow's SQLite file; mend the path")
    changed = 0
    before, after = (path.rstrip("/") + "/" for path in (old, new))
    with closing(sqlite3.connect(store)) as connection, connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table, column in PATHS:
            if table in tables:
                for start in (before, f"file://{before}"):
                    done = connection.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                        (start.replace(before, after), len(start) + 1, len(start), start),
                    )
                    changed += done.rowcount
    return changed


def _main(words: list[str]) -> str:
    if len(words) != 3:
        raise UsageError("expected three words: the store, the folder that it was in, and the folder that it is in now")
    return f"{rewrite_paths(Path(words[0]), words[1], words[2])} paths changed in {words[0]}"


if __name__ == "__main__":
    from leadline.errors import LeadlineError

    try:
        sys.stdout.write(_main(sys.argv[1:]) + "\n")
    except LeadlineError as error:
        sys.exit(f"leadline: {error}")
