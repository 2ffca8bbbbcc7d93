"""Blind rows: what leaves leadline of leads in the exploration holdout has their tier and nothing of their score."""

from __future__ import annotations

from typing import Any

__all__ = ["blinded"]

HOLDOUT = "is_holdout"
TOLD = ("probability", "previous_probability", "rank", "intent_stage")
BEGINS = ("reason_", "p_", "expected_")


def blinded(rows: Any) -> Any:
    """Return rows in which the holdout's score is empty: probabilities, rank, reasons and values; the rest stays.

    Who works such a lead then can't tell a high score from a low one, which is what makes its outcome honest.

    Examples
    --------
    >>> import pyarrow as pa
    >>> rows = pa.table({"lead_id": ["a", "b"], "probability": [0.5, 0.2], "tier": ["A", "A"], "is_holdout": [True, False]})
    >>> blinded(rows).to_pylist()
    [{'lead_id': 'a', 'probability': None, 'tier': 'A'}, {'lead_id': 'b', 'probability': 0.2, 'tier': 'A'}]
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if HOLDOUT not in rows.column_names:
        return rows
    mine = pc.fill_null(rows.column(HOLDOUT), False)
    for n, name in enumerate(rows.column_names):
        if name in TOLD or name.startswith(BEGINS):
            column = rows.column(name)
            rows = rows.set_column(n, name, pc.if_else(mine, pa.scalar(None, column.type), column))
    return rows.drop_columns([HOLDOUT])
