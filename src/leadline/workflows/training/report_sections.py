"""What the report's sections on behaviours, assets, committees and open leads say: figures gathered from a fitted model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.config.schema import LADDER
from leadline.core.jsonable import to_jsonable
from leadline.dataset.labels import known_until
from leadline.evaluation import model_plots
from leadline.evaluation.model_plots import ModelPlots
from leadline.explanation.drivers import Driver
from leadline.features.build import FeatureTable
from leadline.features.families.account import main_window
from leadline.features.families.intent_stage import STAGES
from leadline.insights import assets, behaviours, committees, intent_stages, rates_by_level
from leadline.insights.behaviours import LabeledSnapshots
from leadline.insights.open_leads import OpenLeads, actions_record, choose_action
from leadline.model.shap.interactions import interactions
from leadline.scoring.grade import axis_sums
from leadline.scoring.ranking import rank_order
from leadline.workflows.common import behaviour_intents
from leadline.workflows.training.fit import TrainedModel
from leadline.workflows.training.report_data import ReportInputs

__all__ = ["behaviour_record", "open_leads", "open_leads_table", "plot_figures", "section_records"]

Floats = npt.NDArray[np.float64]
MQL = LADDER.index("mql")


def section_records(fitted: TrainedModel) -> dict[str, Any]:
    """Return the records of the sections on assets, committees, intent stages and open leads; None for what the data don't tell."""
    told, now = fitted.made.beside, open_leads(fitted)
    if told is None or now is None:
        return {"assets": None, "committees": None, "intent": None, "open_leads": None}
    return {
        "assets": _assets(fitted, told), "committees": _committees(fitted, told), "intent": _intent(fitted, told, now),
        "open_leads": actions_record(now) if len(fitted.honest.row) else None,  # tiers that nothing judged call nobody
    }  # fmt: skip


def open_leads(fitted: TrainedModel) -> OpenLeads | None:
    """Return the leads that are open at T with the tiers that they would have tonight, the best first; None for a flat file."""
    told = fitted.made.beside
    if told is None or told.climbs is None:
        return None
    bands, now, seen = fitted.scorer.bands, told.now, told.climbs
    p = fitted.scorer.probability(now.values) if len(now) else np.empty(0)
    order = rank_order(p, now.lead_id)
    by = None if told.now_by is None else told.now_by[order]
    tier = bands.tonight(p[order], None, by).astype(object)
    stage = np.full(len(now), None, dtype=object) if told.rule is None else told.rule.stages(now.values)[order]
    place = {lead: n for n, lead in enumerate(seen.lead.tolist())}
    at = np.array([place.get(lead, -1) for lead in now.lead_id[order].tolist()], dtype=np.int64)
    mql, touched = (np.where(at >= 0, column[at], np.nan) for column in (seen.reached[:, MQL], seen.touched))
    sla = fitted.config.sla
    overdue = np.nan if sla is None else min(seen.until, seen.touched_until) - sla.first_touch.micros
    return OpenLeads(
        now.lead_id[order], now.account_id[order], p[order], tier, stage, bands.names, mql, touched, float(overdue), _grades(fitted, now, p)[order],
    )  # fmt: skip


def _grades(fitted: TrainedModel, now: FeatureTable, p: Floats) -> npt.NDArray[np.object_]:
    """Return each open lead's grade; None each where there are none."""
    if fitted.grading is None or fitted.grading.fit is None or not len(now):
        return np.full(len(now), None, dtype=object)
    scorer = fitted.scorer
    specs = [s for s in now.specs if s.name in set(scorer.names)]
    contributions, _ = scorer.contributions(now.values[list(scorer.names)])
    return np.asarray(fitted.grading.columns(p, axis_sums(specs, contributions))["grade"], dtype=object)


def open_leads_table(leads: OpenLeads) -> Any:
    """Return who stands on which list as a table; it names leads, and stays on this machine."""
    import pyarrow as pa

    action = choose_action(leads)
    mine = np.flatnonzero(action != None)  # noqa: E711
    return pa.table({
        "action": pa.array(action[mine], pa.string()),
        "lead_id": pa.array(leads.lead[mine], pa.string()),
        "account_id": pa.array(leads.account[mine], pa.string()),
        "tier": pa.array(leads.tier[mine], pa.string()),
        "grade": pa.array([None] * len(mine) if leads.grade is None else leads.grade[mine], pa.string()),
        "intent_stage": pa.array(leads.stage[mine], pa.string()),
        "probability": pa.array(leads.probability[mine]),
        "mql_at": pa.array(leads.mql_at[mine], pa.float64(), from_pandas=True).cast(pa.int64()).cast(pa.timestamp("us", tz="UTC")),
    })  # fmt: skip


def behaviour_record(fitted: TrainedModel, ranked: Sequence[Driver], moved: Mapping[str, float]) -> Any:
    """Compare, for each behaviour, conversion with and without it, over all leads and by source; and say how long before the outcome it came."""
    config, data, asked = fitted.config, fitted.made.features, _labeled_snapshots(fitted)
    window, told = max(config.features.windows), fitted.made.beside
    found = behaviours.compare_behaviours(
        data.specs, data.values, asked, window, behaviour_intents(config), ranked, dict(moved)
    )
    names = [b.name for b in found.behaviours]
    timings = rates_by_level.behaviour_timings(told.lasts if told else None, names)
    split = None
    if told is not None and told.source is not None:
        flags = behaviours.behaviour_masks(data.specs, data.values, window).values()
        did = {spec.field: flag for spec, flag in flags if spec.by == "behaviour"}
        pairs = [(name, did[name]) for name in names]
        split = rates_by_level.lift_by_source(
            told.source_name, told.source, pairs, asked.y, asked.weight, asked.lead, asked.group
        )
    record = asdict(found) | {"timings": [asdict(t) for t in timings]}
    return to_jsonable({**record, "by_source": None if split is None else asdict(split)})


def plot_figures(fitted: TrainedModel, rows: slice, contributions: Floats, ranked: Sequence[Driver]) -> ModelPlots:
    """Make the figures of the data scientist's pictures from the newest rows and their contributions."""
    scorer = fitted.scorer
    values = fitted.made.features.values[list(scorer.names)].iloc[rows]
    specs = [s for s in fitted.made.features.specs if s.name in set(scorer.names)]
    place = {name: n for n, name in enumerate(scorer.names)}
    owner = [place[column.feature] for column in scorer.encoder.tree_columns]
    at = model_plots.evenly_spaced_rows(len(values), model_plots.MEETING)
    together = interactions(scorer.trees, scorer.encoder.tree(values.iloc[at]), owner)
    return model_plots.model_plot_data(specs, values, contributions, ranked, together)


def _labeled_snapshots(fitted: TrainedModel) -> LabeledSnapshots:
    labels, data = fitted.made.labels, fitted.made.features
    return LabeledSnapshots(labels.y, labels.weight, data.lead_id, data.group())


def _intent(fitted: TrainedModel, told: ReportInputs, now: OpenLeads) -> Any:
    """Count the open leads of each stage with the tiers that they would have tonight, beside how each stage converted."""
    if told.rule is None:
        return None
    past = told.rule.stages(told.columns.values)
    return intent_stages.summarize_intent_stages(
        told.rule, _labeled_snapshots(fitted), past, now.stage, now.tier, now.probability, now.tiers
    ).to_record()


def _assets(fitted: TrainedModel, told: ReportInputs) -> Any:
    """Say of each asset that the config marks who used it, and what followed."""
    config, people, uses = fitted.config, told.people, told.uses
    if uses is None or people is None:
        return None
    marked = {name: b.asset for name, b in config.behaviours.items() if b.asset}
    flags = {s.field: told.columns.values[s.name].to_numpy() > 0 for s in told.columns.specs if s.group == "asset"}
    stage = None if told.rule is None else told.rule.stages(told.columns.values)
    terms = assets.AssetWindows(
        config.horizon, config.outcome.won_within, config.outcome.delay, known_until(fitted.made.loaded)
    )
    levels = {"role": people.role, "source": people.source}
    found, number = [], np.zeros(len(told.columns), dtype=np.int64)
    for name in dict.fromkeys(marked.values()):
        did = np.logical_or.reduce([flags[b] for b, asset in marked.items() if asset == name])
        number += did
        beside = assets.adjusted_lift(_labeled_snapshots(fitted), did, stage, STAGES)
        found.append(assets.summarize_asset(uses, name, terms, people.lead_id, levels, beside).to_record())
    return {
        "within": str(config.horizon), "won_within": str(config.outcome.won_within),
        "window": str(config.intent_stages.window), "staged": stage is not None, "leads": len(people.lead_id), "source": told.source_name,
        "by_number": to_jsonable([asdict(part) for part in assets.conversion_by_assets(_labeled_snapshots(fitted), number)]),
        "assets": sorted(found, key=lambda a: (-a["leads"], a["name"])),
    }  # fmt: skip


def _committees(fitted: TrainedModel, told: ReportInputs) -> Any:
    """Say how conversion goes with the people of an account that are engaged; None where the features don't tell."""
    config, specs, values = fitted.config, told.columns.specs, told.columns.values
    others = {str(s.window): s.name for s in specs if s.aggregate == "colleagues_engaged"}
    own = {str(s.window): s.name for s in specs if s.aggregate == "count" and s.by == "any"}
    asked = _labeled_snapshots(fitted)
    people = tuple(
        (window, committees.conversion_by_engaged(asked, values[own[window]].to_numpy(), values[name].to_numpy()))
        for window, name in others.items()
        if window in own
    )
    roles = {s.field: values[s.name].to_numpy() for s in specs if s.aggregate == "any_role" and s.field in config.roles}
    if not people:
        return None
    has_account = np.array([account is not None for account in fitted.made.features.account_id], dtype=bool)
    found = committees.Committees(
        people,
        str(main_window(config)),
        committees.conversion_by_role(asked.take(has_account), {r: v[has_account] for r, v in roles.items()}),
    )
    seen = told.arrivals
    if seen is None:
        return found.to_record()
    came, within = committees.arrival_shares(seen, config.horizon), str(config.horizon)
    outcomes = int(seen.is_outcome.sum())
    return replace(
        found, within=within, arrivals=came, outcomes=outcomes, others=len(seen.is_outcome) - outcomes
    ).to_record()
