"""Every error that leadline raises on purpose, and the exit code each one becomes.

::

    LeadlineError
    ├── UsageError          2   the command line was used wrongly
    ├── DataError          65   the data, or a bundle, is bad (leaks included)
    ├── MissingError       66   no such input, lead or model
    ├── OutputError        73   the output can't be written
    ├── RetryError         75   locked, or the registry is down: try again later
    ├── ConfigError        78   the config, or a plug-in, is bad
    └── PromotionRefused   79   the challenger didn't win

A message is one sentence: what was found, what was expected, and the fix. It never shows a lead's data, and secrets are
masked when it is made.
"""

from __future__ import annotations

from typing import Any

from leadline.masking import mask

__all__ = [
    "ConfigError",
    "DataError",
    "LeadlineError",
    "MissingError",
    "OutputError",
    "PromotionRefused",
    "RetryError",
    "UsageError",
]


class LeadlineError(Exception):
    """The root: an error with a sentence for the user and an exit code for the shell.

    Examples
    --------
    >>> MissingError("model demo@champion: not found; expected a trained model; run `leadline train` first").exit_code
    66
    >>> str(OutputError("ftp://ann:secret@host/x: refused"))
    'ftp://***@host/x: refused'
    """

    exit_code = 1

    def __init__(self, *said: Any) -> None:
        super().__init__(*(mask(part) if isinstance(part, str) else part for part in said))


class UsageError(LeadlineError):
    """The command line or the Python call was used wrongly."""

    exit_code = 2


class DataError(LeadlineError):
    """The data, or a bundle, is bad; leaks are bad data. `findings` holds what the checks saw, where checks raised it."""

    exit_code = 65
    findings: Any = None


class MissingError(LeadlineError):
    """A named input, lead or model isn't there."""

    exit_code = 66


class OutputError(LeadlineError):
    """The output can't be written; what stood there before still stands."""

    exit_code = 73


class RetryError(LeadlineError):
    """Something is busy or down; the same command may work later."""

    exit_code = 75


class ConfigError(LeadlineError):
    """The config can't be read as a config, or a package that is plugged in is broken."""

    exit_code = 78


class PromotionRefused(LeadlineError):
    """The challenger didn't win the contest; the champion stays. `decision` is the record, where a contest was held."""

    exit_code = 79
    decision: Any = None
