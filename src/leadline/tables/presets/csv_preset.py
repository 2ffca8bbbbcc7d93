"""The csv preset: looks at a folder of exports, or at one file, and proposes a config that says what was guessed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from leadline.config import Engine
from leadline.errors import DataError
from leadline.tables.presets.csv_columns import LAYOUT, columns
from leadline.tables.presets.csv_flat import Flat, looks_flat, read_flat
from leadline.tables.presets.csv_flat_text import LIMITS, flat_text, model_name
from leadline.tables.presets.csv_meaning import attributes, question, rungs
from leadline.tables.presets.csv_roles import is_database, roles, sheets
from leadline.tables.presets.csv_text import Part, Whole, folder_text
from leadline.tables.presets.guess import plain
from leadline.tables.presets.hubspot_words import variables
from leadline.tables.presets.profile import Sheet, levels, profile
from leadline.tables.presets.proposal import Guess, Proposal
from leadline.tables.store import Store, open_store
from leadline.yamlfile import VARIABLE

__all__ = ["looking", "propose", "propose_flat"]

COSTS = {
    "events": "no file of dated acts was found: without events there are no behaviours, and the model sees attributes only; export activities with lead, type and time",
    "accounts": "no file of companies was found: fit and buying committees are left out; export companies with their id, and the lead's company id",
    "stages": "no file of stage changes was found: outcomes come from the opportunities alone; export the history of the stage, not its present value",
}
"""What is lost without a table, and how to get it."""


@contextmanager
def looking() -> Iterator[Store]:
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
    with looking() as store:
        found = sheets(store, source)
        if len(found) == 1:
            return _flat(read_flat(store, found[0], suspect), found[0])
        chosen = roles(found)
        if not {"stages", "opportunities"} & set(chosen) and looks_flat(store, chosen["leads"]):
            flat = _flat(read_flat(store, chosen["leads"], suspect), chosen["leads"])
            return Proposal(**{**vars(flat), "found": _told(found, chosen)})
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
    with looking() as store:
        sheet = profile(store, "file", source)
        flat = read_flat(store, sheet, suspect, outcome, positive, order_by)
    return _flat(flat, sheet)


def _flat(flat: Flat, sheet: Sheet) -> Proposal:
    """Put what was guessed of a flat file into a config."""
    config = flat_text(flat, sheet.source, model_name(Path(sheet.source).name.split(".")[0]))
    guesses = list(flat.guesses)
    if flat.excluded:
        guesses.append(Guess("tables.leads.exclude", ", ".join(flat.excluded), "the config says why, column by column"))
    return Proposal("csv", sheet.source, config, guesses=tuple(guesses), warnings=LIMITS, found=_told([sheet], {}))


def _told(found: list[Sheet], chosen: Mapping[str, Sheet]) -> tuple[str, ...]:
    """Say what is there, and which table each file is."""
    roles_of = {sheet.source: role for role, sheet in chosen.items()}
    return tuple(
        plain(f"{s.source}: {s.rows:,} rows, {len(s.columns)} columns")
        + (f" → {roles_of.get(s.source, 'not used')}" if chosen else "")
        for s in found
    )


def _dated(
    store: Store, found: list[Sheet], chosen: dict[str, Sheet], suspect: Callable[[str], str], name: str
) -> Proposal:  # fmt: skip
    """Put what was guessed of dated tables into a config."""
    parts, said = _parts(store, chosen, suspect)
    if not {"stages", "opportunities"} & set(parts):
        raise DataError(
            "--source: no file tells of outcomes with their dates; expected stage changes or opportunities, or an outcome column in the "
            "file of leads; export them, or name the column with `leadline train FILE --outcome COLUMN`"
        )
    words = {
        r: list(levels(store, chosen[r], p.columns["stage"].choice)) for r, p in parts.items() if "stage" in p.columns
    }
    mapped, unknown = rungs(words.get("stages", []), words.get("opportunities", []))
    known = sum(map(len, mapped.values()))
    reaches, within = question(mapped, "opportunities" in parts)
    why = (
        "the lowest stage above MQL that the export tells of" if reaches else "no stage's word is known: map them above"
    )
    asked = Guess("outcome.reaches", reaches or "sql", why, bool(reaches))
    acts = levels(store, chosen["events"], parts["events"].columns["type"].choice) if "events" in parts else {}
    naive = tuple(r for r, p in parts.items() if any(chosen[r].of(g.choice).naive for g in p.columns.values()))
    config = folder_text(Whole(name, parts, mapped, unknown, asked, within or "30d", acts, naive))
    guesses = [g for part in parts.values() for g in part.columns.values()] + [
        Guess("tables.leads.attributes", ", ".join(parts["leads"].attributes), "not dates, keys, names of people or known leaks; only you know which were fixed when the lead came in", False),
        *([Guess("stages", ", ".join(mapped), f"{known} of the export's {known + len(unknown)} words are known", not unknown)] if words else []),
        asked,
        *([Guess("timezone", "UTC", f"times in {', '.join(naive)} name no zone", False)] if naive else []),
    ]  # fmt: skip
    missing = tuple(text for role, text in COSTS.items() if role not in parts)
    missing = (*variables(list(dict.fromkeys(VARIABLE.findall(config)))), *missing)
    shown = {role: sheet for role, sheet in chosen.items() if role in parts}
    return Proposal("csv", name, config, {}, (*guesses, *said), missing, _told(found, shown))


def _parts(
    store: Store, chosen: dict[str, Sheet], suspect: Callable[[str], str]
) -> tuple[dict[str, Part], list[Guess]]:
    """Choose every table's columns, those of leads and accounts first; a table that lacks a needed one is left out, and said."""
    keys: dict[str, tuple[Sheet, str]] = {}
    parts: dict[str, Part] = {}
    said = []
    order = ["accounts", "leads", *(role for role in chosen if role not in ("accounts", "leads"))]
    for role in (r for r in order if r in chosen):
        sheet = chosen[role]
        found, missing = columns(store, role, sheet, keys, suspect)
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
            chosen_attributes, out = attributes(sheet, {g.choice for g in found.values()}, suspect)
            parts[role] = Part(sheet.source, found, chosen_attributes, out)
        else:
            parts[role] = Part(sheet.source, found)
    return {role: parts[role] for role in LAYOUT if role in parts}, said
