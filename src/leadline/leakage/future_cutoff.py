"""LL303: the future is cut off the sources, and no feature may move (law 2, held on the user's own tables)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from leadline.core.checks import Check, Finding, Severity
from leadline.features.build import FeatureTable

__all__ = ["MUTATION", "CutoffComparison", "changed_columns"]

Answer = tuple[str, str, str, str, int]


@dataclass(frozen=True)
class CutoffComparison:
    """Features of the same snapshots, from everything and from the sources cut at `as_of`, aligned row by row.

    Attributes
    ----------
    whole, cut : FeatureTable or None
        None where nothing could be cut.
    gone : int
        Snapshots that are there with the future and not without it.
    opaque : tuple of str
        Tables whose source is a query: what it computes over all rows happens before leadline sees a row.
    reason : str
        Why nothing could be cut, or "".
    """

    whole: FeatureTable | None
    cut: FeatureTable | None
    gone: int = 0
    opaque: tuple[str, ...] = ()
    reason: str = ""


def changed_columns(whole: FeatureTable, cut: FeatureTable) -> dict[str, int]:
    """Return the features whose values differ, each with the number of rows; bit for bit, NaN and None being equal.

    Examples
    --------
    >>> import pandas as pd
    >>> from leadline.dataset.feature_spec import Feature
    >>> spec = Feature("visits", "behaviour", "visits", "count", "count", "visited")
    >>> one, two = (FeatureTable((spec,), np.array(["L1"], object), np.array([None], object), np.array([5]),
    ...             pd.DataFrame({"visits": [n]})) for n in (1.0, 2.0))
    >>> changed_columns(one, one), changed_columns(one, two)
    ({}, {'visits': 1})
    """
    moved = {}
    for spec in whole.specs:
        a, b = (made.values[spec.name].to_numpy() for made in (whole, cut))
        if spec.kind == "category":
            differ = int(sum(x != y for x, y in zip(a, b, strict=True)))
        else:
            differ = int(np.sum(~((a == b) | (np.isnan(a) & np.isnan(b)))))
        if differ:
            moved[spec.name] = differ
    return moved


def future_moves_features(context: CutoffComparison) -> Iterator[Answer | Finding]:
    """Refuse features that change when the rows after as_of are taken away."""
    if context.opaque:
        first, *others = context.opaque
        more = f"; so are those of {', '.join(others)}" if others else ""
        yield Finding(
            "LL303", Severity.NOT_APPLICABLE, f"tables.{first}.source",
            f"the source is a query, which runs over all its rows before any can be cut off: look at it for windows and aggregates without a date{more}",
            "", "",
        )  # fmt: skip
    if context.whole is None or context.cut is None:
        return
    moved = changed_columns(context.whole, context.cut)
    if context.gone:
        yield (
            "snapshots", f"{context.gone} of {len(context.whole) + context.gone} sampled snapshots are open only if later rows are known",
            "the same snapshots with and without the future", "look for rows that later exports rewrote; please report it if there are none", context.gone,
        )  # fmt: skip
    if moved:
        worst = max(moved, key=lambda name: (moved[name], name))
        yield (
            "features", f"{len(moved)} of {len(context.whole.specs)} change when rows after as_of are taken away (most: {worst}, in {moved[worst]} of {len(context.whole)} rows)",
            "features that the future can't move", "give the table behind it recorded_at or a history; please report it if it has them", moved[worst],
        )  # fmt: skip


MUTATION: tuple[Check[CutoffComparison], ...] = (
    Check(
        "LL303", "the future moves features", Severity.ERROR, future_moves_features,
        "a feature that later rows change knows what nobody knew at as_of", lambda c: c.reason,
    ),
)  # fmt: skip
