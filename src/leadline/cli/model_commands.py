"""The commands that make a model: from a demo or an empty config to a champion, its page and its SQL."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.accepting import Accept, accepted_codes
from leadline.cli.data_file import hint_on_refusal, resolve_config
from leadline.cli.options import (
    AsOf,
    ConfigOut,
    ConfigPath,
    Given,
    Json,
    Log,
    LogKind,
    Model,
    OrderBy,
    OutcomeColumn,
    Positive,
    Quiet,
    Tune,
    Verbose,
    complete_dialects,
    complete_presets,
    console_of,
)
from leadline.errors import PromotionRefused, UsageError

__all__ = ["check", "demo", "init", "promote", "recalibrate", "report", "retrain", "schema", "sql", "train"]

Quick = Annotated[
    bool,
    typer.Option(
        "--quick", help="Leave out the ablation and other parts that change neither the model nor its figures."
    ),
]


def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the demo is made.", show_default=False)],
    leads: Annotated[int, typer.Option("--leads", min=1000, help="How many leads to make.")] = 6000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Random seed.")] = 7,
    verbose: Verbose = False,
    as_json: Json = False,
    quiet: Quiet = False,
    log: LogKind = Log.text,
) -> None:
    """Make a synthetic CRM with known truth and its config, and run the whole job on it."""
    from leadline.workflows.demo import demo as run

    console = console_of(quiet, log, as_json)
    console.demo(run(folder, leads, seed, console.progress), verbose)


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the config is written.", show_default=False)],
    preset: Annotated[
        str,
        typer.Option(
            "--preset", metavar="hubspot|salesforce|csv", help="Whose export it reads.", autocompletion=complete_presets
        ),
    ] = "csv",
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            metavar="S",
            help="What to look at: a folder of exports, a file, a DuckDB file or a PostgreSQL URL.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    log: LogKind = Log.text,
) -> None:
    """Write a commented config to fill in, or one guessed from a source."""
    from leadline.presets import propose, write_preset, write_proposal

    console = console_of(quiet, log, as_json)
    if source is None:
        console.proposed(write_preset(folder, preset), None)
        return
    from leadline.workflows.config_from_file import leak_reason

    console.progress("looking at the source")
    proposal = propose(preset, source, folder, leak_reason)
    console.proposed(write_proposal(folder, proposal), proposal)


def check(
    config: Given,
    as_of: AsOf = None,
    outcome: OutcomeColumn = None,
    positive: Positive = None,
    order_by: OrderBy = None,
    config_out: ConfigOut = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write the findings as a page, too.", show_default=False),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    log: LogKind = Log.text,
) -> None:
    """Check config, tables and leaks; train nothing."""
    from leadline.workflows.check import check as run
    from leadline.workflows.check import page_place, write_page

    console = console_of(quiet, log, as_json)
    place = page_place(html) if html is not None else None
    config = resolve_config(console, config, outcome, positive, order_by, config_out)
    place = page_place(place, config) if place is not None else None
    with hint_on_refusal(config, "check"):
        result = run(config, as_of, console.progress)
        console.checked(result, write_page(result, place) if place is not None else None)


def train(
    config: Given,
    as_of: AsOf = None,
    tune: Tune = 0,
    outcome: OutcomeColumn = None,
    positive: Positive = None,
    order_by: OrderBy = None,
    config_out: ConfigOut = None,
    quick: Quick = False,
    accept: Accept = None,
    verbose: Verbose = False,
    as_json: Json = False,
    quiet: Quiet = False,
    log: LogKind = Log.text,
) -> None:
    """Train, judge, track and export a model, using only what was known at T."""
    from leadline.workflows.training.train import train as run

    console = console_of(quiet, log, as_json)
    config = resolve_config(console, config, outcome, positive, order_by, config_out)
    with hint_on_refusal(config, "train"):
        result = run(config, as_of, console.progress, tune, quick, accepted_codes(accept or ()))
    console.trained(result, verbose)
    for finding in result.withheld:
        raise PromotionRefused(
            f"{result.name} {result.version} isn't made the champion: {finding.code} {finding}; look at it with "
            f"`leadline report CONFIG --model {result.folder.as_posix()}`"
        )


def recalibrate(
    config: ConfigPath,
    as_of: AsOf = None,
    model: Model = None,
    as_json: Json = False,
    quiet: Quiet = False,
    log: LogKind = Log.text,
) -> None:
    """Refit a model's calibration alone, on what is old enough to count since, as a new version."""
    from leadline.workflows.recalibrate import recalibrate as run

    console = console_of(quiet, log, as_json)
    console.recalibrated(run(config, as_of, model, console.progress))


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
    console = console_of(quiet, log, as_json)
    if rollback:
        from leadline.workflows.promote import roll_back

        if version is not None:
            raise UsageError("--rollback: not with --version; it puts back the champion before; leave one of them out")
        console.promoted(roll_back(config, console.progress))
        return
    from leadline.workflows.promote import promote as run

    try:
        console.promoted(run(config, version, console.progress))
    except PromotionRefused as refusal:
        console.refused(refusal)
        raise


def retrain(
    config: ConfigPath,
    as_of: AsOf = None,
    if_due: Annotated[
        bool,
        typer.Option("--if-due", help="Only where the monitor advises a try, or the champion is older than 90 days."),
    ] = False,
    quick: Quick = False,
    as_json: Json = False,
    quiet: Quiet = False,
    log: LogKind = Log.text,
) -> None:
    """Check, train, hold the contest, promote or keep the champion, and write the page: one job for a scheduler."""
    from leadline.workflows.retrain import retrain as run

    console = console_of(quiet, log, as_json)
    result = run(config, as_of, if_due, quick, console.progress)
    console.retrained(result)
    if result.refused:
        stays = f"{result.name} {result.champion} stays the champion" if result.champion else "there is no champion"
        raise PromotionRefused(f"{result.name} {result.version}: {result.reason}; {stays} (see {result.record})")


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
    from leadline.workflows.report import report as run

    console = console_of(quiet, log, as_json)
    console.reported(run(config, out, model, console.progress))


def sql(
    config: ConfigPath,
    dialect: Annotated[
        str,
        typer.Option(
            "--dialect",
            metavar="D",
            autocompletion=complete_dialects,
            help="duckdb, or postgres, snowflake, bigquery, databricks, redshift, trino, spark (needs leadline[warehouse]).",
        ),
    ] = "duckdb",
    as_json: Json = False,
    quiet: Quiet = False,
    log: LogKind = Log.text,
) -> None:
    """Print the statement that builds the features."""
    from leadline.workflows.report import feature_sql

    console = console_of(quiet, log, as_json)
    console.spelt(dialect, feature_sql(config, dialect, console.progress))


def schema() -> None:
    """Print the config's JSON schema, for editors."""
    from importlib.resources import files

    print(files("leadline").joinpath("config.schema.json").read_text(encoding="utf-8"), end="")
