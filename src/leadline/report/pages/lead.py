"""One lead's page: what to do with it and why, its timeline, the score over past nights, all reasons, and what single acts would go with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.core.point_in_time import DAY
from leadline.report.charts import plots, svg
from leadline.report.charts.svg import day_strip
from leadline.report.pages.page import render
from leadline.report.parts import BulletList, Chart, PageSection, PageTable, Part, Shape, TableColumn, cell

__all__ = ["lead_page", "lead_sections", "timeline_section"]


# The timeline of one lead's page: what it and its account did, as far as it was on record, and the stages it passed.


BACK = 180 * DAY  # how far back the picture goes; the table goes further

LINES = 200  # of the table, the newest

INTENTS = (("purchase", "part-2"), ("evaluation", "part-3"), ("awareness", "part-1"), ("unknown", "part-6"))

SEEN = (
    "Only what had happened and was on record before as_of stands here; what happened or was recorded later is neither shown nor counted. "
    "Colleagues are told by their role, without names. Days are in UTC."
)


def timeline_section(record: Mapping[str, Any]) -> PageSection:
    """Draw who did what when, and list it, the newest first."""
    acts: Sequence[Mapping[str, Any]] = record["acts"]
    own = [a for a in acts if a["own"]]
    others = [a for a in acts if not a["own"]]
    passed = [(format.stage(name), at) for name, at in record["stages"]]
    steps = (
        f"; it reached {format.join([f'{name} on {format.date_text(at)}' for name, at in passed])}" if passed else ""
    )
    found = (
        f"Created on {format.date_text(record['created_at'])}, it did {format.count(record['own'], 'thing')} that were on record by "
        f"{format.date_text(record['as_of'])}, and its account’s other leads did {format.count(record['others'])}{steps}."
    )
    if not acts:
        return PageSection("timeline", "What was known of it", found, (SEEN,))
    table = _table(acts)
    shows = (
        "A row for what the lead did, by intent, and one for its colleagues of each role; a dot is a day, larger where more was done; "
        "upright lines are stages."
    )
    chart = Chart("days", "Who did what when", shows, *_draw_timeline(record, own, others, passed), table)
    return PageSection("timeline", "What was known of it", found, (chart, SEEN))


def _draw_timeline(
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
        (_actor({"own": False, "role": r}), _days([a for a in others if a["role"] == r], start), "part-5")
        for r in roles
    ]
    marks = [(at, name) for name, at in passed if at >= start]
    return day_strip(rows, start, end, marks)


def _days(acts: Sequence[Mapping[str, Any]], start: int) -> list[tuple[int, int]]:
    """Add up the acts of each day that the picture shows."""
    days: dict[int, int] = {}
    for act in acts:
        if act["day"] >= start:
            days[act["day"]] = days.get(act["day"], 0) + act["times"]
    return sorted(days.items())


def _table(acts: Sequence[Mapping[str, Any]]) -> PageTable:
    shown = acts[:LINES]
    columns = (
        TableColumn("day", True), TableColumn("who"), TableColumn("what"), TableColumn("intent"), TableColumn("times", True), TableColumn("people", True),
        TableColumn("on record", True, "where that was a day later, or more"),
    )  # fmt: skip
    rows = tuple(
        (
            cell(format.date_text(a["day"]), a["day"]), cell(_actor(a)), cell(a["words"]), cell(a["intent"]), cell(format.count(a["times"]), a["times"]),
            cell(format.count(a["people"]) if a["people"] else format.ABSENT, a["people"] or None), _late(a),
        )
        for a in shown
    )  # fmt: skip
    rest = f"; the newest {format.count(LINES)} lines" if len(acts) > LINES else ""
    caption = f"What was on record, by day, the newest first{rest}"
    return PageTable("timeline-days", caption, columns, rows, folded="The timeline as a table, day by day")


def _late(act: Mapping[str, Any]) -> Any:
    late = act["recorded_at"] >= act["day"] + 2 * DAY
    return cell(format.date_text(act["recorded_at"]), act["recorded_at"]) if late else cell(format.ABSENT)


def _actor(act: Mapping[str, Any]) -> str:
    if act["own"]:
        return "this lead"
    if act["role"] == "nobody known":
        return "somebody at the account, unknown"
    return f"colleagues: {act['role'].replace('_', ' ')}" if act["role"] else "colleagues: role unknown"


SHOWN = 12  # bars of a chart; its table has all
LEAST = 0.005  # effects on the log odds below which a fact says nothing

FLAT = "A flat file has no dates, so there is no timeline, and no event to try."

ASSOCIATION = (
    "This is what the model says of a lead whose log holds one more event in the hour before: association, not a promise. Whoever is asked "
    "to do so isn’t, for that, like those who did so of themselves. Tried is each common behaviour once by the lead itself, and the "
    "commonest once by a colleague of each role that is known at the account."
)


def lead_page(record: Mapping[str, Any]) -> str:
    """Return one lead's page as self-contained HTML; it makes no request, and whatever text the record holds stays text.

    Parameters
    ----------
    record : mapping
        As `leadline.workflows.scoring.lead_page.explain_page` makes it.
    """
    return render("lead.html.j2", f"Lead {record['lead_id']}", None, lead_sections(record))


def lead_sections(record: Mapping[str, Any]) -> tuple[PageSection, ...]:
    """Return the page's sections; a flat file's has the score and the reasons alone."""
    if record["flat"]:
        return (_score(record), _why(record))
    return (
        _brief(record),
        timeline_section(record),
        _score_history(record),
        _why(record),
        _score(record),
        _next_action_section(record),
    )


DO = {
    "purchase_ready": ("purchase-ready", "Call now"),
    "active_evaluator": ("active evaluator", "Offer help to evaluate"),
    "early_researcher": ("early researcher", "Send content, don’t call yet"),
    "no_recent_intent": ("no recent intent", "Wait until it acts again"),
}
"""Each intent stage in words, and what to do with such a lead."""
FIRST = 3  # reasons
INTENT = re.compile(r"events? of (awareness|evaluation|purchase) intent")


def _brief(record: Mapping[str, Any]) -> PageSection:
    """Say in ten seconds who it is, what to do, and the three reasons that name what was done."""
    who = [
        f"{word} {value}"
        for word, value in (
            ("Title", record.get("title")),
            ("company", record["account_id"]),
            ("source", record.get("source")),
        )
        if value
    ]
    stage, do = DO.get(str(record.get("intent_stage")), ("", "Work it in the order of its rank"))
    if stage == "purchase-ready" and record["tier"] != record["tiers"][0]:
        do = "Call after the best tier"
    grade = (record.get("grades") or {}).get("grade")
    found = f"{do}: tier {record['tier']}{f', grade {grade}' if grade else ''}{f', {stage}' if stage else ''}, {format.share(record['probability'])} to {_to_do(record)}."
    reasons: list[str] = []
    for fact in (c["fact"] for c in record["causes"] if c["effect"] >= LEAST and not _is_denial(c["fact"])):
        # The newest act of an intent may be a reason by itself, too: it is said once.
        if len(reasons) < FIRST and not any(fact.startswith(said.partition(" on ")[0]) for said in reasons):
            reasons.append(_named(fact, record["acts"]))
    lines = tuple(f"{r[:1].upper()}{r[1:]}." for r in reasons)
    parts: list[Part] = [f"{' · '.join(who)}."] if who else []
    parts += [BulletList(lines)] if lines else ["Nothing that it did raises its score."]
    return PageSection("brief", "What to do", found, tuple(parts))


def _to_do(record: Mapping[str, Any]) -> str:
    """Say the outcome as what the lead may do."""
    asked = record["outcome"]
    return (
        f"reach {format.stage(str(asked['reaches']))} within {format.duration(asked['within'])}"
        if asked.get("reaches")
        else "convert"
    )


def _is_denial(fact: str) -> bool:
    return fact.startswith(("never ", "no ", "none "))


def _named(fact: str, acts: Sequence[Mapping[str, Any]]) -> str:
    """Name the newest act behind a count of an intent's events.

    Examples
    --------
    >>> acts = [{"own": True, "intent": "purchase", "words": "asked for a demo", "day": 1_749_600_000_000_000}]
    >>> _named("3 events of purchase intent in 7 days, last on 11 Jun", acts), _named("spoke with sales once", acts)
    ('asked for a demo on 11 Jun 2025 (3 events of purchase intent in 7 days)', 'spoke with sales once')
    """
    kind = INTENT.search(fact)
    mine = [a for a in acts if kind and a["own"] and a["intent"] == kind[1]]
    if not mine:
        return fact
    newest = max(mine, key=lambda a: a["day"])
    return f"{newest['words']} on {format.date_text(newest['day'])} ({fact.partition(', last on')[0]})"


def _score(record: Mapping[str, Any]) -> PageSection:
    tonight = _latest_run(record)
    rank = (
        f", rank {format.count(tonight['rank'])} of the {format.count(tonight['leads'], 'open lead')} of that night" if tonight else ""
    )  # fmt: skip
    found = (
        f"As of {format.date_text(record['as_of'])}, {record['name']} {record['version']} gives this lead {format.share(record['probability'])}: the "
        f"probability that it {format.outcome(record['outcome'])}; that is tier {record['tier']}{rank}."
    )
    here = tonight["bars"] if tonight else None
    columns: tuple[TableColumn, ...] = (TableColumn("tier"), TableColumn("trained threshold", True))
    columns += (TableColumn("least of that night", True, "in this tier"),) if here is not None else ()
    rows = [
        (
            cell(name),
            cell(format.share(low, 2), low),
            cell(format.share((here or {}).get(name), 2), (here or {}).get(name)),
        )[: len(columns)]
        for name, low in zip(record["tiers"], record["cuts"], strict=False)
    ]
    place = record["tiers"].index(record["tier"]) if record["tier"] in record["tiers"] else len(rows)
    cuts = PageTable("tiers", "Where the tiers begin", columns, tuple(rows), place if place < len(rows) else None)
    whose = (
        f"It belongs to account {record['account_id']}."
        if record["account_id"]
        else "It belongs to no account that is known."
    )
    warned = record["hindsight"]
    parts: tuple[Part | None, ...] = (
        f"{warned[:1].upper()}{warned[1:]}." if warned else None,
        _graded(record.get("grades") or {}),
        None if record["flat"] else whose,
        cuts if rows else None,
        FLAT if record["flat"] else None,
    )
    return PageSection("score", "The score", found, tuple(part for part in parts if part))


def _graded(told: Mapping[str, Any]) -> str | None:
    """Say the score as a whole number, and the grade; nothing where there is none."""
    if not told:
        return None
    if "grade" not in told:
        return f"Its score is {told['score']} of 100: 80 is above four in five earlier leads."
    return f"Its score is {told['score']} of 100 (80 is above four in five earlier leads), fit {told['fit_score']} and engagement {told['engagement_score']}: grade {told['grade']}."


def _why(record: Mapping[str, Any]) -> PageSection:
    causes: Sequence[Mapping[str, Any]] = [
        c for c in record["causes"] if abs(c["effect"]) >= LEAST and not _is_explained(c, record)
    ]
    up = next((c for c in causes if c["effect"] > 0), None)
    down = next((c for c in causes if c["effect"] < 0), None)
    said = [f"what {way} the score most is “{c['fact']}”" for way, c in (("raises", up), ("lowers", down)) if c]
    found = f"{'; '.join(said)}." if said else "nothing sets it apart: it has the score that all leads start from."
    columns = (
        TableColumn("fact"),
        TableColumn("effect on the log odds", True, "+0.69 doubles the odds"),
        TableColumn("it … the score"),
    )
    rows = tuple(
        (cell(c["fact"]), cell(format.decimal(c["effect"], 2, True), c["effect"]), cell(_way(c["effect"])))
        for c in causes
    )
    caption = "All facts with an effect, the strongest first"
    table = PageTable(
        "causes", caption, columns, rows, folded=f"All {format.count(len(rows), 'fact')} with an effect, as a table"
    )
    if not causes:
        return PageSection("why", "Why", found[:1].upper() + found[1:])
    drawn = [
        (c["fact"], abs(c["effect"]), format.decimal(c["effect"], 2, True), "up" if c["effect"] > 0 else "down") for c in causes[:SHOWN]
    ]  # fmt: skip
    shows = "A bar for each of the strongest facts, as long as its effect; + raises the score and − lowers it."
    chart = Chart("effects", "Reasons for and against", shows, *svg.bar_chart(drawn), table)
    how = (
        "Effects are the model’s own (exact SHAP values), added up over all features that tell of the same thing. A fact is a reason "
        "of the score, not of the sale. What the lead did isn’t shown as lowering the score where doing it once more would raise it: other acts explain that."
    )
    return PageSection("why", "Why", found[:1].upper() + found[1:], (chart, how))


def _is_explained(cause: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Tell of a fact about an act that lowers the score though once more of it would raise it: others that go along explain it.

    A rep can't use both, and a table that has both is read as a contradiction.
    """
    tried = (record.get("nearest") or {"acts": ()})["acts"]
    more = [a["words"] for a in tried if a["who"] is None and a["probability"] > record["probability"]]
    return cause["effect"] < 0 and any(str(cause["fact"]).startswith(words) for words in more)


def _way(effect: float) -> str:
    return "raises" if effect > 0 else "lowers"


def _next_action_section(record: Mapping[str, Any]) -> PageSection:
    told: Mapping[str, Any] = record["nearest"]
    acts: Sequence[Mapping[str, Any]] = told["acts"]
    title, p = "For marketing: which act would go with a higher score", record["probability"]
    if not acts:
        return PageSection("nearest", title, "The data hold no event that many leads share, so none could be tried.")
    columns = (
        TableColumn("who"), TableColumn("does once more"), TableColumn("probability then", True), TableColumn("odds", True, "times today’s"),
        TableColumn("enough for tier"),
    )  # fmt: skip
    rows = tuple(
        (
            cell(_role_text(a["who"])), cell(a["words"]), cell(format.share(a["probability"], 2), a["probability"]),
            cell(format.decimal(_odds(a["probability"]) / _odds(p)), _odds(a["probability"]) / _odds(p)), cell(a["tier"] or format.ABSENT),
        )
        for a in acts
    )  # fmt: skip
    table = PageTable("acts", f"Single events that were tried; without any it is {format.share(p, 2)}", columns, rows)
    return PageSection("nearest", title, _nearest_found(record, told, acts[0]), (table, ASSOCIATION, *_missing(record)))


def _nearest_found(record: Mapping[str, Any], told: Mapping[str, Any], first: Mapping[str, Any]) -> str:
    p, best = record["probability"], told["act"]
    strongest = f"“{first['words']}” by {_role_text(first['who'])} would go with {format.share(first['probability'])} instead of {format.share(p)}"
    if told["tier"] is None:
        return f"It stands in the best tier; of single events, {strongest}."
    if best is None:
        return f"No single event would bring it into tier {told['tier']}, which begins at {format.share(told['bar'], 2)}: the strongest, {strongest}."
    return (
        f"One more “{best['words']}” by {_role_text(best['who'])} would go with {format.share(best['probability'])} instead of {format.share(p)}, enough "
        f"for tier {best['tier']}: of the events that would be, it is the commonest."
    )


def _missing(record: Mapping[str, Any]) -> tuple[str, ...]:
    nobody = [role.replace("_", " ") for role, number in record["roles"].items() if not number]
    return (
        (f"Roles that no colleague known at the account has: {format.join(nobody)}.",)
        if nobody and record["account_id"]
        else ()
    )


def _role_text(role: str | None) -> str:
    return "the lead" if role is None else f"a colleague ({role.replace('_', ' ')})"


def _odds(p: float) -> float:
    return max(p, 1e-12) / max(1 - p, 1e-12)


def _latest_run(record: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the night that was asked about, where it is finished and by the same version."""
    first = record["nights"][0] if record["nights"] else None
    same = first and first["as_of"] == record.get("at") and first["version"] == record["version"]
    return first if same else None


def _score_history(record: Mapping[str, Any]) -> PageSection:
    nights: Sequence[Mapping[str, Any]] = record["nights"][::-1]
    title = "The score over past dates"
    if not nights:
        return PageSection("nights", title, "No finished night up to then holds this lead.")
    first, last = nights[0], nights[-1]
    found = (
        f"Over {format.count(len(nights), 'finished night')} from {format.date_text(first['as_of'])} to {format.date_text(last['as_of'])} it went from "
        f"{format.share(first['probability'])} (tier {first['tier']}) to {format.share(last['probability'])} (tier {last['tier']})."
    )
    moved = next((n for n in reversed(nights) if n.get("change")), None)
    if moved is not None:
        found += f" It last moved in the night of {format.date_text(moved['as_of'])}: {moved['change']}."
    if len(nights) == 1:
        found = f"One finished night holds it, that of {format.date_text(last['as_of'])}: {format.share(last['probability'])}, tier {last['tier']}."
    columns = (
        TableColumn("night", True), TableColumn("probability", True), TableColumn("what changed it"), TableColumn("tier"), TableColumn("rank", True),
        TableColumn("of leads", True), TableColumn("model version"),
    )  # fmt: skip
    rows = tuple(
        (
            cell(format.date_text(n["as_of"]), n["as_of"]), cell(format.share(n["probability"], 2), n["probability"]),
            cell(n.get("change") or format.ABSENT), cell(n["tier"]), cell(format.count(n["rank"]), n["rank"]),
            cell(format.count(n["leads"]), n["leads"]), cell(n["version"]),
        )
        for n in nights
    )  # fmt: skip
    table = PageTable("past", "Every finished night that holds it, up to the newest 60", columns, rows, len(rows) - 1)
    if len(nights) < 2:
        return PageSection("nights", title, found, (table,))
    days = [format.date_text(n["as_of"]).rsplit(" ", 1)[0] for n in nights]
    drawn = plots.line_chart(
        days, [("probability", [n["probability"] for n in nights], None)], lambda v: f"{100 * v:g}%"
    )
    chart = Chart(
        "score-line", "Probability, night by night", "A line through each finished night’s probability.", *drawn, table
    )
    return PageSection("nights", title, found, (chart,))
