"""Assets, such as an ROI calculator: who used them, what followed, and conversion beside leads of the same intent stage.

What followed is counted from each lead's first use, of uses whose time is over by T; a stage that the lead had reached
before the use can't follow it. Beside the others: snapshots with a use in the intent stages' window, against snapshots of
the same intent stages without one. Both are association: keen leads use more of everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.core.jsonable import to_jsonable
from leadline.core.point_in_time import Horizon, has_label, reached_within
from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.dataset.usage import AssetUsage
from leadline.insights.behaviours import LabeledSnapshots
from leadline.insights.rates_by_level import OTHER, LevelRate, conversion_by_level, pool_rare_levels
from leadline.metrics.lift import count_leads, group_codes, stratified_lift, too_few

__all__ = ["AdjustedLift", "Asset", "AssetWindows", "adjusted_lift", "conversion_by_assets", "summarize_asset"]

Texts = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float64]

FOLLOWED = ("next", "sql", "opportunity", "won")
MOST_LEVELS = 8


NUMBERS = ("none", "1", "2", "3 and more")
"""How many distinct assets a lead used lately."""


def conversion_by_assets(asked: LabeledSnapshots, number: npt.NDArray[np.int64]) -> tuple[LevelRate, ...]:
    """Return conversion by the number of distinct assets that a lead used in the window.

    Examples
    --------
    >>> lead = np.array([f"L{n}" for n in range(50)], dtype=object)
    >>> rows = LabeledSnapshots(np.ones(50), np.ones(50), lead, lead)
    >>> [(p.level, p.leads) for p in conversion_by_assets(rows, np.repeat([0, 5], 25))]
    [('none', 25), ('1', 0), ('2', 0), ('3 and more', 25)]
    """
    level = np.array(NUMBERS, dtype=object)[np.minimum(number, len(NUMBERS) - 1)]
    return conversion_by_level(asked, level, NUMBERS)


@dataclass(frozen=True)
class AssetWindows:
    """How far ahead what followed is looked for: `within` for stages, `won_within` for a win; and up to when outcomes are known."""

    within: Horizon
    won_within: Horizon
    delay: Horizon
    known_until: int


@dataclass(frozen=True)
class AdjustedLift:
    """Conversion of snapshots with a use lately, and of those of the same intent stages without one; NaN for too few."""

    leads: int
    with_it: float
    without_it: float
    lift: float
    low: float
    high: float
    too_few: bool


@dataclass(frozen=True)
class Asset:
    """One asset.

    Attributes
    ----------
    name : str
        What the config calls it.
    leads, accounts : int
        Who used it, up to T.
    by_role, by_source : tuple of (level, users, leads)
        Of the leads of each role or source, how many used it; levels that fewer than 20 leads share are one.
    followed : tuple of Part
        The share of first uses after which the lead reached the next stage, SQL, opportunity and won.
    days : tuple of (leads, early, median, late)
        Days from first use to SQL, of those who reached it after: how many, and the quartiles (NaN for fewer than 20).
    beside : AdjustedLift or None
        Against leads of the same intent stages; None where no snapshot tells.
    """

    name: str
    leads: int
    accounts: int
    by_role: tuple[tuple[str, int, int], ...]
    by_source: tuple[tuple[str, int, int], ...]
    followed: tuple[LevelRate, ...]
    days: tuple[int, float, float, float]
    beside: AdjustedLift | None = None

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        record: dict[str, Any] = to_jsonable(asdict(self))
        return record


def summarize_asset(
    uses: AssetUsage,
    name: str,
    terms: AssetWindows,
    lead: Texts,
    levels: Mapping[str, Texts | None],
    beside: AdjustedLift | None = None,
) -> Asset:
    """Say who used an asset, and what followed.

    Parameters
    ----------
    lead, levels : object array, mapping
        All leads, and the `role` and `source` of each; None where nothing tells them.
    """
    mine = uses.asset == name
    who, account, at, reached = uses.lead_id[mine], uses.account_id[mine], uses.used_at[mine], uses.reached[mine]
    group = np.where(account == None, who, account)  # noqa: E711
    seen = {kind for kind, column in zip(FOLLOWED, uses.reached.T, strict=True) if np.isfinite(column).any()} | {"next"}
    followed = tuple(
        _outcomes_after_use(kind, who, group, at, reached, terms)
        if kind in seen
        else LevelRate(kind, 0, 0, 0)  # the data don't tell of it
        for kind in FOLLOWED
    )
    days = (reached[:, 1] - at) / Horizon.parse("1d").micros
    days = days[days >= 0]
    quartiles = np.quantile(days, [0.25, 0.5, 0.75]).tolist() if len(days) >= MIN_GROUP_SIZE else [float("nan")] * 3
    users = np.isin(lead.astype(str), who.astype(str))
    role, source = (_count_by_level(levels.get(key), lead, users) for key in ("role", "source"))
    firms = len({firm for firm in account if firm is not None})
    return Asset(name, len(who), firms, role, source, followed, (len(days), *quartiles), beside)


def _outcomes_after_use(
    kind: str, who: Texts, group: Texts, at: npt.NDArray[np.int64], reached: Floats, terms: AssetWindows
) -> LevelRate:
    """Return the share of ripe first uses that a stage followed, of those whose lead hadn't reached it before."""
    within = terms.won_within if kind == "won" else terms.within
    stood = np.sum(reached < at[:, None], axis=1)  # the rungs that were reached before, of an ever later list
    rung = np.minimum(stood, reached.shape[1] - 1) if kind == "next" else np.full(len(at), FOLLOWED.index(kind))
    then = reached[np.arange(len(at)), rung] if len(at) else np.empty(0)
    counts = (stood < reached.shape[1] if kind == "next" else ~(then < at)) & has_label(
        at, within, terms.delay, terms.known_until
    )
    y = reached_within(then, at, within).astype(np.float64)[counts]
    rows = LabeledSnapshots(y, np.ones(len(y)), who[counts], group[counts])
    return conversion_by_level(rows, np.full(len(y), kind, dtype=object), [kind])[0]


def _count_by_level(level: Texts | None, lead: Texts, users: npt.NDArray[np.bool_]) -> tuple[tuple[str, int, int], ...]:
    """Count users and leads of each level, the commonest level first."""
    if level is None:
        return ()
    shown = pool_rare_levels(level, lead, MOST_LEVELS)
    told = [
        (str(n), int(users[shown == n].sum()), int(np.sum(shown == n)))
        for n in sorted({s for s in shown if s is not None})
    ]
    return tuple(sorted(told, key=lambda one: (one[0] == OTHER, -one[2], one[0])))


def adjusted_lift(
    asked: LabeledSnapshots, did: npt.NDArray[np.bool_], stage: Texts | None, order: Sequence[str]
) -> AdjustedLift:
    """Compare snapshots with a use lately with those of the same intent stages without one.

    Parameters
    ----------
    stage : object array or None
        Each snapshot's intent stage; without, all count as one.
    """
    place = {name: n for n, name in enumerate(order)}
    stratum = np.array([place[s] for s in stage] if stage is not None else np.zeros(len(did)), dtype=np.int64)
    there = np.isin(stratum, np.unique(stratum[did]))  # stages in which nobody used it say nothing of it
    sides = count_leads(group_codes(asked.lead), asked.y, did, ~did & there)
    if too_few(sides):
        nan = float("nan")
        return AdjustedLift(sides[0][0], nan, nan, nan, nan, nan, True)
    ratio, low, high, with_it, without = stratified_lift(did, asked.y, asked.weight, group_codes(asked.group), stratum)
    return AdjustedLift(sides[0][0], with_it, without, ratio, low, high, False)
