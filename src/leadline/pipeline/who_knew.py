"""Who knew a lead: which records are the same person, and which versions of a model were trained with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leadline.config import Config
from leadline.errors import LeadlineError
from leadline.files import read_json
from leadline.ops.registry import MODELS
from leadline.pipeline.asking import instant
from leadline.pipeline.oof import BACKTESTS
from leadline.tables import open_store
from leadline.tables.forgotten import Tombstones, same_people
from leadline.tables.read import read_all

__all__ = ["Known", "counted", "look", "trained", "versions_of"]


@dataclass(frozen=True)
class Known:
    """What the tables say: who is the same person, and when each record was created; None where they can't be read."""

    people: frozenset[str]
    created: Mapping[str, int] | None = None
    notes: list[str] = field(default_factory=list)


def look(config: Config, asked: set[str]) -> Known:
    """Look in the tables for who was merged with whom, and when records were created, whatever T."""
    if config.is_flat:
        return Known(frozenset(asked))
    tables = {
        name: config.tables.merges if name == "merges" else None for name in config.tables.given() if name != "leads"
    }
    leads = config.tables.leads.model_copy(update={"attributes": ()})
    small = config.model_copy(update={"tables": config.tables.model_copy(update={**tables, "leads": leads})})
    store = open_store(config.engine.model_copy(update={"kind": "duckdb"}))
    try:
        read_all(small, store, None, None).found.raise_errors()
        pairs = [] if config.tables.merges is None else store.rows("SELECT from_id, into_id FROM all_merges")
        people = same_people(asked, [(str(a), str(b)) for a, b in pairs if a is not None and b is not None])
        store.put("wanted", _column(people))
        rows = store.rows(
            "SELECT l.lead_id, MIN(l.created_at) FROM all_leads AS l JOIN wanted AS w ON w.lead_id = l.lead_id GROUP BY 1"
        )
        return Known(frozenset(people), {str(lead): int(at or 0) for lead, at in rows})
    except LeadlineError as error:
        what = type(error).__name__.removesuffix("Error").lower()
        note = (
            f"the tables can't be read now ({what}), so records merged with these leads weren't looked for here; "
            "every read of the tables leaves them out, too"
        )
        return Known(frozenset(asked), None, [note])
    finally:
        store.close()


def _column(ids: Iterable[str]) -> Any:
    import pyarrow as pa

    return pa.table({"lead_id": pa.array(sorted(ids), pa.string())})


def versions_of(config: Config) -> dict[str, int | None]:
    """List the versions whose bundles or predictions are here, each with when it was trained; None where that isn't known."""
    found: dict[str, int | None] = {path.stem: None for path in (BACKTESTS / config.name).glob("*.parquet")}
    for file in (MODELS / config.name).glob("*/manifest.json"):
        try:
            found[file.parent.name] = instant(config, str(read_json(file)["known_at"]))
        except (OSError, ValueError, KeyError, TypeError, LeadlineError):
            found.setdefault(file.parent.name, None)
    return {v: found[v] for v in sorted(found, key=lambda v: (len(v), v))}


def trained(config: Config, known: Known, versions: Mapping[str, int | None]) -> dict[str, dict[str, str]]:
    """Say for each lead and version whether it was trained with the lead, as far as that can be known."""
    said: dict[str, dict[str, str]] = {lead: {} for lead in known.people}
    for version, known_at in versions.items():
        judged = _judged(BACKTESTS / config.name / f"{version}.parquet", known.people)
        for lead in known.people:
            said[lead][version] = "yes" if lead in judged else _by_dates(config, known.created, lead, known_at)
    return said


def _judged(path: Path, people: frozenset[str]) -> set[str]:
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


def counted(
    config: Config, stones: Tombstones, people: frozenset[str], versions: Mapping[str, int | None]
) -> dict[str, dict[str, int]]:
    """Count by version what is remembered of the leads: a second call finds no rows any more, but the list knows."""
    told = [stones.leads[stones.hash(lead)].get("models", {}).get(config.name, {}) for lead in sorted(people)]
    names = sorted({*versions, *(version for said in told for version in said)}, key=lambda v: (len(v), v))
    return {name: dict(Counter(said.get(name, "no") for said in told)) for name in names}
