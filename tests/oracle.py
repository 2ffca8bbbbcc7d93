"""The slow, obvious oracle: the laws of the design page, row by row in plain Python. It shares no code with leadline.

A world is a dict of tables, each a list of rows (dicts); instants are microseconds, ids are text.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

DAY = 86_400_000_000
MONDAY = 4 * DAY  # 1970-01-05
RUNGS = {"lead": 0, "mql": 1, "sql": 2, "opportunity": 3, "won": 4}
ENDS = {"lost", "rejected"}

KNOWN = {"count", "active_days", "since_last", "since_first", "age", "in_stage", "since_stage", "value"}
"""The aggregates that this oracle speaks of."""

Row = dict[str, Any]


@dataclass
class Rules:
    """What the config says, in the oracle's own words."""

    reaches: str
    horizon: int
    delay: int = 0
    every: int | None = None
    landmarks: tuple[int, ...] = ()
    observed_from: int | None = None
    observed_until: int | None = None
    intents: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)  # a stage's word → the stage


def recorded(row: Row, clock: str) -> int:
    """Where the source has no recorded_at, occurred_at stands in."""
    return row[clock] if row.get("recorded_at") is None else row["recorded_at"]


def is_visible(row: Row, clock: str, as_of: int) -> bool:
    return row[clock] < as_of and recorded(row, clock) < as_of


CLOCK = {
    "leads": "created_at", "events": "occurred_at", "stages": "changed_at", "opportunities": "created_at",
    "history": "changed_at", "merges": "merged_at", "touches": "touched_at",
}  # fmt: skip


def cut(world: dict[str, list[Row]], known_at: int) -> dict[str, list[Row]]:
    """Keep what was known at T."""
    return {
        table: [dict(r) for r in rows if table not in CLOCK or is_visible(r, CLOCK[table], known_at)]
        for table, rows in world.items()
    }


def observed_until(world: dict[str, list[Row]], rules: Rules, known_at: int | None) -> int | None:
    """The newest recorded time in the tables that tell of outcomes; a plan to close is no record."""
    times = [recorded(r, "changed_at") for r in world["stages"]]
    deals = [r for r in world["opportunities"] if r["lead_id"] is not None]  # others tell of nobody's outcome
    times += [recorded(r, "created_at") for r in deals]
    for r in deals:
        if r["closed_at"] is not None and rules.words.get(r["stage"]) in {"won", "lost", "rejected"}:
            times.append(max(r["closed_at"], recorded(r, "closed_at")))
    times = [t for t in times if known_at is None or t < known_at]
    if not times:
        return None
    if rules.observed_until is not None:
        return rules.observed_until if known_at is None else min(rules.observed_until, known_at)
    return max(times)


@dataclass
class Person:
    """Everything of one lead, with both clocks, its merged records' rows included."""

    lead: Row
    events: list[tuple[int, int, str]] = field(default_factory=list)
    reached: list[tuple[int, int, str]] = field(default_factory=list)  # (at, recorded, stage)
    history: list[tuple[int, int, str, str | None]] = field(default_factory=list)
    merged_since: int | None = None


def survivors(merges: list[Row], leads: list[Row]) -> dict[str, list[tuple[str, int]]]:
    """Each vanished record with all who survive it and are there, along the chain, and since when."""
    seen = {r["lead_id"]: max(r["created_at"], recorded(r, "created_at")) for r in leads}
    first: dict[str, tuple[int, str]] = {}
    for m in merges:
        since = max(m["merged_at"], recorded(m, "merged_at"))
        if m["from_id"] != m["into_id"]:
            first[m["from_id"]] = min(first.get(m["from_id"], (since, m["into_id"])), (since, m["into_id"]))
    found: dict[str, list[tuple[str, int]]] = {}
    for lead in first:
        now, since, chain = lead, None, []
        while now in first:
            at, now = first[now]
            since = at if since is None else max(since, at)
            chain.append((now, since))
        found[lead] = [(one, max(at, seen[one])) for one, at in chain if one in seen]
    return found


def late(known: int, since: int | None) -> int:
    """A row given to a survivor is known from the merge on."""
    return known if since is None else max(known, since)


Chains = dict[str, list[tuple[str, int]]]


def owners(lead: str | None, chains: Chains) -> list[tuple[str, int | None]]:
    """The lead itself, and all who survived it."""
    return [(lead, None), *chains.get(lead, [])] if lead is not None else []


def people(world: dict[str, list[Row]], rules: Rules) -> dict[str, Person]:
    """Gather each lead's rows, those of the records merged into it too."""
    found = {r["lead_id"]: Person(r) for r in world["leads"]}
    chains = survivors(world["merges"], world["leads"])
    for lead, at, known, kind in acts_of(world):
        for owner, since in owners(lead, chains):
            if owner in found:
                found[owner].events.append((at, late(known, since), kind))
    first: dict[tuple[Any, ...], int] = {}  # of rows that are the same in all else, the earliest recorded stays
    for r in world["history"]:
        key = (r["lead_id"], r["changed_at"], r["field"], r["value"] or None)
        first[key] = min(recorded(r, "changed_at"), first.get(key, recorded(r, "changed_at")))
    for (lead, at, field_, value), known in first.items():
        for owner, since in owners(lead, chains):
            if owner in found:
                found[owner].history.append((at, late(known, since), field_, value))
    climb(found, world, rules, chains)
    return found


def climb(found: dict[str, Person], world: dict[str, list[Row]], rules: Rules, chains: Chains) -> None:
    """Give each lead the rungs it reached; from a merge on, those of its survivors too."""
    everyone: dict[str, list[tuple[int, int, str]]] = {}
    for lead, at, known, stage in steps_of(world, rules):
        for owner, since in owners(lead, chains) if stage is not None else []:
            everyone.setdefault(owner, []).append((at, late(known, since), stage))
    for lead, person in found.items():
        person.reached = list(everyone.get(lead, []))
        for survivor, since in chains.get(lead, []):
            person.reached += [(a, max(k, since), s) for a, k, s in everyone.get(survivor, []) if a >= since]
            person.merged_since = since if person.merged_since is None else min(person.merged_since, since)


def acts_of(world: dict[str, list[Row]]) -> list[tuple[str, int, int, str]]:
    """Every event once: exact repeats count as of their earliest recording."""
    events: dict[tuple[Any, ...], int] = {}
    for r in world["events"]:
        key = (r["event_id"], r["lead_id"], r["type"], r["occurred_at"])
        events[key] = min(events.get(key, recorded(r, "occurred_at")), recorded(r, "occurred_at"))
    return [(lead, at, known, kind) for (_, lead, kind, at), known in events.items()]


def steps_of(world: dict[str, list[Row]], rules: Rules) -> list[tuple[str | None, int, int, str | None]]:
    """Every rung or end that a row tells of, with both clocks; a deal's end has the time at which it closed."""
    found = [
        (r["lead_id"], r["changed_at"], recorded(r, "changed_at"), rules.words.get((r["stage"] or "").lower()))
        for r in world["stages"]
    ]
    for r in world["opportunities"]:
        found.append((r["lead_id"], r["created_at"], recorded(r, "created_at"), "opportunity"))
        ending = rules.words.get((r["stage"] or "").lower())
        if r["closed_at"] is not None and ending in {"won", "lost", "rejected"}:
            found.append((r["lead_id"], r["closed_at"], max(r["closed_at"], recorded(r, "created_at")), ending))
    return found


def climbed(person: Person, stage: str) -> list[tuple[int, int]]:
    """When a rung was reached, itself or one above it, with both clocks."""
    return [(a, k) for a, k, s in person.reached if s in RUNGS and RUNGS[s] >= RUNGS[stage]]


def is_open(person: Person, rules: Rules, as_of: int) -> bool:
    if not is_visible(person.lead, "created_at", as_of):
        return False
    if any(a < as_of and k < as_of for a, k in climbed(person, rules.reaches)):
        return False
    if person.merged_since is not None and person.merged_since < as_of:
        return False
    seen = [(a, s) for a, k, s in person.reached if a < as_of and k < as_of]
    over = [at for at, stage in seen if stage in ENDS and not any(s in RUNGS and a > at for a, s in seen)]
    return not over


def moments(person: Person, rules: Rules, known_at: int, first: int) -> list[int]:
    if rules.every is None:
        return sorted({person.lead["created_at"] + length for length in rules.landmarks})
    start = first + (MONDAY - first) % rules.every
    return list(range(start, known_at + 1, rules.every))


def snapshots(persons: dict[str, Person], rules: Rules, known_at: int) -> set[tuple[str, int]]:
    first = min((max(p.lead["created_at"], recorded(p.lead, "created_at")) for p in persons.values()), default=0)
    return {
        (lead, as_of)
        for lead, person in persons.items()
        for as_of in moments(person, rules, known_at, first)
        if as_of <= known_at and is_open(person, rules, as_of)
    }


def outcome(person: Person, stage: str) -> tuple[int, int] | None:
    return min(climbed(person, stage), default=None)


def state(person: Person, rules: Rules, as_of: int, known_until: int) -> str:
    reached = outcome(person, rules.reaches)
    if reached is not None and reached[0] < as_of:
        return "late"
    if rules.observed_from is not None and as_of < rules.observed_from:
        return "before"
    if as_of + rules.horizon + rules.delay > known_until:
        return "censored"
    return "positive" if reached is not None and reached[0] < as_of + rules.horizon else "negative"


def newest(person: Person, wanted: str, as_of: int) -> str | None:
    rows = [(a, k, v is not None, v or "") for a, k, f, v in person.history if f == wanted and a < as_of and k < as_of]
    return (max(rows)[3] or None) if rows else None


def account(person: Person, as_of: int, has_history: bool) -> str | None:
    return newest(person, "account_id", as_of) if has_history else person.lead["account_id"]


def length(text: str) -> int:
    """Read 90d, 12h or 5m."""
    return int(text[:-1]) * {"d": DAY, "h": DAY // 24, "m": DAY // 1440}[text[-1]]


def number(text: Any) -> float:
    try:
        value = float(text)
    except (TypeError, ValueError):
        return math.nan
    return value if math.isfinite(value) else math.nan


def chosen(spec: Any, person: Person, rules: Rules, as_of: int) -> list[int]:
    """The instants of the visible acts that a spec is about."""
    about = {
        "any": lambda kind: True,
        "behaviour": lambda kind: kind == spec.field,
        "intent": lambda kind: rules.intents.get(kind) == spec.field,
    }[spec.by]
    seen = [a for a, k, kind in person.events if a < as_of and k < as_of and about(kind)]
    return [a for a in seen if spec.window is None or as_of - spec.window.micros <= a]


def of_acts(spec: Any, acts: list[int], as_of: int) -> float:
    if spec.aggregate == "count":
        return float(len(acts))
    if spec.aggregate == "active_days":
        return float(len({a // DAY for a in acts}))
    wanted = {"since_last": max, "since_first": min}[spec.aggregate]
    return (as_of - wanted(acts)) / DAY if acts else math.nan


def of_stages(spec: Any, person: Person, as_of: int) -> float:
    reached = [a for a, k in climbed(person, spec.field) if a < as_of and k < as_of]
    if spec.aggregate == "in_stage":
        return float(bool(reached))
    return (as_of - min(reached)) / DAY if reached else math.nan


def feature(spec: Any, person: Person, rules: Rules, as_of: int, fields: set[str], firm: Row | None) -> Any:
    """One feature's value, by the meaning of its spec; `fields` are those that history has, `firm` is the account's row."""
    if spec.table == "events":
        return of_acts(spec, chosen(spec, person, rules, as_of), as_of)
    if spec.table == "stages":
        return of_stages(spec, person, as_of)
    if spec.aggregate == "age":
        return (as_of - person.lead["created_at"]) / DAY
    assert spec.aggregate == "value"
    if spec.table == "accounts":
        value = None if firm is None else firm[spec.field]
    elif spec.field in fields:
        value = newest(person, spec.field, as_of)
    else:
        value = person.lead[spec.field]
    return number(value) if spec.kind == "number" else (value or None)
