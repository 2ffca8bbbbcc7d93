"""What a folder lacks and a query makes: a funnel of deals alone, and the kind of act of a log that has no column for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from leadline.errors import DataError
from leadline.presets.csv.columns import match_columns, repeats
from leadline.presets.csv.config_text import TableSection, choose_attribute_columns
from leadline.presets.csv.flat_file import KEYS
from leadline.presets.naming import matching_names
from leadline.presets.profile import TableProfile
from leadline.presets.proposal import Guess
from leadline.storage import Store
from leadline.storage.dialect import identifier, literal
from leadline.storage.locations import ENDINGS

__all__ = ["act_name", "funnel_of_deals", "is_funnel_of_deals", "no_leads", "one_act_log", "one_act_query"]

CREATED = "a unique key and the time of creation as ISO 8601 (2024-05-31 or 2024-05-31T09:00:00Z)"


def is_funnel_of_deals(chosen: Mapping[str, TableProfile]) -> bool:
    """Tell whether deals stand in for leads, as nothing else is there."""
    return "stages" in chosen and chosen["stages"] is chosen.get("leads")


def funnel_of_deals(store: Store, sheet: TableProfile, suspect: Callable[[str], str]) -> dict[str, TableSection]:
    """Make leads of deals, and stage changes of their ends.

    Raises
    ------
    DataError
        It isn't told when deals were opened or closed, or how.
    """
    found, missing = match_columns(store, "opportunities", sheet, {}, suspect)
    missing += [key for key in ("closed_at", "stage") if key not in found]
    if missing:
        raise DataError(no_leads(sheet, missing, "deals' key, when they were opened and closed, and their stage"))
    key, closed, stage = (found[name].choice for name in ("key", "closed_at", "stage"))
    taken = {guess.choice for guess in found.values()}
    attributes, out = choose_attribute_columns(sheet, taken, suspect)
    columns = {
        name: Guess(f"tables.leads.{name}", g.choice, g.why, g.sure, g.others)
        for name, g in found.items()
        if name in ("key", "account", "created_at")
    }
    if "amount" in found:
        out[found["amount"].choice] = "a deal's amount changes until it is closed"
    query = _query(
        sheet,
        f"{identifier(key)}, {identifier(stage)}, {identifier(closed)}",
        f" where {identifier(closed)} is not null",
    )
    ends = {
        "lead": Guess(
            "tables.stages.lead", key, "the deal's key: deals are what is asked about, as no file holds leads"
        ),
        "stage": Guess("tables.stages.stage", stage, found["stage"].why, found["stage"].sure),
        "changed_at": Guess("tables.stages.changed_at", closed, found["closed_at"].why, found["closed_at"].sure),
    }
    return {
        "leads": TableSection(sheet.source, columns, attributes, out),
        "stages": TableSection(sheet.source, ends, query=query),
    }


def act_name(sheet: TableProfile) -> str:
    """Name the acts of a log that holds one kind: by its file."""
    return sheet.name.removeprefix("sheet_")


def one_act_query(sheet: TableProfile) -> str:
    """Write the query that gives a log's rows their kind of act; "" for a table of a database."""
    return _query(sheet, f"*, {literal(act_name(sheet))} as {identifier(_made(sheet))}")


def one_act_log(sheet: TableProfile, columns: Mapping[str, Guess], query: str) -> TableSection:
    """Make events of a log without a type."""
    made = _made(sheet)
    kind = Guess(
        "tables.events.type", made, f"one kind of act, {act_name(sheet)}, named by its file, as no column says it"
    )
    return TableSection(sheet.source, {**columns, "type": kind}, query=query, made=made)


def _made(sheet: TableProfile) -> str:
    return "act_type" if any(c.name.lower() == "type" for c in sheet.columns) else "type"


def _query(sheet: TableProfile, columns: str, where: str = "") -> str:
    """Write a query over a file that keeps what is text there as text; "" where no file is read."""
    bare = sheet.source.lower().removesuffix(".gz").removesuffix(".zst")
    kind = next((kind for ending, kind in ENDINGS.items() if bare.endswith(ending)), None)
    if kind is None:
        return ""
    place = literal(sheet.source)
    text = f"read_csv({place}, all_varchar = true, union_by_name = true)"
    read = {"parquet": f"read_parquet({place}, union_by_name = true)", "json": f"read_json({place})"}.get(kind, text)
    return f"select {columns} from {read}{where}"


def no_leads(sheet: TableProfile, missing: list[str], expected: str = CREATED) -> str:
    """Say what the table of leads, or of deals, lacks; a key that repeats is named with its count."""
    keyed = [
        c for c in sheet.columns if c.name in matching_names([c.name for c in sheet.columns], KEYS) and c.filled > 0.5
    ]
    again = f" ({keyed[0].name}{repeats(sheet, keyed[0]).replace('; ', ': ')})" if "key" in missing and keyed else ""
    return (
        f"--source: {sheet.source} has no column for {', '.join(missing)}{again}; expected {expected}; "
        "mend the export or fill in a config by hand (`leadline init DIR`)"
    )
