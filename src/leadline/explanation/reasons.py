"""Reasons for many leads at once: which groups of features move each score most, and what is said of them.

Rows of which the same would be said are found by columns of numbers, so that each text is written once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from leadline.core.point_in_time import DAY
from leadline.dataset.feature_spec import Feature
from leadline.explanation.reason_text import describe_group, shortest_window

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "LEAST",
    "REASONS",
    "TopGroups",
    "group_contributions",
    "lead_reasons",
    "reason_texts",
    "strongest_groups",
    "top_groups",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
REASONS = 5
LEAST = 0.01  # log odds below which an effect is no reason
NONE = -1


class TopGroups(NamedTuple):
    """Each row's strongest groups by number, `NONE` where there are fewer, and whether they lower the score."""

    group: npt.NDArray[np.int16]
    lowers: npt.NDArray[np.bool_]

    @classmethod
    def joined(cls, parts: Sequence[TopGroups], most: int = REASONS) -> TopGroups:
        """Put chunks of rows below one another."""
        groups = [np.empty((0, most), dtype=np.int16), *(part.group for part in parts)]
        return cls(
            np.concatenate(groups), np.concatenate([np.empty((0, most), dtype=bool), *(p.lowers for p in parts)])
        )


def group_contributions(specs: Sequence[Feature], contributions: Floats) -> tuple[list[str], Floats]:
    """Sum the contributions of each group's features; groups in order of their first feature.

    Examples
    --------
    >>> a, b = (Feature(n, "behaviour", "visits", "count", "count", "visited") for n in ("v7", "v30"))
    >>> groups, summed = group_contributions([a, b], np.array([[1.0, 2.0]]))
    >>> groups, summed.tolist()
    (['visits'], [[3.0]])
    """
    groups = list(dict.fromkeys(s.group for s in specs))
    summed = np.zeros((len(contributions), len(groups)), order="F")
    for i, spec in enumerate(specs):
        summed[:, groups.index(spec.group)] += contributions[:, i]
    return groups, summed


def lead_reasons(
    specs: Sequence[Feature],
    values: pd.DataFrame,
    contributions: Floats,
    as_of: Ints,
    most: int = REASONS,
) -> npt.NDArray[np.object_]:
    """Write each lead's strongest reasons, as an array of texts (rows × `most`), None where there are fewer.

    A reason that lowers the score says so. What moves the log odds by less than a hundredth is no reason.
    """
    return reason_texts(specs, values, top_groups(specs, contributions, most), as_of)


def top_groups(specs: Sequence[Feature], contributions: Floats, most: int = REASONS) -> TopGroups:
    """Find each row's strongest groups, the strongest first; of equals the first group.

    Examples
    --------
    >>> specs = [Feature(n, "behaviour", n, "count", "count", n) for n in "abc"]
    >>> top_groups(specs, np.array([[0.2, -0.5, 0.001]]), 3).group.tolist()
    [[1, 0, -1]]
    """
    return strongest_groups(group_contributions(specs, contributions)[1], most)


def strongest_groups(summed: Floats, most: int = REASONS) -> TopGroups:
    """Find each row's strongest groups of what `group_contributions` summed."""
    found = np.full((len(summed), most), NONE, dtype=np.int16)
    lowers = np.zeros((len(summed), most), dtype=bool)
    size, row = np.abs(summed, order="C"), np.arange(len(summed))
    for place in range(min(most, summed.shape[1])):
        best = size.argmax(axis=1)
        is_reason = size[row, best] >= LEAST
        found[is_reason, place] = best[is_reason]
        lowers[:, place] = summed[row, best] < 0
        size[row, best] = -1.0
    return TopGroups(found, lowers)


def reason_texts(
    specs: Sequence[Feature], values: pd.DataFrame, told: TopGroups, as_of: Ints
) -> npt.NDArray[np.object_]:
    """Write the reasons, each text once for all rows that it is the same for."""
    texts = np.full(told.group.size, None, dtype=object)
    groups = list(dict.fromkeys(s.group for s in specs))
    of_group, is_lower = told.group.ravel(), told.lowers.ravel()
    order = np.argsort(of_group, kind="stable")
    ends = np.searchsorted(of_group[order], np.arange(len(groups) + 1))
    for n, group in enumerate(groups):
        places = order[ends[n] : ends[n + 1]]
        if not len(places):
            continue
        rows = places // told.group.shape[1]
        members = [s for s in specs if s.group == group]
        facts = {s.name: values[s.name].to_numpy()[rows] for s in members}
        moment, lower = as_of[rows], is_lower[places]
        code, first = _group_rows([lower, moment, *_reason_keys(members, facts, moment)])
        texts[places] = _texts(members, facts, moment, lower, first)[code]
    return texts.reshape(told.group.shape)


def _texts(
    members: Sequence[Feature], facts: dict[str, Any], as_of: Ints, lower: npt.NDArray[np.bool_], rows: Ints
) -> npt.NDArray[np.object_]:
    texts = np.empty(len(rows), dtype=object)
    for n, row in enumerate(rows):
        fact = describe_group(members, {name: column[row] for name, column in facts.items()}, int(as_of[row]))
        texts[n] = f"{fact} (lowers the score)" if lower[row] else fact
    return texts


def _reason_keys(members: Sequence[Feature], facts: dict[str, Any], as_of: Ints) -> list[npt.NDArray[Any]]:
    """Return columns that are equal only where the same is said of the group."""
    told = shortest_window(members)
    if told is None:
        return [key for s in members for key in _keys(s, facts[s.name], as_of)]
    which, most = np.full(len(as_of), NONE), np.zeros(len(as_of))
    windows = [(n, s) for n, s in enumerate(members) if s.aggregate == told[0]]
    for n, spec in sorted(windows, key=lambda w: -(w[1].window.micros if w[1].window else np.inf)):
        some = facts[spec.name] > 0
        which[some], most[some] = n, facts[spec.name][some]
    last = next((s for s in members if s.aggregate == told[1]), None)
    rest = which == NONE if last is None else (which == NONE) & np.isnan(facts[last.name])
    others = [s for s in members if s.aggregate not in told]
    spare = [key for s in others for key in _keys(s, np.where(rest, facts[s.name], 0.0), as_of)]
    return [which, most, *(_keys(last, facts[last.name], as_of) if last else []), *spare]


def _keys(spec: Feature, column: npt.NDArray[Any], as_of: Ints) -> list[npt.NDArray[Any]]:
    """Return columns that are equal only where the same is said: days are said as a date, and as whole hours or days."""
    if spec.kind != "days" or spec.aggregate == "value":
        return [column]
    days = column.astype(np.float64)
    known = np.where(np.isnan(days), 0.0, days)
    whole = np.where(days < 1, np.rint(days * 24), 1000 + np.rint(days))
    date = (as_of - np.rint(known * DAY).astype(np.int64)) // DAY
    return [whole, np.where(np.isnan(days), 0, date)]


def _group_rows(columns: Sequence[npt.NDArray[Any]]) -> tuple[Ints, Ints]:
    """Number the rows by what stands in all columns; return the numbers and each number's first row.

    Examples
    --------
    >>> code, first = _group_rows([np.array([1.0, 2.0, 1.0, 1.0]), np.array(["a", "a", "a", None], dtype=object)])
    >>> code.tolist(), first.tolist()
    ([0, 1, 0, 2], [0, 1, 3])
    """
    import pandas as pd

    code = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        own, uniques = pd.factorize(column)
        if len(uniques) > 1 or (own < 0).any():
            code = pd.factorize(code * (len(uniques) + 1) + own + 1)[0].astype(np.int64)
    first = np.empty(int(code.max(initial=-1)) + 1, dtype=np.int64)
    first[code[::-1]] = np.arange(len(code))[::-1]
    return code, first
