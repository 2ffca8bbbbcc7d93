"""Little worlds: a few leads whose rows fall on few instants, so that ties, repeats and late rows are the rule."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from leadline.config.schema import Config
from leadline.dataset import labels, snapshots
from leadline.features import build, catalog
from leadline.tables import LoadedTables, load, open_store
from oracle import DAY, Rules

START = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000  # a Monday
HALF = DAY // 2
LAST = 80  # half days
WORDS = {
    "mql": "mql",
    "sql": "sql",
    "opportunity": "opportunity",
    "closed_won": "won",
    "closed_lost": "lost",
    "disqualified": "rejected",
}
BEHAVIOURS = {
    "pricing view": "purchase",
    "Pricing-View": "purchase",
    "blog": "awareness",
    "select": "evaluation",
    "o'clock": "unknown",
}

TYPES: dict[str, dict[str, pa.DataType]] = {
    "leads": {"lead_id": pa.string(), "account_id": pa.string(), "created_at": pa.timestamp("us", "UTC"), "country": pa.string(), "size": pa.float64(), "recorded_at": pa.timestamp("us", "UTC")},
    "accounts": {"account_id": pa.string(), "industry": pa.string(), "employees": pa.int64()},
    "events": {"event_id": pa.string(), "lead_id": pa.string(), "type": pa.string(), "occurred_at": pa.timestamp("us", "UTC"), "recorded_at": pa.timestamp("us", "UTC")},
    "stages": {"lead_id": pa.string(), "stage": pa.string(), "changed_at": pa.timestamp("us", "UTC"), "recorded_at": pa.timestamp("us", "UTC")},
    "opportunities": {"opportunity_id": pa.string(), "lead_id": pa.string(), "created_at": pa.timestamp("us", "UTC"), "closed_at": pa.timestamp("us", "UTC"), "stage": pa.string(), "amount": pa.float64(), "recorded_at": pa.timestamp("us", "UTC")},
    "history": {"lead_id": pa.string(), "field": pa.string(), "value": pa.string(), "changed_at": pa.timestamp("us", "UTC"), "recorded_at": pa.timestamp("us", "UTC")},
    "merges": {"from_id": pa.string(), "into_id": pa.string(), "merged_at": pa.timestamp("us", "UTC"), "recorded_at": pa.timestamp("us", "UTC")},
    "touches": {"lead_id": pa.string(), "touched_at": pa.timestamp("us", "UTC"), "kind": pa.string(), "recorded_at": pa.timestamp("us", "UTC")},
}  # fmt: skip

World = dict[str, list[dict[str, Any]]]


def instants(last: int = LAST) -> st.SearchStrategy[int]:
    """Half days, and now and then a microsecond beside one."""
    return st.builds(lambda k, j: START + k * HALF + j, st.integers(0, last), st.sampled_from([0, 0, 0, 0, -1, 1]))


def delays() -> st.SearchStrategy[int | None]:
    return st.sampled_from([None, 0, 0, 1, HALF, 3 * DAY, 10 * DAY])


def _late(row: dict[str, Any], clock: str, delay: int | None) -> dict[str, Any]:
    return {**row, "recorded_at": None if delay is None else row[clock] + delay}


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A whole CRM of up to five leads."""
    ids = [f"L{n}" for n in range(draw(st.integers(1, 5)))]
    lead, firm = st.sampled_from([*ids, "L-unknown"]), st.sampled_from([None, "A0", "A1", "A2", "A-unknown"])
    word = st.sampled_from([*WORDS, "SQL", "nurture"])

    def rows(most: int, clock: str, **columns: st.SearchStrategy[Any]) -> list[dict[str, Any]]:
        shape = st.builds(lambda r, d: _late(r, clock, d), st.fixed_dictionaries(columns), delays())
        return draw(st.lists(shape, max_size=most))

    events = [
        {"event_id": f"E{n}", **row}
        for n, row in enumerate(
            rows(20, "occurred_at", lead_id=lead, type=st.sampled_from([*BEHAVIOURS, None]), occurred_at=instants())
        )
    ]
    for row in draw(st.lists(st.sampled_from(events), max_size=3)) if events else []:
        events.append(_late(row, "occurred_at", draw(delays())))
    values = st.sampled_from(["NL", "5", "7.5", "", None])
    deals = rows(
        4,
        "created_at",
        lead_id=st.one_of(st.none(), lead),
        created_at=instants(),
        closed_at=st.one_of(st.none(), instants()),
        stage=st.one_of(st.none(), word),
        amount=st.none(),
    )
    merges = rows(3, "merged_at", pair=st.tuples(st.integers(0, 4), st.integers(0, 4)), merged_at=instants())
    return {
        "leads": [
            _late({"lead_id": i, "account_id": draw(firm), "created_at": draw(instants(40)), "country": draw(st.sampled_from(["NL", "DE", None])), "size": draw(st.sampled_from([1.0, 2.5, None]))}, "created_at", draw(delays()))
            for i in ids
        ],
        "accounts": [{"account_id": a, "industry": draw(st.sampled_from(["retail", None])), "employees": n} for n, a in enumerate(["A0", "A1", "A2"])],
        "events": events,
        "stages": [*rows(12, "changed_at", lead_id=lead, stage=word, changed_at=instants()), {"lead_id": "L-unknown", "stage": "mql", "changed_at": START + draw(st.integers(30, LAST)) * HALF, "recorded_at": None}],
        "opportunities": [{"opportunity_id": f"O{n}", **r} for n, r in enumerate(deals)],
        "history": rows(8, "changed_at", lead_id=lead, field=st.sampled_from(["country", "size", "account_id", "owner"]), value=st.one_of(values, st.sampled_from(["A0", "A1"])), changed_at=instants()),
        # Chains run upwards only, so that none comes back to itself.
        "merges": [{"from_id": f"L{min(m['pair'])}", "into_id": f"L{max(m['pair'])}", "merged_at": m["merged_at"], "recorded_at": m["recorded_at"]} for m in merges],
    }  # fmt: skip


@st.composite
def rules(draw: st.DrawFn) -> Rules:
    """A question: the outcome, the horizon, the moments."""
    calendar = draw(st.booleans())
    return Rules(
        reaches=draw(st.sampled_from(["sql", "opportunity", "won"])),
        horizon=draw(st.sampled_from([3 * DAY, 7 * DAY, 14 * DAY])),
        delay=draw(st.sampled_from([0, 0, DAY])),
        every=draw(st.sampled_from([7 * DAY, 7 * DAY, 2 * DAY])) if calendar else None,
        landmarks=() if calendar else draw(st.sampled_from([(HALF,), (HALF, 7 * DAY), (DAY, 2 * DAY, 14 * DAY)])),
        observed_from=draw(st.sampled_from([None, None, START + 10 * DAY])),
        intents={b: i for b, i in BEHAVIOURS.items() if i != "unknown"},
        words=WORDS,
    )


def config_of(asked: Rules, folder: Path, **more: Any) -> Config:
    """Say the same as `Rules` in a config."""

    def table(name: str, **columns: Any) -> dict[str, Any]:
        return {"source": str(folder / f"{name}.parquet"), "recorded_at": "recorded_at", **columns}

    stages: dict[str, list[str]] = {}
    for word, stage in asked.words.items():
        stages.setdefault(stage, []).append(word)
    outcome = {
        "reaches": asked.reaches,
        "within": f"{asked.horizon // 3_600_000_000}h",
        "delay": f"{asked.delay // 3_600_000_000}h",
    }
    if asked.observed_from is not None:
        outcome["observed_from"] = datetime.fromtimestamp(asked.observed_from // 1_000_000, UTC).isoformat()
    return Config.model_validate({
        "version": 1, "name": "little", "timezone": "UTC",
        "tables": {
            "leads": table("leads", key="lead_id", account="account_id", created_at="created_at", attributes=["country", "size"]),
            "accounts": {"source": str(folder / "accounts.parquet"), "key": "account_id", "attributes": ["industry", "employees"]},
            "events": table("events", key="event_id", lead="lead_id", type="type", occurred_at="occurred_at"),
            "stages": table("stages", lead="lead_id", stage="stage", changed_at="changed_at"),
            "opportunities": table("opportunities", key="opportunity_id", lead="lead_id", created_at="created_at", closed_at="closed_at", stage="stage", amount="amount"),
            "history": table("history", lead="lead_id", field="field", value="value", changed_at="changed_at"),
            "merges": table("merges", **{"from": "from_id", "into": "into_id", "merged_at": "merged_at"}),
        },
        "stages": stages, "outcome": outcome,
        "snapshots": {"every": f"{asked.every // 3_600_000_000}h"} if asked.every else {"after_creation": [f"{x // 3_600_000_000}h" for x in asked.landmarks]},
        "behaviours": {b: {"intent": i} for b, i in BEHAVIOURS.items()},
        "features": {"windows": ["12h", "7d", "30d"]},
        "engine": {"threads": 1, "memory": "500MB"},
        **more,
    })  # fmt: skip


def arrow(table: str, rows: list[dict[str, Any]]) -> pa.Table:
    """Make an Arrow table of a world's rows."""
    return pa.Table.from_pylist(rows, schema=pa.schema(list(TYPES[table].items())))


def put(world: World, folder: Path, shuffle: random.Random | None = None) -> None:
    """Write a world's tables as Parquet, in any order."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in world.items():
        ordered = shuffle.sample(rows, len(rows)) if shuffle else rows
        pq.write_table(arrow(name, ordered), folder / f"{name}.parquet", compression="none")


def later_than(world: World, as_of: int) -> tuple[World, World]:
    """Split a world into what is visible at `as_of` and what isn't (accounts have no date: always visible)."""
    from oracle import CLOCK, is_visible

    seen = {t: [r for r in rows if t not in CLOCK or is_visible(r, CLOCK[t], as_of)] for t, rows in world.items()}
    return seen, {t: [r for r in rows if r not in seen[t]] for t, rows in world.items()}


class Run:
    """One load, and what the stages after it give; closed at the end of a `with`."""

    def __init__(self, config: Config, known_at: int | None = None, **options: Any) -> None:
        self.config = config
        self.store = open_store(config.engine)
        self.options, self.known_at = options, known_at

    def __enter__(self) -> Run:
        try:
            self.loaded: LoadedTables = load(self.config, self.store, self.known_at, **self.options)
        except BaseException:
            self.store.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    @property
    def intents(self) -> dict[str, str]:
        return {b: x.intent for b, x in self.config.behaviours.items()}

    def open_leads(self) -> list[tuple[Any, ...]]:
        return self.store.rows("SELECT lead_id, as_of FROM snapshots ORDER BY ALL")

    def train(self) -> tuple[labels.LabelCounts, labels.Labels, build.FeatureTable]:
        snapshots.for_training(self.config, self.loaded)
        counts = labels.attach_labels(self.config, self.loaded)
        return counts, labels.fetch_labels(self.config, self.loaded), self.features()

    def night(self, as_of: int | None, specs: Any = None) -> build.FeatureTable:
        snapshots.for_night(self.config, self.loaded, as_of)
        return self.features(specs)

    def features(self, specs: Any = None) -> build.FeatureTable:
        return build.compute_features(
            self.loaded, specs or catalog.list_features(self.config, self.loaded), self.intents
        )


def same(one: build.FeatureTable, two: build.FeatureTable) -> None:
    """Assert that two Features are equal bit for bit."""
    assert one.specs == two.specs
    assert list(one.lead_id) == list(two.lead_id) and list(one.account_id) == list(two.account_id)
    assert one.as_of.tobytes() == two.as_of.tobytes()
    for spec in one.specs:
        a, b = one.values[spec.name], two.values[spec.name]
        if spec.kind == "category":
            assert list(a) == list(b), spec.name
        else:
            assert a.to_numpy().tobytes() == b.to_numpy().tobytes(), spec.name
