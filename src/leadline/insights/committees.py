"""Buying committees: conversion by how many people of the account are engaged and in which roles, and whose arrival precedes SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.core.jsonable import to_jsonable
from leadline.core.point_in_time import Horizon
from leadline.dataset.usage import RoleArrivals
from leadline.insights.behaviours import LabeledSnapshots
from leadline.insights.rates_by_level import LevelRate, conversion_by_level
from leadline.metrics.lift import count_leads, group_codes, lift_interval, too_few, weighted_rate

__all__ = ["PEOPLE", "Committees", "RoleLift", "arrival_shares", "conversion_by_engaged", "conversion_by_role"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

PEOPLE = ("nobody", "1", "2", "3", "4 and more")
"""How many people of an account were engaged."""


@dataclass(frozen=True)
class RoleLift:
    """One role, with it and without it; NaN where there are too few.

    Attributes
    ----------
    role : str
        As the config has it.
    number : int
        Leads with it, or outcomes that its arrival preceded.
    with_it, without_it : float
        Conversion with the role engaged, and without; or the share of outcomes that its arrival preceded, and of other snapshots.
    lift, low, high : float
        The first over the second, with its 95% interval by account.
    too_few : bool
        Whether there are too few to say anything.
    """

    role: str
    number: int
    with_it: float
    without_it: float
    lift: float
    low: float
    high: float
    too_few: bool


@dataclass(frozen=True)
class Committees:
    """What an account's people tell.

    Attributes
    ----------
    people : tuple of (window, parts)
        Conversion by the number of engaged people, for each window.
    window : str
        In which roles were engaged.
    roles : tuple of Role
        Conversion with somebody of the account in that role engaged, and without, the highest lift first.
    within : str
        How long before the outcome an arrival precedes it.
    arrivals : tuple of Role
        The share of outcomes that the arrival of a colleague in that role preceded, and of other snapshots; see `arrival_shares`.
    outcomes, others : int
        How many of each were looked at.
    """

    people: tuple[tuple[str, tuple[LevelRate, ...]], ...]
    window: str
    roles: tuple[RoleLift, ...]
    within: str = ""
    arrivals: tuple[RoleLift, ...] = ()
    outcomes: int = 0
    others: int = 0

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        record: dict[str, Any] = to_jsonable(asdict(self))
        return record


def conversion_by_engaged(asked: LabeledSnapshots, own: Floats, colleagues: Floats) -> tuple[LevelRate, ...]:
    """Return conversion by the number of engaged people: the lead itself, where it acted, and its colleagues.

    Examples
    --------
    >>> lead = np.array([f"L{n}" for n in range(50)], dtype=object)
    >>> rows = LabeledSnapshots(np.ones(50), np.ones(50), lead, lead)
    >>> [(p.level, p.leads) for p in conversion_by_engaged(rows, np.ones(50), np.repeat([0.0, 6.0], 25))]
    [('nobody', 0), ('1', 25), ('2', 0), ('3', 0), ('4 and more', 25)]
    """
    number = np.minimum((own > 0) + np.nan_to_num(colleagues), len(PEOPLE) - 1).astype(np.int64)
    return conversion_by_level(asked, np.array(PEOPLE, dtype=object)[number], PEOPLE)


def conversion_by_role(asked: LabeledSnapshots, flags: Mapping[str, Floats]) -> tuple[RoleLift, ...]:
    """Return, for each role, conversion with somebody of the account in it engaged, and without; the highest lift first."""
    found = [_role(role, did > 0, asked.y, asked.weight, asked.lead, asked.group) for role, did in flags.items()]
    return tuple(sorted(found, key=lambda r: (r.too_few, -r.lift if not r.too_few else 0.0, r.role)))


def arrival_shares(told: RoleArrivals, within: Horizon) -> tuple[RoleLift, ...]:
    """Return, for each role, the share of outcomes that a colleague's arrival in it preceded, against other snapshots' share.

    Only those count in whose account no colleague in that role had acted before the span: nobody arrives twice, and an
    account that is known for long has most arrivals behind it.

    Examples
    --------
    >>> day = Horizon.parse("1d").micros
    >>> seen = RoleArrivals(("cfo",), np.full(2, 9 * day), np.array([True, False]), np.ones(2), np.array(["a", "b"], dtype=object), np.array([[8.0 * day], [np.nan]]))
    >>> [(r.role, r.number, r.with_it, r.without_it, r.too_few) for r in arrival_shares(seen, Horizon.parse("2d"))]
    [('cfo', 1, 1.0, 0.0, True)]
    """
    found = []
    for n, role in enumerate(told.roles):
        may = ~(told.first_at[:, n] < told.as_of - within.micros)  # NaN, for never, may
        came = np.isfinite(told.first_at[may, n]).astype(np.float64)
        found.append(_preceded(role, told.is_outcome[may], came, told.weight[may], told.account_id[may]))
    return tuple(sorted(found, key=lambda r: (r.too_few, -r.lift if not r.too_few else 0.0, r.role)))


def _preceded(role: str, outcome: Flags, came: Floats, weight: Floats, account: npt.NDArray[np.object_]) -> RoleLift:
    """Compare the share of outcomes with the share of other instants."""
    sides = [(int(side.sum()), int(came[side].sum())) for side in (outcome, ~outcome)]
    return _role_lift(role, sides[0][1], outcome, came, weight, account, too_few(sides))


def _role(
    role: str, did: Flags, y: Floats, weight: Floats, lead: npt.NDArray[np.object_], group: npt.NDArray[np.object_]
) -> RoleLift:
    sides = count_leads(group_codes(lead), y, did, ~did)
    return _role_lift(role, sides[0][0], did, y, weight, group, too_few(sides))


def _role_lift(
    role: str, number: int, did: Flags, y: Floats, weight: Floats, group: npt.NDArray[np.object_], few: bool
) -> RoleLift:
    ratio = (float("nan"),) * 3 if few else lift_interval(did, y, weight, group_codes(group))
    with_it, without = (weighted_rate(y[side], weight[side]) for side in (did, ~did))
    return RoleLift(role, number, with_it, without, *ratio, few)
