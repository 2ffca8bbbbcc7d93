"""Engines behind one small protocol."""

from __future__ import annotations

from leadline.config.schema import Engine
from leadline.storage.base import Store

__all__ = ["Store", "open_store"]


def open_store(engine: Engine) -> Store:
    """Open the engine that the config names.

    Raises
    ------
    UsageError
        The engine needs what isn't installed here.
    ConfigError
        The engine's master isn't one that leadline speaks to.

    Examples
    --------
    >>> store = open_store(Engine(threads=1))
    >>> store.rows("SELECT 1 + 1")
    [(2,)]
    >>> store.close()
    """
    if engine.kind == "spark":
        from leadline.storage.spark import SparkStore

        return SparkStore(engine)
    from leadline.storage.duckdb import DuckStore

    return DuckStore(engine)
