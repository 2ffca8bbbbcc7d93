"""`forget`: leads go from every output and never come back, and it is said which models were trained with them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leadline.config.load import fill_option
from leadline.config.schema import Config
from leadline.core.files import read_json
from leadline.core.leftovers import sweep, sweep_scratch
from leadline.core.point_in_time import format_instant
from leadline.delivery import erasure as purge
from leadline.delivery.sink_urls import open_sink
from leadline.errors import LeadlineError, MissingError, UsageError
from leadline.registry.bundle import MODELS
from leadline.tables import open_store
from leadline.tables.event_cache import FOLDER
from leadline.tables.read import read_all
from leadline.tables.tombstones import Tombstones, mark_list, merged_ids
from leadline.workflows.common import Progress, as_config, no_progress, parse_as_of
from leadline.workflows.places import require_out_apart
from leadline.workflows.training.predictions import BACKTESTS, report_lists

__all__ = [
    "Forgotten",
    "LeadIdentities",
    "count_remembered",
    "forget",
    "read_identities",
    "read_leads",
    "trained_on_lead",
    "versions_of",
]


# Who knew a lead: which records are the same person, and which versions of a model were trained with them.


@dataclass(frozen=True)
class LeadIdentities:
    """What the tables say: who is the same person, and when each record was created; None where they can't be read."""

    people: frozenset[str]
    created: Mapping[str, int] | None = None
    notes: list[str] = field(default_factory=list)


def read_identities(config: Config, asked: set[str]) -> LeadIdentities:
    """Look in the tables for who was merged with whom, and when records were created, whatever T."""
    if config.is_flat:
        return LeadIdentities(frozenset(asked))
    tables = {
        name: config.tables.merges if name == "merges" else None for name in config.tables.given() if name != "leads"
    }
    leads = config.tables.leads.model_copy(update={"attributes": ()})
    small = config.model_copy(update={"tables": config.tables.model_copy(update={**tables, "leads": leads})})
    store = open_store(config.engine.model_copy(update={"kind": "duckdb"}))
    try:
        read_all(small, store, None, None).found.raise_errors()
        pairs = [] if config.tables.merges is None else store.rows("SELECT from_id, into_id FROM all_merges")
        people = merged_ids(asked, [(str(a), str(b)) for a, b in pairs if a is not None and b is not None])
        store.put("wanted", _column(people))
        rows = store.rows(
            "SELECT l.lead_id, MIN(l.created_at) FROM all_leads AS l JOIN wanted AS w ON w.lead_id = l.lead_id GROUP BY 1"
        )
        return LeadIdentities(frozenset(people), {str(lead): int(at or 0) for lead, at in rows})
    except LeadlineError as error:
        what = type(error).__name__.removesuffix("Error").lower()
        note = (
            f"the tables can't be read now ({what}), so records merged with these leads weren't looked for here; "
            "every read of the tables leaves them out, too"
        )
        return LeadIdentities(frozenset(asked), None, [note])
    finally:
        store.close()


def _column(ids: Iterable[str]) -> Any:
    import pyarrow as pa

    return pa.table({"lead_id": pa.array(sorted(ids), pa.string())})


def versions_of(config: Config) -> dict[str, int | None]:
    """List the versions whose bundles or predictions are here, each with when it was trained; None where that isn't known."""
    kept = [path.stem for path in (BACKTESTS / config.name).glob("*.parquet")]
    found: dict[str, int | None] = {
        stem: None for stem in kept if not stem.endswith("_open_leads")
    }  # the report's lists
    for file in (MODELS / config.name).glob("*/manifest.json"):
        try:
            found[file.parent.name] = parse_as_of(config, str(read_json(file)["known_at"]))
        except (OSError, ValueError, KeyError, TypeError, LeadlineError):
            found.setdefault(file.parent.name, None)
    return {v: found[v] for v in sorted(found, key=lambda v: (len(v), v))}


def trained_on_lead(
    config: Config, known: LeadIdentities, versions: Mapping[str, int | None]
) -> dict[str, dict[str, str]]:
    """Say for each lead and version whether it was trained with the lead, as far as that can be known."""
    said: dict[str, dict[str, str]] = {lead: {} for lead in known.people}
    for version, known_at in versions.items():
        judged = _leads_with_predictions(BACKTESTS / config.name / f"{version}.parquet", known.people)
        for lead in known.people:
            said[lead][version] = "yes" if lead in judged else _by_dates(config, known.created, lead, known_at)
    return said


def _leads_with_predictions(path: Path, people: frozenset[str]) -> set[str]:
    """List which of the leads have out-of-fold predictions: the exported model was fitted on all of those rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return set(people) & set(pq.ParquetFile(path).read(columns=["lead_id"]).column("lead_id").to_pylist())
    except (OSError, pa.ArrowInvalid):
        return set()


def _by_dates(config: Config, created: Mapping[str, int] | None, lead: str, known_at: int | None) -> str:
    """Tell by dates: a lead trains once a snapshot of it is ripe, which is a horizon after its creation at the earliest."""
    if created is None or known_at is None:
        return "unknown"
    if lead not in created:
        return "unknown"
    return "maybe" if created[lead] + config.horizon.micros + config.outcome.delay.micros <= known_at else "no"


def count_remembered(
    config: Config, stones: Tombstones, people: frozenset[str], versions: Mapping[str, int | None]
) -> dict[str, dict[str, int]]:
    """Count by version what is remembered of the leads: a second call finds no rows any more, but the list knows."""
    told = [stones.leads[stones.hash(lead)].get("models", {}).get(config.name, {}) for lead in sorted(people)]
    names = sorted({*versions, *(version for said in told for version in said)}, key=lambda v: (len(v), v))
    return {name: dict(Counter(said.get(name, "no") for said in told)) for name in names}


MEANINGS = {
    "yes": "was trained with",
    "maybe": "was trained later than outcomes of theirs were known, so most likely with",
    "unknown": "may have been trained with",
}


@dataclass(frozen=True)
class Forgotten:
    """What was done; it names nobody.

    Attributes
    ----------
    leads : int
        Ids that were given.
    records : int
        These, and records that are merged with them.
    in_tables : int or None
        How many of them the tables have; None where they can't be read now.
    purged : mapping of str to int
        Rows that went, by place.
    models : mapping of str to mapping
        By version: how many of the records it was trained with (`yes`), most likely (`maybe`), not (`no`), or unknown.
    notes : tuple of str
        What is left for somebody to do.
    """

    leads: int
    records: int
    in_tables: int | None
    purged: Mapping[str, int]
    models: Mapping[str, Mapping[str, int]]
    notes: tuple[str, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        told = {**vars(self), "purged": dict(self.purged), "models": {v: dict(n) for v, n in self.models.items()}}
        return {**told, "notes": list(self.notes)}

    def lines(self) -> list[str]:
        """Say it in a few lines."""
        merged = f", {self.records - self.leads:,} more merged with them" if self.records > self.leads else ""
        there = "" if self.in_tables is None else f"; the tables have {self.in_tables:,} of them"
        lines = [f"{self.leads:,} lead{_s(self.leads)} forgotten{merged}{there}"]
        lines += [f"  {rows:,} row{_s(rows)} gone from {place}" for place, rows in self.purged.items() if rows]
        for version, counts in self.models.items():
            said = [f"{words} {counts[what]:,} of them" for what, words in MEANINGS.items() if counts.get(what)]
            lines.append(f"  version {version} {'; it '.join(said) if said else 'was trained without them'}")
        return [*lines, *self.notes]


def _s(n: int) -> str:
    return "" if n == 1 else "s"


def forget(
    config: Config | str | Path,
    leads: Sequence[str],
    out: str | None = None,
    wait: float = 0.0,
    progress: Progress = no_progress,
) -> Forgotten:
    """Put leads on the list of the forgotten, and purge them from what this config's commands wrote.

    Every later read of tables in this working directory leaves them out, with records that are merged with them. The
    same call again finishes what was interrupted, and else changes nothing.

    Parameters
    ----------
    leads : sequence of str
        Their ids.
    out : str, optional
        A further place of scores, as `leadline score --out` was given it.
    wait : float
        Seconds to wait where a night is being written.

    Raises
    ------
    UsageError
        No id is given, or the config's rows have none.
    RetryError
        A night is being written: the leads are on the list already, and the same call purges them.
    OutputError
        A place can't be written.

    Examples
    --------
    >>> forget("no-such.yaml", ["L1"])
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    config = as_config(config, progress)
    asked = _requested_leads(config, leads)
    if out is not None:
        out = fill_option(out, "--out")
        require_out_apart(config, out)
    progress("looking for them")
    known = read_identities(config, asked)
    told = {lead: {"at": format_instant(int(time.time() * 1_000_000))} for lead in known.people}
    versions = versions_of(config)
    by_lead = trained_on_lead(config, known, versions)
    stones = purge.add_tombstones(
        {lead: {**told[lead], "models": {config.name: by_lead[lead]}} for lead in known.people}
    )
    mark_list(config.name, stones)
    progress("purging the outputs")
    purged = _purge(config, stones, known.people, out, wait)
    models = count_remembered(config, stones, known.people, versions)
    notes = [*known.notes, *_remaining_notes(config, purged)]
    there = None if known.created is None else len(set(known.created) & known.people)
    return Forgotten(len(asked), len(known.people), there, purged, models, tuple(notes))


def read_leads(path: Path) -> list[str]:
    """Read ids from a file, one a line.

    Raises
    ------
    MissingError
        The file isn't there, or isn't text.

    Examples
    --------
    >>> read_leads(Path("no-such.txt"))
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: --leads no-such.txt: can't be read; expected a text file with an id in each line; mend the name
    """
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, ValueError):
        raise MissingError(
            f"--leads {path}: can't be read; expected a text file with an id in each line; mend the name"
        ) from None


def _requested_leads(config: Config, leads: Sequence[str]) -> set[str]:
    asked = {lead.strip() for lead in leads} - {""}
    if not asked:
        raise UsageError("--lead: no id; expected at least one; name it, or a file of them with --leads")
    if config.tables.leads.key == "row":
        raise UsageError(
            "forget: the rows of this file have no ids (tables.leads.key: row); expected a column of ids; "
            "delete the rows from the file and train again"
        )
    return asked


def _purge(config: Config, stones: Tombstones, people: frozenset[str], out: str | None, wait: float) -> dict[str, int]:
    """Purge every place, under the locks of nights; all that were ever forgotten go, also where a run died on the way."""
    default = open_sink(None, config.name)
    has: Callable[[str | None], bool] = stones.has
    purged: dict[str, int] = {}
    with ExitStack() as held:
        held.enter_context(default.lock(wait))
        purged[default.shown] = purge.purge_folder(Path(default.shown), has)[0]
        purged["deliveries"] = purge.purge_deliveries(config.nightly.deliver, has)[0]
        if out is not None:
            purged |= _purge_out(config, has, people, out, wait)
    files = sorted((BACKTESTS / config.name).glob("*.parquet"))
    purged[str(BACKTESTS / config.name)] = sum(purge.purge_file(file, has) for file in files)
    purged["lists beside the report"] = sum(purge.purge_file(file, has) for file in report_lists(config.name))
    purge.purge_event_cache(wait)
    for folder in (Path(), BACKTESTS / config.name, FOLDER):
        sweep(folder)
    sweep_scratch()
    return purged


def _purge_out(
    config: Config, has: Callable[[str | None], bool], people: frozenset[str], out: str, wait: float
) -> dict[str, int]:
    sink = open_sink(out, config.name)
    if sink.shown == open_sink(None, config.name).shown:
        return {}
    with sink.lock(wait):
        if out.startswith(("postgresql://", "postgres://")):
            from leadline.delivery.postgres_sink import forget_rows

            return {sink.shown: forget_rows(out, config.name, sorted(people))}
        if sink.holds_nights:
            return {sink.shown: purge.purge_folder(Path(out), has)[0]}
        return {sink.shown: purge.purge_file(Path(out), has)}


def _remaining_notes(config: Config, purged: Mapping[str, int]) -> list[str]:
    """Say what this command can't do."""
    others = sorted(p.name for p in Path("scores").glob("*") if p.is_dir() and p.name != config.name)
    notes = ["delete them from the sources, too: this command reads those, and never writes them"]
    if purged.get("deliveries"):
        notes.append("other systems may have read the deliveries already")
    if others:
        notes.append(f"scores/ has other models' nights ({', '.join(others[:5])}): run this with their configs, too")
    return [*notes, "a model keeps what it learned: train again and promote, to have one that never saw them"]
