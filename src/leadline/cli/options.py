"""The options that commands share, each once, and the console that follows from them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leadline.cli.exit_codes import end_as_json
from leadline.cli.streams import only_results
from leadline.core.choices import DIALECTS, PRESETS

if TYPE_CHECKING:
    from leadline.cli.console import Console

__all__ = [
    "OLD_OPTIONS",
    "AsOf",
    "ConfigOut",
    "ConfigPath",
    "Given",
    "Json",
    "LeadsFile",
    "LockTimeout",
    "Log",
    "LogKind",
    "Model",
    "OrderBy",
    "OutcomeColumn",
    "Positive",
    "Quiet",
    "Tune",
    "Verbose",
    "console_of",
]


def complete_models(incomplete: str) -> list[str]:
    """List the models that lie in the working directory, as REFs, for the shell to complete.

    Examples
    --------
    >>> complete_models("models:/no-such-model")
    []
    """
    found = sorted(p.parent for p in Path("models").glob("*/*/manifest.json"))
    names = dict.fromkeys(p.parent.name for p in found)
    every = [*(f"models:/{name}@champion" for name in names), *(p.as_posix() for p in found)]
    return [reference for reference in every if reference.startswith(incomplete)]


def complete_presets(incomplete: str) -> list[str]:
    """List the presets that begin so.

    Examples
    --------
    >>> complete_presets("h")
    ['hubspot']
    """
    return [name for name in PRESETS if name.startswith(incomplete)]


def complete_dialects(incomplete: str) -> list[str]:
    """List the dialects that begin so.

    Examples
    --------
    >>> complete_dialects("d")
    ['duckdb', 'databricks']
    """
    return [name for name in DIALECTS if name.startswith(incomplete)]


class Log(StrEnum):
    """How progress is told."""

    text = "text"
    json = "json"


ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="The YAML config.", show_default=False)]
Given = Annotated[
    Path,
    typer.Argument(metavar="CONFIG", help="The YAML config, or a data file with --outcome.", show_default=False),
]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="T",
        help="ISO 8601 (naive means UTC); for a flat file, a value of its order column.",
        show_default=False,
    ),
]
LeadsFile = Annotated[
    str | None,
    typer.Option(
        "--leads", metavar="FILE", help="For a flat file: rows to score, without an outcome.", show_default=False
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="REF",
        help="A folder, models:/NAME@champion (the default) or models:/NAME/3.",
        show_default=False,
        autocompletion=complete_models,
    ),
]
Tune = Annotated[
    int,
    typer.Option(
        "--tune",
        metavar="N",
        min=0,
        help="Try N recipes on the older folds (needs leadline[tune]).",
        show_default=False,
    ),
]
Verbose = Annotated[
    bool, typer.Option("--verbose", help="Print all that was found; the report and --json always have it.")
]
OutcomeColumn = Annotated[
    str | None,
    typer.Option(
        "--outcome",
        metavar="COLUMN",
        help="For a data file in CONFIG's place, one row a lead: the column that says how each ended.",
        show_default=False,
    ),
]
Positive = Annotated[
    str | None,
    typer.Option("--positive", metavar="VALUE", help="… the outcome's value that means yes.", show_default=False),
]
OrderBy = Annotated[
    str | None,
    typer.Option(
        "--order-by",
        metavar="COLUMN",
        help="… the column that runs with time, or `row` for the file's order.",
        show_default=False,
    ),
]
ConfigOut = Annotated[
    Path | None,
    typer.Option(
        "--config-out",
        metavar="FILE.yaml",
        help="… where its config is written; NAME.yaml by default.",
        show_default=False,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.")]
LogKind = Annotated[Log, typer.Option("--log", help="Progress as text, or as lines of JSON.")]
Json = Annotated[bool, typer.Option("--json", help="The result as JSON.")]
LockTimeout = Annotated[
    float, typer.Option("--lock-timeout", metavar="N", min=0, help="Seconds to wait for another run to end.")
]

OLD_OPTIONS = {"again": "force", "changed": "write-changes", "save": "config-out", "wait": "lock-timeout"}
"""Options by the names that they had once, and have now; the old ones work, and no help shows them."""


def console_of(quiet: bool, log: Log, as_json: bool = False) -> Console:
    """Open the console that the options ask for; with lines of JSON, the ending becomes one too."""
    from leadline.cli.console import Console

    only_results()
    console = Console(quiet, log.value, as_json)
    if log is Log.json:
        end_as_json(console.run_id)
    console.progress.begin()
    return console
