"""One small CRM, with nulls, late rows and hostile text, written as every kind of source that leadline reads."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from leadline.config.schema import Config

Rows = dict[str, list[dict[str, Any]]]
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
STAMP = pa.timestamp("us", "UTC")

SCHEMAS: dict[str, dict[str, pa.DataType]] = {
    "leads": {"lead_id": pa.string(), "account_id": pa.int64(), "created_at": STAMP, "source": pa.string(), "score": pa.float64()},
    "accounts": {"account_id": pa.int64(), "industry": pa.string(), "employees": pa.int64()},
    "events": {"event_id": pa.int64(), "lead_id": pa.string(), "event_type": pa.string(), "occurred_at": STAMP, "recorded_at": STAMP},
    "stages": {"lead_id": pa.string(), "stage": pa.string(), "changed_at": STAMP},
    "opportunities": {"opportunity_id": pa.int64(), "lead_id": pa.string(), "created_at": STAMP, "closed_at": STAMP, "stage": pa.string(), "amount": pa.float64()},
}  # fmt: skip


def rows(leads: int = 40, seed: int = 3) -> Rows:
    """Draw the CRM's rows; ids have leading zeros, words have quotes, commas, semicolons and line breaks."""
    draw = random.Random(seed)

    def at(low: float, high: float) -> datetime:
        return BEGIN + timedelta(microseconds=round(draw.uniform(low, high) * 86_400_000_000))

    ids = [f"{n:04d}" for n in range(leads)]
    created = {i: at(0, 40) for i in ids}
    words = ['said "yes", then; left', "line\nbreak", "search", "O'Brien & söhne", None]
    events = []
    for n in range(leads * 12):
        lead = draw.choice(ids)
        when = created[lead] + timedelta(microseconds=round(draw.uniform(-1, 60) * 86_400_000_000))
        kind = draw.choice(["pricing; view", "blog, post", 'demo "request"', "signup"])
        events.append(
            {
                "event_id": n,
                "lead_id": lead,
                "event_type": kind,
                "occurred_at": when,
                "recorded_at": when + timedelta(hours=draw.choice([0, 1, 50])),
            }
        )
    stages = [
        {"lead_id": i, "stage": "mql", "changed_at": created[i] + timedelta(days=draw.uniform(1, 9))} for i in ids[::2]
    ]
    stages += [
        {"lead_id": i, "stage": "SQL", "changed_at": created[i] + timedelta(days=draw.uniform(9, 50))} for i in ids[::3]
    ]
    stages += [{"lead_id": ids[0], "stage": "mql", "changed_at": BEGIN + timedelta(days=100)}]
    deals = [
        {"opportunity_id": n, "lead_id": i, "created_at": created[i] + timedelta(days=50), "closed_at": created[i] + timedelta(days=55) if n % 2 else None, "stage": "closed_won" if n % 2 else None, "amount": 1234.56 if n % 2 else None}
        for n, i in enumerate(ids[::6])
    ]  # fmt: skip
    return {
        "leads": [{"lead_id": i, "account_id": draw.choice([None, 1, 2, 3]), "created_at": created[i], "source": draw.choice(words), "score": draw.choice([None, 1.5, -2.0, 1e6])} for i in ids],
        "accounts": [{"account_id": a, "industry": f"of {a}", "employees": a * 10 if a < 3 else None} for a in (1, 2, 3)],
        "events": events, "stages": stages, "opportunities": deals,
    }  # fmt: skip


def arrow(table: str, content: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(content, schema=pa.schema(list(SCHEMAS[table].items())))


def as_text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def write_parquet(content: Rows, folder: Path) -> dict[str, str]:
    for name, table in content.items():
        pq.write_table(arrow(name, table), folder / f"{name}.parquet")
    return {name: str(folder / f"{name}.parquet") for name in content}


def write_csv(content: Rows, folder: Path, delimiter: str = ",", ending: str = "csv") -> dict[str, str]:
    for name, table in content.items():
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(SCHEMAS[name]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows({k: as_text(v) for k, v in row.items()} for row in table)
        data = text.getvalue().encode()
        (folder / f"{name}.{ending}").write_bytes(gzip.compress(data) if ending.endswith("gz") else data)
    return {name: str(folder / f"{name}.{ending}") for name in content}


def write_json(content: Rows, folder: Path) -> dict[str, str]:
    for name, table in content.items():
        lines = "".join(json.dumps({k: as_text(v) for k, v in row.items()}) + "\n" for row in table)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return {name: str(folder / f"{name}.jsonl") for name in content}


def write_duckdb(content: Rows, folder: Path) -> dict[str, str]:
    import duckdb

    with duckdb.connect(str(folder / "crm.db")) as connection:
        for name, table in content.items():
            connection.register("arriving", arrow(name, table))
            connection.execute(f'CREATE TABLE "{name}" AS SELECT * FROM arriving')
            connection.unregister("arriving")
    sources = {name: f"duckdb:///{folder / 'crm.db'}?table={name}" for name in content}
    return {**sources, "events": f"duckdb:///{folder / 'crm.db'}?query=select * from events"}


KINDS: dict[str, Callable[[Rows, Path], dict[str, str]]] = {
    "parquet": write_parquet,
    "csv": write_csv,
    "csv with semicolons": lambda content, folder: write_csv(content, folder, ";"),
    "csv.gz": lambda content, folder: write_csv(content, folder, ",", "csv.gz"),
    "tsv": lambda content, folder: write_csv(content, folder, "\t", "tsv"),
    "json lines": write_json,
    "duckdb": write_duckdb,
}


def config_dict(sources: dict[str, Any]) -> dict[str, Any]:
    """Say where the tables are, as a config's plain values, to be changed by a test."""
    tables: dict[str, dict[str, Any]] = {
        "leads": {"key": "lead_id", "account": "account_id", "created_at": "created_at", "attributes": ["source", "score"]},
        "accounts": {"key": "account_id", "attributes": ["industry", "employees"]},
        "events": {"key": "event_id", "lead": "lead_id", "type": "event_type", "occurred_at": "occurred_at", "recorded_at": "recorded_at"},
        "stages": {"lead": "lead_id", "stage": "stage", "changed_at": "changed_at"},
        "opportunities": {"key": "opportunity_id", "lead": "lead_id", "created_at": "created_at", "closed_at": "closed_at", "stage": "stage", "amount": "amount"},
    }  # fmt: skip
    return {
        "version": 1, "name": "crm",
        "tables": {name: {"source": sources[name], **tables[name]} for name in sources},
        "stages": {"mql": "mql", "sql": "sql", "won": "closed_won", "lost": "closed_lost"},
        "outcome": {"reaches": "sql", "within": "14d"}, "snapshots": {"every": "7d"},
        "behaviours": {"pricing; view": {"intent": "purchase"}},
        "engine": {"threads": 1, "memory": "1GB"},
    }  # fmt: skip


def config(sources: dict[str, Any], **more: Any) -> Config:
    return Config.model_validate({**config_dict(sources), **more})


def server_source(uri: str, **options: str) -> str:
    """Add ?table= or ?query= to a server's URI."""
    joiner = "&" if urlsplit(uri).query else "?"
    return uri + joiner + "&".join(f"{k}={quote(v, safe='')}" for k, v in options.items())
