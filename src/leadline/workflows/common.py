"""What every command asks for: the config, the instant T, and whom to tell how far it is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from leadline.config.frames import with_frames
from leadline.config.load import load_config
from leadline.config.schema import Config, Source
from leadline.core.files import grant
from leadline.core.point_in_time import format_instant, parse_instant
from leadline.errors import UsageError
from leadline.tables import LoadedTables, load, open_store
from leadline.tables.attributes import Attribute
from leadline.tables.tombstones import require_list

__all__ = [
    "Progress",
    "ProgressBars",
    "Step",
    "as_config",
    "behaviour_intents",
    "format_as_of",
    "no_progress",
    "open_tables",
    "own_model",
    "parse_as_of",
    "track_steps",
]

Progress = Callable[[str], None]


def no_progress(_: str) -> None:
    """Tell nothing.

    Examples
    --------
    >>> no_progress("reading tables")
    """


def as_config(given: Any, progress: Progress = no_progress, tables: Mapping[str, Any] | None = None) -> Config:
    """Take a config as it is, or read it from its file and tell which of its names are old; files are for whom it says.

    Parameters
    ----------
    given : Config, path, or what knows its config, as the result of a training
        The config.
    tables : mapping of str to DataFrame, optional
        What is read in the place of some tables' sources.

    Raises
    ------
    UsageError
        It is nothing of that kind.

    Examples
    --------
    >>> as_config("no-such.yaml")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    >>> as_config({"version": 1})
    Traceback (most recent call last):
    ...
    leadline.errors.UsageError: config: found a dict; expected the path of a YAML config, or what leadline.load_config or leadline.train returned; DataFrames stand beside it, as in tables={'leads': frame}, or with outcome='column' alone in train and check
    """
    config = given if isinstance(given, (Config, str, Path)) else getattr(given, "config", None)
    if not isinstance(config, (Config, str, Path)):
        raise UsageError(
            f"config: found a {type(given).__name__}; expected the path of a YAML config, or what leadline.load_config or "
            "leadline.train returned; DataFrames stand beside it, as in tables={'leads': frame}, or with outcome='column' "
            "alone in train and check"
        )
    read = config if isinstance(config, Config) else load_config(config)
    grant(read.nightly.access)
    if read is not config:
        for note in read.notes:
            progress(note)
    return read if tables is None else with_frames(read, tables)


def own_model(given: Any, model: str | None) -> str | None:
    """Return the model that is asked for: where none is named, and a training's result stands for the config, the one that it made.

    Examples
    --------
    >>> own_model("leads.yaml", None), own_model("leads.yaml", "models:/leads/3")
    (None, 'models:/leads/3')
    """
    folder = None if isinstance(given, (Config, str, Path)) else getattr(given, "folder", None)
    return model if model is not None or folder is None else str(folder)


def parse_as_of(config: Config, as_of: str | int | None) -> int | None:
    """Read T: ISO 8601, or for a flat file a value of its order column.

    Raises
    ------
    UsageError
        The text is neither.

    Examples
    --------
    >>> from leadline.config.modeling import SnapshotPlan
    >>> dated = Config.model_construct(snapshots=SnapshotPlan(every="7d"))
    >>> flat = Config.model_construct(snapshots=SnapshotPlan(order_by="Lead Number"))
    >>> parse_as_of(dated, "1970-01-01T00:00:01"), parse_as_of(flat, "640000"), parse_as_of(dated, None)
    (1000000, 640000, None)
    >>> parse_as_of(flat, "soon")
    Traceback (most recent call last):
    ...
    leadline.errors.UsageError: --as-of 'soon': not a value of 'Lead Number'; expected a whole number or a date
    """
    if as_of is None or isinstance(as_of, int):
        return as_of
    if config.is_flat:
        try:
            return int(as_of)
        except ValueError:
            pass
        try:
            return parse_instant(as_of)
        except UsageError:
            raise UsageError(
                f"--as-of {as_of[:40]!r}: not a value of {config.snapshots.order_by!r}; expected a whole number or a date"
            ) from None
    return parse_instant(as_of)


def format_as_of(value: int | None, is_dated: bool) -> str | None:
    """Write T as the user would: ISO 8601, or a flat file's number.

    Examples
    --------
    >>> format_as_of(0, is_dated=True), format_as_of(640000, is_dated=False), format_as_of(None, True)
    ('1970-01-01T00:00:00Z', '640000', None)
    """
    if value is None:
        return None
    return format_instant(value) if is_dated else str(value)


def behaviour_intents(config: Config) -> dict[str, str]:
    """Return the intent of each behaviour that the config lists."""
    return {name: behaviour.intent for name, behaviour in config.behaviours.items()}


# Work with a known number of steps: a bar of it where one can be shown, else a few lines.


Step = Callable[[int, str], None]


@runtime_checkable
class ProgressBars(Protocol):
    """Who is told of progress and, on a terminal, can show a bar of it."""

    @property
    def shows_bars(self) -> bool:
        """Whether there is a terminal to show one on, and somebody who wants it."""

    def bar(self, words: str, total: int, done: int) -> AbstractContextManager[Step]:
        """Show a bar while the block runs; what it yields takes how many are done, and a few words."""


@contextmanager
def track_steps(progress: Progress, words: str, total: int, done: int = 0, lines: int | None = 10) -> Iterator[Step]:
    """Yield what is to be told of each step: how many are done, and a few words about them.

    Parameters
    ----------
    words : str
        The stage's name.
    total, done : int
        How many steps there are, and how many were done before.
    lines : int, optional
        How many lines to tell at most where no bar can be shown; with 0, only the stage's name; with None, nothing.

    Examples
    --------
    >>> with track_steps(print, "refitting", 4, lines=2) as step:
    ...     for number in range(1, 5):
    ...         step(number, "fine")
    refitting: 2 of 4, fine
    refitting: 4 of 4, fine
    """
    told: object = progress  # a plain callable will do, too
    if isinstance(told, ProgressBars) and told.shows_bars:
        with told.bar(words, total, done) as step:
            yield step
        return
    every = max(1, total // lines) if lines else total + 1
    if lines == 0:
        progress(words)

    def tell(number: int, said: str) -> None:
        if number % every == 0 or (number == total and lines):
            progress(f"{words}: {number} of {total}{f', {said}' if said else ''}")

    yield tell


# Reading a config's tables into an engine that is closed at the end: what every command that looks at data begins with.


@contextmanager
def open_tables(
    config: Config,
    known_at: int | None = None,
    progress: Progress = no_progress,
    known: Collection[Attribute] | None = None,
    leads: Source | None = None,
) -> Iterator[LoadedTables]:
    """Read the tables as known at an instant, and say what was kept from earlier and who is left out.

    Parameters
    ----------
    known : collection of Attribute, optional
        A bundle's attributes, which keep their names and are read as in its training.
    leads : source, optional
        Where leads are read instead.

    Raises
    ------
    DataError
        The tables can't be read as tables; its `findings` say why. Or the list of the forgotten is gone.
    """
    store = open_store(config.engine)
    try:
        progress("reading tables")
        require_list(config.name)
        loaded = load(config, store, known_at, known, leads)
        if loaded.log.note:
            progress(loaded.log.note)
        if loaded.forgotten:
            plural = "" if loaded.forgotten == 1 else "s"
            progress(f"{loaded.forgotten:,} forgotten lead{plural} left out, with all rows of theirs")
        yield loaded
    finally:
        store.close()
