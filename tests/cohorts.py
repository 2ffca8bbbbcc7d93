"""Cohorts: little worlds whose leads have a source and a job title, and whose accounts may be recorded late."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

import oracle
import oracle_rates
from crowded_accounts import ROLES
from leadline.config.schema import Config
from leadline.dataset.feature_spec import Feature
from leadline.features.build import FeatureTable
from oracle import DAY, Rules
from small_crm import HALF, START, TYPES, WORDS, Run, World, config_of, later_than, rules, worlds

STAMP = pa.timestamp("us", "UTC")
KINDS: dict[str, dict[str, pa.DataType]] = {
    **TYPES,
    "leads": {**TYPES["leads"], "source": pa.string(), "job_title": pa.string()},
    "accounts": {**TYPES["accounts"], "recorded_at": STAMP},
}
SOURCES = ["web", "web", "web", "Web ", "event", "", None]
TITLES = ["CEO", "Engineer", "Lead Engineer", "nobody", None]
ICP = {
    "country": [" nl", "É"],
    "size": {"min": 2, "max": 5},
    "industry": "Retail",
    "employees": [1, 2],
    "lead_source": ["WEB", "fair"],
}
LADDER = {**WORDS, "nurture": "lead"}


@st.composite
def cohorts(draw: st.DrawFn) -> World:
    """A world of up to five leads, with or without accounts and attributes from history."""
    world = draw(worlds())
    without = draw(st.sampled_from([set(), {"account_id"}, {"account_id"}, {"account_id", "country", "size"}]))
    late = st.sampled_from([None, None, START + 10 * DAY, START + 20 * DAY, START + 25 * DAY + 1])
    return {
        **world,
        "leads": [
            {**r, "source": draw(st.sampled_from(SOURCES)), "job_title": draw(st.sampled_from(TITLES))}
            for r in world["leads"]
        ],
        "accounts": [{**r, "recorded_at": draw(late)} for r in world["accounts"]],
        "history": [r for r in world["history"] if r["field"] not in without],
    }


def questions() -> st.SearchStrategy[Rules]:
    """A question, of a source that has words for the first rung too."""
    return rules().map(lambda asked: replace(asked, words=LADDER))


def large_cohort(seed: int, leads: int = 120) -> World:
    """A world of a few score leads, most of them ripe before the end, drawn from a seed: the same each time."""
    rng = random.Random(seed)
    ids = [f"L{n:03}" for n in range(leads)]

    def instant(last: int = 80) -> int:
        return START + rng.randint(0, last) * HALF + rng.choice([0, 0, -1, 1])

    def dated(clock: str, row: dict[str, Any], last: int = 80) -> dict[str, Any]:
        at, delay = instant(last), rng.choice([None, 0, 1, HALF, 3 * DAY])
        return {**row, clock: at, "recorded_at": None if delay is None else at + delay}

    pairs = [sorted(rng.sample(ids, 2)) for _ in range(6)]
    return {
        "leads": [
            dated("created_at", {
                "lead_id": i, "account_id": rng.choice(["A0", "A1", "A2", None]), "country": rng.choice(["NL", "DE", "é", None]),
                "size": rng.choice([1.0, 2.5, None]), "source": rng.choice(SOURCES), "job_title": rng.choice(TITLES),
            }, 40)
            for i in ids
        ],
        "accounts": [
            {"account_id": a, "industry": rng.choice(["retail", "steel"]), "employees": n, "recorded_at": rng.choice([None, instant(40)])}
            for n, a in enumerate(["A0", "A1", "A2"])
        ],
        "events": [{"event_id": f"E{n}", **dated("occurred_at", {"lead_id": rng.choice(ids), "type": "blog"})} for n in range(3 * leads)],
        "stages": [
            *(dated("changed_at", {"lead_id": rng.choice(ids), "stage": rng.choice(list(LADDER))}) for _ in range(2 * leads)),
            {"lead_id": "L-unknown", "stage": "mql", "changed_at": START + 45 * DAY, "recorded_at": None},
        ],
        "opportunities": [],
        "history": [dated("changed_at", {"lead_id": rng.choice(ids), "field": "country", "value": rng.choice(["NL", "DE", None])}) for _ in ids],
        "merges": [dated("merged_at", {"from_id": a, "into_id": b}) for a, b in pairs],
    }  # fmt: skip


def put(world: World, folder: Path, shuffle: random.Random | None = None) -> None:
    """Write a world's tables as Parquet, in any order."""
    for name, rows in world.items():
        ordered = shuffle.sample(rows, len(rows)) if shuffle else rows
        made = pa.Table.from_pylist(ordered, schema=pa.schema(list(KINDS[name].items())))
        pq.write_table(made, folder / f"{name}.parquet", compression="none")


def cohort_config(asked: Rules, folder: Path, **more: Any) -> Config:
    """The config of a cohort: roles, an ICP, and all the attributes that they and the rates are read from."""
    config = config_of(asked, folder, **{"roles": ROLES, "icp": ICP, **more})
    tables = config.tables
    assert tables.accounts is not None
    leads = tables.leads.model_copy(update={"attributes": ("country", "size", "source", "job_title")})
    accounts = tables.accounts.model_copy(update={"recorded_at": "recorded_at"})
    return config.model_copy(update={"tables": tables.model_copy(update={"leads": leads, "accounts": accounts})})


def split(world: World, as_of: int) -> tuple[World, World]:
    """Split a world into what is visible at `as_of` and what isn't, accounts by when they were recorded."""
    seen, later = later_than(world, as_of)
    known = [r for r in world["accounts"] if r["recorded_at"] is None or r["recorded_at"] < as_of]
    return {**seen, "accounts": known}, {**later, "accounts": [r for r in world["accounts"] if r not in known]}


class Cohort(Run):
    """One load; `features` are those of rates, stages and fit alone, unless told otherwise."""

    def ours(self) -> tuple[Feature, ...]:
        from leadline.features import catalog

        return tuple(s for s in catalog.list_features(self.config, self.loaded) if s.aggregate in oracle_rates.KNOWN)

    def features(self, specs: Any = None) -> FeatureTable:
        from leadline.features import build

        return build.compute_features(self.loaded, specs or self.ours(), self.intents, self.config.roles)


def compare(asked: Rules, built: FeatureTable, world: World, limit: int) -> dict[str, int]:
    """Hold every value against the oracle's; return how many of each feature aren't zero or missing."""
    visible = oracle.cut(world, limit)
    fields = {r["field"] for r in visible["history"]}
    about = oracle_rates.World(
        oracle.people(visible, asked), {r["account_id"]: r for r in world["accounts"]}, asked, ROLES, fields
    )
    columns = {s: built.values[s.name].tolist() for s in built.specs}
    told = dict.fromkeys((s.name for s in built.specs), 0)
    for n, (lead, account, as_of) in enumerate(zip(built.lead_id, built.account_id, built.as_of.tolist(), strict=True)):
        for spec, column in columns.items():
            theirs, mine = oracle_rates.feature(spec, lead, account, as_of, about), column[n]
            assert mine == theirs or (theirs != theirs and mine != mine), (spec, lead, account, as_of, mine, theirs)
            told[spec.name] += theirs == theirs and theirs != 0
    return told
