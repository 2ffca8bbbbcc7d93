"""Who belongs to an account at as_of, and in which role: as SQL, and the role alone in Python."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from leadline.core.point_in_time import visible_sql
from leadline.dataset.feature_spec import TitleSource
from leadline.dataset.snapshots import NEWEST_FIRST
from leadline.storage.dialect import Dialect, identifier, literal
from leadline.tables.attributes import slugify

if TYPE_CHECKING:
    from leadline.tables import LoadedTables

__all__ = ["TITLES", "Roles", "clause", "role_column", "role_of", "role_sql"]

Roles = Mapping[str, Sequence[str]]

TITLES = ("job_title", "jobtitle", "title")

STAND_INS = {"\\": "＼", "%": "％", "_": "＿"}
"""What LIKE reads as more than itself, with a full-width twin each: BigQuery has no ESCAPE, and engines differ in backslashes."""


def role_sql(roles: Roles, title: str | None, dialect: Dialect) -> str:
    """Write the role of a job title as SQL: the first role with a matching pattern wins.

    In a pattern ``*`` stands for anything and ``?`` for one character; case doesn't matter.

    Examples
    --------
    >>> from leadline.storage.dialect import DUCKDB
    >>> print(role_sql({"economic_buyer": ["VP Finance", "Head of *"]}, "job_title", DUCKDB))
    CASE WHEN LOWER(b."job_title") LIKE 'vp finance' OR LOWER(b."job_title") LIKE 'head of %' THEN 'economic_buyer' END
    """
    if title is None or not roles:
        return f"CAST(NULL AS {dialect.text})"
    column = f"LOWER(b.{identifier(title, dialect)})"
    branches = []
    for role, patterns in roles.items():
        tests = [_like(column, p, dialect) for p in patterns]
        if tests:
            branches.append(f"WHEN {' OR '.join(tests)} THEN {literal(role, dialect)}")
    return f"CASE {' '.join(branches)} END" if branches else f"CAST(NULL AS {dialect.text})"


def role_of(titles: Sequence[str | None], roles: Roles) -> npt.NDArray[np.object_]:
    """Return the role of each job title: the first with a matching pattern, "no role" for none, None where there is no title.

    Examples
    --------
    >>> role_of(["Head of IT", "Baker", None], {"economic_buyer": ["VP Finance", "Head of *"]}).tolist()
    ['economic_buyer', 'no role', None]
    """
    tests = [(role, re.compile("|".join(map(_pattern, patterns)))) for role, patterns in roles.items() if patterns]
    told: dict[str | None, str | None] = {None: None}
    for title in set(titles) - {None}:
        told[title] = next((role for role, test in tests if test.fullmatch(str(title).lower())), "no role")
    found = np.empty(len(titles), dtype=object)
    found[:] = [told[title] for title in titles]
    return found


def _pattern(pattern: str) -> str:
    """Write a pattern as a regular expression: ``*`` is anything, ``?`` one character."""
    return "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern.lower())


def _like(column: str, pattern: str, dialect: Dialect) -> str:
    for special, twin in STAND_INS.items():
        if special in pattern:
            column = f"REPLACE({column}, {literal(special, dialect)}, {literal(twin, dialect)})"
            pattern = pattern.replace(special, twin)
    pattern = pattern.replace("*", "%").replace("?", "_")
    # Beyond ASCII the engine lowers both sides: its idea of a lower-case letter may differ from Python's.
    text = literal(pattern.lower(), dialect) if pattern.isascii() else f"LOWER({literal(pattern, dialect)})"
    return f"{column} LIKE {text}"


def clause(roles: Roles, title: TitleSource | None, dialect: Dialect) -> str:
    """Who belongs to the account at as_of: by the newest visible row of ``belongs``, if not merged away by then."""
    newer = (
        "n.changed_at > g.changed_at OR (n.changed_at = g.changed_at AND (n.recorded_at > g.recorded_at "
        "OR (n.recorded_at = g.recorded_at AND n.account_id > g.account_id)))"
    )
    role = role_sql(roles, title.column if title else None, dialect)
    apart = title is not None and title.field is not None
    # Whoever did something is looked up by a number, which groups faster than ids of any length.
    number = "ROW_NUMBER() OVER (ORDER BY b.lead_id, q.as_of) AS number"
    name, told = ("present", "") if apart else ("members", f", {role} AS role, {number}")
    present = (
        "firms AS (\n  SELECT DISTINCT account_id, as_of FROM snapshots WHERE account_id IS NOT NULL\n),\n"
        f"{name} AS (\n  SELECT q.account_id, q.as_of, b.lead_id{told}\n"
        f"  FROM firms AS q\n  JOIN belongs AS g ON g.account_id = q.account_id AND {visible_sql('g', 'q.as_of', 'changed_at')}\n"
        f"  JOIN leads AS b ON b.lead_id = g.lead_id AND {visible_sql('b', 'q.as_of', 'created_at')}\n"
        f"  WHERE NOT EXISTS (SELECT 1 FROM belongs AS n WHERE n.lead_id = g.lead_id AND {visible_sql('n', 'q.as_of', 'changed_at')} AND ({newer}))\n"
        "    AND NOT EXISTS (SELECT 1 FROM merged AS x WHERE x.lead_id = b.lead_id AND x.since < q.as_of)\n)"
    )
    return present + (f",\n{_titled(title, role, dialect)}" if title and apart else "")


def _titled(title: TitleSource, role: str, dialect: Dialect) -> str:
    """Give the members the role of the title that history gives at as_of."""
    column = identifier(title.column, dialect)
    return (
        f"titled AS (\n  SELECT lead_id, as_of, {column} FROM (\n    SELECT m.lead_id, m.as_of, h.value AS {column},\n"
        f"      ROW_NUMBER() OVER (PARTITION BY m.lead_id, m.as_of ORDER BY {NEWEST_FIRST}) AS newest\n"
        f"    FROM present AS m\n    JOIN history AS h ON h.lead_id = m.lead_id AND h.field = {literal(title.field or '', dialect)} "
        f"AND {visible_sql('h', 'm.as_of', 'changed_at')}\n  ) AS ranked WHERE newest = 1\n),\n"
        f"members AS (\n  SELECT m.account_id, m.as_of, m.lead_id, {role} AS role, ROW_NUMBER() OVER (ORDER BY m.lead_id, m.as_of) AS number\n  FROM present AS m\n"
        "  LEFT JOIN titled AS b ON b.lead_id = m.lead_id AND b.as_of = m.as_of\n)"
    )


def role_column(loaded: LoadedTables) -> TitleSource | None:
    """Return where the leads' job title is read, if it is an attribute; history's word counts where it has one (law 3)."""
    for title in TITLES:
        for a in loaded.attributes:
            if a.table == "leads" and a.kind == "category" and slugify(a.column) == title:
                return TitleSource(a.name, a.column if _in_history(loaded, a.column) else None)
    return None


def _in_history(loaded: LoadedTables, field: str) -> bool:
    if "history" not in loaded.rows:
        return False
    return bool(
        loaded.store.rows(f"SELECT COUNT(*) FROM history WHERE field = {literal(field, loaded.store.dialect)}")[0][0]
    )
