"""The leads that are open at T: whom to act on this week, and why. Counts are for the page, names for the lists beside it.

A lead stands on one list at most, the first of these that it belongs to:

- *call*: it is in the best tier, and its latest acts make it purchase-ready;
- *late*: it is MQL, the SLA is over, and sales hasn't touched it;
- *nurture*: it is MQL, in the last tier, and shows no intent beyond awareness.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ACTIONS", "GONE", "NEW", "OpenLeads", "actions_record", "choose_action", "count_moves"]

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.object_]

ACTIONS = ("call", "late", "nurture")
"""What may be done, the most urgent first."""

NEW, GONE = "new", "gone"
"""Where a lead comes from that wasn't open the night before, and where one goes that isn't open any more."""

READY, COLD = "purchase_ready", ("early_researcher", "no_recent_intent")


@dataclass(frozen=True)
class OpenLeads:
    """Open leads at T, the best first; one entry a lead.

    Attributes
    ----------
    lead, account : object arrays
        Who; the account may be None.
    probability : float64 array
        What the model says.
    tier, stage : object arrays
        Its tier and its intent stage; stages are None where no behaviour has an intent.
    tiers : tuple of str
        The names of the tiers, the best first.
    mql_at, touched_at : float64 arrays
        When it became MQL, and when sales first touched it, in microseconds; NaN for never.
    overdue_at : float
        MQLs of before this instant have been waiting for longer than the SLA; NaN where there is none, or no touches.
    grade : object array, optional
        The cell of the fit × engagement grid; None each where there are no grades.
    """

    lead: Words
    account: Words
    probability: Floats
    tier: Words
    stage: Words
    tiers: tuple[str, ...]
    mql_at: Floats
    touched_at: Floats
    overdue_at: float = float("nan")
    grade: Words | None = None

    def __len__(self) -> int:
        return len(self.lead)


def choose_action(leads: OpenLeads) -> Words:
    """Return what should be done with each lead this week; None for nothing.

    Examples
    --------
    >>> who, nan = np.array(["a", "b", "c", "d"], dtype=object), float("nan")
    >>> leads = OpenLeads(who, who, np.full(4, 0.1), np.array(["A", "A", "D", "D"], dtype=object),
    ...     np.array([READY, "active_evaluator", "no_recent_intent", READY], dtype=object), ("A", "D"), np.array([nan, 1.0, 9.0, 9.0]), np.full(4, nan), 5.0)
    >>> choose_action(leads).tolist()
    ['call', 'late', 'nurture', None]
    """
    mql = np.isfinite(leads.mql_at)
    late = mql & ~np.isfinite(leads.touched_at) & (leads.mql_at <= leads.overdue_at)
    call = (leads.tier == leads.tiers[0]) & (leads.stage == READY)
    nurture = mql & (leads.tier == leads.tiers[-1]) & np.isin(leads.stage, COLD)
    found: Words = np.full(len(leads), None, dtype=object)
    for name, mine in reversed(list(zip(ACTIONS, (call, late, nurture), strict=True))):
        found[mine] = name
    return found


def actions_record(leads: OpenLeads) -> dict[str, Any]:
    """Return counts as plain JSON values: open leads, by tier, and for each action its leads and how many the model expects to convert."""
    action = choose_action(leads)
    return {
        "leads": len(leads),
        "tiers": {name: int((leads.tier == name).sum()) for name in leads.tiers},
        "grades": None if leads.grade is None or None in leads.grade.tolist() else dict(sorted(Counter(leads.grade.tolist()).items())),
        "actions": [
            {"action": name, "leads": int((action == name).sum()), "expected": float(leads.probability[action == name].sum())}
            for name in ACTIONS
        ],
    }  # fmt: skip


def count_moves(before: Mapping[str, str], now: Mapping[str, str]) -> list[dict[str, Any]]:
    """Count the leads that went from one level to another between two nights; those that stayed aren't told.

    Examples
    --------
    >>> count_moves({"a": "B", "b": "A", "c": "A"}, {"a": "A", "b": "A", "d": "C"})
    [{'start': 'A', 'end': 'gone', 'leads': 1}, {'start': 'B', 'end': 'A', 'leads': 1}, {'start': 'new', 'end': 'C', 'leads': 1}]
    """
    moves = Counter((before.get(lead, NEW), now.get(lead, GONE)) for lead in {*before, *now})
    return [{"start": start, "end": end, "leads": n} for (start, end), n in sorted(moves.items()) if start != end]
