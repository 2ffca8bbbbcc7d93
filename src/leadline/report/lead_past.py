"""The timeline of one lead's page: what it and its account did, as far as it was on record, and the stages it passed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.report import say
from leadline.report.parts import Chart, Column, Section, Shape, Table, cell
from leadline.report.strip import strip
from leadline.times import DAY

__all__ = ["timeline"]

BACK = 180 * DAY  # how far back the picture goes; the table goes further
LINES = 200  # of the table, the newest
INTENTS = (("purchase", "part-2"), ("evaluation", "part-3"), ("awareness", "part-1"), ("unknown", "part-6"))
SEEN = (
    "Only what had happened and was on record before as_of stands here; what happened or was recorded later is neither shown nor counted. "
    "Colleagues are told by their role, without names. Days are in UTC."
)


def timeline(record: Mapping[str, Any]) -> Section:
    """Draw who did what when, and list it, the newest first."""
    acts: Sequence[Mapping[str, Any]] = record["acts"]
    own = [a for a in acts if a["own"]]
    others = [a for a in acts if not a["own"]]
    passed = [(say.stage(name), at) for name, at in record["stages"]]
    steps = f"; it reached {say.joined([f'{name} on {say.instant(at)}' for name, at in passed])}" if passed else ""
    found = (
        f"Created on {say.instant(record['created_at'])}, it did {say.count(record['own'], 'thing')} that were on record by "
        f"{say.instant(record['as_of'])}, and its account’s other leads did {say.count(record['others'])}{steps}."
    )
    if not acts:
        return Section("timeline", "What was known of it", found, (SEEN,))
    table = _table(acts)
    shows = (
        "A row for what the lead did, by intent, and one for its colleagues of each role; a dot is a day, larger where more was done; "
        "upright lines are stages."
    )
    chart = Chart("days", "Who did what when", shows, *_drawn(record, own, others, passed), table)
    return Section("timeline", "What was known of it", found, (chart, SEEN))


def _drawn(
    record: Mapping[str, Any], own: Sequence[Any], others: Sequence[Any], passed: Sequence[tuple[str, int]]
) -> tuple[int, int, tuple[Shape, ...]]:
    end = int(record["at"])
    first = min([record["created_at"], *(a["day"] for a in (*own, *others))])
    start = max(int(first) // DAY * DAY, end - BACK)
    rows = [
        (f"this lead: {intent} intent" if intent != "unknown" else "this lead: no known intent", _days([a for a in own if a["intent"] == intent], start), kind)
        for intent, kind in INTENTS
        if any(a["intent"] == intent for a in own)
    ]  # fmt: skip
    roles = list(dict.fromkeys(a["role"] for a in others))
    rows += [
        (_who({"own": False, "role": r}), _days([a for a in others if a["role"] == r], start), "part-5") for r in roles
    ]
    marks = [(at, name) for name, at in passed if at >= start]
    return strip(rows, start, end, marks)


def _days(acts: Sequence[Mapping[str, Any]], start: int) -> list[tuple[int, int]]:
    """Add up the acts of each day that the picture shows."""
    days: dict[int, int] = {}
    for act in acts:
        if act["day"] >= start:
            days[act["day"]] = days.get(act["day"], 0) + act["times"]
    return sorted(days.items())


def _table(acts: Sequence[Mapping[str, Any]]) -> Table:
    shown = acts[:LINES]
    columns = (
        Column("day", True), Column("who"), Column("what"), Column("intent"), Column("times", True), Column("people", True),
        Column("on record", True, "where that was a day later, or more"),
    )  # fmt: skip
    rows = tuple(
        (
            cell(say.instant(a["day"]), a["day"]), cell(_who(a)), cell(a["words"]), cell(a["intent"]), cell(say.count(a["times"]), a["times"]),
            cell(say.count(a["people"]) if a["people"] else say.ABSENT, a["people"] or None), _late(a),
        )
        for a in shown
    )  # fmt: skip
    rest = f"; the newest {say.count(LINES)} lines" if len(acts) > LINES else ""
    caption = f"What was on record, by day, the newest first{rest}"
    return Table("timeline-days", caption, columns, rows, folded="The timeline as a table, day by day")


def _late(act: Mapping[str, Any]) -> Any:
    late = act["recorded_at"] >= act["day"] + 2 * DAY
    return cell(say.instant(act["recorded_at"]), act["recorded_at"]) if late else cell(say.ABSENT)


def _who(act: Mapping[str, Any]) -> str:
    if act["own"]:
        return "this lead"
    if act["role"] == "nobody known":
        return "somebody at the account, unknown"
    return f"colleagues: {act['role'].replace('_', ' ')}" if act["role"] else "colleagues: role unknown"
