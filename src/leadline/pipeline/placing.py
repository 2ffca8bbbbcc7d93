"""Placing a version: one MLflow run, one bundle in its place, one alias, in an order that survives a kill.

The bundle is staged, logged and registered first, then renamed to ``models/NAME/VERSION``, and only then does an
alias point at it: a run that dies on the way leaves a version that nobody uses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from leadline.config import Config
from leadline.errors import OutputError
from leadline.files import locked, place, staging
from leadline.history.spec import Feature
from leadline.ops import registry, tracking

__all__ = ["Placed", "place_version", "ready"]

SERVING = ("lightgbm", "numpy", "pandas", "scikit-learn", "threadpoolctl")


class Placed(NamedTuple):
    """A version that was tracked, registered and exported: its number, its alias, where it lies, and its run."""

    version: str
    alias: str
    folder: Path
    run_id: str


def ready(config: Config) -> None:
    """Make sure, before the minutes of fitting, that the registry answers and the next version's place is free.

    Raises
    ------
    OutputError, RetryError
        As `place_version` would, after the fitting.
    """
    _refuse_taken(config, registry.MODELS / config.name)


def place_version(
    config: Config, title: str, about: str, specs: Sequence[Feature], write: Callable[[tracking.Run, Path], None]
) -> Placed:
    """Track, register and export a bundle; the first version of a name is the champion, later ones are challengers.

    Parameters
    ----------
    title, about : str
        The run's name, and the version's description.
    specs : sequence of Feature
        What the model reads, for its signature.
    write : callable
        Writes the bundle into a folder that it is given, and logs to the run that it is given.

    Raises
    ------
    OutputError
        A bundle of that version stands there already, made with another registry; or the disk refuses.
    RetryError
        Another run publishes the same model, or the registry is down.
    """
    home, uri = registry.MODELS / config.name, config.tracking.uri
    with locked(home / ".lock", wait=60.0), staging(home) as stage:
        staged = stage / "bundle"  # MLflow keeps the folder's name
        _refuse_taken(config, home)
        with tracking.open_run(uri, config.experiment, config.name, title) as run:
            write(run, staged)
            run.folder(staged, "bundle")
            requirements = [f"{package}=={version(package)}" for package in SERVING]
            number = run.register(staged, [(s.name, s.kind) for s in specs], requirements, about)
        place(staged, home / number)
        alias = "challenger" if "champion" in tracking.aliases(uri, config.name) else "champion"
        tracking.set_alias(uri, config.name, alias, number)
    return Placed(number, alias, home / number, run.id)


def _refuse_taken(config: Config, home: Path) -> None:
    """A version's folder that the registry doesn't know belongs to another registry: it must not be lost."""
    following = tracking.newest_version(config.tracking.uri, config.name) + 1
    if (home / str(following)).exists():
        raise OutputError(
            f"{home / str(following)}: a bundle stands there that this registry ({config.tracking.uri.split('://')[0]}) doesn't know; "
            "expected a free place; move it away, or use the tracking.uri that it was made with"
        )
