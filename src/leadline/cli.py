"""The commands: thin, each a call of the pipeline and a few printed lines. stdout is for results, stderr for progress."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from leadline.endings import outcome, speak_json
from leadline.errors import PromotionRefused, UsageError

if TYPE_CHECKING:
    from leadline.terminal import Console

__all__ = ["app", "main"]

# Three concurrent two-thread fits on two cores cost 35 times as much without it; it must stand before OpenMP loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

app = typer.Typer(
    name="leadline",
    help="Lead qualification that survives contact with the future: point-in-time features, honest backtests, nightly scores.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Log(StrEnum):
    """How progress is told."""

    text = "text"
    json = "json"


ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="The YAML config.", show_default=False)]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="T",
        help="ISO 8601 (naive means UTC); for a flat file, a value of its order column.",
        show_default=False,
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="REF",
        help="A folder, models:/NAME@champion (the default) or models:/NAME/3.",
        show_default=False,
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
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.")]
LogKind = Annotated[Log, typer.Option("--log", help="Progress as text, or as lines of JSON.")]
Json = Annotated[bool, typer.Option("--json", help="The result as JSON.")]


def _console(quiet: bool, log: Log, as_json: bool = False) -> Console:
    from leadline.terminal import Console

    console = Console(quiet, log.value, as_json)
    if log is Log.json:
        speak_json(console.run_id)
    return console


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the demo is made.", show_default=False)],
    leads: Annotated[int, typer.Option("--leads", min=1000, help="How many leads the world has.")] = 6000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Which world.")] = 7,
    quiet: Quiet = False,
    log: LogKind = Log.text,
) -> None:
    """Make a synthetic CRM with known truth and its config, and run the whole job on it."""
    from leadline.pipeline.demo import demo as run

    console = _console(quiet, log)
    console.demo(run(folder, leads, seed, console.progress))


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the config is written.", show_default=False)],
    preset: Annotated[
        str, typer.Option("--preset", metavar="hubspot|salesforce|csv", help="Whose export it reads.")
    ] = "csv",
) -> None:
    """Write a commented config to fill in."""
    from leadline.tables.presets import write_preset

    print(write_preset(folder, preset))


@app.command()
def check(
    config: ConfigPath,
    as_of: AsOf = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write the findings as a page, too.", show_default=False),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    log: LogKind = Log.text,
) -> None:
    """Check config, tables and leaks; train nothing."""
    from leadline.pipeline import check as run
    from leadline.pipeline.checking import page_place, write_page

    console = _console(quiet, log, as_json)
    place = page_place(html) if html is not None else None
    result = run(config, as_of, console.progress)
    console.checked(result, write_page(result, place) if place is not None else None)


@app.command()
def train(
    config: ConfigPath,
    as_of: AsOf = None,
    tune: Tune = 0,
    recalibrate: Annotated[
        bool,
        typer.Option("--recalibrate", help="Refit the calibration alone, on what has ripened since, as a new version."),
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="REF",
            help="With --recalibrate: which model; the champion by default.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    log: LogKind = Log.text,
) -> None:
    """Train, judge, track and export a model, using only what was known at T."""
    console = _console(quiet, log, as_json)
    if recalibrate:
        from leadline.pipeline import recalibrate as again

        if tune:
            raise UsageError("--tune: not with --recalibrate, which fits no trees; leave one of them out")
        console.recalibrated(again(config, as_of, model, console.progress))
        return
    if model is not None:
        raise UsageError("--model: only with --recalibrate; training makes a model of its own; leave it out")
    from leadline.pipeline import train as run

    console.trained(run(config, as_of, console.progress, tune))


@app.command()
def promote(
    config: ConfigPath,
    version: Annotated[
        str | None,
        typer.Option("--version", metavar="V", help="The challenger; the newest by default.", show_default=False),
    ] = None,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Put the former champion back, without a contest.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    log: LogKind = Log.text,
) -> None:
    """Hold the contest; move the champion alias, or say why not."""
    console = _console(quiet, log, as_json)
    if rollback:
        from leadline.pipeline import roll_back

        if version is not None:
            raise UsageError("--rollback: not with --version; it puts back the champion before; leave one of them out")
        console.promoted(roll_back(config, console.progress))
        return
    from leadline.pipeline import promote as run

    try:
        console.promoted(run(config, version, console.progress))
    except PromotionRefused as refusal:
        console.refused(refusal)
        raise


@app.command()
def score(
    config: ConfigPath,
    as_of: AsOf = None,
    model: Model = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="URL",
            help="A .parquet or .csv file, a folder (scores/NAME/ by default), or postgresql://…?table=t.",
            show_default=False,
        ),
    ] = None,
    leads: Annotated[
        str | None,
        typer.Option(
            "--leads", metavar="FILE", help="For a flat file: rows to score, without an outcome.", show_default=False
        ),
    ] = None,
    first: Annotated[
        str | None,
        typer.Option("--from", metavar="A", help="Past nights from A, each as it was on the day …", show_default=False),
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="B", help="… to B, both included.", show_default=False)
    ] = None,
    every: Annotated[str, typer.Option("--every", metavar="D", help="How far apart these nights are.")] = "1d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; write nothing.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Score finished nights once more.")] = False,
    changed: Annotated[bool, typer.Option("--changed", help="Write what changed since the night before, too.")] = False,
    wait: Annotated[
        float, typer.Option("--wait", metavar="N", min=0, help="Seconds to wait for another run to end.")
    ] = 0.0,
    as_json: Json = False,
    quiet: Quiet = False,
    log: LogKind = Log.text,
) -> None:
    """Score every open lead as of one instant; the output is old or new, never half."""
    from leadline import pipeline

    console = _console(quiet, log, as_json)
    span = _span(first, last, every, as_of, leads)
    if dry_run:
        asked = (as_of, model, out, leads, span, again, console.progress, changed)
        console.rehearsed(pipeline.rehearse(config, *asked))
    elif span:
        asked_for = (*span, model, out, console.progress, again, wait, console.run_id, changed)
        console.backfilled(pipeline.backfill(config, *asked_for))
    else:
        one = (as_of, model, out, leads, console.progress, again, wait, console.run_id, changed)
        console.scored(pipeline.score(config, *one))


def _span(
    first: str | None, last: str | None, every: str, as_of: str | None, leads: str | None
) -> tuple[str, str, str] | None:
    """Put the ends of a backfill together."""
    if first is None and last is None:
        return None
    if first is None or last is None:
        raise UsageError("--from, --to: one without the other; expected both ends; name the other, too")
    if as_of is not None or leads is not None:
        raise UsageError(
            "--from, --to: not with --as-of or --leads; expected several nights or one; leave one of them out"
        )
    return first, last, every


@app.command()
def explain(
    config: ConfigPath,
    lead: Annotated[str, typer.Option("--lead", metavar="ID", help="Whom to explain.", show_default=False)],
    as_of: Annotated[str, typer.Option("--as-of", metavar="T", help="As of when.", show_default=False)],
    model: Model = None,
    as_json: Json = False,
    quiet: Quiet = False,
    log: LogKind = Log.text,
) -> None:
    """Explain one open lead's score."""
    from leadline.pipeline import explain as run

    console = _console(quiet, log, as_json)
    console.explained(run(config, lead, as_of, model, console.progress))


@app.command()
def report(
    config: ConfigPath,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE.html",
            help="Where the page is written; reports/NAME.html by default.",
            show_default=False,
        ),
    ] = None,
    model: Model = None,
    as_json: Json = False,
    quiet: Quiet = False,
    log: LogKind = Log.text,
) -> None:
    """Write the page that marketing opens, from the records of a run."""
    from leadline.pipeline import report as run

    console = _console(quiet, log, as_json)
    console.progress("writing the page")
    console.reported(run(config, out, model))


@app.command()
def monitor(
    config: ConfigPath,
    as_of: AsOf = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write it as a page, too.", show_default=False)
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    log: LogKind = Log.text,
) -> None:
    """Join past nights with outcomes that are ripe now, and say whether to retrain."""
    from leadline.pipeline import monitor as run
    from leadline.pipeline.checking import page_place
    from leadline.pipeline.monitoring import write_page

    console = _console(quiet, log, as_json)
    place = page_place(html) if html is not None else None
    result = run(config, as_of, console.progress)
    console.monitored(result, write_page(result, place) if place is not None else None)


@app.command()
def forget(
    config: ConfigPath,
    lead: Annotated[
        list[str] | None,
        typer.Option("--lead", metavar="ID", help="Whom to forget; may be given again.", show_default=False),
    ] = None,
    leads: Annotated[
        Path | None,
        typer.Option("--leads", metavar="FILE", help="A file with an id in each line.", show_default=False),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="URL", help="A further place of scores, as for score.", show_default=False),
    ] = None,
    wait: Annotated[
        float, typer.Option("--wait", metavar="N", min=0, help="Seconds to wait for another run to end.")
    ] = 0.0,
    as_json: Json = False,
    quiet: Quiet = False,
    log: LogKind = Log.text,
) -> None:
    """Forget leads: purge them from every output, never read them again, and say which models knew them."""
    from leadline.pipeline import forget as run
    from leadline.pipeline.forgetting import read_leads

    console = _console(quiet, log, as_json)
    asked = [*(lead or ()), *(read_leads(leads) if leads is not None else ())]
    console.forgot(run(config, asked, out, wait, console.progress))


@app.command()
def sql(
    config: ConfigPath,
    dialect: Annotated[
        str,
        typer.Option(
            "--dialect",
            metavar="D",
            help="duckdb, or postgres, snowflake, bigquery, databricks, redshift, trino, spark (needs leadline[warehouse]).",
        ),
    ] = "duckdb",
    quiet: Quiet = False,
    log: LogKind = Log.text,
) -> None:
    """Print the statement that builds the features."""
    from leadline.pipeline import feature_sql

    print(feature_sql(config, dialect, _console(quiet, log).progress))


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
    sys.exit(outcome(lambda: app(args=arguments, prog_name="leadline")))
