"""Segments in words: in how many probabilities hold, and which are off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

__all__ = ["lines", "percent", "summary"]

WIDTH = 80
NAMED = 5  # segments that a summary names


def lines(record: Mapping[str, Any]) -> list[str]:
    """Say for a terminal whether probabilities hold as a whole, and in how many segments.

    Examples
    --------
    >>> lines({"overall": {"predicted": 0.12, "observed": 0.1, "low": 0.08, "high": 0.13}, "segments": []})
    ['calibration over all leads: 12% predicted, 10% observed (8.0% to 13%)']
    """
    predicted, observed, low, high = (
        percent(record["overall"][key]) for key in ("predicted", "observed", "low", "high")
    )
    whole = f"calibration over all leads: {predicted} predicted, {observed} observed ({low} to {high})"
    return [whole, *wrap(summary(record), WIDTH, subsequent_indent="  ")]


def summary(record: Mapping[str, Any]) -> str:
    """Say in one line in how many segments the model is calibrated, of what `Segments.to_record` made.

    Examples
    --------
    >>> segment = {"by": "country", "level": "NL", "verdict": "miscalibrated", "predicted": 0.12, "observed": 0.18}
    >>> summary({"segments": [segment, {**segment, "level": "BE", "verdict": "calibrated"}]})
    'well calibrated in 1 of 2 segments; miscalibrated: country = NL (12% predicted, 18% observed)'
    """
    every: Sequence[Mapping[str, Any]] = record["segments"]
    holds, off = ([s for s in every if s["verdict"] == verdict] for verdict in ("calibrated", "miscalibrated"))
    few = len(every) - len(holds) - len(off)
    if not holds and not off:
        return f"calibration by segment: too few positives in each of {len(every)} to say" if every else ""
    said = f"well calibrated in {len(holds)} of {len(holds) + len(off)} segments"
    if off:
        said += "; miscalibrated: " + ", ".join(
            f"{s['by']} = {s['level']} ({percent(s['predicted'])} predicted, {percent(s['observed'])} observed)"
            for s in off[:NAMED]
        )
        said += f" and {len(off) - NAMED} more" if len(off) > NAMED else ""
    return said + (f"; too few to say in {few}" if few else "")


def percent(share: float | None) -> str:
    """Say a share as percent, small ones with a digit after the point.

    Examples
    --------
    >>> percent(0.12), percent(0.034), percent(None)
    ('12%', '3.4%', '–')
    """
    if share is None or share != share:
        return "–"
    return f"{share:.0%}" if share >= 0.1 else f"{share:.1%}"
