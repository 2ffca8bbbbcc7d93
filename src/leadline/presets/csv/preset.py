"""A folder of exports: which files are there, and which table each of them is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from leadline.config.frames import FRAME, FrameSource
from leadline.config.schema import Engine
from leadline.errors import DataError, MissingError, UsageError
from leadline.masking import VARIABLE
from leadline.presets.crm.hubspot import variables
from leadline.presets.csv.columns import LAYOUT, match_columns
from leadline.presets.csv.config_text import (
    FolderGuess,
    TableSection,
    choose_attribute_columns,
    choose_outcome,
    folder_text,
    sort_stage_words,
)
from leadline.presets.csv.flat_file import LIMITS, FlatFileGuess, flat_text, guess_flat_file, looks_flat, model_name
from leadline.presets.naming import matching_names, snake_name
from leadline.presets.profile import SAMPLED, TableProfile, common_values, profile_table
from leadline.presets.proposal import Guess, Proposal, printable
from leadline.presets.source_url import fill_variables, without_credentials
from leadline.storage import Store, open_store
from leadline.storage.catalog import list_relations
from leadline.storage.locations import ENDINGS

__all__ = ["ROLES", "list_sources", "match_tables", "open_inspection_store", "propose", "propose_flat", "read_sheets"]

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


def list_sources(source: str) -> dict[str, str]:
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
    >>> {name: Path(place).name for name, place in list_sources(str(folder)).items()}
    {'events': 'events_*.csv', 'leads': 'leads.csv'}
    """
    place = Path(source)
    if place.is_file() or any(c in source for c in "*?["):
        return {snake_name(place.name.split(".")[0]) or "file": source}
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
        known = table_by_name(family) or parent == place
        name = snake_name(family if known else parent.name) or "file"
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


def list_databases(source: str) -> dict[str, tuple[str, str]]:
    """List the tables of a DuckDB file or a PostgreSQL database: how a config reads each, without secrets, and where to look.

    Raises
    ------
    MissingError, UsageError, RetryError
        It isn't there, can't be reached, or holds too much.
    """
    contents = list_relations(fill_variables(source))
    database = without_credentials(source, contents).database
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
        name = snake_name(relation.name) or "table"
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


def read_sheets(store: Store, source: str) -> list[TableProfile]:
    """Look at every table's columns."""
    if is_database(source):
        return [profile_table(store, f"sheet_{name}", *where) for name, where in list_databases(source).items()]
    return [profile_table(store, f"sheet_{name}", place) for name, place in list_sources(source).items()]


def match_tables(found: list[TableProfile]) -> dict[str, TableProfile]:
    """Tell which table each sheet is, by its name, else by its columns.

    Of several sheets for one table the one with the most rows counts.
    """
    chosen: dict[str, TableProfile] = {}
    spare: list[TableProfile] = []
    for sheet in sorted(found, key=lambda s: -s.rows):
        role = table_by_name(sheet.name.removeprefix("sheet_")) or _by_columns(sheet)
        if role is None or role in chosen:
            spare.append(sheet)
        else:
            chosen[role] = sheet
    if "leads" not in chosen and spare:
        keyed = [s for s in spare if any(c.is_key for c in s.columns)] or spare
        chosen["leads"] = keyed[0]
    return chosen


def table_by_name(name: str) -> str | None:
    """Tell a table by a file's name.

    Examples
    --------
    >>> [table_by_name(n) for n in ("crm_leads_2024", "lead_events", "lead_stage_history", "closed_deals", "x")]
    ['leads', 'events', 'stages', 'opportunities', None]
    """
    return next((role for role, words in ROLES.items() if re.search(rf"(^|_)({words})(_|$)", snake_name(name))), None)


def _by_columns(sheet: TableProfile) -> str | None:
    names = [c.name for c in sheet.columns if c.kind == "text" and not c.is_key]
    dated = any(c.kind == "time" for c in sheet.columns)
    keyed = any(c.is_key and c.kind != "time" for c in sheet.columns)
    for role, pattern in LOOK.items():
        if dated and matching_names(names, [pattern]) and (role == "events" or not keyed):
            return role
    return None


# The csv preset: looks at a folder of exports, or at one file, and proposes a config that says what was guessed.


COSTS = {
    "events": "no file of dated acts was found: without events there are no behaviours, and the model sees attributes only; export activities with lead, type and time",
    "accounts": "no file of companies was found: fit and buying committees are left out; export companies with their id, and the lead's company id",
    "stages": "no file of stage changes was found: outcomes come from the opportunities alone; export the history of the stage, not its present value",
}

"""What is lost without a table, and how to get it."""


@contextmanager
def open_inspection_store() -> Iterator[Store]:
    """Open an engine to look at a source with; it is closed at the end."""
    store = open_store(Engine(threads=2))
    try:
        yield store
    finally:
        store.close()


def propose(source: str, folder: Path, suspect: Callable[[str], str]) -> Proposal:
    """Propose a config for a folder of exports, or for one file with a row a lead.

    Parameters
    ----------
    source : str
        The folder, a file or a glob; a DuckDB file or a PostgreSQL URL.
    folder : Path
        Where the config will stand.
    suspect : callable
        Says why a column's name is that of a leak; "" where it isn't.

    Raises
    ------
    MissingError, UsageError, ConfigError, DataError
        Nothing is there that can be read as leads with outcomes.
    """
    with open_inspection_store() as store:
        found = read_sheets(store, source)
        if len(found) == 1:
            return _flat(guess_flat_file(store, found[0], suspect), found[0])
        chosen = match_tables(found)
        if not {"stages", "opportunities"} & set(chosen) and looks_flat(store, chosen["leads"]):
            flat = _flat(guess_flat_file(store, chosen["leads"], suspect), chosen["leads"])
            return Proposal(**{**vars(flat), "found": _describe_tables(found, chosen)})
        name = model_name("crm" if is_database(source) else Path(source).resolve().name)
        return _dated(store, found, chosen, suspect, name)


def propose_flat(
    source: str,
    suspect: Callable[[str], str],
    outcome: str | None = None,
    positive: str | None = None,
    order_by: str | None = None,
) -> Proposal:
    """Propose a config for one file with a row a lead.

    Raises
    ------
    MissingError, ConfigError, DataError, UsageError
        The file can't be read; or the outcome can't be told, and the message says which option names it.
    """
    with open_inspection_store() as store:
        sheet = profile_table(store, "file", source)
        flat = guess_flat_file(store, sheet, suspect, outcome, positive, order_by)
    return _flat(flat, sheet)


def _flat(flat: FlatFileGuess, sheet: TableProfile) -> Proposal:
    """Put what was guessed of a flat file into a config."""
    framed = isinstance(sheet.source, FrameSource)
    name = flat.outcome.choice if framed else Path(sheet.source).name.split(".")[0]
    config = flat_text(flat, FRAME if framed else sheet.source, model_name(name))
    guesses = list(flat.guesses)
    if flat.excluded:
        guesses.append(Guess("tables.leads.exclude", ", ".join(flat.excluded), "the config says why, column by column"))
    return Proposal(
        "csv", sheet.source, config, guesses=tuple(guesses), warnings=LIMITS, found=_describe_tables([sheet], {})
    )


def _describe_tables(found: list[TableProfile], chosen: Mapping[str, TableProfile]) -> tuple[str, ...]:
    """Say what is there, and which table each file is."""
    roles_of = {sheet.source: role for role, sheet in chosen.items()}
    return tuple(
        printable(f"{s.source}: {s.rows:,} rows, {len(s.columns)} columns")
        + (f" → {roles_of.get(s.source, 'not used')}" if chosen else "")
        for s in found
    )


def _dated(
    store: Store, found: list[TableProfile], chosen: dict[str, TableProfile], suspect: Callable[[str], str], name: str
) -> Proposal:  # fmt: skip
    """Put what was guessed of dated tables into a config."""
    parts, said = _parts(store, chosen, suspect)
    if not {"stages", "opportunities"} & set(parts):
        raise DataError(
            "--source: no file tells of outcomes with their dates; expected stage changes or opportunities, or an outcome column in the "
            "file of leads; export them, or name the column with `leadline train FILE --outcome COLUMN`"
        )
    words = {
        r: list(common_values(store, chosen[r], p.columns["stage"].choice))
        for r, p in parts.items()
        if "stage" in p.columns
    }
    mapped, unknown = sort_stage_words(words.get("stages", []), words.get("opportunities", []))
    known = sum(map(len, mapped.values()))
    reaches, within = choose_outcome(mapped, "opportunities" in parts)
    why = (
        "the lowest stage above MQL that the export tells of" if reaches else "no stage's word is known: map them above"
    )
    asked = Guess("outcome.reaches", reaches or "sql", why, bool(reaches))
    acts = common_values(store, chosen["events"], parts["events"].columns["type"].choice) if "events" in parts else {}
    naive = tuple(r for r, p in parts.items() if any(chosen[r].of(g.choice).naive for g in p.columns.values()))
    config = folder_text(FolderGuess(name, parts, mapped, unknown, asked, within or "30d", acts, naive))
    guesses = [g for part in parts.values() for g in part.columns.values()] + [
        Guess("tables.leads.attributes", ", ".join(parts["leads"].attributes), "not dates, keys, names of people or known leaks; only you know which were fixed when the lead came in", False),
        *([Guess("stages", ", ".join(mapped), f"{known} of the export's {known + len(unknown)} words are known", not unknown)] if words else []),
        asked,
        *([Guess("timezone", "UTC", f"times in {', '.join(naive)} name no zone", False)] if naive else []),
    ]  # fmt: skip
    missing = tuple(text for role, text in COSTS.items() if role not in parts)
    missing = (*variables(list(dict.fromkeys(VARIABLE.findall(config)))), *missing)
    shown = {role: sheet for role, sheet in chosen.items() if role in parts}
    return Proposal("csv", name, config, {}, (*guesses, *said), missing, _describe_tables(found, shown))


def _parts(
    store: Store, chosen: dict[str, TableProfile], suspect: Callable[[str], str]
) -> tuple[dict[str, TableSection], list[Guess]]:
    """Choose every table's columns, those of leads and accounts first; a table that lacks a needed one is left out, and said."""
    keys: dict[str, tuple[TableProfile, str]] = {}
    parts: dict[str, TableSection] = {}
    said = []
    order = ["accounts", "leads", *(role for role in chosen if role not in ("accounts", "leads"))]
    for role in (r for r in order if r in chosen):
        sheet = chosen[role]
        found, missing = match_columns(store, role, sheet, keys, suspect)
        if missing:
            why = f"{sheet.source} has no column for {', '.join(missing)}"
            if role == "leads":
                raise DataError(
                    f"--source: {why}; expected a unique key and the time of creation as ISO 8601 (2024-05-31 or 2024-05-31T09:00:00Z); mend the export or fill in a config by hand (`leadline init DIR`)"
                )
            said.append(Guess(f"tables.{role}", "", why, False))
            continue
        if role in ("leads", "accounts"):
            keys[role] = sheet, found["key"].choice
            chosen_attributes, out = choose_attribute_columns(sheet, {g.choice for g in found.values()}, suspect)
            parts[role] = TableSection(sheet.source, found, chosen_attributes, out)
        else:
            parts[role] = TableSection(sheet.source, found)
    return {role: parts[role] for role in LAYOUT if role in parts}, said
