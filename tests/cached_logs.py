"""Worlds whose events lie in several files, and configs that keep them from night to night."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from leadline.config.schema import Config
from oracle import DAY, Rules
from small_crm import HALF, START, WORDS, World, arrow, config_of, put


def config(asked: Rules, folder: Path, keep: bool, **events: Any) -> Config:
    """The little world's config, with events in many files."""
    whole = config_of(asked, folder).model_dump(mode="json", by_alias=True)
    whole["tables"] = {name: {**section} for name, section in whole["tables"].items() if section}
    for name, section in whole["tables"].items():
        section["source"] = str(folder / (f"{name}.parquet" if name != "events" else "events-*.parquet"))
    whole["tables"]["events"] |= events
    whole["engine"]["cache_events"] = keep
    return Config.model_validate({k: v for k, v in whole.items() if v is not None})


def asked() -> Rules:
    return Rules("sql", 7 * DAY, every=7 * DAY, words=WORDS, intents={"blog": "awareness"})


def little(events: int = 6) -> World:
    """A world with some events of two leads."""
    leads = [
        {"lead_id": f"L{n}", "account_id": "A0", "created_at": START, "country": "NL", "size": 1.0, "recorded_at": None}
        for n in range(2)
    ]
    rows = [
        {
            "event_id": f"E{n}",
            "lead_id": f"L{n % 2}",
            "type": "blog",
            "occurred_at": START + n * HALF,
            "recorded_at": None,
        }
        for n in range(events)
    ]
    stages = [{"lead_id": "L0", "stage": "sql", "changed_at": START + 20 * DAY, "recorded_at": None}]
    return {
        "leads": leads, "accounts": [{"account_id": "A0", "industry": None, "employees": 1}], "events": rows, "stages": stages,
        "opportunities": [], "history": [], "merges": [],
    }  # fmt: skip


def write(world: World, folder: Path, cuts: int = 2) -> None:
    """Write a world, its events dealt out to files."""
    put(world, folder)
    for n in range(cuts):
        pq.write_table(arrow("events", world["events"][n::cuts]), folder / f"events-{n}.parquet")
