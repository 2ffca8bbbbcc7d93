"""LL153 to LL156: outcomes that begin late, end early, pause, or pile up on one day; and the honest worlds that aren't told of."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import leadline
from leadline.config.schema import Config
from leadline.core.checks import run_checks
from leadline.core.point_in_time import DAY, parse_instant
from leadline.tables.checks import OUTCOME, Context

START = parse_instant("2024-01-01")
SPAN = 400
GAPS = ("LL153", "LL154", "LL155", "LL156")


def world(
    seed: int, leads: int = 3000, rate: float = 0.25, growth: float = 0.0, workdays: bool = False, batch: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Days on which leads came and reached the outcome (NaN: never); few at first and more later where `growth`."""
    rng = np.random.default_rng(seed)
    born = np.sort(SPAN * rng.random(leads) ** (1 / (1 + growth)))
    came = np.where(rng.random(leads) < rate, born + rng.gamma(2.0, 12.0, leads), np.nan)
    if workdays:
        came = np.where(came % 7 >= 5, np.floor(came / 7) * 7 + 7 + came % 1, came)
    if batch:
        came = np.ceil(came / batch) * batch  # told once a month
    return born, np.where(came < SPAN, came, np.nan)


def context(born: np.ndarray, came: np.ndarray, lost: np.ndarray | None = None, **outcome: Any) -> Context:
    """What the checks ask for, without a store."""
    asked = {"reaches": "sql", "within": "30d", **outcome}
    config = Config.model_validate({
        "version": 1, "name": "gaps", "timezone": "UTC", "tables": {"leads": {"source": "a.csv", "key": "a", "created_at": "b"},
        "stages": {"source": "b.csv", "lead": "a", "stage": "s", "changed_at": "c"}}, "stages": {"sql": ["sql"]}, "outcome": asked, "snapshots": {"every": "7d"},
    })  # fmt: skip
    instants = {
        name: START + days * DAY
        for name, days in (
            ("created", born),
            ("outcome", came),
            ("ended", np.full(len(born), np.nan) if lost is None else lost),
        )
    }
    made = SimpleNamespace(arrow=lambda _: pa.table({n: pa.array(v, from_pandas=True) for n, v in instants.items()}))
    end = START + SPAN * DAY
    return Context(config, made, end, (), True, observed_until=end)  # type: ignore[arg-type]


def said(*args: Any, **outcome: Any) -> dict[str, str]:
    return {f.code: str(f) for f in run_checks(OUTCOME, context(*args, **outcome))}


@pytest.mark.parametrize(
    "shape", [{}, {"growth": 1.5}, {"growth": -0.4}, {"workdays": True}, {"batch": 30}, {"rate": 0.02}, {"leads": 150}, {"rate": 0.9}]
)  # fmt: skip
def test_honest_worlds_are_silent(shape: dict[str, Any]) -> None:
    assert [said(*world(seed, **shape)) for seed in range(40)] == [{}] * 40


def test_outcomes_that_begin_later_than_leads() -> None:
    born, came = world(1)
    found = said(born, np.where(came < 132, np.nan, came))
    assert list(found) == ["LL153"] and "no outcome is recorded in the first 132 of 400 days" in found["LL153"]
    assert "`outcome.observed_from: 2024-05-12`" in found["LL153"]
    assert said(born, np.where(came < 132, np.nan, came), observed_from="2024-05-12") == {}


def test_a_few_strays_hide_no_gap() -> None:
    born, came = world(1)
    early = np.flatnonzero(came < 132)
    came[early[3:]] = np.nan
    assert "3 outcomes are recorded in the first 132 of 400 days" in said(born, came)["LL153"]


def test_leads_from_long_before_the_funnel_was_kept() -> None:
    born, came = world(1)
    old = np.linspace(-2000, 0, 2000)
    found = said(np.concatenate([old, born]), np.concatenate([np.full(2000, np.nan), came]))
    assert list(found) == ["LL153"]


def test_outcomes_that_end_early() -> None:
    born, came = world(1)
    found = said(born, np.where(came > 340, np.nan, came))
    assert list(found) == ["LL154"] and "in the last 60 of 400 days" in found["LL154"]
    assert "`outcome.observed_until: 2024-12-06`" in found["LL154"]
    assert said(born, np.where(came > 340, np.nan, came), delay="60d") == {}


def test_a_pause() -> None:
    born, came = world(1)
    found = said(born, np.where((came > 200) & (came < 230), np.nan, came))
    assert (
        list(found) == ["LL155"]
        and "no outcome is recorded in 30 days, from 2024-07-18 to 2024-08-18" in found["LL155"]
    )


@pytest.mark.parametrize(
    ("days", "line"), [((40, 100), "observed_from: 2024-04-11"), ((200, 300), "leave these rows out")]
)
def test_a_backlog_closed_on_one_day(days: tuple[int, int], line: str) -> None:
    born, came = world(1)
    stamped = np.where((came > days[0]) & (came < days[1]) & (np.arange(len(born)) % 3 > 0), days[1] + 0.5, came)
    found = said(born, stamped)
    assert (
        list(found) == ["LL156"] and "outcomes carry the date of one day" in found["LL156"] and line in found["LL156"]
    )
    lost = np.where(np.isnan(came) & (born < 250), 260.5, np.nan)
    assert "lost and rejected leads carry the date of one day" in said(born, came, lost)["LL156"]


def test_it_is_asked_where_a_model_is_trained_and_never_at_night(tmp_path: Path) -> None:
    born, came = world(1)
    came = np.where(came < 132, np.nan, came)
    ids = [f"L{n}" for n in range(len(born))]

    def at(days: np.ndarray) -> pa.Array:
        return pa.array((START + days * DAY).astype(np.int64), pa.timestamp("us", "UTC"))

    pq.write_table(pa.table({"id": ids, "at": at(born), "size": (born * 7 % 5).round(1)}), tmp_path / "leads.parquet")
    there = np.flatnonzero(~np.isnan(came))
    pq.write_table(pa.table({"id": [ids[n] for n in there], "stage": ["sql"] * len(there), "at": at(came[there])}), tmp_path / "stages.parquet")  # fmt: skip
    config = Config.model_validate({
        "version": 1, "name": "gaps", "timezone": "UTC", "tables": {
            "leads": {"source": str(tmp_path / "leads.parquet"), "key": "id", "created_at": "at", "attributes": ["size"]},
            "stages": {"source": str(tmp_path / "stages.parquet"), "lead": "id", "stage": "stage", "changed_at": "at"}},
        "stages": {"sql": ["sql"]}, "outcome": {"reaches": "sql", "within": "30d"}, "snapshots": {"every": "7d"},
    })  # fmt: skip
    result = leadline.check(config)
    assert [f.code for f in result.findings if f.code in GAPS] == ["LL153"] and result.ok
    from leadline.tables import load, open_store

    store = open_store(config.engine)
    try:
        assert not [f for f in load(config, store, None, ()).findings if f.code in GAPS]
    finally:
        store.close()
