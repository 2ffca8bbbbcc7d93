"""A made log of any size: leads, accounts, stages, events in the order of time, and two questions to ask of them.

Events are written day by day, so that a hundred million need no more memory than their visits' days: under a gigabyte.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["BEHAVIOURS", "QUESTIONS", "TABLES", "World", "make"]

DAY = 86_400_000_000
START = 1_672_617_600_000_000  # Monday 2023-01-02, 00:00 UTC
WEEKS = 104
SPAN = 7 * WEEKS
BEHAVIOURS = {
    "page_view": "awareness", "email_open": "awareness", "blog_view": "awareness", "ad_click": "awareness",
    "webinar_join": "awareness", "docs_view": "evaluation", "case_study_view": "evaluation", "trial_login": "evaluation",
    "chat_message": "evaluation", "pricing_view": "purchase", "demo_request": "purchase", "sales_call": "purchase",
}  # fmt: skip
SHARES = np.array([30, 20, 12, 10, 8, 6, 4, 3, 3, 2, 1, 1]) / 100
TITLES = ["Engineer", "Lead Engineer", "Analyst", "Head of Data", "VP Finance", "CEO", "CTO", "Buyer", "Intern", None]
VISIT = 4  # events a visit, on average
BLOCK = 500_000
INSTANT = pa.timestamp("us", "UTC")
TABLES = ("leads", "accounts", "stages", "events")
QUESTIONS = ("training", "night")


@dataclass(frozen=True)
class World:
    """How much there is of each thing.

    Attributes
    ----------
    events, leads, accounts : int
        Rows of the log, people, companies.
    training, night : int
        Snapshots that each question has: up to three a lead on a weekly grid; one of every lead at one as_of.
    seed : int
        What it was drawn from.
    """

    events: int
    leads: int
    accounts: int
    training: int
    night: int
    seed: int


def make(folder: Path, events: int, seed: int) -> World:
    """Write a world's Parquet files, or find those that an earlier run kept; the same seed gives the same rows."""
    told = folder / "world.json"
    if told.exists():
        return World(**json.loads(told.read_text(encoding="utf-8")))
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    many = max(events // 100, 100)  # fewer wouldn't share the rare behaviours, which are features only if shared
    created = rng.integers(0, SPAN - 7, many)
    firms = max(many // 4, 5)
    firm = rng.choice(firms, many, p=_shares(rng.lognormal(0, 1, firms)))
    ids = pa.array([f"L{n:07d}" for n in range(many)])
    homes = pa.array([f"A{n:06d}" for n in firm], mask=rng.random(many) < 0.1)
    _write(folder / "leads.parquet", {
        "lead_id": ids, "account_id": homes, "created_at": _instants(created),
        "job_title": pa.array([TITLES[n] for n in rng.integers(0, len(TITLES), many)]),
    })  # fmt: skip
    _write(folder / "accounts.parquet", {
        "account_id": pa.array([f"A{n:06d}" for n in range(firms)]), "employees": rng.integers(1, 5000, firms),
    })  # fmt: skip
    _stages(folder, rng, ids, created)
    asked = _questions(folder, rng, ids, homes, created)
    written = _events(folder, rng, events, ids, created)
    world = World(written, many, firms, *asked, seed)
    told.write_text(json.dumps(asdict(world)), encoding="utf-8")
    return world


def _shares(weights: Any) -> Any:
    return weights / weights.sum()


def _instants(days: Any) -> pa.Array:
    return pa.array(START + days * DAY, pa.int64()).cast(INSTANT)


def _write(path: Path, columns: dict[str, Any]) -> None:
    pq.write_table(pa.table(columns), path)


def _stages(folder: Path, rng: np.random.Generator, ids: pa.Array, created: Any) -> None:
    """Three leads in ten become MQL, one in ten SQL, one in twenty is lost; on some later day."""
    parts = []
    for stage, share in (("mql", 0.3), ("sql", 0.1), ("lost", 0.05)):
        who = np.flatnonzero(rng.random(len(created)) < share)
        day = np.minimum(created[who] + 1 + rng.exponential(60, len(who)).astype(int), SPAN - 1)
        parts.append(
            pa.table({"lead_id": ids.take(pa.array(who)), "stage": [stage] * len(who), "changed_at": _instants(day)})
        )
    pq.write_table(pa.concat_tables(parts), folder / "stages.parquet")


def _questions(folder: Path, rng: np.random.Generator, ids: pa.Array, homes: pa.Array, created: Any) -> tuple[int, int]:
    """Draw up to three Mondays a lead after its creation, and one night for all."""
    many = len(created)
    first = created // 7 + 1
    weeks = first[:, None] + (rng.random((many, 3)) * (WEEKS - first)[:, None]).astype(int)
    pairs = np.unique(np.stack([np.repeat(np.arange(many), 3), weeks.ravel()]), axis=1)
    whole = np.stack([np.arange(many), np.full(many, WEEKS)])
    for name, (who, week) in zip(QUESTIONS, (pairs, whole), strict=True):
        taken = pa.array(who)
        columns = {"lead_id": ids.take(taken), "account_id": homes.take(taken), "as_of": START + week * 7 * DAY}
        _write(folder / f"{name}.parquet", columns)
    return pairs.shape[1], many


def _events(folder: Path, rng: np.random.Generator, events: int, ids: pa.Array, created: Any) -> int:
    """Write visits day by day: a few acts within four hours, recorded minutes later, one in a hundred days later."""
    visits = max(events // VISIT, 1)
    who = np.repeat(
        np.arange(len(created), dtype=np.int32), rng.multinomial(visits, _shares(rng.lognormal(0, 1, len(created))))
    )
    short = created.astype(np.int16)  # small numbers: there may be 25 million visits
    waited = (90 * rng.standard_exponential(visits, dtype=np.float32)).astype(np.int16)
    day = short[who] + waited % (np.int16(SPAN) - short[who])
    del waited
    order = np.argsort(day, kind="stable")
    who, day = who[order], day[order]
    ends = np.searchsorted(day, np.arange(SPAN + 1))
    words = pa.array(list(BEHAVIOURS))
    schema = pa.schema([("event_id", pa.int64()), ("lead_id", pa.string()), ("event_type", pa.string()), ("occurred_at", INSTANT), ("recorded_at", INSTANT)])  # fmt: skip
    written, start = 0, 0
    with pq.ParquetWriter(folder / "events.parquet", schema, compression="zstd") as writer:
        while start < SPAN:
            stop = max(start + 1, int(np.searchsorted(ends, ends[start] + BLOCK // VISIT)) - 1)
            stop = min(stop, SPAN)
            lead, occurred, kind, recorded = _block(rng, who[ends[start] : ends[stop]], day[ends[start] : ends[stop]])
            rows = [
                pa.array(np.arange(written, written + len(lead))), ids.take(pa.array(lead)), words.take(pa.array(kind)),
                pa.array(occurred).cast(INSTANT), pa.array(recorded).cast(INSTANT),
            ]  # fmt: skip
            writer.write_table(pa.Table.from_arrays(rows, schema=schema))
            written, start = written + len(lead), stop
    return written


def _block(rng: np.random.Generator, who: Any, day: Any) -> tuple[Any, Any, Any, Any]:
    sizes = rng.geometric(1 / VISIT, len(who))
    lead = np.repeat(who, sizes)
    opened = START + day.astype(np.int64) * DAY + rng.integers(0, 20 * DAY // 24, len(who))
    occurred = np.repeat(opened, sizes) + rng.integers(0, 4 * DAY // 24, len(lead))
    order = np.argsort(occurred, kind="stable")
    kind = rng.choice(len(BEHAVIOURS), len(lead), p=SHARES).astype(np.int8)
    late = np.where(rng.random(len(lead)) < 0.01, rng.integers(1, 5, len(lead)) * DAY, 0)
    occurred = occurred[order]
    return lead[order], occurred, kind, occurred + rng.integers(0, DAY // 144, len(lead)) + late
