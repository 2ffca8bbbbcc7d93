"""What an export's words mean: what to ask, how near to buying a behaviour is, and which attributes may be used."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping

from leadline.tables.presets.csv_flat import NEAR_UNIQUE
from leadline.tables.presets.guess import percent
from leadline.tables.presets.profile import MANY_VALUES, Sheet
from leadline.tables.presets.rungs import rung_of_word
from leadline.tables.presets.words import bare

__all__ = ["attributes", "intent", "question", "rungs"]

INTENTS = {
    "purchase": r"pric|demo|trial|contact_sales|quote|buy|checkout|roi|meeting|call_?back|request|calculator|contract|proposal",
    "evaluation": r"webinar|white_?paper|case_stud|download|docs?(_|$)|document|compar|feature|integration|form|security|api|product|guide|report|reference|review|event",
    "awareness": r"blog|open|page|visit|view|(^|_)ad(_|$)|advert|social|news|home|mail|click|search|session|post|podcast|impression",
}
"""Parts of an event type's name that say how near to buying it is; the first that fits counts."""

LATER = (("sql", "30d"), ("opportunity", "60d"), ("won", "90d"))


def rungs(words: Collection[str], deals: Iterable[str] = ()) -> tuple[dict[str, list[str]], list[str]]:
    """Sort stage words into rungs, from the lowest; and those that fit none.

    Parameters
    ----------
    words, deals : str
        The words of stage changes, and those of opportunities: whatever isn't won or lost there is an open one.

    Examples
    --------
    >>> rungs(["SQL"], ["Negotiating", "Won"])
    ({'sql': ['SQL'], 'opportunity': ['Negotiating'], 'won': ['Won']}, [])
    >>> rungs(["New", "MQL", "Nurture", "Won"])
    ({'lead': ['New'], 'mql': ['MQL'], 'won': ['Won']}, ['Nurture'])
    """
    order = ("lead", "mql", "sql", "opportunity", "won", "lost", "rejected")
    found: dict[str, list[str]] = {name: [] for name in order}
    unknown: list[str] = []
    for word in dict.fromkeys([*words, *deals]):
        name = rung_of_word(word)
        if word not in words and name not in ("won", "lost"):
            name = "opportunity"
        (unknown if name is None else found[name]).append(word)
    return {name: said for name, said in found.items() if said}, unknown


def question(found: Mapping[str, list[str]], has_opportunities: bool) -> tuple[str, str]:
    """Choose what to ask: the lowest rung above MQL that the export tells of, and how far ahead; ("", "") where none is.

    Examples
    --------
    >>> question({"mql": ["MQL"], "won": ["Won"]}, False), question({}, True), question({}, False)
    (('won', '90d'), ('opportunity', '60d'), ('', ''))
    """
    told = {*found, *(["opportunity"] if has_opportunities else [])}
    return next(((name, within) for name, within in LATER if name in told), ("", ""))


def intent(behaviour: str) -> str | None:
    """Say from its name how near to buying an event type is; None where the name doesn't say.

    Examples
    --------
    >>> [intent(b) for b in ("pricing_page_view", "Webinar Attended", "email_open", "x17")]
    ['purchase', 'evaluation', 'awareness', None]
    """
    spelt = bare(behaviour)
    return next((name for name, pattern in INTENTS.items() if re.search(pattern, spelt)), None)


def attributes(sheet: Sheet, taken: set[str], suspect: Callable[[str], str]) -> tuple[list[str], dict[str, str]]:
    """Choose the columns that may be attributes, and say of the others why they aren't."""
    chosen, out = [], {}
    for column in sheet.columns:
        if column.name in taken:
            continue
        why = suspect(column.name)
        if column.kind == "empty":
            why = "empty"
        elif column.kind == "time":
            why = why or "a date"
        elif column.kind == "text" and column.unique > NEAR_UNIQUE and column.distinct >= MANY_VALUES:
            why = why or f"text that {percent(column.unique)} of its rows have alone: it may name people"
        elif column.kind == "whole" and column.unique > NEAR_UNIQUE and column.distinct >= MANY_VALUES:
            why = why or "a number for each row"
        elif column.distinct == 1:
            why = why or "the same in all rows"
        if why:
            out[column.name] = why
        else:
            chosen.append(column.name)
    return chosen, out
