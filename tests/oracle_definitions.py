"""Who meets a definition, told slowly: a condition as the config writes it, a lead's rows as plain Python, one row at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import oracle
import oracle_colleagues
from oracle import DAY, Person, Row

People = dict[str, Person]
UNITS = {"h": DAY // 24, "d": DAY, "w": 7 * DAY}


@dataclass
class Asked:
    """All that conditions are held against."""

    persons: People
    firms: dict[str, Row]
    fields: set[str]
    intents: Mapping[str, str] = field(default_factory=dict)
    assets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    icp: Mapping[str, Any] = field(default_factory=dict)
    roles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    rules: Sequence[tuple[dict[str, Any], float]] = ()


def listed(one: Any) -> list[Any]:
    return list(one) if isinstance(one, (list, tuple)) else [one]


def acts(person: Person, within: str | None, as_of: int) -> list[str]:
    """The visible acts since `within` before as_of."""
    since = as_of - int(within[:-1]) * UNITS[within[-1]] if within else None
    return [
        kind for at, known, kind in person.events if at < as_of and known < as_of and (since is None or at >= since)
    ]


def value(asked: Asked, person: Person, account: str | None, name: str, as_of: int) -> Any:
    if name in ("industry", "employees"):
        firm = asked.firms.get(account or "")
        found = None if firm is None else firm[name]
    else:
        found = oracle.newest(person, name, as_of) if name in asked.fields else person.lead[name]
    if name in ("size", "employees"):
        number = oracle.number(found)
        return None if number != number else number
    return (found or "").strip(" ") or None


def fits(found: Any, when: Mapping[str, Any]) -> bool:
    if found is None:
        return False
    if "has" in when:
        words = {part.strip().lower() for part in str(found).split(when.get("separator", ";"))}
        return bool(words & {str(word).strip().lower() for word in listed(when["has"])})
    if "equals" in when:
        return float(when["equals"]) == found if isinstance(found, float) else str(when["equals"]) == found
    if "in" in when:
        return any(
            float(w) == found if isinstance(found, float) else str(w).strip().lower() == found.lower()
            for w in when["in"]
        )
    return when.get("min", found) <= found <= when.get("max", found)


def meets(when: dict[str, Any], lead: str, account: str | None, as_of: int, asked: Asked) -> bool:
    """Whether a lead meets a condition at as_of."""
    person = asked.persons[lead]

    def again(part: dict[str, Any]) -> bool:
        return meets(part, lead, account, as_of, asked)

    if "all" in when:
        return all(again(part) for part in when["all"])
    if "any" in when:
        return any(again(part) for part in when["any"])
    if "not" in when:
        return not again(when["not"])
    if {"behaviour", "intent", "asset"} & set(when):
        return times(when, acts(person, when.get("within"), as_of), asked) >= when.get("at_least", 1)
    if "attribute" in when:
        return fits(value(asked, person, account, when["attribute"], as_of), when)
    if "icp" in when:
        met = [
            fits(value(asked, person, account, name, as_of), {"in": want} if isinstance(want, list) else want)
            for name, want in asked.icp.items()
        ]
        return sum(met) >= when["icp"]
    if "role" in when:
        title = oracle_colleagues.title(person, as_of, asked.fields)
        return oracle_colleagues.role(title, asked.roles) in listed(when["role"])
    if "points" in when:
        return sum(points for rule, points in asked.rules if again(rule)) >= when["points"]
    return engaged(when["account"], lead, account, as_of, asked)


def times(when: dict[str, Any], did: list[str], asked: Asked) -> int:
    if "asset" in when:
        names = list(asked.assets) if when["asset"] == "any" else listed(when["asset"])
        groups = [set(asked.assets[name]) for name in names]
    elif "intent" in when:
        groups = [{kind} for kind, intent in asked.intents.items() if intent == when["intent"]]
    else:
        groups = [{name} for name in listed(when["behaviour"])]
    if when.get("distinct"):
        return sum(bool(group & set(did)) for group in groups)
    return sum(kind in set().union(*groups) for kind in did)


def engaged(told: dict[str, Any], lead: str, account: str | None, as_of: int, asked: Asked) -> bool:
    everyone = oracle_colleagues.members(asked.persons, account, as_of, asked.fields)
    active = {name for name, p in everyone.items() if acts(p, told.get("within"), as_of)}
    roles = (
        {
            oracle_colleagues.role(oracle_colleagues.title(everyone[name], as_of, asked.fields), asked.roles)
            for name in active
        }
        if "roles" in told
        else set()
    )
    people = active | ({lead} if acts(asked.persons[lead], told.get("within"), as_of) else set())
    return len(people) >= told.get("people", 0) and len(roles - {None}) >= told.get("roles", 0)
