"""A run's record for the page's tests: figures by the judge's own functions, rows made up and few."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from typing import Any

import behaviour_records
import numpy as np
import pandas as pd

import made_journeys
import pointed
from leadline.core.checks import Finding, Findings, Severity
from leadline.core.jsonable import to_jsonable
from leadline.core.point_in_time import WEEK, Horizon
from leadline.dataset.feature_spec import Feature
from leadline.evaluation import capacity
from leadline.evaluation.ablation import FamilyAblation
from leadline.evaluation.backtest import FoldPredictions, ModelMetrics, evaluate_folds
from leadline.evaluation.baselines import SAYERS
from leadline.evaluation.robustness import Optimism
from leadline.evaluation.segments import SegmentAxis, SegmentRows, evaluate_segments
from leadline.evaluation.topk_backtest import TopKBacktest, TopKDifference, TopKResult
from leadline.explanation.drivers import Driver
from leadline.insights import behaviours, diagnosis, funnel, rejections
from leadline.points.card_value import CardCohort

HOSTILE = "</script><script>document.title='owned';alert(1)</script><img src=x onerror=alert(1)>\"'{{ 7*7 }}&lt;"
CODES = {
    "sql",
    "30d",
    "90d",
    "0d",
    "warning",
    "note",
    "error",
    "late",
    "call",
    "nurture",
    "tier",
} | behaviour_records.CODES
"""Words that the program itself writes, and reads again."""

OPEN = {
    "leads": 120, "tiers": {"A": 12, "B": 36, "C": 72},
    "actions": [{"action": "call", "leads": 1, "expected": 0.3}, {"action": "late", "leads": 7, "expected": 0.6}, {"action": "nurture", "leads": 0, "expected": 0.0}],
}  # fmt: skip
START = 1_736_121_600_000_000
DAYS = Horizon.parse("90d")
FAMILIES = [
    FamilyAblation("age", 1, -0.0002, -0.0010, 0.0006, 0.001, -0.002, 0.004).to_record(),
    FamilyAblation("behaviour", 66, 0.0123, 0.0051, 0.0202, 0.041, 0.022, 0.061).to_record(),
    FamilyAblation("fit", 7, -0.0031, -0.0052, -0.0012, -0.004, -0.011, 0.003).to_record(),
]
BEHAVIOURS = {"pricing": "purchase", "demo": "purchase", "docs": "evaluation", "blog": "awareness", "rare": "unknown"}


def record() -> dict[str, Any]:
    """A dated run with events, points and findings; a fresh copy each time."""
    return copy.deepcopy(_record())


def flat_record() -> dict[str, Any]:
    """A flat file's: no time, no weeks, no events."""
    made = record()
    made |= {
        "known_at": None,
        "observed_until": None,
        "capacity": [],
        "curve": [],
        "findings": [],
        "drivers_direction": {},
    }
    made["outcome"] = {"reaches": None, "within": None, "column": "Converted", "positive": "1"}
    made["behaviours"]["behaviours"] = []
    made["ablation"] = []
    made |= {"funnel": None, "diagnosis": None, "rejected": None}
    made |= {"assets": None, "committees": None, "intent": None, "open_leads": None}
    made |= {"nights": None, "nights_reason": "a flat file doesn’t say when its rows were open", "optimism": None}
    made["tables"] = {"leads": 9240}
    for fold in made["evaluation"]["folds"]:
        fold |= {"starts_at": 600_000 + fold["number"], "ends_at": 610_000 + fold["number"]}
        del fold["figures"]["points"]
    return made


def changed(value: Any, leaf: Callable[[Any], Any]) -> Any:
    """Return the same record with every leaf changed."""
    if isinstance(value, dict):
        return {k: changed(v, leaf) for k, v in value.items()}
    if isinstance(value, list):
        return [changed(v, leaf) for v in value]
    return leaf(value)


def _segments(y: Any, w: Any, p: Any, lead: Any) -> dict[str, Any]:
    """Two sources, of which one converts at twice what is said, a rare one, and two tiers."""
    number = np.array([int(who[1:]) for who in lead])
    source = np.array(["web", "fair", "web"], dtype=object)[number % 3]
    source[number < 12] = "rare"
    best = p >= np.quantile(p, 0.9)
    rows = SegmentRows(y, w, np.where(source == "fair", p / 3, p), lead, lead, best)
    tier = np.where(best, "A", "B").astype(object)
    found = evaluate_segments(
        rows,
        [SegmentAxis("source", source), SegmentAxis("tier", tier, parity=False, alone=True)],
        7,
        [("size", "no attribute tells it")],
    )
    assert found is not None
    return found.to_record()


@cache
def _record() -> dict[str, Any]:
    rng = np.random.default_rng(7)
    n = 1200
    lead = np.array([f"L{k}" for k in rng.integers(0, 400, n)], dtype=object)
    as_of = START + np.sort(rng.integers(0, 8, n)) * WEEK
    acts = {name: rng.random(n) < share for name, share in zip(BEHAVIOURS, (0.3, 0.2, 0.4, 0.5, 0.004), strict=True)}
    odds = -3.0 + 1.5 * acts["pricing"] + 1.2 * acts["demo"] + 0.4 * acts["docs"]
    p = 1 / (1 + np.exp(-odds))
    y, w = (rng.random(n) < p) * 1.0, np.ones(n)
    specs = [Feature(f"n_{b}", "behaviour", f"behaviour:{b}", "count", "count", f"did {b}", field=b, by="behaviour", window=DAYS) for b in BEHAVIOURS]  # fmt: skip
    values = pd.DataFrame({f"n_{b}": did * 1.0 for b, did in acts.items()})
    ranked = [
        Driver(f"behaviour:{b}", f"did {b}", 0.5 / k, 0.4 / k, 0.9 if k < 3 else float("nan"))
        for k, b in enumerate(BEHAVIOURS, 1)
    ]
    ranked.append(Driver("age", "created", 0.01, 0.02, -0.7))
    noisy = p + 0.001 * rng.random(n)
    said = {"model": noisy, "logistic": np.clip(noisy + 0.02, 0, 1), "points": np.round(10 * p)}
    rows = [
        FoldPredictions(y[h], w[h], np.full(len(y[h]), np.nan), lead[h], {k: v[h] for k, v in said.items()})
        for h in (slice(0, 600), slice(600, n))
    ]
    asked = capacity.ScoredRows(noisy[600:], y[600:], w[600:], lead[600:].astype(str), as_of[600:], 4 * WEEK, WEEK)
    told = behaviours.compare_behaviours(
        specs,
        values,
        behaviours.LabeledSnapshots(y, w, lead, lead),
        DAYS,
        BEHAVIOURS,
        ranked,
        {"behaviour:pricing": 1.2, "behaviour:docs": -0.1},
    )
    found = Findings((
        Finding("LL103", Severity.WARNING, "events.event_id", "15 rows repeat another", "each row once", "nothing to do", 15),
        Finding("LL117", Severity.NOTE, "opportunities", "no recorded_at", "both clocks", "name recorded_at", 0),
    ))  # fmt: skip
    return {
        "name": "acme", "version": "3", "known_at": "2025-06-02T00:00:00Z", "observed_until": "2025-06-01T23:19:02Z",
        "outcome": {"reaches": "sql", "within": "30d", "column": None, "positive": None, "delay": "0d"},
        "snapshots": {"positive": 180, "negative": 1020, "censored": 90, "late": 1, "before": 0, "kept_negative": 1020, "positive_leads": 61},
        "tables": {"leads": 400, "events": 9000}, "fingerprints": {"leads": "0a79", "events": "e442"},
        "sources": {"leads": "data/leads.parquet", "events": "data/events/*.parquet"},
        "evaluation": evaluate_folds([(rows[0], False, START, START + 3 * WEEK, 3000), (rows[1], True, START + 4 * WEEK, START + 7 * WEEK, 4000)], 7).to_record(),
        "drivers": to_jsonable([asdict(d) for d in ranked]),
        "capacity": to_jsonable([asdict(c) for c in capacity.capacity_table(asked, 12.0)]),
        "curve": to_jsonable([asdict(c) for c in capacity.capacity_curve(asked, 12.0)]),
        "segments": _segments(y[600:], w[600:], noisy[600:], lead[600:]),
        **_climbed(to_jsonable([asdict(c) for c in capacity.capacity_curve(asked, 12.0)])),
        **pointed.records(specs, values[600:], CardCohort(y[600:], w[600:], lead[600:], lead[600:], as_of[600:], {k: v[600:] for k, v in said.items()}, 12.0)),
        **behaviour_records.records(np.random.default_rng(11)),
        "nights": _nights(), "nights_reason": "", "optimism": Optimism(ModelMetrics(0.8, 0.2, 3.5), ModelMetrics(0.72, 0.1, 2.1)).to_record(),
        "open_leads": OPEN,
        "behaviours": to_jsonable(asdict(told)) | behaviour_records.broken_down(np.random.default_rng(12), list(BEHAVIOURS), y, lead), "drivers_direction": {"behaviour:pricing": 1.2, "behaviour:docs": -0.1},
        "ablation": FAMILIES, "findings": found.records(), "choice": {}, "curves": [], "features": [s.to_record() for s in specs],
    }  # fmt: skip


def _climbed(cuts: Any) -> dict[str, Any]:
    """What 2,000 people's climb tells: sources whose bands differ, touches, spend and reasons; tiers by lot."""
    seen = made_journeys.climbers(2_000)
    told = funnel.funnel_summary(seen, made_journeys.TERMS)
    tier = np.array(["A", "B", "C", None], dtype=object)[np.arange(len(seen)) % 4]
    return {
        "funnel": told,
        "diagnosis": diagnosis.diagnosis_record(told, cuts[:5], cuts),
        "rejected": rejections.rejection_record(seen, {}, tier),
    }


def _nights() -> Any:
    """Six nights: the model finds more than the others, and fewer that close than by points; two nights' wins are ripe."""
    found = [(who, 30.0 - n, 4.0 + n, 1000.5 + n) for n, who in enumerate(SAYERS)]
    sayers = tuple(
        TopKResult(who, 72.0, sqls, 22.0, 41.0, sqls / 72, sqls / 3, 0.3, won, 2.0, 9.0, paid, 500.0, 2000.0)
        for who, sqls, won, paid in found
    )
    ahead = tuple(
        TopKDifference(who, n + 1.0, -1.0, n + 2.0, -n - 1.0, -5.0, 1.0 - 2 * (who == "points"), -n, -9.0, 9.0)
        for n, who in enumerate(SAYERS[1:])
    )
    return TopKBacktest(6, 4, 2, 12.0, START, START + 5 * WEEK, True, sayers, ahead).to_record()
