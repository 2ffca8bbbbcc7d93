"""Which column of an export is which of the config's keys: by its name, by what fills it, and by whose keys it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from leadline.presets.csv.flat_file import BORN, KEYS, NEAR_UNIQUE
from leadline.presets.naming import matching_names
from leadline.presets.profile import MANY_VALUES, ColumnProfile, TableProfile, match_share
from leadline.presets.proposal import Guess, percent
from leadline.storage import Store

__all__ = ["LAYOUT", "ColumnSpec", "match_columns", "repeats"]

LEAD = (
    r"lead|lead_?id|prospect_?id|contact_?id|person_?id|mql_?id",
    r"(lead|prospect|contact|person|customer|client|user|record)(_?(id|key|number|no))?",
    r"who_?id|.*lead.*id|.*contact.*id",
)
ACCOUNT = (
    r"account|account_?id|company_?id|organi[sz]ation_?id",
    r"(associated_?)?(account|company|organi[sz]ation|firm|org)(_?(id|key|number|domain))?",
    r".*(account|company|organi[sz]ation).*_id",
)
RECORDED = (
    r"recorded_?at|ingested_?at|inserted_?at|loaded_?at|received_?at|logged_?at|_?synced(_?at)?|_fivetran_synced|_airbyte_extracted_at|system_?modstamp",
)
HAPPENED = (
    r"occurred_?at|happened_?at|event_?(at|time|date|timestamp)|activity_?(at|time|date)",
    r"timestamp|time|date|ts|datetime|created(_?(at|date|on))?",
    r".*(_at|_date|_time|_on)",
)
CHANGED = (
    r"changed_?(at|on|date)|change_?date|entered_?(at|on)|(stage|status)_?(date|time|changed_?at)",
    r"timestamp|time|date|created(_?(at|date|on))?|modified_?(at|date)",
    r".*(_at|_date|_time|_on)",
)
TYPE = (
    r"(event|activity|action|behaviou?r|engagement)_?(type|name|kind)",
    r"type|event|action|activity|behaviou?r|kind|name",
    r".*_type",
)
STAGE = (
    r"stage|to_stage|new_stage|stage_?name|lifecycle_?stage",
    r"status|new_status|to_status|lead_?status|deal_?stage|new_value|to_value",
    r".*(stage|status).*",
)


@dataclass(frozen=True)
class ColumnSpec:
    """What a key of the config asks of a column.

    Attributes
    ----------
    key : str
        The config's key, such as `lead`.
    names : tuple of str
        How exports name it, the likeliest first.
    kind : str
        What must fill it: any, time, word (a text that rows share), number, or key (unique and filled).
    needed : bool
        Whether the table is nothing without it.
    refers : str
        Whose keys it holds: leads, accounts, or "".
    """

    key: str
    names: tuple[str, ...]
    kind: str = "any"
    needed: bool = True
    refers: str = ""


LAYOUT: Mapping[str, tuple[ColumnSpec, ...]] = {
    "leads": (
        ColumnSpec("key", KEYS, "key"),
        ColumnSpec("account", ACCOUNT, needed=False, refers="accounts"),
        ColumnSpec("created_at", (*BORN, r".*creat.*|.*first.*|.*_at|.*date.*"), "time"),
    ),
    "accounts": (ColumnSpec("key", (*ACCOUNT, r"id|key|.*_id|domain"), "key"),),
    "events": (
        ColumnSpec("lead", LEAD, refers="leads"), ColumnSpec("type", TYPE, "word"), ColumnSpec("occurred_at", HAPPENED, "time"),
        ColumnSpec("key", (r"(event|activity|action|touch|engagement)_?(id|key|number)", r"id|uuid|key", r".*_id"), "key", needed=False),
        ColumnSpec("recorded_at", RECORDED, "time", needed=False),
    ),
    "stages": (
        ColumnSpec("lead", LEAD, refers="leads"), ColumnSpec("stage", STAGE, "word"), ColumnSpec("changed_at", CHANGED, "time"),
        ColumnSpec("reason", (r"(loss|lost|rejection|disqualification|status)?_?reason",), "word", needed=False),
        ColumnSpec("recorded_at", RECORDED, "time", needed=False),
    ),
    "opportunities": (
        ColumnSpec("lead", LEAD, needed=False, refers="leads"), ColumnSpec("account", ACCOUNT, needed=False, refers="accounts"),
        ColumnSpec("key", (r"(opportunity|opp|deal)_?(id|key|number)", r"id|key|.*_id"), "key"),
        ColumnSpec("created_at", (*BORN, r"(open(ed)?|engaged?|start(ed)?)_?(at|date|on)"), "time"),
        ColumnSpec("closed_at", (r"closed_?(at|on|date)|close_?date|won_?(at|date|on)",), "time", needed=False),
        ColumnSpec("stage", STAGE, "word", needed=False),
        ColumnSpec("amount", (r"(close_?)?(amount|value)|revenue|deal_?(amount|value|size)|arr|acv|tcv|price",), "number", needed=False),
    ),
    "history": (
        ColumnSpec("lead", LEAD, refers="leads"), ColumnSpec("field", (r"field|field_?name|property|name|attribute",), "word"),
        ColumnSpec("value", (r"value|new_?value|to_?value",)), ColumnSpec("changed_at", CHANGED, "time"),
        ColumnSpec("recorded_at", RECORDED, "time", needed=False),
    ),
    "spend": (
        ColumnSpec("campaign", (r"campaign(_?(name|id))?", r"utm_campaign|source|channel")), ColumnSpec("month", (r"month|period|date|day|week",)),
        ColumnSpec("cost", (r"cost|spend|amount|spent|budget",), "number"),
    ),
    "touches": (
        ColumnSpec("lead", LEAD, refers="leads"), ColumnSpec("touched_at", (r"touched_?at|(call|contact)ed_?at", *HAPPENED), "time"),
        ColumnSpec("kind", TYPE, "word", needed=False), ColumnSpec("recorded_at", RECORDED, "time", needed=False),
    ),
    "merges": (
        ColumnSpec("from", (r"from(_?id)?|merged_?(id|from)|loser(_?id)?|duplicate(_?id)?|old_?id|vid_to_merge|source_?id",)),
        ColumnSpec("into", (r"into(_?id)?|merged_?into|winner(_?id)?|master(_?(record_)?id)?|canonical(_?vid|_?id)?|new_?id|target_?id|survivor(_?id)?",)),
        ColumnSpec("merged_at", (r"merged_?(at|on|date)", *CHANGED), "time"),
    ),
}  # fmt: skip
"""The columns that each table needs or may have."""


def match_columns(
    store: Store,
    role: str,
    sheet: TableProfile,
    keys: Mapping[str, tuple[TableProfile, str]],
    suspect: Callable[[str], str],
) -> tuple[dict[str, Guess], list[str]]:
    """Choose the column for each key of a table.

    Parameters
    ----------
    keys : mapping of str to (TableProfile, str)
        The key columns of leads and accounts, as far as they are known.
    suspect : callable
        Says why a column's name is that of a leak; such a column says nothing of when a lead was created.

    Returns
    -------
    tuple
        The guesses by key, and the needed keys for which no column was found.
    """
    found: dict[str, Guess] = {}
    missing = []
    for asked in LAYOUT[role]:
        free = [c for c in sheet.columns if c.name not in {g.choice for g in found.values()}]
        free = [c for c in free if asked.key != "created_at" or role != "leads" or not suspect(c.name)]
        shares = _shares(store, sheet, free, keys.get(asked.refers)) if asked.refers in keys else {}
        guess = _choose(role, asked, sheet, free, shares, keys)
        if guess is not None:
            found[asked.key] = guess
        elif asked.needed:
            missing.append(asked.key)
    return found, missing


def _shares(
    store: Store, sheet: TableProfile, free: list[ColumnProfile], other: tuple[TableProfile, str] | None
) -> dict[str, float]:
    """Return for each column that may refer to another table how many of its cells are keys of it."""
    if other is None:
        return {}
    return {c.name: match_share(store, sheet, c.name, *other) for c in free if c.kind in ("whole", "text")}


def _choose(
    role: str, asked: ColumnSpec, sheet: TableProfile, free: list[ColumnProfile], shares: dict[str, float], keys: Mapping[str, tuple[TableProfile, str]]
) -> Guess | None:  # fmt: skip
    fitting = [c for c in free if _fits(asked, c)]
    found = matching_names([c.name for c in fitting], asked.names)
    if shares:
        # Whose keys a column holds says more than its name; what is the other table's neither by name nor keys isn't it.
        found = sorted(
            [n for n in shares if shares[n] >= 0.5 or n in found], key=lambda n: (-shares[n] // 0.1, n not in found)
        )
    unnamed = not found
    if unnamed and asked.kind == "time" and asked.needed:
        found = [c.name for c in fitting]
    if not found:
        return None
    first, rest = sheet.of(found[0]), tuple(found[1:4])
    what = f"tables.{role}.{asked.key}"
    if asked.kind == "key":
        why = f"filled in {percent(first.filled)} of rows, unique in {percent(first.unique)} of these{repeats(sheet, first)}"
        return Guess(what, first.name, why, first.is_key, rest)
    if asked.refers in keys:
        _other, key = keys[asked.refers]
        why = f"{percent(shares.get(first.name, 0.0))} of its values are in {asked.refers}.{key}"
        return Guess(what, first.name, why, shares.get(first.name, 0.0) >= 0.9, rest)
    why = {"time": "times", "word": f"{first.distinct} words", "number": "numbers"}.get(asked.kind, "its name")
    if unnamed:
        why += ", though its name doesn't say so"
    return Guess(what, first.name, f"{why}; filled in {percent(first.filled)} of rows", not unnamed, rest)


def repeats(sheet: TableProfile, column: ColumnProfile) -> str:
    """Say how many rows repeat a key that another has; "" for none."""
    rows = round(sheet.rows * column.filled) - column.distinct
    return f"; {rows:,} row{'s repeat keys' if rows > 1 else ' repeats the key'} of others" if rows else ""


def _fits(asked: ColumnSpec, column: ColumnProfile) -> bool:
    """Tell whether what fills a column is what a key asks for."""
    if asked.kind == "key":
        return column.filled > 0.99 and column.unique > 0.95 and column.kind in ("whole", "text")  # rows may repeat
    if asked.kind == "time":
        return column.kind == "time" or (column.kind == "empty" and not asked.needed and asked.key == "closed_at")
    if asked.kind == "word":
        return column.kind == "text" and (column.unique < NEAR_UNIQUE or column.distinct < MANY_VALUES)
    if asked.kind == "number":
        return column.kind in ("whole", "number")
    return column.kind != "empty"
