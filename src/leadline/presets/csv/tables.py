"""Which table each file of a folder is: by its name, by its columns, or by whose keys it holds; and why the others aren't used."""

from __future__ import annotations

import re
from collections.abc import Mapping

from leadline.presets.csv.columns import LAYOUT
from leadline.presets.naming import guess_stage, matching_names, snake_name
from leadline.presets.profile import ColumnProfile, TableProfile, common_values, match_share
from leadline.presets.proposal import percent, printable
from leadline.storage import Store

__all__ = ["ROLES", "describe_tables", "find_log", "find_tables", "is_log_of", "table_by_name"]

ROLES = {
    "merges": r"merges?|merged|duplicates?|dedup(e|lication)?",
    "spend": r"spend|spending|costs?|budgets?",
    "touches": r"touches|sales_(touches|activit(y|ies)|acts)",
    "stages": r"stages?|lifecycles?|status(es)?|transitions?|funnel|pipeline_history",
    "history": r"history|histories|changes|changelog|audit",
    "events": r"events?|activit(y|ies)|engagements?|clicks?|page_?views?|visits?|touchpoints?|actions?|interactions?|sessions?|acts?",
    "opportunities": r"opportunit(y|ies)|opps?|deals?",
    "accounts": r"accounts?|compan(y|ies)|organi[sz]ations?|firms?",
    "leads": r"leads?|contacts?|people|persons?|prospects?|mqls?|customers?|users?|subscribers?",
}

"""The words of a file's name that say which table it is; the first table that fits counts, so lead_events are events."""

LOOK = {
    "stages": r"(.*_)?(stage|status|lifecycle_?stage)(_name|_to)?|to_stage|new_(stage|status)",
    "events": r"(event|activity|action|behaviou?r|engagement)(_?(type|name|kind))?|type",
}

"""What tells a table by its columns, where its name doesn't: a column named so, beside one that holds times."""


ENOUGH = 0.5
"""Share of a column's cells that are leads' keys, from which it names leads."""


def find_tables(store: Store, found: list[TableProfile]) -> dict[str, TableProfile]:
    """Tell which table each sheet is, by its name, else by its columns.

    Of several sheets for one table the one with the most rows counts. Where none holds leads, deals are what is asked about:
    they are `leads`, and their ends `stages`.
    """
    chosen: dict[str, TableProfile] = {}
    spare: list[TableProfile] = []
    for sheet in sorted(found, key=lambda s: -s.rows):
        role = table_by_name(sheet.name.removeprefix("sheet_")) or _by_columns(store, sheet)
        if role is None or role in chosen:
            spare.append(sheet)
        else:
            chosen[role] = sheet
    deals = chosen.get("opportunities")
    if "leads" not in chosen:
        keyed = [s for s in spare if any(c.is_key for c in s.columns)] or spare
        if deals is not None:
            keyed = [s for s in keyed if _is_named_by(store, s, deals)]
        if keyed:
            chosen["leads"] = keyed[0]
        elif deals is not None and "stages" not in chosen:
            del chosen["opportunities"]
            chosen |= {"leads": deals, "stages": deals}
    return chosen


def _is_named_by(store: Store, sheet: TableProfile, deals: TableProfile) -> bool:
    """Tell whether a sheet with dates has a key that a column of the deals holds."""
    keys = [c.name for c in sheet.columns if c.is_key and c.kind in ("whole", "text")]
    own = matching_names(
        [c.name for c in deals.columns if c.is_key], [r"(opportunity|opp|deal)_?(id|key|number)|id|key"]
    )
    mine = [c.name for c in deals.columns if c.name not in own and c.kind in ("whole", "text")]
    dated = any(c.kind == "time" for c in sheet.columns)
    return dated and any(match_share(store, deals, c, sheet, key) >= ENOUGH for key in keys for c in mine)


def table_by_name(name: str) -> str | None:
    """Tell a table by a file's name.

    Examples
    --------
    >>> [table_by_name(n) for n in ("crm_leads_2024", "lead_events", "lead_stage_history", "closed_deals", "x")]
    ['leads', 'events', 'stages', 'opportunities', None]
    """
    return next((role for role, words in ROLES.items() if re.search(rf"(^|_)({words})(_|$)", snake_name(name))), None)


def _by_columns(store: Store, sheet: TableProfile) -> str | None:
    names = [c.name for c in sheet.columns if c.kind == "text" and not c.is_key]
    dated = any(c.kind == "time" for c in sheet.columns)
    keyed = any(c.is_key and c.kind != "time" for c in sheet.columns)
    for role, pattern in LOOK.items():
        if dated and matching_names(names, [pattern]) and (role == "events" or not keyed):
            return role
    if keyed and _ends(store, sheet, names):
        return "opportunities"
    return None


def _ends(store: Store, sheet: TableProfile, words: list[str]) -> bool:
    """Tell whether a sheet has what deals end with: a date of closing, and a stage of which some are won."""
    asked = {column.key: column.names for column in LAYOUT["opportunities"]}
    closed = matching_names([c.name for c in sheet.columns if c.kind == "time"], asked["closed_at"])
    stages = matching_names(words, asked["stage"])
    return bool(closed and stages) and any(guess_stage(v) == "won" for v in common_values(store, sheet, stages[0]))


def is_log_of(store: Store, sheet: TableProfile, leads: TableProfile, key: str) -> ColumnProfile | None:
    """Return the column in which a sheet with dates names leads again and again; None for one that is no log of their acts."""
    if not any(c.kind == "time" for c in sheet.columns):
        return None
    named = [c for c in sheet.columns if c.kind in ("whole", "text") and c.filled > ENOUGH and c.unique < 1]
    return next((c for c in named if match_share(store, sheet, c.name, leads, key) >= ENOUGH), None)


def find_log(
    store: Store, found: list[TableProfile], chosen: Mapping[str, TableProfile], key: str
) -> TableProfile | None:
    """Find the longest log of leads' acts among the sheets that are no table yet."""
    used = {sheet.source for sheet in chosen.values()}
    logs = [s for s in found if s.source not in used and is_log_of(store, s, chosen["leads"], key) is not None]
    return max(logs, key=lambda s: s.rows, default=None)


def describe_tables(
    store: Store,
    found: list[TableProfile],
    chosen: Mapping[str, TableProfile],
    left_out: Mapping[str, str],
    key: str = "",
) -> tuple[str, ...]:
    """Say what is there, which table each file is, and why a file isn't used.

    Parameters
    ----------
    chosen : mapping of str to TableProfile
        The tables in use.
    left_out : mapping of str to str
        Why a sheet isn't used, by its source, where that is known.
    key : str
        The column that names leads.
    """
    roles: dict[str, list[str]] = {}
    for role, sheet in chosen.items():
        roles.setdefault(sheet.source, []).append(role)
    told = []
    for sheet in found:
        line = f"{sheet.source}: {sheet.rows:,} rows, {len(sheet.columns)} columns"
        if sheet.source in roles:
            line += f" → {', '.join(roles[sheet.source])}"
        elif chosen:
            line += f" → not used: {left_out.get(sheet.source) or _unused(store, sheet, chosen, key)}"
        told.append(printable(line))
    return tuple(told)


def _unused(store: Store, sheet: TableProfile, chosen: Mapping[str, TableProfile], key: str) -> str:
    role = table_by_name(sheet.name.removeprefix("sheet_")) or _by_columns(store, sheet)
    named = is_log_of(store, sheet, chosen["leads"], key) if key else None
    if named is not None:
        log = next((r for r in ("events", "touches") if r in chosen), "events")
        return (
            f"dated acts of leads ({named.name}), but {log} reads one source, {chosen[log].source}; "
            "put both into one {query: …} with UNION ALL BY NAME"
        )
    if role is not None and role in chosen:
        return f"{role} reads one source, {chosen[role].source}, which has more rows"
    other = [
        f"{c.name} holds {percent(share)} of {name}.{k.name}"
        for name, table in chosen.items()
        for k in table.columns
        if k.is_key and name in ("leads", "accounts")
        for c in sheet.columns
        if c.is_key
        and c.kind in ("whole", "text")
        and (share := match_share(store, sheet, c.name, table, k.name)) >= ENOUGH
    ]
    if other:
        return f"more about what is there already ({other[0]}); join its columns in a {{query: …}} source if they were fixed at creation"
    return "neither its name nor its columns say what it is, and no column names a lead"
