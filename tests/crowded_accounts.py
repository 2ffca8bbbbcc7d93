"""Crowds: little worlds of few accounts and many leads each, for what colleagues do.

`Crowd` loads one from its files, as all of leadline does; `placed` puts one's rows into a store as loading leaves them,
which takes a tenth of the time, for a law that many worlds must hold.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

import oracle
import oracle_colleagues
from leadline.config.schema import Config
from leadline.core.checks import Findings
from leadline.features import build, catalog
from leadline.tables import Attribute, LoadedTables, Store, merges, stages
from leadline.tables.visibility import drop_duplicates, find_repeats
from oracle import DAY, Person, Rules
from small_crm import BEHAVIOURS, HALF, LAST, START, TYPES, WORDS, Run, World, config_of, delays, instants

ROLES = {
    "technical_evaluator": ["*engineer*", "Dev?Ops", "100% data", "lead_*"],
    "economic_buyer": ["VP Finance", "Head of *", "chef d'achats", "ΠΡΟΕΔΡΟΣ"],
    "procurement": [],
    "executive_sponsor": ["C?O", "*!*", "a\\b", "head of data"],
}
TITLES = [
    None, "", "VP Finance", "vp finance", "Head of Data", "Head of", "Engineer", "Lead Engineer", "lead_one", "leadXone", "DevOps", "Dev-Ops",
    "Dev\nOps", "100% data", "100x data", "Chef d'Achats", "CEO", "CÉO", "CTO ", "wow! that", "a\\b", "ab", "ΠΡΟΕΔΡΟΣ", "%", "_", "O'Neill; DROP TABLE leads",
]  # fmt: skip

LEADS = {**TYPES["leads"], "job_title": pa.string()}


def _late(row: dict[str, Any], clock: str, delay: int | None) -> dict[str, Any]:
    return {**row, "recorded_at": None if delay is None else row[clock] + delay}


def _days() -> st.SearchStrategy[int]:
    """Few instants, for ties between changes and merges."""
    return st.integers(0, 6).map(lambda k: START + 3 * k * DAY)


@st.composite
def crowds(draw: st.DrawFn) -> World:
    """A world of up to seven leads in up to three accounts, with or without accounts and titles from history."""
    ids = [f"L{n}" for n in range(draw(st.integers(2, 7)))]
    lead, firm = st.sampled_from(ids), st.sampled_from(["A0", "A0", "A0", "A1", "A2", None])

    def rows(most: int, clock: str, **columns: st.SearchStrategy[Any]) -> list[dict[str, Any]]:
        shape = st.builds(lambda r, d: _late(r, clock, d), st.fixed_dictionaries(columns), delays())
        return draw(st.lists(shape, max_size=most))

    kinds = st.sampled_from([*BEHAVIOURS, "pricing view", None])
    word = st.sampled_from([*WORDS, "nurture"])
    history = rows(2, "changed_at", lead_id=lead, field=st.just("owner"), value=st.just("X"), changed_at=_days())
    if draw(st.booleans()):
        history += rows(12, "changed_at", lead_id=lead, field=st.just("account_id"), value=firm, changed_at=_days())
    if draw(st.sampled_from([False, False, True])):
        titles = st.sampled_from(["CEO", "Engineer", "Head of Data", "nobody", None, ""])
        history += rows(8, "changed_at", lead_id=lead, field=st.just("job_title"), value=titles, changed_at=_days())
    # Loading drops a row that says the same again later, and the oracle of history does not: no such repeats here.
    history = list({(r["lead_id"], r["field"], r["value"] or None, r["changed_at"]): r for r in history}.values())
    merges = rows(3, "merged_at", pair=st.tuples(st.integers(0, 6), st.integers(0, 6)), merged_at=_days())
    alive = {
        "lead_id": "L-unknown",
        "stage": "mql",
        "changed_at": START + draw(st.integers(20, LAST)) * HALF,
        "recorded_at": None,
    }
    return {
        "leads": [
            _late({"lead_id": i, "account_id": draw(firm), "created_at": draw(instants(20)), "country": "NL", "size": None,
                   "job_title": draw(st.sampled_from(TITLES))}, "created_at", draw(delays()))
            for i in ids
        ],
        "accounts": [{"account_id": a, "industry": None, "employees": n} for n, a in enumerate(["A0", "A1", "A2", "A-empty"])],
        "events": [
            {"event_id": f"E{n}", **row}
            for n, row in enumerate(rows(24, "occurred_at", lead_id=lead, type=kinds, occurred_at=instants(60)))
        ],
        "stages": [*rows(8, "changed_at", lead_id=lead, stage=word, changed_at=instants(60)), alive],
        "opportunities": [],
        "history": history,
        # Chains run upwards only, so that none comes back to itself; a record may have no lead.
        "merges": [{"from_id": f"L{min(m['pair'])}", "into_id": f"L{max(m['pair'])}", "merged_at": m["merged_at"], "recorded_at": m["recorded_at"]} for m in merges],
    }  # fmt: skip


def large_crowd(seed: int, leads: int = 40) -> World:
    """A crowd of a few dozen leads, drawn from a seed: the same each time."""
    rng = random.Random(seed)
    ids = [f"L{n:02}" for n in range(leads)]
    firms = [f"A{n}" for n in range(leads // 6)]

    def instant() -> int:
        return START + rng.randint(0, 80) * HALF + rng.choice([0, 0, -1, 1])

    def rows(many: int, clock: str, **columns: Any) -> list[dict[str, Any]]:
        made = [{**{c: rng.choice(v) for c, v in columns.items()}, clock: instant()} for _ in range(many)]
        return [_late(r, clock, rng.choice([None, 0, 1, HALF, 3 * DAY])) for r in made]

    pairs = [sorted(rng.sample(ids, 2)) for _ in range(5)]
    titles = [*TITLES, "Head of Data", "CEO", "Engineer", "VP Finance"]
    return {
        "leads": [
            {"lead_id": i, "account_id": rng.choice([*firms, None]), "created_at": START + rng.randint(0, 30) * HALF, "recorded_at": None,
             "country": rng.choice(["NL", None]), "size": rng.choice([1.0, None]), "job_title": rng.choice(titles)}
            for i in ids
        ],
        "accounts": [{"account_id": a, "industry": rng.choice(["retail", None]), "employees": n} for n, a in enumerate(firms)],
        "events": [{"event_id": f"E{n}", **r} for n, r in enumerate(rows(12 * leads, "occurred_at", lead_id=ids, type=[*BEHAVIOURS, None]))],
        "stages": [*rows(leads, "changed_at", lead_id=ids, stage=list(WORDS)), {"lead_id": "L-unknown", "stage": "mql", "changed_at": START + 45 * DAY, "recorded_at": None}],
        "opportunities": [],
        "history": [
            *rows(2 * leads, "changed_at", lead_id=ids, field=["account_id"], value=[*firms, None]),
            *rows(leads, "changed_at", lead_id=ids, field=["job_title"], value=titles),
        ],
        "merges": [{"from_id": a, "into_id": b, "merged_at": instant(), "recorded_at": None} for a, b in pairs],
    }  # fmt: skip


def put(world: World, folder: Path, shuffle: random.Random | None = None) -> None:
    """Write a crowd's tables as Parquet, in any order."""
    for name, rows in world.items():
        ordered = shuffle.sample(rows, len(rows)) if shuffle else rows
        columns = LEADS if name == "leads" else TYPES[name]
        pq.write_table(
            pa.Table.from_pylist(ordered, schema=pa.schema(list(columns.items()))),
            folder / f"{name}.parquet",
            compression="none",
        )


def crowd_config(asked: Rules, folder: Path, **more: Any) -> Config:
    """The config of a crowd: its leads have job titles, and the roles are `ROLES`."""
    config = config_of(asked, folder, roles=ROLES, **more)
    leads = config.tables.leads.model_copy(update={"attributes": ("country", "size", "job_title")})
    return config.model_copy(update={"tables": config.tables.model_copy(update={"leads": leads})})


class Crowd(Run):
    """One load of a crowd; `features` are those of colleagues alone, unless told otherwise."""

    def colleagues(self) -> tuple[build.Feature, ...]:
        return tuple(s for s in catalog.list_features(self.config, self.loaded) if s.table == "colleagues")

    def features(self, specs: Any = None) -> build.FeatureTable:
        return build.compute_features(self.loaded, specs or self.colleagues(), self.intents, self.config.roles)


class Placed(Crowd):
    """A crowd in a store that is there already, and stays."""

    def __init__(self, config: Config, store: Store, loaded: LoadedTables) -> None:
        self.config, self.store, self.loaded = config, store, loaded


CANON = {
    "leads": {"lead_id": "lead_id", "account_id": "account_id", "created_at": "created_at", "job_title": "lead_job_title"},
    "events": {"event_id": "event_id", "lead_id": "lead_id", "type": "behaviour", "occurred_at": "occurred_at"},
    "stages": {"lead_id": "lead_id", "stage": "stage", "changed_at": "changed_at"},
    "history": {"lead_id": "lead_id", "field": "field", "value": "value", "changed_at": "changed_at"},
    "merges": {"from_id": "from_id", "into_id": "into_id", "merged_at": "merged_at"},
    "opportunities": {"lead_id": "lead_id", "created_at": "created_at", "stage": "stage", "closed_at": "closed_at"},
}  # fmt: skip


def placed(world: World, config: Config, store: Store, known_at: int) -> Placed:
    """Put what is visible at T of a crowd into a store, in the columns that loading gives."""
    for table, names in CANON.items():
        clock = oracle.CLOCK[table]
        columns = {new: [_canonical(r[old]) for r in world[table]] for old, new in names.items()}
        columns["recorded_at"] = [oracle.recorded(r, clock) for r in world[table]]
        kinds = {c: pa.int64() if c.endswith("_at") else pa.string() for c in columns}
        store.put(table, pa.table({c: pa.array(v, kinds[c]) for c, v in columns.items()}))
    if find_repeats("history", store):
        drop_duplicates("history", store)
    merges.apply_merges(store, ("events", "stages", "history"))
    stages.build_reached(config, store)
    title = Attribute("leads", "job_title", "lead_job_title", "category")
    return Placed(
        config,
        store,
        LoadedTables(store, known_at, known_at, (title,), {t: len(rows) for t, rows in world.items()}, Findings(())),
    )


def _canonical(value: Any) -> Any:
    return value.strip(" ") or None if isinstance(value, str) else value


def compare(asked: Rules, built: build.FeatureTable, persons: dict[str, Person], fields: Iterable[str]) -> int:
    """Hold every value of every colleague feature against the oracle's; return how many aren't zero or missing."""
    told, known = 0, set(fields)
    columns = {s: built.values[s.name].tolist() for s in built.specs}
    for n, (lead, account, as_of) in enumerate(zip(built.lead_id, built.account_id, built.as_of.tolist(), strict=True)):
        for spec, column in columns.items():
            theirs = oracle_colleagues.feature(spec, lead, account, as_of, persons, asked, ROLES, known)
            assert column[n] == theirs or (theirs != theirs and column[n] != column[n]), (
                spec,
                lead,
                account,
                as_of,
                column[n],
                theirs,
            )
            told += theirs == theirs and theirs != 0
    return told
