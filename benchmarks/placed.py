"""A world's tables placed in a store as loading leaves them, so that the clock holds the feature build alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import chdir, closing, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.world import BEHAVIOURS, TABLES
from leadline.config.schema import Config
from leadline.core.checks import Findings
from leadline.dataset.feature_spec import Feature
from leadline.features import build, catalog
from leadline.tables import Attribute, LoadedTables, Store, merges, open_store, stages

__all__ = ["SCAN", "VARIANTS", "config_of", "keeping", "leadline_values", "placed", "scan", "specs_of"]

ROLES = {
    "technical_evaluator": ["*engineer*", "CTO"],
    "economic_buyer": ["VP Finance", "Head of *"],
    "executive_sponsor": ["CEO"],
    "procurement": ["Buyer"],
}
WINDOWED = (
    "count", "active_days", "since_last", "colleague_acts", "colleagues_engaged", "colleagues_new", "colleagues_known",
    "share_engaged", "since_colleague",
)  # fmt: skip

SCAN = "SELECT SUM(strlen(lead_id)), SUM(strlen(behaviour)), SUM(occurred_at), SUM(recorded_at) FROM events"
"""Reads every value of the four columns that features need, and does as little as can be with them."""

CANON = {
    "leads": "lead_id, account_id, job_title AS lead_job_title, epoch_us(created_at) AS created_at, epoch_us(created_at) AS recorded_at",
    "accounts": "account_id, employees, -62135596800000000 AS recorded_at",
    "stages": "lead_id, stage, epoch_us(changed_at) AS changed_at, epoch_us(changed_at) AS recorded_at",
    "events": "CAST(event_id AS VARCHAR) AS event_id, lead_id, event_type AS behaviour, epoch_us(occurred_at) AS occurred_at, epoch_us(recorded_at) AS recorded_at",
}  # fmt: skip


def nothing(_: Config, loaded: LoadedTables) -> LoadedTables:
    """Prepare nothing: the build starts from the raw log."""
    return loaded


@contextmanager
def keeping(config: Config) -> Iterator[Config]:
    """Give the config with its log kept, inside the world's folder, where what is kept lands."""
    with chdir(Path(str(config.tables.leads.source)).parent):
        yield config.model_copy(update={"engine": config.engine.model_copy(update={"cache_events": True})})


VARIANTS: dict[str, Callable[[Config, LoadedTables], LoadedTables]] = {"raw log": nothing}
"""What is done to the placed tables before the clock starts, under the name that the table prints. The timed part is always
`build.compute_features`."""


def config_of(folder: Path, memory: str, threads: int) -> Config:
    """Return the config of a world, as somebody would write it."""
    sources = {name: {"source": str(folder / f"{name}.parquet")} for name in TABLES}
    mapped: dict[str, dict[str, Any]] = {
        "leads": {"key": "lead_id", "account": "account_id", "created_at": "created_at", "attributes": ["job_title"]},
        "accounts": {"key": "account_id", "attributes": ["employees"]},
        "stages": {"lead": "lead_id", "stage": "stage", "changed_at": "changed_at"},
        "events": {"key": "event_id", "lead": "lead_id", "type": "event_type", "occurred_at": "occurred_at", "recorded_at": "recorded_at"},
    }  # fmt: skip
    return Config.model_validate({
        "version": 1, "name": "bench", "tables": {name: {**sources[name], **mapped[name]} for name in TABLES},
        "stages": {"mql": ["mql"], "sql": ["sql"], "lost": ["lost"]}, "outcome": {"reaches": "sql", "within": "30d"},
        "behaviours": {name: {"intent": intent} for name, intent in BEHAVIOURS.items()}, "roles": ROLES,
        "snapshots": {"every": "7d"}, "features": {"windows": ["7d", "30d", "90d"]}, "engine": {"memory": memory, "threads": threads, "cache_events": False},
    })  # fmt: skip


@contextmanager
def placed(config: Config, folder: Path, question: str) -> Iterator[LoadedTables]:
    """Open a store with a world's tables and one question's snapshots in it; close it in the end."""
    with closing(open_store(config.engine)) as store:
        yield _place(config, folder, question, store)


def _place(config: Config, folder: Path, question: str, store: Store) -> LoadedTables:
    rows = {}
    for name, columns in CANON.items():
        store.run(f'CREATE TABLE {name} AS SELECT row_number() OVER () AS "row", {columns} FROM {_file(folder, name)}')
        rows[name] = int(store.rows(f"SELECT COUNT(*) FROM {name}")[0][0])
    merges.no_merges(store)
    stages.build_reached(config, store)
    store.run(f"CREATE TABLE snapshots AS SELECT * FROM {_file(folder, question)}")
    store.run(
        "CREATE TABLE belongs AS SELECT lead_id, COALESCE(account_id, '') AS account_id, created_at AS changed_at, recorded_at FROM leads"
    )
    until = int(store.rows("SELECT MAX(as_of) FROM snapshots")[0][0])
    attributes = (
        Attribute("leads", "job_title", "lead_job_title", "category"),
        Attribute("accounts", "employees", "employees", "number"),
    )
    return LoadedTables(store, until, until, attributes, rows, Findings(()))


def _file(folder: Path, name: str) -> str:
    path = str(folder / f"{name}.parquet").replace("'", "''")
    return f"read_parquet('{path}')"


def specs_of(config: Config, loaded: LoadedTables, whole: bool) -> tuple[Feature, ...]:
    """List the whole catalogue, or its windowed lead and account features with recency, which peers compute too."""
    specs = catalog.list_features(config, loaded)
    if whole:
        return specs
    return tuple(
        s
        for s in specs
        if s.aggregate in WINDOWED and s.by in ("any", "behaviour") and not (s.aggregate == "active_days" and not s.window)
        and not (s.aggregate == "count" and not s.window)
    )  # fmt: skip


def leadline_values(config: Config, loaded: LoadedTables, specs: tuple[Feature, ...]) -> build.FeatureTable:
    """Build the features, as `train` and `score` do."""
    intents = {name: behaviour.intent for name, behaviour in config.behaviours.items()}
    return build.compute_features(loaded, specs, intents, config.roles)


def scan(store: Store) -> None:
    """Read the four columns once."""
    store.rows(SCAN)
