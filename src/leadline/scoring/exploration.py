"""The exploration holdout: leads that a hash of their id chooses, worked by lot whatever their score.

Where sales works what the model puts on top, the outcomes of the others say what comes of leads that nobody worked, and
a model that learns from them learns its own advice. In the holdout the tier is drawn, with the shares that the tiers
have that night, so that being worked doesn't hang on the score there, and no tier grows. Who is in it follows from the
lead's id and the config's seed alone: it is the same every night, and a larger share keeps who was in a smaller one.
The lot is drawn anew each week, as capacity is told by weeks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.core.point_in_time import WEEK
from leadline.scoring.previous_scores import PreviousScores
from leadline.scoring.ranking import Scores

__all__ = ["COLUMN", "apply_holdout", "blank_holdout_scores", "draw_random_tiers", "in_holdout", "without_holdout"]

COLUMN = "is_holdout"

"""The column of the scores that says who is in the holdout; it is there only when the config asks for one."""


def in_holdout(leads: npt.NDArray[Any], seed: int, share: float) -> npt.NDArray[np.bool_]:
    """Tell which leads are in the holdout.

    Examples
    --------
    >>> leads = np.array([f"L{n}" for n in range(10_000)])
    >>> few, more = in_holdout(leads, 7, 0.02), in_holdout(leads, 7, 0.05)
    >>> bool(150 < few.sum() < 250), bool(more[few].all())
    (True, True)
    """
    return _hashed_uniform(leads, f"{seed}:exploration") < share


def draw_random_tiers(
    leads: npt.NDArray[Any], tier: npt.NDArray[np.object_], names: Sequence[str], seed: int, as_of: int
) -> npt.NDArray[np.object_]:
    """Draw the tiers of a week's leads by lot, with the shares that the tiers have in `tier`.

    Parameters
    ----------
    leads : array of str
        Whose tiers are drawn.
    tier : object array
        The tiers of all leads tonight, as the scores give them.
    names : sequence of str
        The tiers, the best first.

    Examples
    --------
    >>> draw_random_tiers(np.array(["L1"]), np.array(["A", "A"], dtype=object), ["A", "B"], 7, 0).tolist()
    ['A']
    """
    counts = np.array([int(np.sum(tier == name)) for name in names], dtype=np.float64)
    ends = np.cumsum(counts) / max(counts.sum(), 1.0)
    lots = _hashed_uniform(leads, f"{seed}:lot:{as_of // WEEK}")
    place = np.minimum(np.searchsorted(ends, lots, side="right"), len(names) - 1)
    return np.asarray(np.array(names, dtype=object)[place], dtype=object)


def without_holdout(before: PreviousScores | None, seed: int, share: float) -> PreviousScores | None:
    """Return the night before without the holdout's tiers: they were drawn, and hold no place on the line."""
    if before is None or not before.tier or not share:
        return before
    leads = np.array(list(before.tier), dtype=object)
    gone = set(leads[in_holdout(leads, seed, share)].tolist())
    return replace(before, tier={lead: tier for lead, tier in before.tier.items() if lead not in gone})


def apply_holdout(scores: Scores, names: Sequence[str], seed: int, share: float) -> Scores:
    """Return a night's scores with the holdout marked, and its tiers drawn by lot; as they are where there is none."""
    if not share:
        return scores
    mine = in_holdout(scores.lead_id, seed, share)
    tier = scores.tier.copy()
    tier[mine] = draw_random_tiers(scores.lead_id[mine], scores.tier, names, seed, scores.as_of)
    return replace(scores, tier=tier, later={**scores.later, COLUMN: mine})


def _hashed_uniform(leads: npt.NDArray[Any], key: str) -> npt.NDArray[np.float64]:
    """Draw a number from 0 to 1 for each lead: the same for the same lead and key."""
    numbers = (int.from_bytes(hashlib.sha256(f"{key}:{lead}".encode()).digest()[:8], "big") for lead in leads)
    return np.fromiter((n / 2**64 for n in numbers), dtype=np.float64, count=len(leads))


# Blind rows: what leaves leadline of leads in the exploration holdout has their tier and nothing of their score.


HOLDOUT = "is_holdout"

TOLD = ("probability", "previous_probability", "rank", "intent_stage", "change")

BEGINS = ("reason_", "p_", "expected_")


def blank_holdout_scores(rows: Any) -> Any:
    """Return rows in which the holdout's score is empty: probabilities, rank, reasons and values; the rest stays.

    Who works such a lead then can't tell a high score from a low one, which is what makes its outcome honest.

    Examples
    --------
    >>> import pyarrow as pa
    >>> rows = pa.table({"lead_id": ["a", "b"], "probability": [0.5, 0.2], "tier": ["A", "A"], "is_holdout": [True, False]})
    >>> blank_holdout_scores(rows).to_pylist()
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
