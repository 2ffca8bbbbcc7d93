"""Why a score moved between two nights: the fact that changed and moved it most, as one sentence with its date.

A group of features whose fact didn't change is never a cause, though its contribution may have moved beside another's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from leadline.core.point_in_time import DAY, Horizon
from leadline.dataset.feature_spec import Feature
from leadline.dataset.lead_news import Act, LeadNews
from leadline.explanation.drivers import group_words
from leadline.explanation.reason_text import day_text, describe_group, printable
from leadline.explanation.reasons import LEAST

__all__ = ["MANY", "MODEL", "ChangeWords", "Moved", "change_sentence", "model_sentence", "moved_text"]

MODEL, MANY = "another model", "no single fact"
"""What a cause is called where it is no group of features."""

RANK = {"purchase": 3, "evaluation": 2, "awareness": 1}
MOST = 12  # groups that are looked at, the strongest first
NEAR = 0.5  # a second cause is told where the first is less than this part of the move, and it at least this part of the first


class Moved(NamedTuple):
    """What is said of a move, and the words for what did most of it, which others' moves are counted by."""

    text: str
    cause: str


@dataclass(frozen=True)
class ChangeWords:
    """What sentences are made with.

    Attributes
    ----------
    members : mapping of str to sequence of Feature
        The features of each group.
    then, now : int
        The two nights.
    intents : mapping of str to str
        The intent of each behaviour.
    say : callable
        Gives the words for a behaviour.
    """

    members: Mapping[str, Sequence[Feature]]
    then: int
    now: int
    intents: Mapping[str, str] = field(default_factory=dict)
    say: Callable[[str], str] = str


def moved_text(before: float, now: float) -> str:
    """Say from which probability to which, with as many digits as tell them apart.

    Examples
    --------
    >>> moved_text(0.04, 0.11), moved_text(0.0312, 0.0288), moved_text(0.5, 0.5)
    ('up from 4% to 11%', 'down from 3.1% to 2.9%', 'up from 50.0000% to 50.0000%')
    """
    pairs = ((f"{100 * before:.{d}f}%", f"{100 * now:.{d}f}%") for d in range(4))
    first, last = next((p for p in pairs if p[0] != p[1]), (f"{100 * before:.4f}%", f"{100 * now:.4f}%"))
    return f"{'up' if now >= before else 'down'} from {first} to {last}"


def model_sentence(before: float, now: float, old: str, new: str) -> str:
    """Say that another model scored the lead; what else changed isn't told, as nobody can tell the two apart.

    Examples
    --------
    >>> model_sentence(0.04, 0.11, "3", "4")
    'up from 4% to 11%: scored by model 4 instead of 3'
    """
    return f"{moved_text(before, now)}: scored by model {new} instead of {old}"


def change_sentence(
    words: ChangeWords,
    chances: tuple[float, float],
    moves: Mapping[str, float],
    facts: Mapping[str, Any],
    news: LeadNews,
) -> Moved:
    """Say why one lead moved.

    Parameters
    ----------
    chances : tuple of float
        Its probability of the night before, and tonight's.
    moves : mapping of str to float
        By how much each group's contribution to the log odds is another one.
    facts : mapping
        Tonight's features.
    news : LeadNews
        What became known since.

    Examples
    --------
    >>> from leadline.core.point_in_time import Horizon, parse_instant
    >>> week = Feature("n_7d", "behaviour", "demo", "count", "count", "asked for a demo", field="demo", by="behaviour", window=Horizon.parse("7d"))
    >>> then, now, act = (parse_instant(f"2026-06-{d}") for d in ("11", "12", "11T09:00:00"))
    >>> words = ChangeWords({"demo": [week]}, then, now, {"demo": "purchase"}, lambda behaviour: "asked for a demo")
    >>> news = LeadNews((Act("L1", "demo", None, 1, act),))
    >>> change_sentence(words, (0.04, 0.11), {"demo": 0.9}, {"n_7d": 1.0}, news).text
    'up from 4% to 11%: asked for a demo on 11 Jun'
    >>> change_sentence(words, (0.04, 0.11), {"demo": 0.9}, {"n_7d": 0.0}, LeadNews()).text
    'up from 4% to 11%: no single fact explains it'
    """
    way = 1.0 if chances[1] >= chances[0] else -1.0
    said: dict[Moved, float] = {}
    strongest = sorted((g for g in moves if abs(moves[g]) >= LEAST), key=lambda g: -abs(moves[g]))[:MOST]
    for group in strongest:
        fact = _cause(words, words.members[group], facts, news, moves[group] > 0)
        if fact is not None:
            said[fact] = said.get(fact, 0.0) + way * moves[group]
    causes = sorted((fact for fact in said if said[fact] >= LEAST), key=lambda fact: -said[fact])
    start = moved_text(*chances)
    if not causes:
        return Moved(f"{start}: {MANY} explains it", MANY)
    first, whole = causes[0], abs(sum(moves.values()))
    more = [fact for fact in causes[1:2] if said[first] < NEAR * whole and said[fact] >= NEAR * said[first]]
    return Moved(f"{start}: {'; '.join(fact.text for fact in (first, *more))}", first.cause)


def _cause(
    words: ChangeWords, group: Sequence[Feature], facts: Mapping[str, Any], news: LeadNews, up: bool
) -> Moved | None:
    """Say what changed of a group's fact since the night before; None where nothing did."""
    if group[0].table == "events" and group[0].aggregate != "plugged":
        return _own(words, group, facts, news, up)
    told = _beside(words, group, facts, news, up)
    return None if told is None else Moved(told, printable(group_words(group[0])))


def _beside(
    words: ChangeWords, group: Sequence[Feature], facts: Mapping[str, Any], news: LeadNews, up: bool
) -> str | None:
    """Say what changed of a fact that isn't about the lead's own acts."""
    first, told = group[0], describe_group(group, dict(facts), words.now)
    if first.aggregate in ("value", "meets", "share_met"):
        return f"{told} now" if _is_newer(group, news) else None
    if first.aggregate == "age":
        return told
    if first.aggregate in ("rate", "plugged"):
        return f"now {told}"
    if first.table == "colleagues":
        return _around(group, told, news, up)
    if first.table != "stages" or first.aggregate == "recycled":
        return None
    since = _fact(group, facts, "since_stage_now" if first.aggregate.endswith("stage_now") else "since_stage")
    if math.isnan(since):
        return None
    if first.aggregate.endswith("stage_now"):
        return f"now {told}"
    return told if words.now - round(since * DAY) >= words.then else f"{told}, {_days(since)} ago"


def _is_newer(group: Sequence[Feature], news: LeadNews) -> bool:
    """Tell whether history has a newer value of what a group is about; of the ICP, of any field."""
    return bool(news.fields & {s.field for s in group}) if group[0].aggregate == "value" else bool(news.fields)


def _around(group: Sequence[Feature], told: str, news: LeadNews, up: bool) -> str | None:
    """Say what changed at the account: colleagues' stages, and acts that came where it rose, or aged out where it fell."""
    if group[0].group == "account_past":
        return told if news.others_stages else None
    nameless = group[0].group == "account_acts"
    acts = [a for a in news.others if (a.lead is None) == nameless]
    if up:
        return told if any(a.window is None for a in acts) else None
    return f"now {told}" if any(str(a.window) in _windows(group) for a in acts) else None


def _windows(group: Sequence[Feature]) -> set[str]:
    """Name the windows that a group counts in."""
    return {str(w) for s in group for w in (s.window, *(s.terms if s.aggregate == "trend" else ())) if w}


def _own(
    words: ChangeWords, group: Sequence[Feature], facts: Mapping[str, Any], news: LeadNews, up: bool
) -> Moved | None:
    """Say which of the lead's own acts came or aged out; where none did, that nothing came since the last."""
    acts = [a for a in news.acts if _is_about(words, group[0], a)]
    came, gone = [a for a in acts if a.window is None], [a for a in acts if str(a.window) in _windows(group)]
    expected, contrary = (came, gone) if up else (gone, came)
    # An act that lowers the score, or whose end raises it, is told of its own kind alone: of several kinds another did it.
    some = expected or (contrary if group[0].by == "behaviour" else [])
    if some:
        return _act(words, max(some, key=lambda a: _rank(words, a)))
    if contrary:
        return None
    since, said = _fact(group, facts, "since_last"), printable(group[0].words)
    if up or math.isnan(since):
        return None
    date = day_text(words.now - round(since * DAY), words.now)
    is_noun = said == "events" or said.startswith("events of ")
    return Moved(f"no {said} since {date}" if is_noun else f"{said} last on {date}, and not since", said)


def _is_about(words: ChangeWords, spec: Feature, act: Act) -> bool:
    """Tell whether a group is about an act; what few leads do might name a person, so only acts that config or model name are told."""
    if spec.by == "behaviour":
        return act.behaviour == spec.field
    intent = words.intents.get(str(act.behaviour))
    return intent == spec.field if spec.by == "intent" else intent is not None


def _rank(words: ChangeWords, act: Act) -> tuple[int, int, str]:
    """Order acts: those nearest to buying, then the newest."""
    return RANK.get(words.intents.get(str(act.behaviour), ""), 0), act.last, str(act.behaviour)


def _act(words: ChangeWords, act: Act) -> Moved:
    said, date = printable(words.say(str(act.behaviour))), day_text(act.last, words.now)
    if act.window is not None:
        return Moved(f"{said} on {date}, now more than {_length(act.window)} ago", said)
    return Moved(f"{said} on {date}" if act.times == 1 else f"{said} {act.times:,} times, last on {date}", said)


def _length(window: Horizon) -> str:
    days = window.days
    return _many(days, "day") if days >= 1 else _many(round(days * 24, 1), "hour")


def _days(days: float) -> str:
    return _many(round(days * 24), "hour") if days < 1 else _many(round(days), "day")


def _many(n: float, noun: str) -> str:
    return f"{n:,g} {noun}{'' if n == 1 else 's'}"


def _fact(group: Sequence[Feature], facts: Mapping[str, Any], aggregate: str) -> float:
    """Return the group's fact of one kind, NaN where there is none."""
    return next((float(facts[s.name]) for s in group if s.aggregate == aggregate), math.nan)
