"""What every command asks for: the config, the instant T, and whom to tell how far it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from leadline.config import Config
from leadline.errors import UsageError
from leadline.times import format_instant, parse_instant
from leadline.yamlfile import load_config

__all__ = ["Progress", "as_config", "instant", "intents", "said_instant", "silent"]

Progress = Callable[[str], None]


def silent(_: str) -> None:
    """Tell nothing.

    Examples
    --------
    >>> silent("reading tables")
    """


def as_config(config: Config | str | Path, progress: Progress = silent) -> Config:
    """Take a config as it is, or read it from its file and tell which of its names are old.

    Examples
    --------
    >>> as_config("no-such.yaml")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    if isinstance(config, Config):
        return config
    read = load_config(config)
    for note in read.notes:
        progress(note)
    return read


def instant(config: Config, as_of: str | int | None) -> int | None:
    """Read T: ISO 8601, or for a flat file a value of its order column.

    Raises
    ------
    UsageError
        The text is neither.

    Examples
    --------
    >>> from leadline.plans import SnapshotPlan
    >>> dated = Config.model_construct(snapshots=SnapshotPlan(every="7d"))
    >>> flat = Config.model_construct(snapshots=SnapshotPlan(order_by="Lead Number"))
    >>> instant(dated, "1970-01-01T00:00:01"), instant(flat, "640000"), instant(dated, None)
    (1000000, 640000, None)
    >>> instant(flat, "soon")
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


def said_instant(value: int | None, is_dated: bool) -> str | None:
    """Write T as the user would: ISO 8601, or a flat file's number.

    Examples
    --------
    >>> said_instant(0, is_dated=True), said_instant(640000, is_dated=False), said_instant(None, True)
    ('1970-01-01T00:00:00Z', '640000', None)
    """
    if value is None:
        return None
    return format_instant(value) if is_dated else str(value)


def intents(config: Config) -> dict[str, str]:
    """Return the intent of each behaviour that the config lists."""
    return {name: behaviour.intent for name, behaviour in config.behaviours.items()}
