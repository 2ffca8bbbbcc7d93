"""The commands: thin, each a call of the pipeline and a few printed lines. stdout is for results, stderr for progress."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated, NoReturn

import typer

from leadline.cli import model_commands, scoring_commands
from leadline.cli.accepting import AcceptingCommand
from leadline.cli.exit_codes import INTERRUPTED, exit_code_of, leave
from leadline.cli.options import OLD_OPTIONS

__all__ = ["app", "main"]

# Three concurrent two-thread fits on two cores cost 35 times as much without it; it must stand before OpenMP loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

app = typer.Typer(
    name="leadline",
    help="Lead qualification that survives contact with the future: point-in-time features, honest backtests, nightly scores.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": lambda name: OLD_OPTIONS.get(name, name),
    },
)

COMMANDS: dict[Callable[..., None], str] = {
    model_commands.demo: "Make a synthetic CRM, and run the whole job on it.",
    model_commands.init: "Write a config to fill in, or one guessed from a source.",
    model_commands.check: "Check config, tables and leaks; train nothing.",
    model_commands.train: "Train, judge, track and export a model.",
    model_commands.recalibrate: "Refit the calibration alone, as a new version.",
    model_commands.promote: "Move the champion alias, or say why not.",
    model_commands.retrain: "Train, hold the contest, promote or keep, as one job.",
    scoring_commands.score: "Score every open lead as of one instant.",
    scoring_commands.serve: "Score single leads over HTTP, as of now.",
    scoring_commands.explain: "Explain one open lead's score.",
    model_commands.report: "Write the page that marketing opens.",
    scoring_commands.monitor: "Say how past scores did, and whether to retrain.",
    scoring_commands.forget: "Forget leads: purge them from every output.",
    model_commands.sql: "Print the statement that builds the features.",
    model_commands.schema: "Print the config's JSON schema, for editors.",
}
"""In the order of a model's life, which `--help` keeps, with a line that it has room for."""

for command, line in COMMANDS.items():
    kind = AcceptingCommand if "accept" in command.__annotations__ else None
    app.command(cls=kind, short_help=line)(command)


def _version(shown: bool) -> None:
    if shown:
        import leadline

        print(leadline.__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Lead qualification that survives contact with the future."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line; every error is one sentence and an exit code.

    Exit codes: 0 done · 1 a bug · 2 usage · 65 the data is bad · 66 no such input · 73 the output can't be written ·
    75 try again · 78 the config is bad · 79 promotion refused · 130 interrupted.
    """
    code = exit_code_of(lambda: app(args=arguments, prog_name="leadline"))
    if code == INTERRUPTED:
        leave(code)
    sys.exit(code)
