"""A folder of exports: which files are there, and which table each of them is."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlencode

from leadline.errors import MissingError, UsageError
from leadline.tables.presets.places import filled, settle
from leadline.tables.presets.profile import SAMPLED, Sheet, profile
from leadline.tables.presets.words import bare, named
from leadline.tables.store import Store
from leadline.tables.store.contents import look_into
from leadline.tables.store.sources import ENDINGS

__all__ = ["ROLES", "roles", "sheets", "sources"]

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

MOST = 60  # files of a folder, above which somebody must choose


def sources(source: str) -> dict[str, str]:
    """List what a folder or file holds as sources that a config reads, by a name; parts of one table are one glob.

    Raises
    ------
    MissingError, UsageError
        Nothing that can be read is there, or too much.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("leads.csv", "events_2024.csv", "events_2025.csv", "notes.md"):
    ...     _ = (folder / name).write_text("a,b\\n")
    >>> {name: Path(place).name for name, place in sources(str(folder)).items()}
    {'events': 'events_*.csv', 'leads': 'leads.csv'}
    """
    place = Path(source)
    if place.is_file() or any(c in source for c in "*?["):
        return {bare(place.name.split(".")[0]) or "file": source}
    if not place.is_dir():
        raise MissingError(
            f"--source {source}: no such folder or file; expected one with .csv, .tsv, .parquet or .jsonl files; mend the path"
        )
    files = sorted(p for p in (*place.iterdir(), *place.glob("*/*")) if p.is_file() and _ending(p))
    if not files:
        raise MissingError(
            f"--source {source}: no data file; expected .csv, .tsv, .parquet or .jsonl files; export the tables there"
        )
    if len(files) > 10 * MOST:
        raise UsageError(
            f"--source {source}: {len(files)} data files; expected at most {10 * MOST}; put the tables' own into a folder"
        )
    result: dict[str, str] = {}
    for (parent, family, ending), members in _families(files).items():
        known = by_name(family) or parent == place
        name = bare(family if known else parent.name) or "file"
        common = re.sub(r"\d+$", "", _common([p.name[: -len(ending)] for p in members]))
        one = members[0] if len(members) == 1 else parent / f"{common}*{ending}"
        result[name if name not in result else f"{name}_{len(result)}"] = one.as_posix()
    _bounded(source, len(result))
    return dict(sorted(result.items()))


def _families(files: list[Path]) -> dict[tuple[Path, str, str], list[Path]]:
    """Put files together whose names differ in numbers only, as those of months do."""
    groups: dict[tuple[Path, str, str], list[Path]] = {}
    for path in files:
        stem = path.name[: -len(_ending(path))]
        groups.setdefault((path.parent, re.sub(r"[\d_-]+$", "", stem), _ending(path)), []).append(path)
    return groups


def _ending(path: Path) -> str:
    """Return the ending by which a file is data, with .gz or .zst; "" where it isn't."""
    name = path.name.lower()
    packed = next((e for e in (".gz", ".zst") if name.endswith(e)), "")
    ending = next((e for e in ENDINGS if name.removesuffix(packed).endswith(e) and e != ".txt"), "")
    return path.name[-len(ending + packed) :] if ending else ""


def _common(names: list[str]) -> str:
    """Return what names begin with alike."""
    first, last = min(names), max(names)
    same = 0
    while same < min(len(first), len(last)) and first[same] == last[same]:
        same += 1
    return first[:same]


def databases(source: str) -> dict[str, tuple[str, str]]:
    """List the tables of a DuckDB file or a PostgreSQL database: how a config reads each, without secrets, and where to look.

    Raises
    ------
    MissingError, UsageError, RetryError
        It isn't there, can't be reached, or holds too much.
    """
    contents = look_into(filled(source))
    database = settle(source, contents).database
    result: dict[str, tuple[str, str]] = {}
    for relation in (r for r in contents.relations if "." not in r.schema + r.name):
        written = (
            f"{database}{'&' if '?' in database else '?'}{urlencode({'table': f'{relation.schema}.{relation.name}'})}"
        )
        query = urlencode({"query": f"SELECT * FROM {relation.sql} LIMIT {SAMPLED}"})
        look = (
            f"{contents.place}{'&' if '?' in contents.place else '?'}{query}"
            if contents.kind == "postgres"
            else written
        )
        name = bare(relation.name) or "table"
        result[name if name not in result else f"{name}_{len(result)}"] = written, look
    _bounded(source if contents.kind == "duckdb" else "postgresql", len(result))
    return result


def is_database(source: str) -> bool:
    """Tell a database from files.

    Examples
    --------
    >>> is_database("postgresql://db/crm"), is_database("crm.duckdb"), is_database("crm"), is_database("leads.csv")
    (True, True, False, False)
    """
    return bool(re.match(r"^(postgres(ql)?|duckdb)://", source)) or source.endswith((".duckdb", ".db", ".ddb"))


def _bounded(place: str, tables: int) -> None:
    if not tables or tables > MOST:
        raise UsageError(
            f"--source {place}: {tables or 'no'} tables; expected 1 to {MOST}; put those of leads into a place of their own, "
            "such as a folder, or a schema that ?schema=… names"
        )


def sheets(store: Store, source: str) -> list[Sheet]:
    """Look at every table's columns."""
    if is_database(source):
        return [profile(store, f"sheet_{name}", *where) for name, where in databases(source).items()]
    return [profile(store, f"sheet_{name}", place) for name, place in sources(source).items()]


def roles(found: list[Sheet]) -> dict[str, Sheet]:
    """Tell which table each sheet is, by its name, else by its columns.

    Of several sheets for one table the one with the most rows counts.
    """
    chosen: dict[str, Sheet] = {}
    spare: list[Sheet] = []
    for sheet in sorted(found, key=lambda s: -s.rows):
        role = by_name(sheet.name.removeprefix("sheet_")) or _by_columns(sheet)
        if role is None or role in chosen:
            spare.append(sheet)
        else:
            chosen[role] = sheet
    if "leads" not in chosen and spare:
        keyed = [s for s in spare if any(c.is_key for c in s.columns)] or spare
        chosen["leads"] = keyed[0]
    return chosen


def by_name(name: str) -> str | None:
    """Tell a table by a file's name.

    Examples
    --------
    >>> [by_name(n) for n in ("crm_leads_2024", "lead_events", "lead_stage_history", "closed_deals", "x")]
    ['leads', 'events', 'stages', 'opportunities', None]
    """
    return next((role for role, words in ROLES.items() if re.search(rf"(^|_)({words})(_|$)", bare(name))), None)


def _by_columns(sheet: Sheet) -> str | None:
    names = [c.name for c in sheet.columns if c.kind == "text" and not c.is_key]
    dated = any(c.kind == "time" for c in sheet.columns)
    keyed = any(c.is_key and c.kind != "time" for c in sheet.columns)
    for role, pattern in LOOK.items():
        if dated and named(names, [pattern]) and (role == "events" or not keyed):
            return role
    return None
