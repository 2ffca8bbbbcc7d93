"""The account and committee families: their specs, and their SQL: members → what each did → the account's sums, less one's own.

What a member did is computed once for each (account, as_of), whoever asks, and added up once for each account: a
snapshot takes its own part off the sum, so that an account of thousands (a free mail domain, say) costs no more than
its members. The committee includes the lead itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from leadline.config.schema import Config
from leadline.core.point_in_time import DAY, Horizon, span_sql, visible_sql
from leadline.dataset import account_members
from leadline.dataset.account_members import Roles, role_column
from leadline.dataset.feature_spec import Aggregate, Feature, Kind, TitleSource
from leadline.features import daily_counts
from leadline.storage.dialect import Dialect, literal
from leadline.tables import LoadedTables
from leadline.tables.attributes import slugify, unique
from leadline.tables.stages import stage_index

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "account_features",
    "clauses",
    "column",
    "committee_features",
    "counted",
    "engaged_people",
    "member_counts",
    "nameless_features",
    "names",
    "needs_days",
    "past_features",
    "people_specs",
    "roles_engaged",
    "who",
]

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


def who(specs: Sequence[Feature], roles: Roles, title: TitleSource | None, dialect: Dialect) -> str:
    """Write the clause ``members``, with the roles where a spec asks for one, and those that it reads."""
    return account_members.clause(roles, title if any(s.by == "role" for s in specs) else None, dialect)


def clauses(
    specs: Sequence[Feature], intents: Mapping[str, str], roles: Roles, title: TitleSource | None, dialect: Dialect
) -> list[str]:
    """Write the WITH clauses of these specs, in order."""
    wanted = names(specs)
    parts = [who(specs, roles, title, dialect)]
    if {"circle", "committee", "newest_role"} & set(wanted):
        mine = [s for s in specs if s.aggregate != "colleagues_reached" and s.aggregate not in NAMELESS]
        parts += [*_did(mine, intents, dialect), _each(mine)]
    makers: dict[str, Callable[[Sequence[Feature]], str]] = {
        "circle": _circle,
        "committee": partial(_committee, dialect=dialect),
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
    made = [
        daily_counts.late(),
        daily_counts.cuts("members_today", "members", ()),
        *daily_counts.ends("did", "members", "members_today"),
    ]
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
    conditions = {i: daily_counts.of_intent(intents, i, dialect) for i in kinds}
    return [
        *made,
        daily_counts.cuts("members_cut", "members", windows),
        f"acted AS (\n  SELECT t.number,\n    {added}\n  FROM (\n    "
        + daily_counts.touches("members", "members_cut", kinds, windows, conditions)
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


def _committee(specs: Sequence[Feature], dialect: Dialect) -> str:
    names_of, inner = [], []
    for s in specs:
        if s.aggregate == "roles_engaged":
            inner.append(f"COUNT(DISTINCT CASE WHEN {_engaged(s)} THEN o.role END) AS {s.name}")
        elif s.aggregate in ("any_role", "every_role"):
            flags = [
                f"MAX(CASE WHEN o.role = {literal(r, dialect)} AND {_engaged(s)} THEN 1 ELSE 0 END)"
                for r in s.field.split("|")
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
        rung = stage_index(stage)
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


# The account and its buying committee: which features colleagues give, beside what the lead does itself.


DECIDERS = ("economic_buyer", "executive_sponsor")

PAIR = ("technical_evaluator", "economic_buyer")


def account_features(config: Config) -> list[Feature]:
    """List what the other leads of the account did."""
    specs = []
    for w in config.features.windows:
        specs.append(_colleagues(f"n_colleague_acts_{w}", "count", "colleague_acts", "events of colleagues", window=w))
        if any(b.intent == "purchase" for b in config.behaviours.values()):
            words = "events of purchase intent by colleagues"
            specs.append(
                _colleagues(
                    f"n_colleague_purchase_{w}",
                    "count",
                    "colleague_acts",
                    words,
                    field="purchase",
                    by="intent",
                    window=w,
                )
            )
        specs.append(
            _colleagues(f"engaged_colleagues_{w}", "count", "colleagues_engaged", "colleagues active", window=w)
        )
    main = main_window(config)
    return [
        *specs,
        _colleagues(f"new_colleagues_{main}", "count", "colleagues_new", "colleagues newly active", window=main),
        _colleagues("known_colleagues", "count", "colleagues_known", "colleagues known"),
        _colleagues(
            f"share_engaged_{main}", "number", "share_engaged", "share of known colleagues active", window=main
        ),
        _colleagues("since_colleague_act", "days", "since_colleague", "events of colleagues"),
    ]


def nameless_features(config: Config) -> list[Feature]:
    """List what events tell of the account that name nobody in it, such as intent that a third party saw."""
    if config.tables.events is None or config.tables.events.account is None:
        return []

    def spec(name: str, kind: Kind, aggregate: Aggregate, window: Horizon | None = None) -> Feature:
        words = "anonymous events of the account"
        return Feature(name, "account", "account_acts", kind, aggregate, words, "colleagues", window=window)

    counts = [spec(f"n_account_acts_{w}", "count", "account_acts", w) for w in config.features.windows]
    return [*counts, spec("since_account_act", "days", "since_account_act")]


def committee_features(config: Config, loaded: LoadedTables) -> list[Feature]:
    """List which roles of the account, the lead's own included, are engaged; none without roles and job titles."""
    roles = list(config.roles)
    if not roles or role_column(loaded) is None:
        return []
    w = main_window(config)

    def spec(name: str, kind: Kind, aggregate: Aggregate, words: str, field: str = "") -> Feature:
        return Feature(name, "committee", "committee", kind, aggregate, words, "colleagues", field, "role", w)

    specs = [spec(f"roles_engaged_{w}", "count", "roles_engaged", "roles active")]
    slugs = unique(slugify(r) for r in roles)
    specs += [
        spec(f"role_{n}_{w}", "flag", "any_role", r.replace("_", " "), r) for n, r in zip(slugs, roles, strict=True)
    ]
    deciders = [r for r in DECIDERS if r in roles]
    if len(deciders) == len(DECIDERS):
        specs.append(spec(f"decision_maker_{w}", "flag", "any_role", "a decision maker", "|".join(deciders)))
    if all(r in roles for r in PAIR):
        specs.append(
            spec(
                f"evaluator_and_buyer_{w}",
                "flag",
                "every_role",
                "technical evaluator and economic buyer",
                "|".join(PAIR),
            )
        )
    specs.append(spec("since_new_role", "days", "since_new_role", "newest role's arrival"))
    return specs


def past_features(config: Config) -> list[Feature]:
    """List what became of the account's other leads, as far as it was known."""
    stages = [s for s in ("sql", "won", "lost", "rejected") if config.words(s) or s == "sql"]
    return [
        Feature(
            f"colleagues_{s}",
            "history",
            "account_past",
            "count",
            "colleagues_reached",
            f"colleagues who reached {s.upper() if s == 'sql' else s}",
            "colleagues",
            s,
            "stage",
        )
        for s in stages
    ]


def main_window(config: Config) -> Horizon:
    """Return the window that says "now" for a committee: the second shortest, as a buying round lasts weeks."""
    windows = sorted(config.features.windows)
    return windows[min(1, len(windows) - 1)]


def _colleagues(
    name: str,
    kind: Kind,
    aggregate: Aggregate,
    words: str,
    field: str = "",
    by: str = "any",
    window: Horizon | None = None,
) -> Feature:
    return Feature(name, "account", "colleagues", kind, aggregate, words, "colleagues", field, by, window)


# Who of an account is engaged now, as a row of any of its leads tells: for what is said of the account as a whole.


def people_specs(specs: Sequence[Feature], roles: Sequence[str], window: Horizon) -> tuple[Feature, ...]:
    """List those of some features that tell who of an account acted in a window: the lead, its colleagues, and in which roles."""
    return tuple(
        s
        for s in specs
        if s.window == window
        and (
            s.aggregate == "colleagues_engaged"
            or (s.aggregate == "any_role" and s.field in roles)
            or (s.aggregate == "count" and s.by == "any" and s.table == "events")
        )
    )


def engaged_people(specs: Sequence[Feature], values: pd.DataFrame) -> npt.NDArray[np.float64] | None:
    """Return how many people of each row's account are engaged, the lead itself among them; None where `specs` don't tell."""
    own = next((s.name for s in specs if s.aggregate == "count"), None)
    others = next((s.name for s in specs if s.aggregate == "colleagues_engaged"), None)
    if own is None or others is None:
        return None
    acted, more = (np.nan_to_num(values[name].to_numpy(dtype=np.float64)) for name in (own, others))
    people: npt.NDArray[np.float64] = (acted > 0) + more
    return people


def roles_engaged(specs: Sequence[Feature], values: pd.DataFrame) -> dict[str, npt.NDArray[np.bool_]]:
    """Return, for each role, in whose account somebody in it is engaged."""
    return {s.field: values[s.name].to_numpy(dtype=np.float64) > 0 for s in specs if s.aggregate == "any_role"}
