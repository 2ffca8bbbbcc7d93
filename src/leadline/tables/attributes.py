"""Attributes: which columns of leads and accounts are used, under which names, and how their values are read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from leadline.tables.schema import columns_of, find_column, kind_of_type
from leadline.tables.store.dialect import identifier

__all__ = ["Attribute", "attribute_sql", "choose_attributes", "slug"]

AttributeKind = Literal["number", "category"]


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


def slug(text: str) -> str:
    """Make a name of letters, digits and underscores; what has none gets a short hash.

    Examples
    --------
    >>> slug("Lead Source"), slug("ROI-calculator (v2)"), slug("公司")
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
        elif kind_of_type(there[column]) in ("time", "other"):
            unusable.append(column)
        else:
            found.append(column)
    prefix = "account_" if table == "accounts" else "lead_"
    names = unique(prefix + slug(column) for column in found)
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
    """Write the expression that reads an attribute: DOUBLE for a number, trimmed text for a category."""
    source = identifier(attribute.column)
    if attribute.kind == "number":
        # A value that isn't finite is no number; TRY_CAST makes text that isn't one missing.
        value = f"TRY_CAST({source} AS DOUBLE)"
        return f"CASE WHEN isfinite({value}) THEN {value} END"
    if type_name in ("FLOAT", "DOUBLE"):
        source = f"CASE WHEN {source} = FLOOR({source}) AND ABS({source}) < 9e15 THEN CAST(CAST({source} AS BIGINT) AS VARCHAR) ELSE CAST({source} AS VARCHAR) END"
    return f"NULLIF(TRIM(CAST({source} AS VARCHAR)), '')"
