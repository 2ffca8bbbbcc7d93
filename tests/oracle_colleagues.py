"""The oracle of what colleagues do: who is a member at as_of, and what each did, row by row; no code of leadline's.

It stands on `oracle`: a `Person` has its own visible rows and those of the records merged into it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import oracle
from oracle import DAY, Person, Rules

People = Mapping[str, Person]


def matches(pattern: str, text: str) -> bool:
    """Match a pattern as people write it: * is any text, ? any one character, all else stands for itself."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(matches(pattern[1:], text[n:]) for n in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and matches(pattern[1:], text[1:])


def role(title: str | None, roles: Mapping[str, Sequence[str]]) -> str | None:
    """The first role with a pattern that the whole title matches, whatever the case; None for no title or no role."""
    if title is None:
        return None
    for name, patterns in roles.items():
        if any(matches(p.lower(), title.lower()) for p in patterns):
            return name
    return None


def title(person: Person, as_of: int, fields: set[str]) -> str | None:
    """The job title, as fixed at creation, or as history gives it at as_of where history has it (law 3)."""
    said = oracle.newest(person, "job_title", as_of) if "job_title" in fields else person.lead["job_title"]
    return (said or "").strip(" ") or None


def members(persons: People, account: str | None, as_of: int, fields: set[str]) -> dict[str, Person]:
    """The leads of an account at as_of: visible, not merged away, and in it by what is known."""
    if account is None:
        return {}
    return {
        lead: p
        for lead, p in persons.items()
        if oracle.is_visible(p.lead, "created_at", as_of)
        and not (p.merged_since is not None and p.merged_since < as_of)
        and oracle.account(p, as_of, "account_id" in fields) == account
    }


def seen(person: Person, as_of: int) -> list[tuple[int, str]]:
    """The events that somebody at as_of could know of."""
    return [(a, b) for a, k, b in person.events if a < as_of and k < as_of]


def within(spec: Any, person: Person, as_of: int, rules: Rules) -> list[int]:
    """When a member did what the spec asks of, in the spec's window."""
    start = -math.inf if spec.window is None else as_of - spec.window.micros
    acts = [(a, b) for a, b in seen(person, as_of) if a >= start]
    if spec.by == "intent":
        acts = [(a, b) for a, b in acts if b is not None and rules.intents.get(b) == spec.field]
    return [a for a, _ in acts]


def reached(person: Person, stage: str, as_of: int) -> bool:
    """Whether somebody at as_of knew of a row of that rung or one above it; an end counts as itself."""
    if stage in oracle.ENDS:
        return any(s == stage for a, k, s in person.reached if a < as_of and k < as_of)
    return any(a < as_of and k < as_of for a, k in oracle.climbed(person, stage))


def feature(
    spec: Any, lead: str, account: str | None, as_of: int, persons: People, rules: Rules,
    roles: Mapping[str, Sequence[str]], fields: set[str],
) -> float:  # fmt: skip
    """One colleague feature's value, by the meaning of its spec."""
    everyone = members(persons, account, as_of, fields)
    others = [p for name, p in everyone.items() if name != lead]
    if spec.by == "role":
        return _committee(spec, list(everyone.values()), as_of, rules, roles, fields)
    if spec.aggregate == "colleagues_reached":
        return float(sum(reached(p, spec.field, as_of) for p in others))
    if spec.aggregate == "colleague_acts":
        return float(sum(len(within(spec, p, as_of, rules)) for p in others))
    if spec.aggregate == "colleagues_known":
        return float(len(others))
    active = [p for p in others if within(spec, p, as_of, rules)]
    if spec.aggregate == "colleagues_engaged":
        return float(len(active))
    if spec.aggregate == "share_engaged":
        return len(active) / len(others) if others else math.nan
    if spec.aggregate == "colleagues_new":
        firsts = [min((a for a, _ in seen(p, as_of)), default=-math.inf) for p in others]
        return float(sum(first >= as_of - spec.window.micros for first in firsts))
    assert spec.aggregate == "since_colleague", spec
    acts = [a for p in others for a, _ in seen(p, as_of)]
    return (as_of - max(acts)) / DAY if acts else math.nan


def _committee(spec: Any, everyone: list[Person], as_of: int, rules: Rules, roles: Any, fields: set[str]) -> float:
    """What the roles of an account did, the lead's own included."""
    of = [(role(title(p, as_of, fields), roles), p) for p in everyone]
    if spec.aggregate == "since_new_role":
        arrived: dict[str, int] = {}
        for name, p in of:
            for a, _ in seen(p, as_of):
                if name is not None:
                    arrived[name] = min(arrived.get(name, a), a)
        return (as_of - max(arrived.values())) / DAY if arrived else math.nan
    engaged = {name for name, p in of if name is not None and within(spec, p, as_of, rules)}
    if spec.aggregate == "roles_engaged":
        return float(len(engaged))
    asked = spec.field.split("|")
    assert spec.aggregate in ("any_role", "every_role"), spec
    return float(any(r in engaged for r in asked) if spec.aggregate == "any_role" else all(r in engaged for r in asked))
