"""The diagnosis: a band is named only where the interval lies in it; advice follows from band and cost, never from few leads."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.insights import diagnosis, funnel
from leadline.insights.diagnosis import HIGH, LOW, conversion_bands
from leadline.metrics.intervals import clopper_pearson_interval
from made_journeys import TERMS, climbers

CUTS = [
    {"leads_per_week": w, "precision": p, "expected": w * p, "recall": 0.1}
    for w, p in ((20, 0.3), (40, 0.2), (80, 0.1))
]


def level(reached: int, entered: int, name: str = "web") -> dict:
    low, high = clopper_pearson_interval(reached / entered, entered)
    step = {
        "start": "mql",
        "end": "sql",
        "entered": entered,
        "reached": reached,
        "rate": reached / entered,
        "low": low,
        "high": high,
    }
    return {"level": name, "steps": [step]}


def told(*levels: dict, cost: dict | None = None, rungs: tuple[str, ...] = ("lead", "mql", "sql")) -> dict | None:
    whole = {
        "stages": rungs,
        "all": levels[0]["steps"],
        "source": list(levels),
        "campaign": [],
        "cost": cost,
        "mqls_per_week": 38.0,
    }
    return diagnosis.diagnosis_record(whole, CUTS, CUTS)


@settings(max_examples=60)
@given(low=st.floats(0, 1), more=st.floats(0, 1))
def test_a_band_is_named_alone_only_where_the_interval_lies_in_it(low: float, more: float) -> None:
    high = min(low + more, 1.0)
    bands = conversion_bands(low, high)
    assert bands == [b for b in ("low", "middle", "high") if b in bands] and bands
    assert (bands == ["low"]) == (high < LOW) and (bands == ["high"]) == (low > HIGH)
    assert bands != ["middle"] or (low >= LOW and high <= HIGH)


@pytest.mark.parametrize(
    ("reached", "entered", "advice", "threshold"),
    [
        (10, 400, "tighten", "tighten"),
        (60, 400, "keep", "keep"),
        (200, 400, "loosen", "loosen"),
        (1, 19, "wait", "wait"),
        (4, 40, "wait", "wait"),
    ],
)
def test_advice_follows_from_the_band(reached: int, entered: int, advice: str, threshold: str) -> None:
    found = told(level(reached, entered))
    assert found["source"][0]["advice"] == advice and found["threshold"] == threshold
    assert (found["source"][0]["bands"] == []) == (entered < 20)


def paid(each: float, high: float | None) -> dict:
    """A source at such a cost per SQL, of whose revenue per spend the interval ends at `high`; that of all is 6."""
    revenue = None if high is None else {"per_spend": high / 2, "low": high / 4, "high": high}
    web = {
        "level": "web",
        "each": each,
        "low": each / 3,
        "high": None if each > 100 else 90.0,
        "sqls": 3,
        "revenue": revenue,
    }
    return {
        "all": {"each": 100.0, "low": 90.0, "high": 110.0, "revenue": {"per_spend": 6.0, "low": 4.0, "high": 8.0}},
        "source": [web],
    }


@pytest.mark.parametrize(
    ("reached", "high", "advice"),
    [
        (10, 3.0, "pause"), (60, 3.0, "costs"), (200, 3.0, "loosen"),
        (10, 9.0, "tighten"), (60, 9.0, "revenue first"), (200, 9.0, "loosen"),
        (10, None, "tighten"), (60, None, "revenue first"), (200, None, "loosen"),
    ],
)  # fmt: skip
def test_a_dear_source_is_paused_only_where_its_spend_is_shown_to_bring_less(
    reached: int, high: float | None, advice: str
) -> None:
    (found,) = told(level(reached, 400), cost=paid(900.0, high))["source"]
    assert found["advice"] == advice and found["cost"] == "dear"


@pytest.mark.parametrize(("high", "advice"), [(9.0, "feed"), (3.0, "loosen"), (None, "loosen")])
def test_a_source_is_fed_only_where_revenue_doesn_t_speak_against_it(high: float | None, advice: str) -> None:
    assert told(level(200, 400), cost=paid(60.0, high))["source"][0]["advice"] == advice


def test_all_has_its_cost_and_what_is_pooled_has_none_of_others_leads() -> None:
    cost = paid(60.0, 9.0)
    cost["source"].append({**cost["source"][0], "level": "(other)"})
    found = told(level(200, 400), level(20, 400, "(other)"), cost=cost)
    assert found["all"]["each"] == 100.0 and [s["each"] for s in found["source"]] == [60.0, None]


def test_what_is_pooled_or_not_given_gets_no_advice() -> None:
    found = told(level(1, 400), level(1, 400, "(other)"), level(1, 400, "(not given)"))
    assert [s["advice"] for s in found["source"]] == ["tighten", "none", "none"]


def test_the_backtest_s_cuts_stand_beside_and_the_one_of_today_s_volume() -> None:
    found = told(level(10, 400))
    assert [c["leads_per_week"] for c in found["cuts"]] == [20, 40, 80] and found["same"]["leads_per_week"] == 40


def test_without_mqls_there_is_no_diagnosis() -> None:
    assert told(level(1, 40), rungs=("lead", "sql")) is None


def test_the_made_up_world_s_sources_lie_apart() -> None:
    found = diagnosis.diagnosis_record(funnel.funnel_summary(climbers(2000), TERMS))
    bands = {s["level"]: s["bands"] for s in found["source"]}
    assert bands["fair"] == ["low"] and bands["web"] == ["high"]
    assert found["cuts"] == [] and json.dumps(found, allow_nan=False)
