"""The night: tonight's scores, written whole or not at all, one run at a time for each place."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import leadline
from leadline.core.point_in_time import DAY, format_instant, parse_instant
from leadline.delivery.batch import ScoredBatch, ScoringRequest, ScoringRun, read_stored_scores
from leadline.delivery.changes import CHANGES, HANDOFFS, new_top_leads, score_changes
from leadline.delivery.crm_files import deliver, retire_deliveries
from leadline.delivery.folder_sink import CONTRIBUTIONS
from leadline.delivery.formats import line_bytes, parquet_bytes
from leadline.errors import DataError, LeadlineError, UsageError
from leadline.registry.bundle import Bundle
from leadline.scoring.exploration import blank_holdout_scores
from leadline.scoring.previous_scores import PreviousScores

__all__ = ["run_scoring"]


def run_scoring(order: ScoringRequest, compute: Callable[[PreviousScores], ScoredBatch]) -> ScoringRun:
    """Compute tonight's scores under the place's lock, check them, and write them; a finished night is left alone.

    Deliveries are put in place first, and the night itself last, so that a night which is finished was delivered.

    Raises
    ------
    RetryError
        Another run writes to the same place.
    DataError
        The rows aren't one for each lead, or `compute` refuses the night.
    OutputError
        The place can't be written; what stood there still does.
    """
    began, sink, plan = time.monotonic(), order.sink, order.plan
    if plan.changed and not sink.takes_files:
        raise UsageError(
            "--write-changes: needs a folder, where what changed lies beside the rows; leave --out out, or name a folder"
        )
    with sink.lock(order.wait):
        there = None if order.again else _finished_before(order)
        if there is not None:
            scores = read_stored_scores(sink.rows(order.key), order.key)
            return ScoringRun(there, sink.shown, time.monotonic() - began, "done", scores)
        before = sink.previous(order.as_of, order.bundle.name)
        made = compute(before)
        made = replace(made, scores=made.scores.with_previous(dict(before.probability)))
        table = _table(made)
        wrote = time.monotonic()
        delta = (
            score_changes(table, before, plan.min_probability_change)
            if plan.changed or any(d.changed for d in plan.deliver)
            else None
        )
        shown = blank_holdout_scores(table)  # what others see of the exploration holdout is its tier alone
        handed = list(new_top_leads(shown, before, _top(order.bundle), plan.sla))
        record = {**run_summary(order, made, before), "handoffs": len(handed)}
        beside = {HANDOFFS: line_bytes(handed)}
        if made.contributions is not None and sink.takes_files:
            beside |= {CONTRIBUTIONS: parquet_bytes(made.contributions)}
        if delta is not None:
            record["changes"] = _value_counts(delta.column("change").to_pylist())
            beside |= {CHANGES: parquet_bytes(delta)} if plan.changed else {}
        record["delivered"] = deliver(
            plan.deliver, shown, None if delta is None else blank_holdout_scores(delta), handed, record
        )
        record["seconds"] = {**made.facts.get("seconds", {}), "writing": round(time.monotonic() - wrote, 3)}
        place = sink.write(table, record, beside, made.accounts)
        warnings = (*made.warnings, *_retire(order))
    return ScoringRun(record, place, time.monotonic() - began, "written", made.scores, warnings)


def _finished_before(order: ScoringRequest) -> Mapping[str, Any] | None:
    """Return the record of this very night, by the same model and config, where it is finished."""
    there = order.sink.done(order.key)
    return there if there is not None and there.get("config_hash") == order.config_hash != "" else None


def _table(made: ScoredBatch) -> Any:
    """Return the rows as they go out; a lead has one."""
    import pyarrow as pa

    scores = made.scores
    if len(set(scores.lead_id.tolist())) != len(scores):
        raise DataError("scores: a lead has two rows; expected one for each open lead; this is a bug, please report it")
    counted = made.facts.get("open_leads")
    if counted is not None and counted != len(scores) + made.facts["suppressed"]["leads"]:
        raise DataError(
            f"scores: {len(scores)} rows came of {counted} open leads; expected one for each that isn't suppressed; "
            "this is a bug, please report it"
        )
    table = scores.to_arrow()
    hand = made.tier_override
    return table if hand is None else table.append_column("tier_override", pa.array(hand, pa.string()))


def _top(bundle: Bundle) -> str:
    """Return the best tier's name; "" where there is one tier only, into which nobody crosses."""
    names = bundle.scorer.bands.names
    return names[0] if len(names) > 1 else ""


def _value_counts(values: Sequence[str]) -> dict[str, int]:
    return {value: values.count(value) for value in sorted(set(values))}


def _retire(order: ScoringRequest) -> list[str]:
    """Remove nights that the config keeps no longer; trouble there is told, as the night itself stands."""
    plan, sink = order.plan, order.sink
    if plan.retention is None or sink.retire is None or not order.is_dated:
        return []
    said = []
    for remove in (sink.retire, lambda name, as_of: retire_deliveries(plan.deliver, name, as_of)):
        try:
            remove(order.bundle.name, order.as_of - plan.retention.micros)
        except LeadlineError as error:
            said.append(f"nightly.retention: old nights couldn't be removed ({error})")
    return said


def run_summary(order: ScoringRequest, made: ScoredBatch, before: PreviousScores) -> dict[str, Any]:
    """Summarise a night: what was scored, with which model, by which run."""
    bundle, scores = order.bundle, made.scores
    known = bundle.manifest["known_at"]
    age = None
    if order.is_dated and known is not None:
        with suppress(LeadlineError):
            age = round((order.as_of - parse_instant(str(known))) / DAY, 2)
    return {
        "as_of": format_instant(order.as_of) if order.is_dated else str(order.as_of),
        "as_of_value": order.as_of,
        "is_dated": order.is_dated,
        "leads": len(scores),
        "mean_probability": float(scores.probability.mean()) if len(scores) else None,
        "model_name": bundle.name,
        "model_version": scores.model_version,
        "model_known_at": known,
        "model_age_days": age,
        "tiers": _value_counts(scores.tier.tolist()),
        "config_hash": order.config_hash,
        "leadline": leadline.__version__,
        "run_id": order.run_id,
        "night_before": {
            "as_of": format_instant(before.as_of) if order.is_dated and before.as_of is not None else before.as_of,
            "leads": len(before),
        },
        "warnings": list(made.warnings),
        **{name: value for name, value in made.facts.items() if name != "seconds"},
    }
