"""Several nights at once: past nights as they would have been on the day, and what a night would do, without doing it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from leadline.config.schema import Config, Source
from leadline.core.checks import Severity
from leadline.core.point_in_time import Horizon, format_instant
from leadline.delivery.batch import ScoringRun
from leadline.delivery.sink import RunKey
from leadline.errors import UsageError
from leadline.scoring.input_checks import check_night, described
from leadline.workflows.common import Progress, as_config, format_as_of, no_progress, parse_as_of, track_steps
from leadline.workflows.scoring.explain import hindsight_warning, is_trained_later
from leadline.workflows.scoring.inputs import outline_night, requested_as_of
from leadline.workflows.scoring.night_checks import outlined_night
from leadline.workflows.scoring.score import (
    ScoringSession,
    content_hash,
    open_scoring_session,
    read_past,
    score_once,
    told,
)

__all__ = ["DryRun", "as_of_grid", "backfill", "rehearse"]

MOST = 3_700
"""Nights in one go: ten years of days. More is a typing error."""


@dataclass(frozen=True)
class DryRun:
    """What a night would do.

    Attributes
    ----------
    as_of, place, model : str
        When, where to, and by whom.
    state : str
        `to score`, or `done` where the same night is finished.
    open_leads, suppressed : int or None
        How many leads are open, and how many of them the outputs leave out; None where the night is done.
    warnings : tuple of str
        What the reader of these scores would have to know, what the input checks saw among it.
    checks : tuple of dict
        The input checks: code, title, what follows where it speaks, and from when on it does.
    """

    as_of: str
    place: str
    model: str
    state: str
    open_leads: int | None = None
    suppressed: int | None = None
    warnings: tuple[str, ...] = ()
    checks: tuple[dict[str, str], ...] = ()

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    def line(self) -> str:
        """Say it in one line."""
        if self.state == "done":
            return f"{self.as_of}: already done by {self.model}, in {self.place}"
        left_out = f", {self.suppressed:,} of them left out by tables.suppress" if self.suppressed else ""
        return (
            f"{self.as_of}: {self.open_leads:,} open leads{left_out}, would be scored by {self.model}, to {self.place}"
        )


def as_of_grid(first: int, last: int, every: Horizon) -> list[int]:
    """List the nights from one to another, both included, oldest first.

    Raises
    ------
    UsageError
        There is none, or there are too many.

    Examples
    --------
    >>> day = Horizon.parse("1d")
    >>> [format_instant(t) for t in as_of_grid(0, 2 * day.micros, day)]
    ['1970-01-01T00:00:00Z', '1970-01-02T00:00:00Z', '1970-01-03T00:00:00Z']
    >>> as_of_grid(1, 0, day)
    Traceback (most recent call last):
    ...
    leadline.errors.UsageError: --from, --to: no night lies between them; expected --from before --to; exchange them
    """
    if every.micros <= 0:
        raise UsageError("--every: nothing; expected a length of time such as 1d; leave it out for each day")
    if last < first:
        raise UsageError("--from, --to: no night lies between them; expected --from before --to; exchange them")
    if (last - first) // every.micros >= MOST:
        raise UsageError(
            f"--from, --to: more than {MOST:,} nights lie between them; expected fewer; make --every longer"
        )
    return list(range(first, last + 1, every.micros))


def backfill(
    config: Config | str | Path,
    first: str,
    last: str,
    every: str = "1d",
    model: str | None = None,
    out: str | None = None,
    progress: Progress = no_progress,
    again: bool = False,
    wait: float = 0.0,
    run_id: str = "",
    changed: bool = False,
    accept: Mapping[str, str] | None = None,
) -> Iterator[ScoringRun]:
    """Score past nights, oldest first, each with what was known on the day; those that are finished are left as they are.

    Stopped on the way, the same call goes on where it stopped.

    Parameters
    ----------
    first, last : str
        The first night and the last, both included.
    every : str
        How far apart they are.

    Yields
    ------
    Night
        Each as soon as it is in place.

    Raises
    ------
    UsageError
        The config is of a flat file, the place holds one night only, or there is no night between the two.
    ConfigError, MissingError, DataError, RetryError, OutputError
        As `score`; the nights before stand.

    Examples
    --------
    >>> next(backfill("no-such.yaml", "2024-05-01", "2024-05-31"))
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    config = as_config(config, progress)
    nights = _nights(config, first, last, every)
    session = open_scoring_session(config, model, out, None, again, wait, run_id, changed, accept)
    if not session.sink.holds_nights:
        raise UsageError(
            f"--from: {session.sink.shown} holds one night; expected a place that holds many; name a folder or a PostgreSQL table"
        )
    if session.said:
        progress(session.said)
    with track_steps(progress, "nights", len(nights), lines=None) as step:
        for number, when in enumerate(nights, 1):
            progress(f"night {number} of {len(nights)}: {format_instant(when)}")
            yield score_once(session, when, progress)
            step(number, format_instant(when))


def rehearse(
    config: Config | str | Path,
    as_of: str | int | None = None,
    model: str | None = None,
    out: str | None = None,
    leads: Source | None = None,
    span: tuple[str, str, str] | None = None,
    again: bool = False,
    progress: Progress = no_progress,
    changed: bool = False,
    accept: Mapping[str, str] | None = None,
) -> Iterator[DryRun]:
    """Say what `score` or `backfill` would do: tables are read, open leads counted, and nothing is written.

    The input checks that need no scores are asked, too.

    Parameters
    ----------
    span : tuple of (first, last, every), optional
        The nights of a backfill.

    Examples
    --------
    >>> next(rehearse("no-such.yaml", "2024-05-01"))
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    config = as_config(config, progress)
    nights: list[int | None] = (
        [*_nights(config, *span)] if span else [parse_as_of(config, requested_as_of(config, as_of, leads))]
    )
    session = open_scoring_session(config, model, out, leads, again, changed=changed, accept=accept)
    # The kept log of events is a file too: a rehearsal leaves it as it is.
    digest, engine = content_hash(session), config.engine.model_copy(update={"cache_events": False})
    reading = replace(session, config=session.config.model_copy(update={"engine": engine}))
    for when in nights:
        yield _rehearsed(reading, digest, when, progress)


def _rehearsed(session: ScoringSession, digest: str, when: int | None, progress: Progress) -> DryRun:
    config, bundle, sink = session.config, session.bundle, session.sink
    dated = bool(bundle.manifest["dated"])
    night = when if when is not None else int(parse_as_of(config, bundle.manifest["known_at"]) or 0)
    done = None if session.again else sink.done(RunKey(night, dated, bundle.name, bundle.version))
    model = f"{bundle.name} {bundle.version}"
    said = [session.said] if session.said else []
    if done is not None and done.get("config_hash") == digest:
        return DryRun(str(format_as_of(night, dated)), sink.shown, model, "done", warnings=tuple(said))
    before, past = sink.previous(night, bundle.name), read_past(session, night)
    seen = outline_night(config, bundle, when, session.leads, progress, before)
    found = check_night(outlined_night(config, bundle, seen, when or 0, before, past), session.accept)
    said += [hindsight_warning(bundle)] if is_trained_later(config, bundle, when) else []
    refused = {f.code for f in found.of(Severity.ERROR)}
    said += [f"would be refused: {text}" if text.split()[0] in refused else text for text in told(found)]
    listed = tuple(described(config.nightly))
    return DryRun(
        str(format_as_of(night, dated)),
        sink.shown,
        model,
        "to score",
        seen.open_leads,
        seen.left_out,
        tuple(said),
        listed,
    )


def _nights(config: Config, first: str, last: str, every: str) -> list[int]:
    if config.is_flat:
        raise UsageError("--from, --to: a flat file has no nights; expected dated tables; use --as-of")
    ends = [parse_as_of(config, end) for end in (first, last)]
    return as_of_grid(int(ends[0] or 0), int(ends[1] or 0), Horizon.parse(every))
