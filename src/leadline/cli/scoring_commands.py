"""The commands of every night: scores, one lead's reasons, how past scores did, and whom to forget."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.accepting import Accept, accepted_codes
from leadline.cli.options import AsOf, ConfigPath, Json, LeadsFile, LockTimeout, Log, LogKind, Model, Quiet, console_of
from leadline.errors import UsageError

__all__ = ["explain", "forget", "monitor", "score", "serve"]


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
    leads: LeadsFile = None,
    lead: Annotated[
        list[str] | None,
        typer.Option(
            "--lead",
            metavar="ID",
            help="Only this lead, now without --as-of: prints its score and writes no night; may be given again.",
            show_default=False,
        ),
    ] = None,
    first: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="A",
            help="Scoring dates from A on, each with what was known on its day …",
            show_default=False,
        ),
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="B", help="… to B, both included.", show_default=False)
    ] = None,
    every: Annotated[str, typer.Option("--every", metavar="D", help="How far apart these nights are.")] = "1d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; write nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Score finished nights once more.")] = False,
    write_changes: Annotated[
        bool, typer.Option("--write-changes", help="Write what changed since the night before, too.")
    ] = False,
    accept: Accept = None,
    lock_timeout: LockTimeout = 0.0,
    as_json: Json = False,
    quiet: Quiet = False,
    log: LogKind = Log.text,
) -> None:
    """Score every open lead as of one instant; the output is old or new, never half."""
    from leadline.workflows.scoring.backfill import backfill, rehearse
    from leadline.workflows.scoring.on_demand import score_leads
    from leadline.workflows.scoring.score import score as run

    console = console_of(quiet, log, as_json)
    span, why = _span(first, last, every, as_of, leads), accepted_codes(accept or ())
    if lead:
        _refuse_a_night(bool(out or leads or span or dry_run or force or write_changes or why))
        console.scored_leads(score_leads(config, lead, as_of, model, console.progress))
    elif dry_run:
        asked = (as_of, model, out, leads, span, force, console.progress, write_changes, why)
        console.rehearsed(rehearse(config, *asked))
    elif span:
        asked_for = (*span, model, out, console.progress, force, lock_timeout, console.run_id, write_changes, why)
        console.backfilled(backfill(config, *asked_for))
    else:
        one = (as_of, model, out, leads, console.progress, force, lock_timeout, console.run_id, write_changes, why)
        console.scored(run(config, *one))


def serve(
    config: ConfigPath,
    host: Annotated[
        str, typer.Option("--host", help="Where to listen; from elsewhere only with LEADLINE_TOKEN set.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="Which port; 0 for any that is free.")] = 8008,
    quiet: Quiet = False,
    log: LogKind = Log.text,
) -> None:
    """Score single leads over HTTP, as of now, until it is stopped."""
    from leadline.serving.serve import serve as run

    run(config, host, port, console_of(quiet, log).progress)


def _refuse_a_night(asked: bool) -> None:
    """Refuse options of a night where single leads are asked about."""
    if asked:
        raise UsageError(
            "--lead: beside an option of a night; expected --as-of, --model and how it is printed alone, as nothing is written; leave the others out"
        )


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


def explain(
    config: ConfigPath,
    lead: Annotated[
        list[str], typer.Option("--lead", metavar="ID", help="Whom to explain; several give a CSV.", show_default=False)
    ],
    as_of: AsOf = None,
    leads: LeadsFile = None,
    model: Model = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write it as a page with the timeline, too.", show_default=False),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    log: LogKind = Log.text,
) -> None:
    """Explain an open lead's score, or several as a CSV."""
    from leadline.workflows.scoring.explain import explain_leads
    from leadline.workflows.scoring.lead_page import explain_page

    if len(lead) > 1 and html is not None:
        raise UsageError(f"--html: a page is of one lead; found {len(lead)}; expected one --lead; run it once for each")
    console = console_of(quiet, log, as_json)
    if html is None:
        told = list(explain_leads(config, list(dict.fromkeys(lead)), as_of, model, console.progress, leads=leads))
        console.explained(told[0]) if len(lead) == 1 else console.explained_several(told)
    else:
        made = explain_page(config, lead[0], as_of, html, model, console.progress, leads=leads)
        console.explained(made.told, made.page)


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
    """Join past scores with outcomes that are known now, and say whether to retrain."""
    from leadline.workflows.check import page_place
    from leadline.workflows.monitor import monitor as run
    from leadline.workflows.monitor import write_page

    console = console_of(quiet, log, as_json)
    place = page_place(html, config) if html is not None else None
    result = run(config, as_of, console.progress)
    console.monitored(result, write_page(result, place) if place is not None else None)


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
    lock_timeout: LockTimeout = 0.0,
    as_json: Json = False,
    quiet: Quiet = False,
    log: LogKind = Log.text,
) -> None:
    """Forget leads: purge them from every output, never read them again, and say which models knew them."""
    from leadline.workflows.forget import forget as run
    from leadline.workflows.forget import read_leads

    console = console_of(quiet, log, as_json)
    asked = [*(lead or ()), *(read_leads(leads) if leads is not None else ())]
    console.forgot(run(config, asked, out, lock_timeout, console.progress))
