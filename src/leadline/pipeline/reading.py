"""Reading a config's tables into an engine that is closed at the end: what every command that looks at data begins with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from leadline.config import Config, Source
from leadline.pipeline.asking import Progress, silent
from leadline.tables import Loaded, load, open_store

__all__ = ["reading"]


@contextmanager
def reading(
    config: Config,
    known_at: int | None = None,
    progress: Progress = silent,
    kinds: Mapping[str, str] | None = None,
    leads: Source | None = None,
) -> Iterator[Loaded]:
    """Read the tables as known at an instant, and say what was kept from earlier and who is left out.

    Parameters
    ----------
    kinds : mapping of str to str, optional
        How a bundle reads its attributes.
    leads : source, optional
        Where leads are read instead.

    Raises
    ------
    DataError
        The tables can't be read as tables; its `findings` say why.
    """
    store = open_store(config.engine)
    try:
        progress("reading tables")
        loaded = load(config, store, known_at, kinds, leads)
        if loaded.log.note:
            progress(loaded.log.note)
        if loaded.forgotten:
            plural = "" if loaded.forgotten == 1 else "s"
            progress(f"{loaded.forgotten:,} forgotten lead{plural} left out, with all rows of theirs")
        yield loaded
    finally:
        store.close()
