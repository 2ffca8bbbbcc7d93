"""Engines behind one small protocol."""

from __future__ import annotations

from leadline.config import Engine
from leadline.errors import ConfigError
from leadline.tables.store.base import Store

__all__ = ["Store", "open_store"]


def open_store(engine: Engine) -> Store:
    """Open the engine that the config names.

    Raises
    ------
    ConfigError
        The engine isn't one that this version runs.

    Examples
    --------
    >>> open_store(Engine(kind="spark"))
    Traceback (most recent call last):
    ...
    leadline.errors.ConfigError: engine.kind: 'spark' isn't run by this version; expected duckdb; ...
    """
    if engine.kind != "duckdb":
        raise ConfigError(
            f"engine.kind: {engine.kind!r} isn't run by this version; expected duckdb; leave `engine` out or name it"
        )
    from leadline.tables.store.duckdb import DuckStore

    return DuckStore(engine)
