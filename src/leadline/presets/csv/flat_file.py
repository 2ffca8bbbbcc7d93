"""One file with a row a lead and no dated tables: which column is the outcome, which gives the order, what is left
out; and the config's text for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files as resources

from leadline.core.format import yaml_scalar
from leadline.errors import DataError, UsageError
from leadline.presets.naming import matching_names
from leadline.presets.profile import MANY_VALUES, ColumnProfile, TableProfile, common_values, rising_share
from leadline.presets.proposal import Guess, percent
from leadline.storage import Store
from leadline.tables.flat_file import FEW_UNORDERED
from leadline.tables.schema import find_column

__all__ = [
    "LEAST",
    "LIMITS",
    "FlatFileGuess",
    "flat_text",
    "guess_flat_file",
    "looks_flat",
    "model_name",
    "outcome_columns",
]

OUTCOMES = (
    r"converted|is_converted|conversion|has_converted", r"outcome|target|label|y", r"(is_|closed_)?won|is_customer|became_customer|customer",
    r"purchased|bought|subscribed|enrolled|signed|sold|deal|success|sql|is_sql|qualified|is_qualified|mql_to_sql|responded|response",
    r".*converted.*|.*outcome.*|.*_won|won_.*",
)  # fmt: skip

YES = (
    "1",
    "1.0",
    "yes",
    "y",
    "true",
    "t",
    "converted",
    "won",
    "closed won",
    "customer",
    "success",
    "qualified",
    "sql",
    "bought",
    "subscribed",
    "enrolled",
)

"""Words that mean yes; a value that isn't among them is never taken for one."""

KEYS = (
    r"lead_?id|prospect_?id|contact_?id|person_?id",
    r"id|uuid|guid|key|record_?id",
    r"(lead|prospect|contact|customer|client|user)_?(id|key|number|no|nr)",
    r".*_id",
)

NUMBERED = (
    r"(lead|prospect|contact|record|row)_?(number|no|nr|id|index)",
    r"number|no|nr|id|index|seq(uence)?(_?(no|number))?|serial(_?no)?",
    r".*_(number|no|nr|id|index|seq)",
)

BORN = (
    r"created(_?(at|on|date|time))?|create_?date|date_?created|creation_?(date|time)",
    r"(lead|first_contact|signup|sign_up|registration|registered|received|inquiry|enquiry)_?(at|on|date|time)?",
    r"date|timestamp|time",
)

NEAR_UNIQUE = 0.9

LEAST = 10  # rows of a file below which nothing is guessed


@dataclass(frozen=True)
class FlatFileGuess:
    """What was guessed of a flat file.

    Attributes
    ----------
    key, order, outcome, positive : Guess
        The columns, and the value that means yes.
    excluded : dict of str to str
        Columns that are left out, and why.
    """

    key: Guess
    order: Guess
    outcome: Guess
    positive: Guess
    excluded: dict[str, str]

    @property
    def guesses(self) -> tuple[Guess, ...]:
        """Every guess but what is left out."""
        return self.outcome, self.positive, self.order, self.key


def guess_flat_file(
    store: Store, sheet: TableProfile, suspect: Callable[[str], str], outcome: str | None = None, positive: str | None = None,
    order_by: str | None = None,
) -> FlatFileGuess:  # fmt: skip
    """Guess what the user didn't say.

    Parameters
    ----------
    suspect : callable
        Says why a column's name is that of a leak; "" where it isn't.

    Raises
    ------
    DataError, UsageError
        The file has too few rows; a named column isn't there; or the outcome, or which of its values means yes, can't be
        told.
    """
    if sheet.rows < LEAST:
        raise DataError(f"{sheet.source}: {sheet.rows} rows; expected at least {LEAST}; check the file")
    asked = _outcome(store, sheet, outcome)
    yes = _positive(store, sheet, asked.choice, positive)
    order = _order(store, sheet, asked.choice, order_by, suspect)
    key = _key(sheet, (asked.choice, order.choice))
    taken = {asked.choice, order.choice, key.choice}
    excluded = {c.name: why for c in sheet.columns if c.name not in taken and (why := _left_out(c, suspect))}
    return FlatFileGuess(key, order, asked, yes, excluded)


def looks_flat(store: Store, sheet: TableProfile) -> bool:
    """Tell whether a table by itself has what a flat file needs: a column that is named and filled like an outcome."""
    return bool(outcome_columns(store, sheet))


def outcome_columns(store: Store, sheet: TableProfile) -> list[str]:
    """List the columns named like an outcome with two values, one of which means yes; the likeliest first."""
    return [
        name for name in matching_names([c.name for c in sheet.columns], OUTCOMES) if _means_yes(store, sheet, name)
    ]


def _means_yes(store: Store, sheet: TableProfile, column: str) -> list[str]:
    """List the values of a two-valued column that mean yes."""
    if sheet.of(column).distinct != 2:
        return []
    return [v for v in common_values(store, sheet, column, least=1, most=2) if v.strip().lower() in YES]


def _outcome(store: Store, sheet: TableProfile, given: str | None) -> Guess:
    if given is not None:
        return Guess("outcome.column", _named(sheet, given, "--outcome"), "you named it")
    found = outcome_columns(store, sheet)
    if not found:
        raise UsageError(
            f"{sheet.source}: no column is named and filled like an outcome; expected one with two values, one of which means "
            "yes; name it with --outcome COLUMN"
        )
    first, *rest = found
    return Guess("outcome.column", first, "its name, and two values of which one means yes", not rest, tuple(rest))


def _positive(store: Store, sheet: TableProfile, column: str, given: str | None) -> Guess:
    if given is not None:
        return Guess("outcome.positive", given, "you named it")
    seen = sheet.of(column)
    values = common_values(store, sheet, column, least=1, most=MANY_VALUES)
    yes = [v for word in YES for v in values if v.strip().lower() == word]
    if len(yes) != 1 or seen.distinct > MANY_VALUES:
        many = f"{seen.distinct} values, of which {len(yes) or 'none'} {'means' if len(yes) == 1 else 'mean'} yes"
        raise UsageError(f"{sheet.source}: {column} has {many}; expected one; name it with --positive VALUE")
    share = values[yes[0]] / max(round(sheet.rows * seen.filled), 1)
    why = f"the one of {seen.distinct} values that means yes, in {percent(share)} of the filled rows"
    return Guess("outcome.positive", yes[0], why, seen.distinct == 2)


def _order(store: Store, sheet: TableProfile, outcome: str, given: str | None, suspect: Callable[[str], str]) -> Guess:
    """Choose what runs with time: a date of creation, else a number given in turn, else the file's own order."""
    if given is not None:
        chosen = given if given == "row" else _named(sheet, given, "--order-by")
        return Guess("snapshots.order_by", chosen, "you named it")
    usable = [c for c in sheet.columns if c.name != outcome and not suspect(c.name)]
    free = [c for c in usable if c.filled == 1]
    times = [c.name for c in free if c.kind == "time"]
    if not times:
        nearly = [c for c in usable if c.kind == "time" and c.filled >= 1 - FEW_UNORDERED]
        times = [c.name for c in sorted(nearly, key=lambda c: -c.filled)]
    dates = [*matching_names(times, BORN), *(t for t in times if not matching_names([t], BORN))]
    numbers = matching_names([c.name for c in free if c.kind == "whole" and c.is_key], NUMBERED)
    if dates:
        rest = (*dates[1:], *numbers, "row")
        filled = sheet.of(dates[0]).filled
        why = f"a date in {percent(filled)} of rows"
        return Guess("snapshots.order_by", dates[0], why, len(dates) == 1 and filled == 1, rest)
    if numbers:
        runs = rising_share(store, sheet, numbers[0])
        way = "rises" if runs >= 0.5 else "falls"
        steps = percent(max(runs, 1 - runs))
        why = f"a whole number, unique in 100% of rows, that {way} with the file's order in {steps} of steps"
        return Guess("snapshots.order_by", numbers[0], why, max(runs, 1 - runs) > 0.9, (*numbers[1:], "row"))
    return Guess("snapshots.order_by", "row", "no column says when; the file's order, oldest first, stands in", False)


def _key(sheet: TableProfile, taken: tuple[str, ...]) -> Guess:
    """Choose what names a lead: a unique column named like a key, else the row's number."""
    found = matching_names(
        [c.name for c in sheet.columns if c.is_key and c.name != taken[0] and c.kind != "time"], KEYS
    )
    found.sort(key=lambda name: name in taken)  # what gives the order may name leads, too, where nothing else does
    if found:
        rest = tuple(name for name in found[1:] if name not in taken)
        return Guess("tables.leads.key", found[0], "filled and unique in 100% of rows", True, (*rest, "row"))
    return Guess("tables.leads.key", "row", "no column is named like a key and unique, so rows are numbered", False)


def _left_out(column: ColumnProfile, suspect: Callable[[str], str]) -> str:
    """Say why a column isn't used; "" where it is."""
    if column.kind == "empty":
        return "empty"
    why = suspect(column.name)
    if why:
        return why
    if column.kind == "time":
        return "a date, which is no feature"
    if column.kind == "whole" and column.is_key:
        return "a number for each row, from which nothing can be learnt"
    if column.kind == "text" and column.unique > NEAR_UNIQUE and column.distinct >= MANY_VALUES:
        return f"text that {percent(column.unique)} of its rows have alone: it may name people"
    return ""


def _named(sheet: TableProfile, name: str, option: str) -> str:
    """Find a column that the user named.

    Raises
    ------
    UsageError
        It isn't there.
    """
    found, hint = find_column(name, {c.name: c.kind for c in sheet.columns})
    if found is None:
        raise UsageError(
            f"{option} {name[:40]!r}: no such column in {sheet.source}; expected one of its columns; {hint}"
        )
    return found


# The config of a flat file as a commented text: each guess with what speaks for it, and what it might have been instead.


LIMITS = (
    "a flat file says how each lead ended but not when anything was written down, so no rule of time can be held: a column "
    "filled in or overwritten after the outcome makes a model that looks excellent and fails on tonight's leads; export "
    "events and stages with their times to be protected from that",
    "the leak gate looks at names, values and strength, and refuses what looks like the outcome's echo; what it can't see "
    "it asks about (LL208), and somebody who knows how the file came about must answer",
)

"""What a flat file can't protect against, a sentence each."""


def model_name(text: str) -> str:
    """Make a model's name of a file's or folder's.

    Examples
    --------
    >>> model_name("Leads Export (2024)"), model_name("2024"), model_name("Köln"), model_name("公司")
    ('leads-export-2024', 'leads-2024', 'k-ln', 'leads')
    """
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:50].strip("-")
    if not name:
        return "leads"
    return name if name[0].isalpha() else f"leads-{name}"


def flat_text(flat: FlatFileGuess, source: str, name: str) -> str:
    """Write the config of a flat file.

    Parameters
    ----------
    source : str
        The file, as the config reads it.
    name : str
        The model's name.
    """
    template = resources("leadline.presets").joinpath("flat.yaml").read_text(encoding="utf-8")
    left_out = [f"      - {yaml_scalar(column)} # {why}" for column, why in flat.excluded.items()]
    block = "\n".join(["    exclude:", *left_out]) if left_out else "    # exclude: [a column, another]"
    positive = flat.positive.choice
    filled = {
        "SOURCE": yaml_scalar(source),
        "NAME": name,
        "KEY": f"{yaml_scalar(flat.key.choice)} {flat.key.remark}",
        "EXCLUDE": block,
        "OUTCOME": f"{yaml_scalar(flat.outcome.choice)} {flat.outcome.remark}",
        "POSITIVE": f"{positive if positive.isdecimal() else yaml_scalar(positive)} {flat.positive.remark}",
        "ORDER": f"{yaml_scalar(flat.order.choice)} {flat.order.remark}",
    }
    return re.sub(r"<([A-Z]+)>", lambda match: filled[match[1]], template)
