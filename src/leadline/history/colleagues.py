"""The SQL of the account and committee families: members → what each did → sums over the others.

What a member did is computed once for each (account, as_of), whoever asks, and then added up for each snapshot over
the *other* members, so that no COUNT(DISTINCT) runs over events. The committee includes the lead itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leadline.history.snapshots import NEWEST_FIRST
from leadline.history.spec import Feature, Title
from leadline.tables.ladder import rung_of
from leadline.tables.store.dialect import Dialect, identifier, literal
from leadline.times import DAY, span_sql, visible_sql

__all__ = ["clauses", "column", "names", "role_sql"]

Roles = Mapping[str, Sequence[str]]

STAND_INS = {"\\": "＼", "%": "％", "_": "＿"}
"""What LIKE reads as more than itself, with a full-width twin each: BigQuery has no ESCAPE, and engines differ in backslashes."""


def role_sql(roles: Roles, title: str | None, dialect: Dialect) -> str:
    """Write the role of a job title as SQL: the first role with a matching pattern wins.

    In a pattern ``*`` stands for anything and ``?`` for one character; case doesn't matter.

    Examples
    --------
    >>> from leadline.tables.store.dialect import DUCKDB
    >>> role_sql({"economic_buyer": ["VP Finance", "Head of *"]}, "job_title", DUCKDB)
    "CASE WHEN LOWER(b.\\"job_title\\") LIKE 'vp finance' OR LOWER(b.\\"job_title\\") LIKE 'head of %' THEN 'economic_buyer' END"
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


def _like(column: str, pattern: str, dialect: Dialect) -> str:
    for special, twin in STAND_INS.items():
        if special in pattern:
            column = f"REPLACE({column}, {literal(special, dialect)}, {literal(twin, dialect)})"
            pattern = pattern.replace(special, twin)
    pattern = pattern.replace("*", "%").replace("?", "_")
    # Beyond ASCII the engine lowers both sides: its idea of a lower-case letter may differ from Python's.
    text = literal(pattern.lower(), dialect) if pattern.isascii() else f"LOWER({literal(pattern, dialect)})"
    return f"{column} LIKE {text}"


def names(specs: Sequence[Feature]) -> list[str]:
    """List the parts of the statement that give a row for each snapshot, as far as these specs need them."""
    aggregates = {s.aggregate for s in specs}
    parts = []
    if any(s.family == "account" for s in specs):
        parts.append("circle")
    if aggregates & {"roles_engaged", "any_role", "every_role"}:
        parts.append("committee")
    if "since_new_role" in aggregates:
        parts.append("newest_role")
    if "colleagues_reached" in aggregates:
        parts.append("past")
    return parts


def clauses(
    specs: Sequence[Feature], intents: Mapping[str, str], roles: Roles, title: Title | None, dialect: Dialect
) -> list[str]:
    """Write the WITH clauses of these specs, in order."""
    wanted = names(specs)
    asks_roles = any(s.by == "role" for s in specs)
    parts = [_members(roles, title if asks_roles else None, dialect)]
    if {"circle", "committee", "newest_role"} & set(wanted):
        parts.append(_each(specs, intents, dialect))
    makers = {"circle": _circle, "committee": _committee, "newest_role": _newest_role, "past": _past}
    return parts + [makers[name](specs) for name in wanted]


def _members(roles: Roles, title: Title | None, dialect: Dialect) -> str:
    """Who belongs to the account at as_of: by the newest visible row of ``belongs``, if not merged away by then."""
    newer = (
        "n.changed_at > g.changed_at OR (n.changed_at = g.changed_at AND (n.recorded_at > g.recorded_at "
        "OR (n.recorded_at = g.recorded_at AND n.account_id > g.account_id)))"
    )
    role = role_sql(roles, title.column if title else None, dialect)
    apart = title is not None and title.field is not None
    name, told = ("present", "") if apart else ("members", f", {role} AS role")
    present = (
        "asked AS (\n  SELECT DISTINCT account_id, as_of FROM snapshots WHERE account_id IS NOT NULL\n),\n"
        f"{name} AS (\n  SELECT q.account_id, q.as_of, b.lead_id{told}\n"
        f"  FROM asked AS q\n  JOIN belongs AS g ON g.account_id = q.account_id AND {visible_sql('g', 'q.as_of', 'changed_at')}\n"
        f"  JOIN leads AS b ON b.lead_id = g.lead_id AND {visible_sql('b', 'q.as_of', 'created_at')}\n"
        f"  WHERE NOT EXISTS (SELECT 1 FROM belongs AS n WHERE n.lead_id = g.lead_id AND {visible_sql('n', 'q.as_of', 'changed_at')} AND ({newer}))\n"
        "    AND NOT EXISTS (SELECT 1 FROM merged AS x WHERE x.lead_id = b.lead_id AND x.since < q.as_of)\n)"
    )
    return present + (f",\n{_titled(title, role, dialect)}" if title and apart else "")


def _titled(title: Title, role: str, dialect: Dialect) -> str:
    """Give the members the role of the title that history gives at as_of."""
    column = identifier(title.column, dialect)
    return (
        f"titled AS (\n  SELECT lead_id, as_of, {column} FROM (\n    SELECT m.lead_id, m.as_of, h.value AS {column},\n"
        f"      ROW_NUMBER() OVER (PARTITION BY m.lead_id, m.as_of ORDER BY {NEWEST_FIRST}) AS newest\n"
        f"    FROM present AS m\n    JOIN history AS h ON h.lead_id = m.lead_id AND h.field = {literal(title.field or '', dialect)} "
        f"AND {visible_sql('h', 'm.as_of', 'changed_at')}\n  ) AS ranked WHERE newest = 1\n),\n"
        f"members AS (\n  SELECT m.account_id, m.as_of, m.lead_id, {role} AS role\n  FROM present AS m\n"
        "  LEFT JOIN titled AS b ON b.lead_id = m.lead_id AND b.as_of = m.as_of\n)"
    )


def _count(spec: Feature) -> str:
    """Name the member's count that a spec adds up."""
    window = str(spec.window) if spec.window else "ever"
    return f"n_{spec.field}_{window}" if spec.by == "intent" else f"n_{window}"


def _each(specs: Sequence[Feature], intents: Mapping[str, str], dialect: Dialect) -> str:
    counts: dict[str, str] = {}
    for spec in specs:
        if spec.window is None:
            continue
        tests = [span_sql("e.occurred_at", "m.as_of", spec.window)]
        if spec.by == "intent":
            listed = ", ".join(literal(b, dialect) for b, i in sorted(intents.items()) if i == spec.field)
            tests.append(f"e.behaviour IN ({listed})" if listed else "1 = 0")
        counts[_count(spec)] = f"SUM(CASE WHEN {' AND '.join(tests)} THEN 1 ELSE 0 END) AS {_count(spec)}"
    added = "".join(f"    {text},\n" for text in counts.values())
    return (
        "each_member AS (\n  SELECT m.account_id, m.as_of, m.lead_id, m.role,\n"
        f"{added}    MIN(e.occurred_at) AS first_at,\n    MAX(e.occurred_at) AS last_at\n  FROM members AS m\n"
        f"  LEFT JOIN events AS e ON e.lead_id = m.lead_id AND {visible_sql('e', 'm.as_of')}\n"
        "  GROUP BY m.account_id, m.as_of, m.lead_id, m.role\n)"
    )


def _per_snapshot(name: str, columns: Sequence[str], source: str = "each_member", others: bool = True) -> str:
    also = " AND o.lead_id <> s.lead_id" if others else ""
    return (
        f"{name} AS (\n  SELECT s.lead_id, s.as_of,\n    " + ",\n    ".join(columns) + "\n  FROM snapshots AS s\n"
        f"  JOIN {source} AS o ON o.account_id = s.account_id AND o.as_of = s.as_of{also}\n  GROUP BY s.lead_id, s.as_of\n)"
    )


def _circle(specs: Sequence[Feature]) -> str:
    columns = []
    for s in specs:
        if s.aggregate == "colleague_acts":
            columns.append(f"SUM(o.{_count(s)}) AS {s.name}")
        elif s.aggregate in ("colleagues_engaged", "share_engaged"):
            columns.append(f"SUM(CASE WHEN o.{_count(s)} > 0 THEN 1 ELSE 0 END) AS {s.name}")
        elif s.aggregate == "colleagues_new" and s.window is not None:
            columns.append(
                f"SUM(CASE WHEN {span_sql('o.first_at', 's.as_of', s.window)} THEN 1 ELSE 0 END) AS {s.name}"
            )
        elif s.aggregate == "since_colleague":
            columns.append(f"MAX(o.last_at) AS {s.name}")
    return _per_snapshot("circle", ["COUNT(*) AS known", *columns])


def _committee(specs: Sequence[Feature]) -> str:
    columns = []
    for s in specs:
        if s.aggregate == "roles_engaged":
            columns.append(f"COUNT(DISTINCT CASE WHEN o.{_count(s)} > 0 THEN o.role END) AS {s.name}")
        elif s.aggregate in ("any_role", "every_role"):
            flags = [
                f"MAX(CASE WHEN o.role = {literal(r)} AND o.{_count(s)} > 0 THEN 1 ELSE 0 END)"
                for r in s.field.split("|")
            ]
            merge = "GREATEST" if s.aggregate == "any_role" else "LEAST"
            columns.append((f"{merge}({', '.join(flags)})" if len(flags) > 1 else flags[0]) + f" AS {s.name}")
    return _per_snapshot("committee", columns, others=False)


def _newest_role(specs: Sequence[Feature]) -> str:
    arrivals = "(SELECT account_id, as_of, role, MIN(first_at) AS first_at FROM each_member WHERE role IS NOT NULL GROUP BY account_id, as_of, role)"
    names_of = [s.name for s in specs if s.aggregate == "since_new_role"]
    return _per_snapshot("newest_role", [f"MAX(o.first_at) AS {n}" for n in names_of], arrivals, others=False)


def _past(specs: Sequence[Feature]) -> str:
    mine = [s for s in specs if s.aggregate == "colleagues_reached"]

    def test(stage: str) -> str:
        rung = rung_of(stage)
        return f"r.rung >= {rung}" if rung >= 0 else f"r.rung = {rung}"

    flags = ", ".join(f"MAX(CASE WHEN {test(s.field)} THEN 1 ELSE 0 END) AS {s.name}" for s in mine)
    source = (
        f"(SELECT m.account_id, m.as_of, m.lead_id, {flags} FROM members AS m JOIN reached AS r ON r.lead_id = m.lead_id "
        f"AND {visible_sql('r', 'm.as_of', 'reached_at')} GROUP BY m.account_id, m.as_of, m.lead_id)"
    )
    return _per_snapshot("past", [f"SUM(o.{s.name}) AS {s.name}" for s in mine], source)


def column(spec: Feature, dialect: Dialect) -> str:
    """Write the expression of one output column; who has no account, or nobody else in it, has zeros."""
    part = next(p for p in names([spec]))
    value = f"{part}.{'known' if spec.aggregate == 'colleagues_known' else spec.name}"
    if spec.aggregate in ("since_colleague", "since_new_role"):
        return f"CAST(s.as_of - {value} AS {dialect.double}) / {DAY}.0"
    if spec.aggregate == "share_engaged":
        return f"CAST({value} AS {dialect.double}) / circle.known"
    return f"CAST(COALESCE({value}, 0) AS {dialect.double})"
