"""The fit with the ICP, and an account's activity for its size: features made of attributes, at as_of like any other."""

from __future__ import annotations

from collections.abc import Sequence

from leadline.config.schema import Config
from leadline.dataset.attribute_values import newest_sql
from leadline.dataset.feature_spec import Feature
from leadline.features.families import account
from leadline.features.families.account import main_window
from leadline.storage.dialect import Dialect, identifier, literal
from leadline.tables.attributes import Attribute, slugify
from leadline.tables.icp import Criterion, criteria

__all__ = [
    "clauses", "column", "engaged_part", "missing", "names", "of", "reads_accounts", "size_specs", "specs",
    "with_parts",
]  # fmt: skip

ICP = ("meets", "share_met")
MADE = (*ICP, "engaged_by_size")
SIZES = ("employees", "employee_count", "numberofemployees", "number_of_employees", "company_size")
"""Names of the account's attribute that holds its size."""


def specs(config: Config, attributes: Sequence[Attribute], in_history: frozenset[str]) -> list[Feature]:
    """List a flag for each criterion of the ICP, and the share of the known ones that are met."""
    found, terms = [], []
    for c in criteria(config.icp, attributes)[0]:
        told = Criterion(**{**vars(c), "in_history": c.table == "leads" and c.column in in_history}).to_text()
        words = c.column.replace("_", " ") if c.table == "leads" else f"the account's {c.column.replace('_', ' ')}"
        by = "column"
        found.append(Feature(f"icp_{c.name}", "fit", "icp", "flag", "meets", words, c.table, c.name, by, terms=(told,)))
        terms.append(told)
    if found:
        words = "the ideal customer profile"
        found.append(Feature("icp_match", "fit", "icp", "number", "share_met", words, "leads", "", terms=tuple(terms)))
    return found


def size_specs(config: Config, attributes: Sequence[Attribute]) -> list[Feature]:
    """List the engaged colleagues for each employee, where the account's size is known as a number."""
    size = next(
        (a for a in attributes if a.table == "accounts" and a.kind == "number" and slugify(a.column) in SIZES), None
    )
    if size is None:
        return []
    w = main_window(config)
    words = "colleagues active for the company's size"
    return [Feature(
        f"engaged_per_employee_{w}", "account", "colleagues_by_size", "number", "engaged_by_size", words, "accounts", size.name,
        "column", w,
    )]  # fmt: skip


def of(specs: Sequence[Feature]) -> list[Feature]:
    """Pick the features that are made here."""
    return [s for s in specs if s.aggregate in MADE]


def engaged_part(spec: Feature) -> Feature:
    """Return the spec whose value is divided by the account's size."""
    name = f"engaged_colleagues_{spec.window}"
    words = "colleagues active"
    return Feature(
        name, "account", "colleagues", "count", "colleagues_engaged", words, "colleagues", window=spec.window
    )


def with_parts(others: Sequence[Feature], specs: Sequence[Feature]) -> list[Feature]:
    """Add to the specs of colleagues those that others are made of."""
    there = {s.name for s in others}
    parts = [engaged_part(s) for s in specs if s.aggregate == "engaged_by_size"]
    return [*others, *(p for p in parts if p.name not in there)]


def reads_accounts(specs: Sequence[Feature]) -> bool:
    """Tell whether a criterion is about the account."""
    return any(c.table == "accounts" for c in _criteria_of(specs))


def missing(specs: Sequence[Feature], attributes: Sequence[Attribute]) -> list[str]:
    """List the attributes that these specs read and that aren't there as they were."""
    kinds = {(a.table, a.name): a.kind for a in attributes}
    lost = [
        c.name for c in _criteria_of(specs) if kinds.get((c.table, c.name)) != ("number" if c.is_number else "category")
    ]
    lost += [
        s.field for s in specs if s.aggregate == "engaged_by_size" and kinds.get(("accounts", s.field)) != "number"
    ]
    lost += [s.field for s in specs if s.aggregate == "rate" and s.by == "column" and (s.table, s.field) not in kinds]
    return list(dict.fromkeys(lost))


def names(specs: Sequence[Feature]) -> list[str]:
    """List the parts of the statement that the ICP's criteria need beside the attributes' own columns."""
    return [f"icp_of_{c.name}" for c in _criteria_of(specs) if c.in_history]


def clauses(specs: Sequence[Feature], dialect: Dialect) -> list[str]:
    """Write the WITH clauses of criteria over fields that history has."""
    return [newest_sql(f"icp_of_{c.name}", c.column, c.is_number, dialect) for c in _criteria_of(specs) if c.in_history]


def column(spec: Feature, dialect: Dialect) -> str:
    """Write the expression of one output column; what isn't known neither meets a criterion nor fails it."""
    if spec.aggregate == "engaged_by_size":
        size = f"c.{identifier(spec.field, dialect)}"
        return f"CASE WHEN {size} > 0 THEN {account.column(engaged_part(spec), dialect)} / {size} END"
    told = [_of_criterion(c, dialect) for c in _criteria_of([spec])]
    if spec.aggregate == "meets":
        value, met = told[0]
        return f"CASE WHEN {value} IS NOT NULL THEN CAST({met} AS {dialect.double}) END"
    met_all = " + ".join(met for _, met in told)
    known = " + ".join(f"CASE WHEN {value} IS NULL THEN 0 ELSE 1 END" for value, _ in told)
    return f"CAST({met_all} AS {dialect.double}) / NULLIF({known}, 0)"


def _criteria_of(specs: Sequence[Feature]) -> list[Criterion]:
    """Read the criteria of these specs, each once."""
    return [Criterion.from_text(text) for text in dict.fromkeys(t for s in of(specs) for t in s.terms)]


def _of_criterion(c: Criterion, dialect: Dialect) -> tuple[str, str]:
    """Write a criterion's value, and 1 where it is met, else 0."""
    value = f"{'c' if c.table == 'accounts' else 'l'}.{identifier(c.name, dialect)}"
    if c.in_history:
        value = f"icp_of_{c.name}.value"
    tests = []
    if c.words:
        tests.append(f"LOWER(TRIM({value})) IN ({', '.join(_lowered(w, dialect) for w in c.words)})")
    elif c.numbers:
        tests.append(f"{value} IN ({', '.join(_double(n, dialect) for n in c.numbers)})")
    else:
        tests += [f"{value} >= {_double(c.low, dialect)}"] if c.low is not None else []
        tests += [f"{value} <= {_double(c.high, dialect)}"] if c.high is not None else []
    return value, f"CASE WHEN {' AND '.join(tests)} THEN 1 ELSE 0 END"


def _lowered(word: str, dialect: Dialect) -> str:
    """Beyond ASCII the engine lowers both sides: its idea of a lower-case letter may differ from Python's."""
    return literal(word, dialect) if word.isascii() else f"LOWER({literal(word, dialect)})"


def _double(number: float, dialect: Dialect) -> str:
    return f"CAST({number!r} AS {dialect.double})"
