"""The config of a folder of exports as a commented text: each guess with what speaks for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from leadline.core.format import yaml_list, yaml_scalar
from leadline.presets.csv.flat_file import NEAR_UNIQUE
from leadline.presets.naming import first_match, guess_stage, matching_names, snake_name
from leadline.presets.profile import MANY_VALUES, TableProfile
from leadline.presets.proposal import Guess, percent

__all__ = [
    "FolderGuess",
    "TableSection",
    "choose_attribute_columns",
    "choose_outcome",
    "folder_text",
    "guess_behaviour_intent",
    "sort_stage_words",
]


# What an export's words mean: what to ask, how near to buying a behaviour is, and which attributes may be used.


INTENTS = {
    "purchase": r"pric|demo|trial|contact_sales|quote|buy|checkout|roi|meeting|call_?back|request|calculator|contract|proposal",
    "evaluation": r"webinar|white_?paper|case_stud|download|docs?(_|$)|document|compar|feature|integration|form|security|api|product|guide|report|reference|review|event",
    "awareness": r"blog|open|page|visit|view|(^|_)ad(_|$)|advert|social|news|home|mail|click|search|session|post|podcast|impression",
}

"""Parts of an event type's name that say how near to buying it is; the first that fits counts."""

RUNGS = r"(mql|sql|sal|opportunity|opp|deal|won|lost|customer|converted|qualified|disqualified|unqualified|rejected|closed(_won|_lost)?|churned)"
FLAGS = (rf"(is|has|was|became|reached|got|flag)_(an?_)?{RUNGS}", rf"{RUNGS}_(flag|ind|indicator|yn|bool)", RUNGS)
WHO = r"(owner|sdr|bdr|ae|csm|sales_?(rep|agent|person|owner|manager)|account_(executive|manager|owner)|assignee|assigned_(to|rep|user|agent)|(owner|lead|contact|deal)_(rep|owner))"
OWNERS = (
    rf"((lead|contact|account|deal|record|current)_)?{WHO}(_(id|name|email|rep|rep_id|user|key|team))?",
    r"rep(_(id|name|email))?",
)
MOSTLY_ALONE = 0.5

LATER = (("sql", "30d"), ("opportunity", "60d"), ("won", "90d"))


def sort_stage_words(words: Collection[str], deals: Iterable[str] = ()) -> tuple[dict[str, list[str]], list[str]]:
    """Sort stage words into rungs, from the lowest; and those that fit none.

    Parameters
    ----------
    words, deals : str
        The words of stage changes, and those of opportunities: whatever isn't won or lost there is an open one.

    Examples
    --------
    >>> sort_stage_words(["SQL"], ["Negotiating", "Won"])
    ({'sql': ['SQL'], 'opportunity': ['Negotiating'], 'won': ['Won']}, [])
    >>> sort_stage_words(["New", "MQL", "Nurture", "Won"])
    ({'lead': ['New'], 'mql': ['MQL'], 'won': ['Won']}, ['Nurture'])
    """
    order = ("lead", "mql", "sql", "opportunity", "won", "lost", "rejected")
    found: dict[str, list[str]] = {name: [] for name in order}
    unknown: list[str] = []
    for word in dict.fromkeys([*words, *deals]):
        name = guess_stage(word)
        if word not in words and name not in ("won", "lost"):
            name = "opportunity"
        (unknown if name is None else found[name]).append(word)
    return {name: said for name, said in found.items() if said}, unknown


def choose_outcome(found: Mapping[str, list[str]], has_opportunities: bool) -> tuple[str, str]:
    """Choose what to ask: the lowest rung above MQL that the export tells of, and how far ahead; ("", "") where none is.

    Examples
    --------
    >>> choose_outcome({"mql": ["MQL"], "won": ["Won"]}, False), choose_outcome({}, True), choose_outcome({}, False)
    (('won', '90d'), ('opportunity', '60d'), ('', ''))
    """
    told = {*found, *(["opportunity"] if has_opportunities else [])}
    return next(((name, within) for name, within in LATER if name in told), ("", ""))


def guess_behaviour_intent(behaviour: str) -> str | None:
    """Say from its name how near to buying an event type is; None where the name doesn't say.

    Examples
    --------
    >>> [guess_behaviour_intent(b) for b in ("pricing_page_view", "Webinar Attended", "email_open", "x17")]
    ['purchase', 'evaluation', 'awareness', None]
    """
    spelt = snake_name(behaviour)
    return next((name for name, pattern in INTENTS.items() if re.search(pattern, spelt)), None)


def choose_attribute_columns(
    sheet: TableProfile, taken: set[str], suspect: Callable[[str], str]
) -> tuple[list[str], dict[str, str]]:
    """Choose the columns that may be attributes, and say of the others why they aren't."""
    chosen, out = [], {}
    for column in sheet.columns:
        if column.name in taken:
            continue
        why = suspect(column.name) or _state_or_owner(column.name)
        if column.kind == "empty":
            why = "empty"
        elif column.kind == "time":
            why = why or "a date"
        elif column.kind == "text" and column.unique > NEAR_UNIQUE and column.distinct >= MANY_VALUES:
            why = why or f"text that {percent(column.unique)} of its rows have alone: it may name people"
        elif column.kind == "whole" and column.unique > NEAR_UNIQUE and column.distinct >= MANY_VALUES:
            why = why or "a number for each row"
        elif (
            column.kind == "text"
            and column.unique > MOSTLY_ALONE
            and matching_names([column.name], [r".*_?(id|key|uuid|guid)"])
        ):
            why = why or f"an id, {percent(column.unique)} of which stand once"
        elif column.distinct == 1:
            why = why or "the same in all rows"
        if why:
            out[column.name] = why
        else:
            chosen.append(column.name)
    return chosen, out


def _state_or_owner(column: str) -> str:
    """Say why a name is that of a flag of a stage, or of somebody in sales; "" where it isn't.

    Examples
    --------
    >>> [_state_or_owner(c) for c in ("is_sql", "owner_rep_id", "MQL Flag", "leadOwner", "is_student", "owner_occupied")]
    ['a flag of a stage, which is reached later', 'whoever works the lead, who is named later', 'a flag of a stage, which is reached later', 'whoever works the lead, who is named later', '', '']
    """
    if first_match(column, FLAGS) is not None:
        return "a flag of a stage, which is reached later"
    return "whoever works the lead, who is named later" if first_match(column, OWNERS) is not None else ""


@dataclass(frozen=True)
class TableSection:
    """A table of the config.

    Attributes
    ----------
    source : str
        As the config reads it.
    columns : dict of str to Guess
        The column of each key.
    attributes : list of str
        Columns that may be attributes.
    left_out : dict of str to str
        Columns that are none, and why.
    query : str
        What shapes the source, where it isn't read as it is; "".
    made : str
        The column that the query makes; "".
    """

    source: str
    columns: Mapping[str, Guess]
    attributes: list[str] = field(default_factory=list)
    left_out: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    made: str = ""


@dataclass(frozen=True)
class FolderGuess:
    """All that was guessed of a folder.

    Attributes
    ----------
    name : str
        The model's.
    parts : dict of str to Part
        The tables.
    stages : dict of str to list of str
        Our rungs, and the export's words for them.
    unknown : list of str
        Stage words that fit no rung.
    asked : Guess
        `reaches`.
    within : str
        How far ahead.
    behaviours : dict of str to int
        Event types that enough rows share, and how many.
    naive : tuple of str
        Tables whose times name no zone.
    """

    name: str
    parts: Mapping[str, TableSection]
    stages: Mapping[str, list[str]]
    unknown: list[str]
    asked: Guess
    within: str
    behaviours: Mapping[str, int]
    naive: tuple[str, ...]


def folder_text(whole: FolderGuess) -> str:
    """Write the config of a folder of exports."""
    zone = "# the zone of times that name none; yours do"
    if whole.naive:
        zone = f"# <— not sure: times in {', '.join(whole.naive)} name no zone; write yours, as in Europe/Amsterdam"
    lines = [
        "# leadline: a config for a folder of exports. What was guessed says so beside its line; a `<—` marks what you should",
        "# look at before you believe any figure. `leadline check` tells whether it fits the tables.",
        "version: 1",
        f"name: {whole.name} # the registered model's name",
        f"timezone: UTC {zone}",
        "seed: 7",
        "",
        "tables:",
        *(line for name, part in whole.parts.items() for line in _table(name, part)),
        "",
        *_stages(whole),
        f"outcome: {{ reaches: {whole.asked.choice}, within: {whole.within} }} {whole.asked.remark}",
        "snapshots: { every: 7d } # the question is asked of every open lead each week",
        "",
        *_behaviours(whole.behaviours),
        "features: { windows: [7d, 30d, 90d] }",
        "backtest: { folds: 4, test: 56d }",
        "capacity: { leads_per_week: 40 } # <— how many leads sales can work in a week",
        'tracking: { uri: "sqlite:///mlflow.db" }',
    ]
    return "\n".join(lines) + "\n"


def _table(name: str, part: TableSection) -> list[str]:
    lines = [
        f"  {name}:",
        f"    source: {f'{{query: {yaml_scalar(part.query)}}}' if part.query else yaml_scalar(part.source)}",
    ]
    lines += [f"    {key}: {yaml_scalar(guess.choice)} {guess.remark}" for key, guess in part.columns.items()]
    if name not in ("leads", "accounts"):
        return lines
    if name == "leads":
        lines.append(
            "    # <— Only what was fixed when the lead was created: drop what sales or a tool overwrites later."
        )
    lines.append(f"    attributes: {yaml_list(part.attributes)}")
    lines += [f"    # not {yaml_scalar(column)}: {why}" for column, why in part.left_out.items()]
    return lines


def _stages(whole: FolderGuess) -> list[str]:
    if not whole.stages and not whole.unknown:
        return []
    unknown = [f"  # <— in no stage, so ignored: {yaml_list(whole.unknown)}"] if whole.unknown else []
    if not whole.stages:
        return ["# <— Our stages: the export's words.", *(line.removeprefix("  ") for line in unknown), ""]
    return ["stages: # our stages: the export's words, guessed by these", *(f"  {name}: {yaml_list(words)}" for name, words in whole.stages.items()), *unknown, ""]  # fmt: skip


def _behaviours(found: Mapping[str, int]) -> list[str]:
    """Write what the commonest event types mean; those whose name doesn't say stand as comments."""
    told = {name: guess_behaviour_intent(name) for name in found}
    lines = [
        f"  {yaml_scalar(name)}: {{ intent: {told[name]} }} # {rows:,} rows"
        for name, rows in found.items()
        if told[name]
    ]
    silent = [name for name in found if not told[name]]
    rest = [f"# <— intent unknown, as the name doesn't say: {yaml_list(silent)}"] if silent else []
    if not lines:
        return [*rest, *([""] if rest else [])]
    head = "behaviours: # <— how near to buying an event is, guessed by its name; `words: …` is what sales reads"
    return [head, *lines, *(f"  {line}" for line in rest), ""]
