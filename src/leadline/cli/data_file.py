"""A data file in a config's place, as the commands treat it: its config is written and shown, and a refusal says how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from leadline.errors import DataError, UsageError

if TYPE_CHECKING:
    from leadline.cli.console import Console

__all__ = ["hint_on_refusal", "refuse_data_file", "resolve_config"]


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


def refuse_data_file(given: Path) -> Path:
    """Refuse a data file where only a config will do.

    Raises
    ------
    UsageError
        A data file is given.

    Examples
    --------
    >>> refuse_data_file(Path("leads.csv"))
    Traceback (most recent call last):
    ...
    leadline.errors.UsageError: leads.csv: a data file, not a config; expected the config that `leadline train leads.csv --outcome COLUMN` writes; name that, as in leads.yaml
    """
    if given.name.lower().endswith((".csv", ".csv.gz", ".tsv", ".parquet", ".jsonl")):
        stem = given.name.split(".")[0]
        raise UsageError(
            f"{given}: a data file, not a config; expected the config that `leadline train {given} --outcome COLUMN` writes; "
            f"name that, as in {stem}.yaml"
        )
    return given


@contextmanager
def hint_on_refusal(config: Path, command: str) -> Iterator[None]:
    """Note on the leak gate's refusal of a flat file which lines of its config mend it."""
    try:
        yield
    except DataError as refusal:
        if refusal.findings is not None:
            from leadline.workflows.config_from_file import fix_hint

            advice = fix_hint(config, refusal.findings, command)
            if advice:
                refusal.add_note(advice)
        raise
