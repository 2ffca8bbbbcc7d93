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
    """Tell nothing."""


def as_config(config: Config | str | Path) -> Config:
    """Take a config as it is, or read it from its file."""
    return config if isinstance(config, Config) else load_config(config)


def instant(config: Config, as_of: str | int | None) -> int | None:
    """Read T: ISO 8601, or for a flat file a value of its order column.

    Raises
    ------
    UsageError
        The text is neither.
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
    """Write T as the user would: ISO 8601, or a flat file's number."""
    if value is None:
        return None
    return format_instant(value) if is_dated else str(value)


def intents(config: Config) -> dict[str, str]:
    """Return the intent of each behaviour that the config lists."""
    return {name: behaviour.intent for name, behaviour in config.behaviours.items()}
