"""A data file in a config's place, as the commands treat it: its config is written and shown, and a refusal says how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from leadline.errors import DataError, UsageError

if TYPE_CHECKING:
    from leadline.cli.console import Console

__all__ = ["hint_on_refusal", "resolve_config"]


def resolve_config(
    console: Console,
    given: Path,
    outcome: str | None,
    positive: str | None,
    order_by: str | None,
    config_out: Path | None,
) -> Path:
    """Return the config: the one that is given, or the one that a data file gets.

    Raises
    ------
    UsageError
        Options of a data file stand beside a config.
    """
    from leadline.workflows.config_from_file import config_from_data, is_data

    if is_data(given):
        found = config_from_data(given, outcome, positive, order_by, config_out)
        console.pointed(found)
        return found.config
    options = {"--outcome": outcome, "--positive": positive, "--order-by": order_by, "--config-out": config_out}
    named = [option for option, value in options.items() if value is not None]
    if named:
        raise UsageError(
            f"{', '.join(named)}: for a data file (.csv, .parquet …) only; a config says it itself; leave {'it' if len(named) == 1 else 'them'} out"
        )
    return given


@contextmanager
def hint_on_refusal(config: Path, command: str) -> Iterator[None]:
    """Note on the leak gate's refusal of a flat file which lines of its config mend it."""
    try:
        yield
    except DataError as refusal:
        from leadline.workflows.config_from_file import add_fix_hint

        add_fix_hint(refusal, config, command)
        raise
