"""Drivers and reasons: which features decide, and why one lead has its score, in words with facts and dates.

Attributions are the scorer's own (LightGBM's ``pred_contrib``, which equals SHAP's TreeExplainer, plus the linear
part), so importing `shap` costs nobody anything but who asks for an `explanation`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from leadline.history.spec import Feature
from leadline.times import DAY, format_instant

if TYPE_CHECKING:
    import pandas as pd

    from leadline.history.features import Features
    from leadline.model.scorer import Scorer

__all__ = ["REASONS", "Driver", "drivers", "explanation", "reasons"]

Floats = npt.NDArray[np.float64]
REASONS = 5
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LONGEST = 60  # characters of a lead's own text in a reason


@dataclass(frozen=True)
class Driver:
    """A group of features and how much it moves scores.

    Attributes
    ----------
    group, words : str
        Which features, and the words for them.
    weight : float
        Mean absolute contribution to the log odds, over leads.
    share : float
        Its share of all groups' weight.
    direction : float
        Correlation of the value that matters most with its contribution: above 0, more of it raises the score.
    """

    group: str
    words: str
    weight: float
    share: float
    direction: float


def drivers(specs: Sequence[Feature], values: pd.DataFrame, contributions: Floats, weight: Floats) -> list[Driver]:
    """Rank the groups of features by their mean absolute contribution, the strongest first."""
    groups, summed = by_group(specs, contributions)
    mass = weight / weight.sum() if len(weight) else weight
    sizes = np.abs(summed).T @ mass
    total = float(sizes.sum()) or 1.0
    result = []
    for n, group in enumerate(groups):
        mine = [i for i, s in enumerate(specs) if s.group == group]
        main = max(mine, key=lambda i: float(np.abs(contributions[:, i]) @ mass))
        result.append(
            Driver(
                group,
                specs[mine[0]].words,
                float(sizes[n]),
                float(sizes[n]) / total,
                _direction(specs[main], values, contributions[:, main]),
            )
        )
    return sorted(result, key=lambda d: (-d.weight, d.group))


def _direction(spec: Feature, values: pd.DataFrame, contribution: Floats) -> float:
    if spec.kind == "category":
        return float("nan")
    x = values[spec.name].to_numpy(dtype=np.float64)
    known = np.isfinite(x)
    x, contribution = x[known], contribution[known]
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(contribution) == 0:
        return float("nan")
    return float(np.corrcoef(x, contribution)[0, 1])


def by_group(specs: Sequence[Feature], contributions: Floats) -> tuple[list[str], Floats]:
    """Sum the contributions of each group's features; groups in order of their first feature.

    Examples
    --------
    >>> a, b = (Feature(n, "behaviour", "visits", "count", "count", "visited") for n in ("v7", "v30"))
    >>> groups, summed = by_group([a, b], np.array([[1.0, 2.0]]))
    >>> groups, summed.tolist()
    (['visits'], [[3.0]])
    """
    groups = list(dict.fromkeys(s.group for s in specs))
    summed = np.zeros((len(contributions), len(groups)))
    for i, spec in enumerate(specs):
        summed[:, groups.index(spec.group)] += contributions[:, i]
    return groups, summed


def reasons(
    specs: Sequence[Feature],
    values: pd.DataFrame,
    contributions: Floats,
    as_of: npt.NDArray[np.int64],
    most: int = REASONS,
) -> npt.NDArray[np.object_]:
    """Write each lead's strongest reasons, as an array of texts (rows × `most`), None where there are fewer.

    A reason that lowers the score says so. What moves the log odds by less than a hundredth is no reason.
    """
    groups, summed = by_group(specs, contributions)
    members = {g: [s for s in specs if s.group == g] for g in groups}
    texts = np.full((len(values), most), None, dtype=object)
    if not groups:
        return texts
    order = np.argsort(-np.abs(summed), axis=1, kind="stable")[:, :most]
    columns = {s.name: values[s.name].to_numpy() for s in specs}
    for row in range(len(values)):
        for place, n in enumerate(order[row]):
            effect = summed[row, n]
            if abs(effect) < 0.01:
                break
            facts = {s.name: columns[s.name][row] for s in members[groups[n]]}
            fact = say(members[groups[n]], facts, int(as_of[row]))
            texts[row, place] = fact if effect > 0 else f"{fact} (lowers the score)"
    return texts


def say(group: Sequence[Feature], facts: dict[str, Any], as_of: int) -> str:
    """Say one group's facts about one lead.

    Examples
    --------
    >>> from leadline.times import Horizon, parse_instant
    >>> week = Feature("n_7d", "behaviour", "pricing", "count", "count", "viewed the pricing page", window=Horizon.parse("7d"))
    >>> last = Feature("since", "recency", "pricing", "days", "since_last", "viewed the pricing page")
    >>> say([week, last], {"n_7d": 4.0, "since": 2.0}, parse_instant("2026-11-16"))
    'viewed the pricing page 4 times in 7 days, last on 14 Nov'
    >>> say([week, last], {"n_7d": 0.0, "since": float("nan")}, parse_instant("2026-11-16"))
    'never viewed the pricing page'
    """
    first = group[0]
    if first.aggregate == "value":
        return f"{first.words} is {_value(facts[first.name])}"
    if first.aggregate == "age":
        return f"created {_days(facts[first.name])} ago"
    if first.table == "stages":
        since = next((facts[s.name] for s in group if s.aggregate == "since_stage"), math.nan)
        reached = next((facts[s.name] for s in group if s.aggregate == "in_stage"), 0.0 if math.isnan(since) else 1.0)
        when = "" if math.isnan(since) else f" on {_date(as_of, since)}"
        return f"{first.words}{when}" if reached else f"never {first.words}"
    return _acts(group, facts, as_of)


def _acts(group: Sequence[Feature], facts: dict[str, Any], as_of: int) -> str:
    words = group[0].words
    since = next((facts[s.name] for s in group if s.aggregate == "since_last"), math.nan)
    last = "" if math.isnan(since) else f", last on {_date(as_of, since)}"
    counts = [(s, float(facts[s.name])) for s in group if s.aggregate == "count"]
    some = min(
        (c for c in counts if c[1] > 0), key=lambda c: c[0].window.micros if c[0].window else math.inf, default=None
    )
    if some is None:
        if not math.isnan(since):
            return f"{words} long ago{last}"
        return f"no {words}" if words.startswith("acts") else f"never {words}"
    spec, n = some
    span = f" in {spec.window.days:g} days" if spec.window else " in all"
    if words.startswith("acts"):
        return f"{n:g} {words if n != 1 else words.replace('acts', 'act', 1)}{span}{last}"
    return f"{words} {'once' if n == 1 else f'{n:g} times'}{span}{last}"


def _value(value: Any) -> str:
    """Say an attribute's value in a few printable characters."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "unknown"
    if isinstance(value, (int, float, np.floating)):
        return f"{float(value):,.6g}"
    text = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _days(days: float) -> str:
    if days < 1:
        return f"{max(round(days * 24), 0)} hours"
    return f"{days:.0f} day{'' if round(days) == 1 else 's'}"


def _date(as_of: int, days_before: float) -> str:
    then, now = format_instant(as_of - round(days_before * DAY)), format_instant(as_of)
    text = f"{int(then[8:10])} {MONTHS[int(then[5:7]) - 1]}"
    return text if then[:4] == now[:4] else f"{text} {then[:4]}"


def explanation(scorer: Scorer, features: Features) -> Any:
    """Return a `shap.Explanation` of the margin, for SHAP's own plots.

    Its values are the scorer's contributions; categories appear in `data` as their codes.
    """
    import pandas as pd
    import shap

    values = features.values[list(scorer.names)]
    contributions, base = scorer.contributions(values)
    data = values.apply(
        lambda c: pd.Series(pd.factorize(c)[0], index=c.index, dtype=float) if c.dtype.kind not in "fiu" else c
    )
    return shap.Explanation(
        values=contributions,
        base_values=np.full(len(values), base),
        data=data.to_numpy(dtype=float),
        feature_names=list(scorer.names),
    )
