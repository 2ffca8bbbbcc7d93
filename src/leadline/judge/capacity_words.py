"""The capacity table and the steadiness of the tiers in words, for a terminal of 80 columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from leadline.report import say

__all__ = ["HEAD", "KEY", "rows", "sentences"]

HEAD = ("leads", "threshold", "prec. near", "prec.", "recall", "pos./wk", "new/wk", "leads/run")
KEY = (
    "leads: a week, at or above the threshold; prec. near: precision just around the threshold; pos./wk: positives a week; "
    "new/wk: those of leads worked once only; leads/run: leads at or above a fixed threshold"
)


def rows(cuts: Sequence[Mapping[str, Any]], words: str = "") -> list[list[str]]:
    """Return a row of cells for each threshold; `words` is the key of a first cell with a name.

    Examples
    --------
    >>> cut = {"leads_per_week": 40.0, "probability": 0.1, "precision": 0.2, "recall": None, "expected": 8.0, "marginal": 0.09,
    ...        "new": 6.5, "night": 40.0, "night_spread": 6.9}
    >>> rows([cut])
    [['40.0', '10.0%', '9.0%', '20.0%', '–', '8.0', '6.5', '40 ± 7']]
    """
    made = []
    for c in cuts:
        shares = [say.share(c[key]) for key in ("probability", "marginal", "precision", "recall")]
        numbers = [f"{c['expected']:.1f}", f"{c['new']:.1f}", f"{c['night']:.0f} ± {c['night_spread']:.0f}"]
        made.append([*([str(c[words])] if words else []), f"{c['leads_per_week']:.1f}", *shares, *numbers])
    return made


def sentences(steady: Mapping[str, Any]) -> list[str]:
    """Say what a night holds, and what the band spares.

    Examples
    --------
    >>> told = {"mean": 40.0, "spread": 0.0, "low": 40.0, "high": 40.0, "precision": 0.2, "flips": 30.0, "near": 45.0}
    >>> held = {"plain": told, "banded": {**told, "near": 20.0, "flips": 22.0}}
    >>> for line in sentences({"mode": "top_n", "band": 0.25, "night": 40.0, "held": held}):
    ...     print(line)
    Tier A takes the best 40 leads of a night, none at less than half the odds of its threshold.
    It keeps a lead on its line until another has odds 28% higher: of 100 such leads 20 flip from one night to the next, not 45.
    """
    held, made = steady.get("held") or {}, []
    if steady.get("unused"):
        made.append(
            f"No lead of the newest fold has {steady['by']} {' or '.join(steady['unused'])}: that capacity stays unused."
        )
    if steady.get("night"):
        made.append(
            f"Tier A takes the best {steady['night']:.0f} leads of a night, none at less than half the odds of its threshold."
        )
    fixed = held.get("threshold", held.get("probability"))  # older records' names follow
    steadied = held.get("top_n", held.get("volume"))
    if fixed and steadied:
        made.append(
            f"On nights of later folds a fixed threshold held {fixed['low']:.0f} to {fixed['high']:.0f} leads (precision {say.share(fixed['precision'])}), "
            f"a fixed number of leads {steadied['low']:.0f} to {steadied['high']:.0f} ({say.share(steadied['precision'])})."
        )
    plain, banded = held.get("plain"), held.get("banded")
    if plain and banded and _known(plain["near"]) and _known(banded["near"]):
        made.append(
            f"It keeps a lead on its line until another has odds {math.expm1(steady['band']):.0%} higher: of 100 such leads "
            f"{banded['near']:.0f} flip from one night to the next, not {plain['near']:.0f}."
        )
    return made


def _known(value: Any) -> bool:
    return value is not None and value == value
