"""The SQL of the account and committee families: members → what each did → the account's sums, less one's own.

What a member did is computed once for each (account, as_of), whoever asks, and added up once for each account: a
snapshot takes its own part off the sum, so that an account of thousands (a free mail domain, say) costs no more than
its members. The committee includes the lead itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leadline.history import days, members
from leadline.history.members import Roles
from leadline.history.spec import Feature, Title
from leadline.tables.ladder import rung_of
from leadline.tables.store.dialect import Dialect, literal
from leadline.times import DAY, span_sql, visible_sql

__all__ = ["clauses", "column", "counted", "member_counts", "names", "needs_days", "who"]

NAMELESS = ("account_acts", "since_account_act")
"""What is read of events that name an account and no lead."""


def names(specs: Sequence[Feature]) -> list[str]:
    """List the parts of the statement that give a row for each snapshot, as far as these specs need them."""
    aggregates = {s.aggregate for s in specs}
    parts = []
    if any(s.family == "account" and s.aggregate not in NAMELESS for s in specs):
        parts.append("circle")
    if aggregates & set(NAMELESS):
        parts.append("nameless")
    if aggregates & {"roles_engaged", "any_role", "every_role"}:
        parts.append("committee")
    if "since_new_role" in aggregates:
        parts.append("newest_role")
    if "colleagues_reached" in aggregates:
        parts.append("past")
    return parts


def needs_days(specs: Sequence[Feature]) -> bool:
    """Tell whether the fold is read."""
    return bool({"circle", "committee", "newest_role"} & set(names(specs)))


def who(specs: Sequence[Feature], roles: Roles, title: Title | None, dialect: Dialect) -> str:
    """Write the clause ``members``, with the roles where a spec asks for one, and those that it reads."""
    return members.clause(roles, title if any(s.by == "role" for s in specs) else None, dialect)


def clauses(
    specs: Sequence[Feature], intents: Mapping[str, str], roles: Roles, title: Title | None, dialect: Dialect
) -> list[str]:
    """Write the WITH clauses of these specs, in order."""
    wanted = names(specs)
    parts = [who(specs, roles, title, dialect)]
    if {"circle", "committee", "newest_role"} & set(wanted):
        mine = [s for s in specs if s.aggregate != "colleagues_reached" and s.aggregate not in NAMELESS]
        parts += [*_did(mine, intents, dialect), _each(mine)]
    makers = {
        "circle": _circle,
        "committee": _committee,
        "newest_role": _newest_role,
        "past": _past,
        "nameless": _nameless,
    }
    return parts + [makers[name](specs) for name in wanted]


def _count(spec: Feature) -> str:
    """Name the member's count that a spec adds up."""
    window = str(spec.window) if spec.window else "ever"
    return f"n_{spec.field}_{window}" if spec.by == "intent" else f"n_{window}"


def counted(specs: Sequence[Feature]) -> list[str]:
    """List the intents whose acts the account's sums need."""
    return sorted({s.field for s in specs if s.by == "intent"})


def member_counts(specs: Sequence[Feature]) -> dict[str, Feature]:
    """Name the counts of a member's acts that the account's sums need, with a spec that asks for each."""
    return {_count(s): s for s in specs if s.aggregate == "colleague_acts" and s.window is not None}


def _did(specs: Sequence[Feature], intents: Mapping[str, str], dialect: Dialect) -> list[str]:
    """Find when each member first and last acted, and add up its acts where a spec asks how many."""
    made = [days.late(), days.cuts("members_today", "members", ()), *days.ends("did", "members", "members_today")]
    acts = member_counts(specs)
    if not acts:
        return made
    kinds = counted(list(acts.values()))
    windows = sorted({s.window for s in acts.values() if s.window is not None})
    sums = {
        name: f"SUM(CASE WHEN {span_sql('t.at_', 't.as_of', s.window)} THEN t.n{f'_{s.field}' if s.by == 'intent' else ''} ELSE 0 END)"
        for name, s in acts.items()
        if s.window is not None
    }
    added = ",\n    ".join(f"{text} AS {name}" for name, text in sums.items())
    conditions = {i: days.of_intent(intents, i, dialect) for i in kinds}
    return [
        *made,
        days.cuts("members_cut", "members", windows),
        f"acted AS (\n  SELECT t.number,\n    {added}\n  FROM (\n    "
        + days.touches("members", "members_cut", kinds, windows, conditions)
        + "\n  ) AS t\n  GROUP BY t.number\n)",
    ]


def _each(specs: Sequence[Feature]) -> str:
    """Give every member what it did, those who did nothing too."""
    names_of = list(member_counts(specs))
    added = "".join(f"    COALESCE(c.{name}, 0) AS {name},\n" for name in names_of)
    if any(s.aggregate == "since_colleague" for s in specs):
        newest_first = "CASE WHEN d.last_at IS NULL THEN 1 ELSE 0 END, d.last_at DESC, m.lead_id"
        added += f"    ROW_NUMBER() OVER (PARTITION BY m.account_id, m.as_of ORDER BY {newest_first}) AS place,\n"
    join = "\n  LEFT JOIN acted AS c ON c.number = m.number" if names_of else ""
    return (
        f"each_member AS (\n  SELECT m.account_id, m.as_of, m.lead_id, m.role,\n{added}    d.first_at,\n    d.last_at\n"
        f"  FROM members AS m\n  LEFT JOIN did AS d ON d.number = m.number{join}\n)"
    )


def _engaged(spec: Feature) -> str:
    """Write that a member acted in the spec's window: its newest act lies there."""
    return span_sql("o.last_at", "o.as_of", spec.window) if spec.window else "o.last_at IS NOT NULL"


def _per_account(name: str, columns: Sequence[str], source: str, inner: Sequence[str], own: str = "") -> str:
    """Write a part that reads the sums of the snapshot's account as ``t``, and its own row by a join if need be."""
    return (
        f"{name} AS (\n  SELECT s.lead_id, s.as_of,\n    " + ",\n    ".join(columns) + "\n  FROM snapshots AS s\n"
        "  JOIN (\n    SELECT o.account_id, o.as_of,\n      " + ",\n      ".join(inner) + f"\n    FROM {source} AS o\n"
        f"    GROUP BY o.account_id, o.as_of\n  ) AS t ON t.account_id = s.account_id AND t.as_of = s.as_of{own}\n)"
    )


def _circle(specs: Sequence[Feature]) -> str:
    """Sums over the account less one's own; the newest act is the second newest where the newest is one's own."""
    columns, inner = ["t.known - 1 AS known"], ["COUNT(*) AS known"]
    for s in specs:
        if s.aggregate == "since_colleague":
            inner += [f"MAX(CASE WHEN o.place = {n} THEN o.last_at END) AS last_{n}" for n in (1, 2)]
            columns.append(f"CASE WHEN o.place = 1 THEN t.last_2 ELSE t.last_1 END AS {s.name}")
            continue
        one = _one(s)
        if one:
            inner.append(f"SUM({one}) AS {s.name}")
            columns.append(f"t.{s.name} - {one} AS {s.name}")
    own = "\n  JOIN each_member AS o ON o.lead_id = s.lead_id AND o.as_of = s.as_of\n  WHERE t.known > 1"
    return _per_account("circle", columns, "each_member", inner, own)


def _one(spec: Feature) -> str:
    """Write what one member adds to an account's sum."""
    if spec.aggregate == "colleague_acts":
        return f"o.{_count(spec)}"
    if spec.aggregate in ("colleagues_engaged", "share_engaged"):
        return f"CASE WHEN {_engaged(spec)} THEN 1 ELSE 0 END"
    if spec.aggregate == "colleagues_new" and spec.window is not None:
        return f"CASE WHEN {span_sql('o.first_at', 'o.as_of', spec.window)} THEN 1 ELSE 0 END"
    return ""


def _committee(specs: Sequence[Feature]) -> str:
    names_of, inner = [], []
    for s in specs:
        if s.aggregate == "roles_engaged":
            inner.append(f"COUNT(DISTINCT CASE WHEN {_engaged(s)} THEN o.role END) AS {s.name}")
        elif s.aggregate in ("any_role", "every_role"):
            flags = [
                f"MAX(CASE WHEN o.role = {literal(r)} AND {_engaged(s)} THEN 1 ELSE 0 END)" for r in s.field.split("|")
            ]
            merge = "GREATEST" if s.aggregate == "any_role" else "LEAST"
            inner.append((f"{merge}({', '.join(flags)})" if len(flags) > 1 else flags[0]) + f" AS {s.name}")
        else:
            continue
        names_of.append(s.name)
    return _per_account("committee", [f"t.{n}" for n in names_of], "each_member", inner)


def _newest_role(specs: Sequence[Feature]) -> str:
    arrivals = "(SELECT account_id, as_of, role, MIN(first_at) AS first_at FROM each_member WHERE role IS NOT NULL GROUP BY account_id, as_of, role)"
    names_of = [s.name for s in specs if s.aggregate == "since_new_role"]
    inner = [f"MAX(o.first_at) AS {n}" for n in names_of]
    return _per_account("newest_role", [f"t.{n}" for n in names_of], arrivals, inner)


def _nameless(specs: Sequence[Feature]) -> str:
    """Count the acts that name the account and nobody in it."""
    inner = []
    for s in specs:
        if s.aggregate == "account_acts" and s.window is not None:
            inner.append(f"COUNT(CASE WHEN {span_sql('e.occurred_at', 'q.as_of', s.window)} THEN 1 END) AS {s.name}")
        elif s.aggregate == "since_account_act":
            inner.append(f"MAX(e.occurred_at) AS {s.name}")
    mine = ", ".join(f"t.{s.name}" for s in specs if s.aggregate in NAMELESS)
    return (
        f"nameless AS (\n  SELECT s.lead_id, s.as_of, {mine}\n  FROM snapshots AS s\n  JOIN (\n"
        f"    SELECT q.account_id, q.as_of, {', '.join(inner)}\n    FROM firms AS q\n"
        f"    JOIN events AS e ON e.account_id = q.account_id AND e.lead_id IS NULL AND {visible_sql('e', 'q.as_of')}\n"
        "    GROUP BY q.account_id, q.as_of\n  ) AS t ON t.account_id = s.account_id AND t.as_of = s.as_of\n)"
    )


def _past(specs: Sequence[Feature]) -> str:
    mine = [s for s in specs if s.aggregate == "colleagues_reached"]

    def test(stage: str) -> str:
        rung = rung_of(stage)
        return f"r.rung >= {rung}" if rung >= 0 else f"r.rung = {rung}"

    flags = ",\n    ".join(f"MAX(CASE WHEN {test(s.field)} THEN 1 ELSE 0 END) AS {s.name}" for s in mine)
    climbed = (
        f"climbed AS (\n  SELECT m.account_id, m.as_of, m.lead_id,\n    {flags}\n  FROM members AS m\n"
        f"  JOIN reached AS r ON r.lead_id = m.lead_id AND {visible_sql('r', 'm.as_of', 'reached_at')}\n"
        "  GROUP BY m.account_id, m.as_of, m.lead_id\n)"
    )
    columns = [f"t.{s.name} - COALESCE(o.{s.name}, 0) AS {s.name}" for s in mine]
    own = "\n  LEFT JOIN climbed AS o ON o.lead_id = s.lead_id AND o.as_of = s.as_of"
    return (
        climbed + ",\n" + _per_account("past", columns, "climbed", [f"SUM(o.{s.name}) AS {s.name}" for s in mine], own)
    )


def column(spec: Feature, dialect: Dialect) -> str:
    """Write the expression of one output column; who has no account, or nobody else in it, has zeros."""
    part = next(p for p in names([spec]))
    value = f"{part}.{'known' if spec.aggregate == 'colleagues_known' else spec.name}"
    if spec.aggregate in ("since_colleague", "since_new_role", "since_account_act"):
        return f"CAST(s.as_of - {value} AS {dialect.double}) / {DAY}.0"
    if spec.aggregate == "share_engaged":
        return f"CAST({value} AS {dialect.double}) / circle.known"
    return f"CAST(COALESCE({value}, 0) AS {dialect.double})"
