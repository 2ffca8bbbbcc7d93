"""The night: tonight's scores, written whole or not at all, one run at a time for each place."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import leadline
from leadline.core.point_in_time import DAY, format_instant, parse_instant
from leadline.delivery.batch import Made, Night, Order, stored
from leadline.delivery.changes import CHANGES, HANDOFFS, changes, handoffs
from leadline.delivery.crm_files import deliver, retire_deliveries
from leadline.delivery.formats import line_bytes, parquet_bytes
from leadline.errors import DataError, LeadlineError, UsageError
from leadline.registry.bundle import Bundle
from leadline.scoring.exploration import blinded
from leadline.scoring.previous_scores import Before

__all__ = ["run_night"]


def run_night(order: Order, compute: Callable[[Before], Made]) -> Night:
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
        there = None if order.again else _already(order)
        if there is not None:
            scores = stored(sink.rows(order.key), order.key)
            return Night(there, sink.shown, time.monotonic() - began, "done", scores)
        before = sink.previous(order.as_of, order.bundle.name)
        made = compute(before)
        made = replace(made, scores=made.scores.with_previous(dict(before.probability)))
        table = _table(made)
        wrote = time.monotonic()
        delta = (
            changes(table, before, plan.min_probability_change)
            if plan.changed or any(d.changed for d in plan.deliver)
            else None
        )
        shown = blinded(table)  # what others see of the exploration holdout is its tier alone
        handed = list(handoffs(shown, before, _top(order.bundle), plan.sla))
        record = {**summary(order, made, before), "handoffs": len(handed)}
        beside = {HANDOFFS: line_bytes(handed)}
        if delta is not None:
            record["changes"] = _counted(delta.column("change").to_pylist())
            beside |= {CHANGES: parquet_bytes(delta)} if plan.changed else {}
        record["delivered"] = deliver(plan.deliver, shown, None if delta is None else blinded(delta), handed, record)
        record["seconds"] = {**made.facts.get("seconds", {}), "writing": round(time.monotonic() - wrote, 3)}
        place = sink.write(table, record, beside)
        warnings = (*made.warnings, *_retire(order))
    return Night(record, place, time.monotonic() - began, "written", made.scores, warnings)


def _already(order: Order) -> Mapping[str, Any] | None:
    """Return the record of this very night, by the same model and config, where it is finished."""
    there = order.sink.done(order.key)
    return there if there is not None and there.get("config_hash") == order.config_hash != "" else None


def _table(made: Made) -> Any:
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


def _counted(values: Sequence[str]) -> dict[str, int]:
    return {value: values.count(value) for value in sorted(set(values))}


def _retire(order: Order) -> list[str]:
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


def summary(order: Order, made: Made, before: Before) -> dict[str, Any]:
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
        "tiers": _counted(scores.tier.tolist()),
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
