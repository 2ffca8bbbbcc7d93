"""Attributes: which columns of leads and accounts are used, under which names, and how their values are read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from leadline.storage import Store
from leadline.storage.dialect import identifier
from leadline.tables.schema import UNTOLD, columns_of, find_column, kind_of_type, text_sql

__all__ = ["Attribute", "attribute_sql", "choose_attributes", "resolve_kinds", "slugify"]

AttributeKind = Literal["number", "category"]

OURS = ("lead_id", "account_id")
"""Names that no attribute may take: a column `id` becomes lead_id_2."""


@dataclass(frozen=True)
class Attribute:
    """A column that the config names as fixed at creation.

    Attributes
    ----------
    table : str
        leads or accounts.
    column : str
        Its name in the source.
    name : str
        Its name here, and the feature's: letters, digits and underscores.
    kind : str
        number or category.
    """

    table: str
    column: str
    name: str
    kind: AttributeKind


def slugify(text: str) -> str:
    """Make a name of letters, digits and underscores; what has none gets a short hash.

    Examples
    --------
    >>> slugify("Lead Source"), slugify("ROI-calculator (v2)"), slugify("公司")
    ('lead_source', 'roi_calculator_v2', 'xe06ff9')
    """
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:48]
    if not name:
        return "x" + hashlib.sha256(text.encode()).hexdigest()[:6]
    return name if name[0].isalpha() else f"x{name}"


def unique(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Number the names that repeat, in order.

    Examples
    --------
    >>> unique(["a", "b", "a"])
    ['a', 'b', 'a_2']
    """
    used, result = set(taken), []
    for name in names:
        candidate, n = name, 1
        while candidate in used:
            n += 1
            candidate = f"{name}_{n}"
        used.add(candidate)
        result.append(candidate)
    return result


def choose_attributes(
    table: str, section: Any, there: dict[str, str], also_taken: Iterable[str], kinds: Mapping[str, str] | None
) -> tuple[tuple[Attribute, ...], list[tuple[str, str]], list[str]]:
    """Choose a table's attributes.

    Parameters
    ----------
    table : str
        leads or accounts.
    section : Leads or Accounts
        Its part of the config.
    there : dict of str to str
        The source's columns with their types.
    also_taken : iterable of str
        Columns that are never attributes, such as the outcome's.
    kinds : mapping of str to str, optional
        The kinds a trained model knows, by attribute name; they win over what tonight's file looks like.

    Returns
    -------
    tuple
        The attributes; the columns not found, with a hint each; the columns left out for their type.
    """
    mapped = {c.source.lower() for c in columns_of(table, section)} | {name.lower() for name in also_taken}
    excluded = {name.lower() for name in section.exclude}
    wanted = list(there) if section.attributes == "all" else list(section.attributes)
    wanted = [
        w for w in wanted if w.lower() not in excluded and not (section.attributes == "all" and w.lower() in mapped)
    ]
    found, missing, unusable = [], [], []
    for name in dict.fromkeys(wanted):
        column, hint = find_column(name, there)
        if column is None:
            missing.append((name, hint))
        elif column in found:
            continue
        elif kind_of_type(there[column]) in ("time", "other"):
            unusable.append(column)
        else:
            found.append(column)
    prefix = "account_" if table == "accounts" else "lead_"
    names = unique((prefix + slugify(column) for column in found), OURS)
    result = tuple(
        Attribute(table, column, name, _kind((kinds or {}).get(name), there[column]))
        for column, name in zip(found, names, strict=True)
    )
    return result, missing, unusable


def _kind(known: str | None, type_name: str) -> AttributeKind:
    if known in ("number", "category"):
        return known  # type: ignore[return-value]
    return "number" if kind_of_type(type_name) == "number" else "category"


def attribute_sql(attribute: Attribute, type_name: str) -> str:
    """Write the expression that reads an attribute: DOUBLE for a number, trimmed text for a category.

    A column whose format has no types stays text until `resolve_kinds` has seen its visible rows.
    """
    source = identifier(attribute.column)
    if attribute.kind == "number" and type_name != UNTOLD:
        return number_sql(source, type_name)
    return f"NULLIF(TRIM({text_sql(source, type_name)}), '')"


def number_sql(source: str, type_name: str) -> str:
    """Write a number as DOUBLE; what isn't finite is no number, and of words only true and false are numbers."""
    value = f"TRY_CAST({source} AS DOUBLE)"
    if kind_of_type(type_name) == "text":
        value = f"COALESCE({value}, CASE LOWER({source}) WHEN 'true' THEN 1.0 WHEN 'false' THEN 0.0 END)"
    return f"CASE WHEN isfinite({value}) THEN {value} END"


NUMERIC = "TRY_CAST({0} AS DOUBLE) IS NOT NULL AND NOT regexp_matches({0}, '^[+-]?0[0-9]|_')"
LOGICAL = "LOWER({0}) IN ('true', 'false')"
TEMPORAL = (
    "(regexp_matches({0}, '^[0-9]{{4}}-[0-9]{{1,2}}-[0-9]{{1,2}}([T ].*)?$') AND TRY_CAST({0} AS TIMESTAMP) IS NOT NULL) "
    "OR regexp_matches({0}, '^[0-9]{{1,2}}([./-])[0-9]{{1,2}}[./-][0-9]{{4}}( .*)?$|^[0-9]{{1,2}}:[0-9]{{2}}(:[0-9]{{2}})?$')"
)


def resolve_kinds(
    table: str, attributes: tuple[Attribute, ...], untold: Iterable[str], kinds: Mapping[str, str] | None, store: Store,
    visible: str = "TRUE",
) -> tuple[tuple[Attribute, ...], list[str]]:  # fmt: skip
    """Tell from the visible rows what the columns hold that came as text; return the attributes and those left out.

    A later row must not change what a column was, so rows that aren't visible have no say; nor has any row where a
    trained model knows the kind.

    Parameters
    ----------
    table : str
        leads or accounts, cut at T.
    attributes : tuple of Attribute
        All attributes; those of other tables are returned as they are.
    untold : iterable of str
        Names of the attributes to tell.
    kinds : mapping of str to str, optional
        The kinds a trained model knows.
    store : Store
        Where the table lies; it is rewritten.
    visible : str
        A condition on its rows, where it isn't cut.
    """
    mine = [a.name for a in attributes if a.table == table and a.name in set(untold)]
    told = {name: str((kinds or {})[name]) for name in mine if name in (kinds or {})}
    asked = [name for name in mine if name not in told]
    if asked:
        counts = [
            f"COUNT({n}), COUNT(*) FILTER ({n} IS NOT NULL AND (({NUMERIC.format(n)}) OR ({LOGICAL.format(n)}))), "
            f"COUNT(*) FILTER ({n} IS NOT NULL AND ({TEMPORAL.format(n)}))"
            for n in asked
        ]
        seen = store.rows(f"SELECT {', '.join(counts)} FROM {table} WHERE {visible}")[0]
        for i, name in enumerate(asked):
            filled, numbers, times = seen[3 * i : 3 * i + 3]
            told[name] = (
                "category"
                if not filled
                else "time"
                if times == filled
                else "number"
                if numbers == filled
                else "category"
            )
    out = [name for name in mine if told[name] == "time"]
    numbers_sql = [f"{number_sql(name, UNTOLD)} AS {name}" for name in mine if told[name] == "number"]
    if out or numbers_sql:
        without = f" EXCLUDE ({', '.join(out)})" if out else ""
        changed = f" REPLACE ({', '.join(numbers_sql)})" if numbers_sql else ""
        store.run(f"CREATE OR REPLACE TABLE {table} AS SELECT *{without}{changed} FROM {table}")
    kept = tuple(
        replace(a, kind="number" if told[a.name] == "number" else "category") if a.name in told else a
        for a in attributes
        if a.name not in out
    )
    return kept, [a.column for a in attributes if a.name in out]
