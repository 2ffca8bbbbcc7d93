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
from leadline.presets.csv.columns import match_columns
from leadline.presets.csv.config_text import (
    FolderGuess,
    TableSection,
    choose_attribute_columns,
    choose_outcome,
    folder_text,
    sort_stage_words,
)
from leadline.presets.csv.deals import (
    act_name,
    funnel_of_deals,
    is_funnel_of_deals,
    no_leads,
    one_act_log,
    one_act_query,
)
from leadline.presets.csv.flat_file import LIMITS, FlatFileGuess, flat_text, guess_flat_file, looks_flat, model_name
from leadline.presets.csv.tables import describe_tables, find_log, find_tables, table_by_name
from leadline.presets.naming import snake_name
from leadline.presets.profile import SAMPLED, TableProfile, common_values, profile_table
from leadline.presets.proposal import Guess, Proposal
from leadline.presets.source_url import fill_variables, without_credentials
from leadline.storage import Store, open_store
from leadline.storage.catalog import list_relations
from leadline.storage.locations import ENDINGS

__all__ = ["list_sources", "open_inspection_store", "propose", "propose_flat", "read_sheets"]

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
        chosen = find_tables(store, found)
        if len(found) == 1 and (looks_flat(store, found[0]) or "stages" not in chosen):
            return _flat(store, guess_flat_file(store, found[0], suspect), found[0])
        if not {"stages", "opportunities"} & set(chosen) and looks_flat(store, chosen["leads"]):
            flat = _flat(store, guess_flat_file(store, chosen["leads"], suspect), chosen["leads"])
            return Proposal(**{**vars(flat), "found": describe_tables(store, found, chosen, {})})
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
        return _flat(store, guess_flat_file(store, sheet, suspect, outcome, positive, order_by), sheet)


def _flat(store: Store, flat: FlatFileGuess, sheet: TableProfile) -> Proposal:
    """Put what was guessed of a flat file into a config."""
    framed = isinstance(sheet.source, FrameSource)
    name = flat.outcome.choice if framed else Path(sheet.source).name.split(".")[0]
    config = flat_text(flat, FRAME if framed else sheet.source, model_name(name))
    guesses = list(flat.guesses)
    if flat.excluded:
        guesses.append(Guess("tables.leads.exclude", ", ".join(flat.excluded), "the config says why, column by column"))
    return Proposal(
        "csv",
        sheet.source,
        config,
        guesses=tuple(guesses),
        warnings=LIMITS,
        found=describe_tables(store, [sheet], {}, {}),
    )


def _dated(
    store: Store, found: list[TableProfile], chosen: dict[str, TableProfile], suspect: Callable[[str], str], name: str
) -> Proposal:  # fmt: skip
    """Put what was guessed of dated tables into a config."""
    chosen = dict(chosen)
    parts, left_out = _parts(store, found, chosen, suspect)
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
    if is_funnel_of_deals(chosen):  # only ends have a date
        mapped, unknown = {end: said for end, said in mapped.items() if end in ("won", "lost", "rejected")}, []
    known = sum(map(len, mapped.values()))
    reaches, within = choose_outcome(mapped, "opportunities" in parts)
    why = (
        "the lowest stage above MQL that the export tells of" if reaches else "no stage's word is known: map them above"
    )
    asked = Guess("outcome.reaches", reaches or "sql", why, bool(reaches))
    naive = tuple(
        r
        for r, p in parts.items()
        if any(chosen[r].of(g.choice).naive for g in p.columns.values() if g.choice != p.made)
    )
    acts = _acts(store, chosen, parts)
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
    said = [
        Guess(f"tables.{role}", "", left_out[sheet.source], False)
        for role, sheet in chosen.items()
        if sheet.source in left_out
    ]
    described = describe_tables(store, found, shown, left_out, parts["leads"].columns["key"].choice)
    return Proposal("csv", name, config, {}, (*guesses, *said), missing, described)


def _acts(store: Store, chosen: Mapping[str, TableProfile], parts: Mapping[str, TableSection]) -> dict[str, int]:
    """Count the commonest event types; a log without a type holds one."""
    if "events" not in parts:
        return {}
    if parts["events"].made:
        return {act_name(chosen["events"]): chosen["events"].rows}
    return common_values(store, chosen["events"], parts["events"].columns["type"].choice)


def _parts(
    store: Store, found: list[TableProfile], chosen: dict[str, TableProfile], suspect: Callable[[str], str]
) -> tuple[dict[str, TableSection], dict[str, str]]:
    """Choose every table's columns, those of leads and accounts first; and say, by source, why a table is left out.

    Where no file is one of events, the longest log of leads' acts is put into `chosen` as that.
    """
    keys: dict[str, tuple[TableProfile, str]] = {}
    parts: dict[str, TableSection] = {}
    left_out: dict[str, str] = {}
    if is_funnel_of_deals(chosen):
        parts = funnel_of_deals(store, chosen["leads"], suspect)
        keys["leads"] = chosen["leads"], parts["leads"].columns["key"].choice
    for role in ("accounts", "leads"):
        if role in chosen and role not in parts:
            columns, missing = match_columns(store, role, chosen[role], keys, suspect)
            if missing and role == "leads":
                raise DataError(no_leads(chosen[role], missing))
            if missing:
                left_out[chosen[role].source] = f"{chosen[role].source} has no column for {', '.join(missing)}"
                continue
            keys[role] = chosen[role], columns["key"].choice
            attributes, out = choose_attribute_columns(chosen[role], {g.choice for g in columns.values()}, suspect)
            parts[role] = TableSection(chosen[role].source, columns, attributes, out)
    log = find_log(store, found, chosen, keys["leads"][1]) if "events" not in chosen else None
    if log is not None:
        chosen["events"] = log
    for role in (r for r in chosen if r not in ("accounts", "leads") and r not in parts):
        sheet = chosen[role]
        columns, missing = match_columns(store, role, sheet, keys, suspect)
        query = one_act_query(sheet) if role == "events" and missing == ["type"] else ""
        if missing and not query:
            left_out[sheet.source] = f"{sheet.source} has no column for {', '.join(missing)}"
        else:
            parts[role] = one_act_log(sheet, columns, query) if query else TableSection(sheet.source, columns)
    return {role: parts[role] for role in ("leads", "accounts", *chosen) if role in parts}, left_out
