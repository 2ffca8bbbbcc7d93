"""The funnel as it stands: the stage that a lead is in now, for how long, and how often it was recycled.

A lead that was lost or rejected and then reached a rung anew was *recycled*: it stands where it got to since.
"""

from __future__ import annotations

from collections.abc import Sequence

from leadline.config.schema import Config
from leadline.core.point_in_time import DAY, visible_sql
from leadline.dataset.feature_spec import Feature
from leadline.storage.dialect import Dialect
from leadline.tables.stages import MERGED, stage_index

__all__ = ["clauses", "column", "of", "specs"]

AGGREGATES = ("stage_now", "since_stage_now", "recycled")


def specs(config: Config) -> list[Feature]:
    """List them, as far as the config maps stages below the outcome, and ends that a lead may come back from."""
    reaches = str(config.outcome.reaches)
    below = [
        s for s in ("mql", "sql", "opportunity") if stage_index(s) < stage_index(reaches) and _is_recorded(config, s)
    ]
    found = []
    if below:
        words = "the stage it is in"
        found += [
            Feature("stage_now", "funnel", "stage_now", "number", "stage_now", words, "stages", reaches, "stage"),
            Feature(
                "days_in_stage", "funnel", "stage_now", "days", "since_stage_now", words, "stages", reaches, "stage"
            ),
        ]
    if config.words("lost", "rejected"):
        words = "came back after it was lost or rejected"
        found.append(
            Feature("times_recycled", "funnel", "recycled", "count", "recycled", words, "stages", reaches, "stage")
        )
    return found


def _is_recorded(config: Config, stage: str) -> bool:
    deals = config.tables.opportunities
    return bool(config.words(stage)) or (stage == "opportunity" and deals is not None and deals.lead is not None)


def of(specs: Sequence[Feature]) -> list[Feature]:
    """Pick the features that are made here."""
    return [s for s in specs if s.aggregate in AGGREGATES]


def clauses(specs: Sequence[Feature]) -> list[str]:
    """Write the WITH clauses; the last, ``standing``, has a row for each snapshot of which some rung is visible."""
    rungs = range(max(stage_index(s.field) for s in specs))
    by = "PARTITION BY s.lead_id, s.as_of"
    # At one instant a rung comes before an end, as what reopens a lead must be later than its end.
    order = "ORDER BY r.reached_at, CASE WHEN r.rung >= 0 THEN 0 ELSE 1 END"
    since = ",\n    ".join(
        f"MIN(CASE WHEN rung >= {n} AND (ended_at IS NULL OR reached_at > ended_at) THEN reached_at END) AS rung_{n}"
        for n in rungs
    )
    return [
        "climbs AS (\n  SELECT s.lead_id, s.as_of, r.rung, r.reached_at,\n"
        f"    MAX(CASE WHEN r.rung < 0 THEN r.reached_at END) OVER ({by}) AS ended_at,\n"
        f"    LEAD(r.rung) OVER ({by} {order}) AS next_rung\n  FROM snapshots AS s\n"
        f"  JOIN reached AS r ON r.lead_id = s.lead_id AND r.rung > {MERGED} AND {visible_sql('r', 's.as_of', 'reached_at')}\n)",
        "standing AS (\n  SELECT lead_id, as_of,\n"
        f"    {since},\n    MAX(ended_at) AS ended_at,\n"
        "    SUM(CASE WHEN rung < 0 AND next_rung >= 0 THEN 1 ELSE 0 END) AS recycled\n"
        "  FROM climbs\n  GROUP BY lead_id, as_of\n)",
    ]


def column(spec: Feature, dialect: Dialect) -> str:
    """Write the expression of one output column; a lead of which nothing is told is at the first rung since its creation."""
    if spec.aggregate == "recycled":
        return f"CAST(COALESCE(standing.recycled, 0) AS {dialect.double})"
    rungs = range(stage_index(spec.field) - 1, 0, -1)
    if spec.aggregate == "stage_now":
        stages = " ".join(f"WHEN standing.rung_{n} IS NOT NULL THEN {n}" for n in rungs)
        return f"CAST(CASE {stages} ELSE 0 END AS {dialect.double})"
    above = ", ".join(f"standing.rung_{n}" for n in rungs)
    first = "CASE WHEN standing.ended_at IS NULL THEN l.created_at ELSE standing.rung_0 END"
    return f"CAST(s.as_of - COALESCE({above}, {first}) AS {dialect.double}) / {DAY}.0"
