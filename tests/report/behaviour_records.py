"""The records of the sections on assets, committees and intent stages, and of the pictures: by the judge's own functions, rows made up."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from leadline.core.jsonable import to_jsonable
from leadline.core.point_in_time import DAY, Horizon
from leadline.dataset.feature_spec import Feature
from leadline.dataset.lead_journeys import LastActivity
from leadline.dataset.usage import AssetUsage, RoleArrivals
from leadline.evaluation import model_plots
from leadline.explanation.drivers import Driver
from leadline.features.families.intent_stage import STAGES, IntentRule
from leadline.insights import assets, committees, intent_stages, rates_by_level
from leadline.insights.behaviours import LabeledSnapshots

CODES = {
    *STAGES,
    "14d",
    "next",
    "opportunity",
    "won",
    "purchase",
    "evaluation",
    "awareness",
    "count",
    "days",
    "nobody",
    "1",
    "2",
    "3",
}
"""Words of these records that the program itself writes."""

ROLES = ("economic_buyer", "end_user", "procurement")
MONTH = Horizon.parse("30d")


def objects(values: Any) -> Any:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def records(rng: np.random.Generator) -> dict[str, Any]:
    """2,000 snapshots of 500 leads in 200 accounts: who is nearer to buying converts more, and who uses the pack still more."""
    n = 2000
    who = rng.integers(0, 500, n)
    stage = objects(np.array(STAGES)[rng.integers(0, 4, n)].tolist())
    pack = (stage == STAGES[0]) & (rng.random(n) < 0.4)
    chance = np.select([stage == s for s in STAGES], [0.25, 0.1, 0.04, 0.03]) * np.where(pack, 1.6, 1.0)
    asked = LabeledSnapshots(
        (rng.random(n) < chance) * 1.0,
        np.ones(n),
        objects([f"L{k}" for k in who]),
        objects([f"A{k // 3}" for k in who]),
    )
    return {
        "intent": _intent(rng, asked, stage), "assets": _assets(rng, asked, pack, stage), "committees": _committees(rng, asked),
        "pictures": _pictures(rng),
    }  # fmt: skip


def broken_down(rng: np.random.Generator, behaviours: list[str], y: Any, lead: Any) -> dict[str, Any]:
    """What stands beside the behaviours: days, and lifts by source."""
    days = LastActivity(objects([b for b in behaviours[:3] for _ in range(40)]), rng.gamma(2, 5, 120))
    did = [(b, rng.random(len(y)) < 0.4) for b in behaviours]
    source = objects([("web", "fair", "friends")[int(who[1:]) % 3] for who in lead])
    split = rates_by_level.lift_by_source("source", source, did, y, np.ones(len(y)), lead, lead)
    assert split is not None
    told: dict[str, Any] = to_jsonable(
        {"timings": [asdict(t) for t in rates_by_level.behaviour_timings(days, behaviours)], "by_source": asdict(split)}
    )
    return told


def _intent(rng: np.random.Generator, asked: LabeledSnapshots, stage: Any) -> Any:
    rule = IntentRule(Horizon.parse("14d"), ("purchase", "evaluation", "awareness"))
    now, p = objects(np.array(STAGES)[rng.integers(0, 4, 300)].tolist()), rng.random(300) * 0.2
    tier = objects(np.array(["A", "B", "C"])[rng.integers(0, 3, 300)].tolist())
    return intent_stages.summarize_intent_stages(rule, asked, stage, now, tier, p, ["A", "B", "C"]).to_record()


def _assets(rng: np.random.Generator, asked: LabeledSnapshots, pack: Any, stage: Any) -> Any:
    lead = objects([f"L{k}" for k in range(500)])
    reached = np.where(rng.random((200, 1)) < 0.5, 100 + rng.gamma(2, 9, (200, 1)), np.nan) + np.arange(4)
    account = objects([f"A{k // 3}" for k in range(200)])
    kinds = objects(["procurement pack"] * 150 + ["calculator"] * 50)
    uses = AssetUsage(kinds, lead[:200], account, np.full(200, 100 * DAY), reached * DAY)
    levels = {"role": objects((list(ROLES) * 167)[:500]), "source": objects((["web", "fair"] * 250)[:500])}
    terms = assets.AssetWindows(MONTH, Horizon.parse("90d"), Horizon(0), 400 * DAY)
    beside = {"procurement pack": pack, "calculator": np.zeros(len(pack), dtype=bool)}
    found = [
        assets.summarize_asset(uses, a, terms, lead, levels, assets.adjusted_lift(asked, did, stage, STAGES))
        for a, did in beside.items()
    ]
    return {
        "within": "30d", "won_within": "90d", "window": "14d", "staged": True, "leads": 500, "source": "source",
        "assets": [asset.to_record() for asset in found],
    }  # fmt: skip


def _committees(rng: np.random.Generator, asked: LabeledSnapshots) -> Any:
    n = len(asked.y)
    people = tuple(
        (w, committees.conversion_by_engaged(asked, rng.integers(0, 2, n) * 1.0, rng.poisson(1.2, n) * 1.0))
        for w in ("30d", "90d")
    )
    roles = committees.conversion_by_role(asked, {role: (rng.random(n) < 0.3) * 1.0 for role in ROLES})
    outcome = np.repeat([True, False], [300, 1700])
    first = np.where(rng.random((n, 3)) < np.where(outcome, 0.3, 0.12)[:, None], 90.0 * DAY, np.nan)
    seen = RoleArrivals(ROLES, np.full(n, 100 * DAY), outcome, np.ones(n), asked.group, first)
    return committees.Committees(
        people, "30d", roles, "30d", committees.arrival_shares(seen, MONTH), 300, 1700
    ).to_record()


def _pictures(rng: np.random.Generator) -> Any:
    n = 400
    values = pd.DataFrame(
        {"n_pricing_30d": rng.poisson(1, n) * 1.0, "since_pricing": rng.gamma(2, 20, n), "country": objects(["NL"] * n)}
    )
    values.loc[:60, "since_pricing"] = np.nan
    specs = [
        Feature("n_pricing_30d", "behaviour", "behaviour:pricing", "count", "count", "did pricing"),
        Feature("since_pricing", "recency", "recency", "days", "since_last", "did pricing"),
        Feature("country", "fit", "country", "category", "value", "is in", "leads"),
    ]
    effect = np.stack(
        [
            values["n_pricing_30d"] * 0.2 - 0.1,
            0.3 - np.nan_to_num(values["since_pricing"]) / 100,
            rng.normal(0, 0.05, n),
        ],
        axis=1,
    )
    ranked = [Driver(s.group, s.words, 1.0, 1.0, 1.0) for s in specs]
    return model_plots.model_plot_data(
        specs, values, effect, ranked, {(0, 1): rng.normal(0, 0.1, 50), (1, 2): rng.normal(0, 0.02, 50)}
    ).to_record()
