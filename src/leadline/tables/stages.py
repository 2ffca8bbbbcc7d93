"""The ladder: stages and opportunities folded into one table of rungs reached, with both clocks.

``reached(lead_id, rung, reached_at, recorded_at)``: rung 0 lead, 1 mql, 2 sql, 3 opportunity, 4 won; −1 lost, −2 rejected,
−3 merged into another lead. A rung implies those below it, so "SQL" is any rung ≥ 2; the earliest row counts.
"""

from __future__ import annotations

from leadline.config.schema import LADDER, Config
from leadline.storage import Store

__all__ = ["ENDS", "MERGED", "build_reached", "stage_index"]

ENDS = {"lost": -1, "rejected": -2}
MERGED = -3


def stage_index(stage: str) -> int:
    """Return the number of a rung.

    Examples
    --------
    >>> [stage_index(s) for s in ("lead", "mql", "sql", "opportunity", "won", "lost", "rejected")]
    [0, 1, 2, 3, 4, -1, -2]
    """
    return ENDS[stage] if stage in ENDS else LADDER.index(stage)


def build_reached(config: Config, store: Store) -> None:
    """Make the table ``reached`` from ``stages``, ``opportunities`` and ``merged``, as far as they are there."""
    map_stage_words(config, store)
    parts = [
        "SELECT CAST(NULL AS VARCHAR) AS lead_id, CAST(NULL AS BIGINT) AS rung, CAST(NULL AS BIGINT) AS reached_at, CAST(NULL AS BIGINT) AS recorded_at WHERE 1 = 0"
    ]
    if config.tables.stages is not None:
        parts.append(
            "SELECT s.lead_id, w.rung, s.changed_at, s.recorded_at FROM stages AS s "
            "JOIN stage_words AS w ON w.word = LOWER(s.stage)"
        )
    section = config.tables.opportunities
    if section is not None and section.lead is not None:
        parts.append(
            f"SELECT lead_id, {stage_index('opportunity')}, created_at, recorded_at FROM opportunities WHERE lead_id IS NOT NULL"
        )
        if section.closed_at and section.stage:
            parts.append(
                "SELECT o.lead_id, w.rung, o.closed_at, GREATEST(o.recorded_at, o.closed_at) FROM opportunities AS o "
                f"JOIN stage_words AS w ON w.word = LOWER(o.stage) WHERE o.lead_id IS NOT NULL AND (w.rung = {stage_index('won')} OR w.rung < 0)"
            )
    store.run("CREATE OR REPLACE TABLE reached AS " + " UNION ALL ".join(parts))
    # What the survivor reaches from the merge on counts as the outcome of the record that vanished: they are one person.
    store.run(
        "CREATE OR REPLACE TABLE reached AS SELECT * FROM reached UNION ALL "
        "SELECT m.lead_id, r.rung, r.reached_at, GREATEST(r.recorded_at, m.since) FROM reached AS r "
        "JOIN survivors AS m ON m.into_id = r.lead_id WHERE r.reached_at >= m.since UNION ALL "
        f"SELECT lead_id, {MERGED}, since, since FROM merged"
    )


def map_stage_words(config: Config, store: Store) -> None:
    """Put the config's stage words, in lower case, beside their rungs."""
    import pyarrow as pa

    pairs = [(word.strip().lower(), stage_index(stage)) for stage, words in config.stages.items() for word in words]
    store.put("stage_words", pa.table({
        "word": pa.array([w for w, _ in pairs], pa.string()), "rung": pa.array([r for _, r in pairs], pa.int64()),
    }))  # fmt: skip
