"""A check of names: behaviours that the config speaks of and that no event has."""

from __future__ import annotations

from collections.abc import Iterator

from leadline.closest import closest
from leadline.privacy import MIN_GROUP_SIZE
from leadline.tables.rules.base import Answer, Context

__all__ = ["unheard_behaviours"]


def unheard_behaviours(context: Context) -> Iterator[Answer]:
    """Tell behaviours of `behaviours` that are nearly an event type, and those of `rules` that are none.

    A behaviour that resembles no event type is left alone under `behaviours`: it may simply not have happened yet. In a
    rule it never gives a point. Only event types that enough leads share are named.
    """
    config = context.config
    ruled = {rule.when.behaviour for rule in config.rules if rule.when.behaviour is not None}
    if config.tables.events is None or not (config.behaviours or ruled):
        return
    rows = context.store.rows(
        "SELECT behaviour, COUNT(DISTINCT lead_id) FROM events WHERE behaviour IS NOT NULL GROUP BY behaviour"
    )
    heard = {str(behaviour) for behaviour, _ in rows}
    tellable = [
        str(behaviour)
        for behaviour, leads in rows
        if leads >= MIN_GROUP_SIZE and str(behaviour) not in config.behaviours
    ]
    for name in sorted({*config.behaviours, *ruled} - heard):
        near = closest(name, tellable, 0.8)
        if near is None and name not in ruled:
            continue
        section = "rules" if name in ruled else "behaviours"
        hint = f" (did you mean `{near[:40]}`?)" if near else ""
        yield (
            f"{section}: {name[:40]}", "no event has this type", "types of tables.events", f"mend the name{hint}, or drop it", 0
        )  # fmt: skip
