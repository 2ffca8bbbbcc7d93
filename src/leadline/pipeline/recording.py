"""The run's record: what a report, a model card and a reader of JSON are made of. It holds no lead's data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from leadline.judge import behaviours, capacity
from leadline.judge.backtest import plain
from leadline.pipeline.asking import intents, said_instant
from leadline.pipeline.fitted import Fitted
from leadline.pipeline.judging import Judgement

__all__ = ["records"]


def records(fitted: Fitted, told: Judgement) -> dict[str, Any]:
    """Return the run's record, plain JSON values: counts and figures, never a lead's data."""
    config, made, honest = fitted.config, fitted.made, fitted.honest
    loaded, families = made.loaded, told.families
    return {
        "name": config.name,
        "known_at": said_instant(loaded.known_at, loaded.is_dated),
        "observed_until": said_instant(loaded.observed_until, loaded.is_dated),
        "outcome": config.outcome.model_dump(mode="json"),
        "snapshots": asdict(made.counts),
        "tables": loaded.rows,
        "fingerprints": loaded.fingerprints,
        "sources": loaded.sources,
        "evaluation": told.evaluation.to_record(),
        "drivers": plain([asdict(d) for d in told.drivers]),
        "capacity": plain([asdict(c) for c in told.capacity]),
        "curve": _curve(fitted) if told.capacity else [],
        "behaviours": _behaviours(fitted, told),
        "effects": plain(told.moved),
        "findings": told.findings.records(),
        "choice": plain(honest.choice),
        "curves": plain(list(honest.curves)),
        "families": None if families is None else [worth.to_record() for worth in families],
    }


def _behaviours(fitted: Fitted, told: Judgement) -> Any:
    """Compare, for each behaviour, conversion with and without it."""
    config, labels, data = fitted.config, fitted.made.labels, fitted.made.features
    asked = behaviours.Asked(labels.y, labels.weight, data.lead_id, data.group())
    window = max(config.features.windows)
    compared = behaviours.compare(
        data.specs, data.values, asked, window, intents(config), told.drivers, dict(told.moved)
    )
    return plain(asdict(compared))


def _curve(fitted: Fitted) -> Any:
    """Say what each cut, from a tenth of the capacity to three times it, would have brought in the newest fold."""
    labels, data, honest = fitted.made.labels, fitted.made.features, fitted.honest
    newest = honest.row[honest.judged]
    keys = (labels.y[newest], labels.weight[newest], data.lead_id[newest].astype(str), data.as_of[newest])
    cuts = capacity.curve(honest.probability[honest.judged], *keys, fitted.config.capacity.leads_per_week)
    return plain([asdict(c) for c in cuts])
