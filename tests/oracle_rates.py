"""The oracle of as-of conversion rates, of the stage now, and of the fit with the ICP: row by row; no code of leadline's.

It stands on `oracle` (a `Person` has its own rows and those of the records merged into it) and on `oracle_colleagues`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import oracle
import oracle_colleagues
from oracle import DAY, ENDS, RUNGS, Person, Row, Rules

STRENGTH = 100  # leads that everybody's rate counts for

KNOWN = {"rate", "stage_now", "since_stage_now", "recycled", "meets", "share_met", "engaged_by_size"}
"""The aggregates that this oracle speaks of."""


@dataclass
class World:
    """What all of them look at."""

    persons: Mapping[str, Person]
    firms: Mapping[str, Row]
    rules: Rules
    roles: Mapping[str, Sequence[str]]
    fields: set[str]  # that history has


def became(person: Person, rules: Rules, as_of: int) -> bool | None:
    """Whether a lead became the outcome within the horizon of its creation; None where nobody at as_of can say."""
    created = person.lead["created_at"]
    if not oracle.is_visible(person.lead, "created_at", as_of):
        return None
    if person.merged_since is not None and person.merged_since < as_of:
        return None
    if created + rules.horizon + rules.delay > as_of:
        return None
    if rules.observed_from is not None and created < rules.observed_from:
        return None
    if rules.observed_until is not None and created + rules.horizon + rules.delay > rules.observed_until:
        return None
    seen = [a for a, k in oracle.climbed(person, rules.reaches) if a < as_of and k < as_of]
    if any(a < created for a in seen):
        return None
    return any(created <= a < created + rules.horizon for a in seen)


def firm_of(account: str | None, as_of: int, world: World) -> Row | None:
    """The account's row, once it is recorded."""
    row = world.firms.get(account) if account is not None else None
    return row if row is not None and (row["recorded_at"] is None or row["recorded_at"] < as_of) else None


def value(spec: Any, person: Person, as_of: int, world: World) -> str | None:
    """What a rate's cohort has in common; None for unknown."""
    if spec.by == "role":
        return oracle_colleagues.role((person.lead["job_title"] or "").strip(" ") or None, world.roles)
    if spec.table == "accounts":
        firm = firm_of(person.lead["account_id"], as_of, world)
        return None if firm is None else firm[spec.field.removeprefix("account_")]
    return (person.lead[spec.field.removeprefix("lead_")] or "").strip(" ") or None


def rate(spec: Any, lead: str, as_of: int, world: World) -> float:
    """(k + m·p) / (n + m), p being the rate of all other leads whose outcome is known."""
    mine = value(spec, world.persons[lead], as_of, world)
    others = [(p, became(p, world.rules, as_of)) for name, p in world.persons.items() if name != lead]
    everybody = [b for _, b in others if b is not None]
    if mine is None or not everybody:
        return math.nan
    same = [b for p, b in others if b is not None and value(spec, p, as_of, world) == mine]
    prior = Fraction(sum(everybody), len(everybody))
    return float((sum(same) + STRENGTH * prior) / (len(same) + STRENGTH))


def standing(person: Person, as_of: int) -> tuple[int, int, int]:
    """The rung that a lead is at, since when, and how often it came back: its visible rows, played in order."""
    rows = sorted((a, s in ENDS, s) for a, k, s in person.reached if a < as_of and k < as_of)
    since: list[tuple[int, int]] = []  # the rungs since it last came back
    came_back, ended, ever_ended = 0, False, False
    for at, is_end, stage in rows:
        if is_end:
            ended, ever_ended, since = True, True, []
        else:
            came_back += ended
            ended = False
            since.append((RUNGS[stage], at))
    rung = max((r for r, _ in since), default=0)
    if rung == 0 and not ever_ended:
        return 0, person.lead["created_at"], came_back
    return rung, min(a for r, a in since if r >= rung), came_back


def criterion(told: dict[str, Any], person: Person, account: str | None, as_of: int, world: World) -> bool | None:
    """Whether one criterion is met; None where the value isn't known."""
    name = told["column"]
    if told["table"] == "accounts":
        firm = firm_of(account, as_of, world)
        found = None if firm is None else firm[name]
    elif name in world.fields:
        found = oracle.newest(person, name, as_of)
    else:
        found = person.lead[name]
    if told["words"]:
        text = (found or "").strip(" ").lower()
        return text in [w.strip().lower() for w in told["words"]] if text else None
    number = oracle.number(found)
    if math.isnan(number):
        return None
    if told["numbers"]:
        return number in told["numbers"]
    low, high = told["low"], told["high"]
    return (low is None or low <= number) and (high is None or number <= high)


def feature(spec: Any, lead: str, account: str | None, as_of: int, world: World) -> float:
    """One feature's value, by the meaning of its spec."""
    person = world.persons[lead]
    if spec.aggregate == "rate":
        return rate(spec, lead, as_of, world)
    if spec.aggregate in ("stage_now", "since_stage_now", "recycled"):
        rung, since, came_back = standing(person, as_of)
        return {"stage_now": float(rung), "since_stage_now": (as_of - since) / DAY, "recycled": float(came_back)}[
            spec.aggregate
        ]
    if spec.aggregate == "engaged_by_size":
        firm = firm_of(account, as_of, world)
        size = math.nan if firm is None else oracle.number(firm[spec.field.removeprefix("account_")])
        asked = SimpleNamespace(aggregate="colleagues_engaged", by="any", field="", window=spec.window)
        engaged = oracle_colleagues.feature(
            asked, lead, account, as_of, world.persons, world.rules, world.roles, world.fields
        )
        return engaged / size if size > 0 else math.nan
    assert spec.aggregate in ("meets", "share_met"), spec
    met = [criterion(json.loads(t), person, account, as_of, world) for t in spec.terms]
    known = [m for m in met if m is not None]
    return sum(known) / len(known) if known else math.nan
