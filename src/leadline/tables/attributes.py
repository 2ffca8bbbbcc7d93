"""Attributes: which columns of leads and accounts are used, under which names, and how their values are read.

A name is made of the column's own in training, and kept with the model: a night finds columns by what they are called in
the source, so that their order and a new one beside them mean nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from leadline.storage.dialect import identifier
from leadline.tables.schema import UNTOLD, columns_of, find_column, kind_of_type, text_sql

__all__ = [
    "READINGS",
    "Attribute",
    "Reading",
    "attribute_sql",
    "choose_attributes",
    "is_untold",
    "matching",
    "number_sql",
    "slugify",
]

AttributeKind = Literal["number", "category"]

Reading = Literal["", "comma", "yes_no"]
"""How numbers are made of a column's text: with decimal points, with decimal commas, or of yes and no."""

READINGS = frozenset(get_args(Reading))

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
    reading : str
        How a number is made of its text.
    """

    table: str
    column: str
    name: str
    kind: AttributeKind
    reading: Reading = ""


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


def matching(name: str, attributes: Iterable[Attribute]) -> list[Attribute]:
    """Find the attributes that a name means: those of its letters, else those of its words.

    Examples
    --------
    >>> known = [Attribute("leads", c, n, "number") for c, n in (("Sales (EUR)", "lead_sales_eur"), ("Sales [EUR]", "lead_sales_eur_2"))]
    >>> [a.name for a in matching("Sales [EUR]", known)], [a.name for a in matching("sales_eur", known)]
    (['lead_sales_eur_2'], ['lead_sales_eur', 'lead_sales_eur_2'])
    """
    there, asked = list(attributes), name.strip()
    by_letters = [a for a in there if asked.lower() in (a.column.lower(), a.name)]
    return by_letters or [a for a in there if slugify(asked) == slugify(a.column)]


def choose_attributes(
    table: str, section: Any, there: dict[str, str], also_taken: Iterable[str], known: Collection[Attribute] | None
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
    known : collection of Attribute, optional
        Those that a trained model knows; they win over what tonight's file looks like.

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
    mine = {a.column: a for a in known or () if a.table == table}
    trained = {column: mine[name] for name in mine if (column := find_column(name, dict.fromkeys(found, ""))[0])}
    prefix = "account_" if table == "accounts" else "lead_"
    new = [column for column in found if column not in trained]
    names = unique((prefix + slugify(column) for column in new), (*OURS, *(a.name for a in mine.values())))
    named = dict(zip(new, names, strict=True))
    result = tuple(
        Attribute(table, column, trained[column].name, trained[column].kind, trained[column].reading)
        if column in trained
        else Attribute(
            table, column, named[column], "number" if kind_of_type(there[column]) == "number" else "category"
        )
        for column in found
    )
    return result, missing, unusable


def attribute_sql(attribute: Attribute, type_name: str) -> str:
    """Write the expression that reads an attribute: DOUBLE for a number, trimmed text for a category.

    Text of which numbers may be made stays text until `read_text_columns` has seen its visible rows.
    """
    source = identifier(attribute.column)
    if attribute.kind == "number" and kind_of_type(type_name) != "text":
        return number_sql(source, type_name)
    return f"NULLIF(TRIM({text_sql(source, type_name)}), '')"


def is_untold(attribute: Attribute, type_name: str) -> bool:
    """Tell whether an attribute's text must still be looked at: its format has no types, or its model knows a number."""
    return type_name == UNTOLD or (attribute.kind == "number" and kind_of_type(type_name) == "text")


def number_sql(source: str, type_name: str) -> str:
    """Write a number as DOUBLE; what isn't finite is no number, and of words only true and false are numbers."""
    value = f"TRY_CAST({source} AS DOUBLE)"
    if kind_of_type(type_name) == "text":
        value = f"COALESCE({value}, CASE LOWER({source}) WHEN 'true' THEN 1.0 WHEN 'false' THEN 0.0 END)"
    return f"CASE WHEN isfinite({value}) THEN {value} END"
