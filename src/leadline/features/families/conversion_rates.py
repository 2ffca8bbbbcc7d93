"""As-of conversion rates: how earlier leads of the same source, campaign, industry or role fared, from ripe outcomes only.

A lead is judged as a snapshot at its creation would be (see `leadline.core.point_in_time.state_sql`): it enters its cohort once its
outcome could be known, counts as converted once that is known, and leaves if it proves late or is merged away. Each of
these moves is put to the first as_of that sees it, and the moves are summed up over time, once for each value and as_of:
nothing is counted again for each snapshot. A snapshot's own lead is taken off at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leadline.config.schema import Config
from leadline.core.point_in_time import Horizon, label_known_sql, seen_from_sql, within_sql
from leadline.dataset.account_members import role_sql
from leadline.dataset.feature_spec import Feature, TitleSource
from leadline.storage.dialect import Dialect, identifier
from leadline.tables.attributes import Attribute, slugify
from leadline.tables.stages import stage_index

__all__ = ["PRIOR_LEADS", "clauses", "column", "of", "specs", "standing_moves", "sums_at"]

PRIOR_LEADS = 100
"""As many leads of its own must a value have to count for as much as all leads do: of a few in a hundred who convert,
fewer leads show so few that the rate is mostly chance."""

COHORTS = {
    "source": ("source", "lead_source", "utm_source", "channel"),
    "campaign": ("campaign", "utm_campaign"),
    "industry": ("industry",),
}
"""Which attributes tell a cohort, by their names."""

NEVER = 2**60
OVER = "ORDER BY as_of ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"


def specs(
    config: Config, attributes: Sequence[Attribute], in_history: frozenset[str], title: TitleSource | None
) -> list[Feature]:
    """List the rates of a config, for attributes that stay as they were (law 3): those in `in_history` have none."""
    if config.is_flat:
        return []
    fixed = [a for a in attributes if a.table == "leads" and a.column not in in_history]
    account = config.tables.leads.account
    if account is not None and account not in in_history:
        fixed += [a for a in attributes if a.table == "accounts"]
    found = []
    for a in fixed:
        kind = next((kind for kind, names in COHORTS.items() if slugify(a.column) in names), None)
        if kind is not None:
            found.append(_rate(config, f"rate_{a.name}", a.name, a.table, "column", kind))
    if config.roles and title is not None and title.field is None:
        found.append(_rate(config, "rate_role", title.column, "leads", "role", "role"))
    return found


def _rate(config: Config, name: str, field: str, table: str, by: str, kind: str) -> Feature:
    outcome = config.outcome
    bounds = [str(b) if b is not None else "" for b in (outcome.observed_from, outcome.observed_until)]
    terms = (str(outcome.reaches), str(outcome.delay), *bounds)
    words = f"conversion of earlier leads of the same {kind}"
    return Feature(name, "history", f"rate:{field}", "number", "rate", words, table, field, by, config.horizon, terms)


def of(specs: Sequence[Feature]) -> list[Feature]:
    """Pick the rates."""
    return [s for s in specs if s.aggregate == "rate"]


def clauses(
    specs: Sequence[Feature], roles: Mapping[str, Sequence[str]], title: TitleSource | None, dialect: Dialect
) -> list[str]:
    """Write the WITH clauses of rates; the last, ``rates``, has a row for each snapshot.

    All rates of one statement are of one outcome: they come of one config.
    """
    firms = any(s.table == "accounts" for s in specs)
    sums = [_sums("of_all", "", "as_of")]
    sums += [_sums(f"of_{s.name}", s.name, "account_as_of" if s.table == "accounts" else "as_of") for s in specs]
    return [
        _lead_outcomes_sql(specs[0]),
        _moves(),
        _grouped(specs, roles, title, dialect),
        _clock(firms),
        _count_sql_of(specs, firms),
        *sums,
        _rates(specs),
    ]


def _lead_outcomes_sql(spec: Feature) -> str:
    """Tell of each lead from when it counts, from when as converted, and until when."""
    reaches, delay, first, last = spec.terms
    horizon = spec.window or Horizon(0)
    ripe = label_known_sql("l.created_at", horizon, Horizon.parse(delay))
    bounds = [f"l.created_at >= {int(first)}"] if first else []
    bounds += [f"{ripe} <= {int(last)}"] if last else []
    enters = f"GREATEST({ripe}, {seen_from_sql('l', 'created_at')})"
    if bounds:
        enters = f"CASE WHEN {' AND '.join(bounds)} THEN {enters} ELSE {NEVER} END"
    seen = seen_from_sql("r", "reached_at")
    within = within_sql("r.reached_at", "l.created_at", horizon)
    return (
        "judged AS (\n  SELECT lead_id, enter_at, hit_at, CASE WHEN late_at < merged_at THEN late_at ELSE merged_at END AS out_at\n"
        f"  FROM (\n    SELECT l.lead_id,\n      {enters} AS enter_at,\n"
        f"      MIN(CASE WHEN {within} THEN {seen} ELSE {NEVER} END) AS hit_at,\n"
        f"      MIN(CASE WHEN r.reached_at < l.created_at THEN {seen} ELSE {NEVER} END) AS late_at,\n"
        f"      COALESCE(x.since + 1, {NEVER}) AS merged_at\n    FROM leads AS l\n"
        f"    LEFT JOIN reached AS r ON r.lead_id = l.lead_id AND r.rung >= {stage_index(reaches)}\n"
        "    LEFT JOIN merged AS x ON x.lead_id = l.lead_id\n"
        "    GROUP BY l.lead_id, l.created_at, l.recorded_at, x.since\n  ) AS told\n)"
    )


HIT = "GREATEST(enter_at, hit_at)"


def _moves() -> str:
    """List when each lead enters its cohort, converts in it, and leaves it."""
    return (
        "moves AS (\n  SELECT lead_id, enter_at AS moved_at, 1 AS leads, 0 AS hits FROM judged WHERE enter_at < out_at\n"
        f"  UNION ALL\n  SELECT lead_id, {HIT}, 0, 1 FROM judged WHERE {HIT} < out_at\n"
        f"  UNION ALL\n  SELECT lead_id, out_at, -1, CASE WHEN {HIT} < out_at THEN -1 ELSE 0 END FROM judged\n"
        f"  WHERE enter_at < out_at AND out_at < {NEVER}\n)"
    )


def _grouped(
    specs: Sequence[Feature], roles: Mapping[str, Sequence[str]], title: TitleSource | None, dialect: Dialect
) -> str:
    """Tell whom each lead counts with: a value for each rate; an account's counts once the account is known."""
    columns, join = [], ""
    for s in specs:
        value = f"b.{identifier(s.field, dialect)}"
        if s.by == "role":
            value = role_sql(roles, title.column if title else None, dialect)
        elif s.table == "accounts":
            value = f"c.{identifier(s.field, dialect)}"
            join = "\n  LEFT JOIN accounts AS c ON c.account_id = b.account_id"
        columns.append(f"{value} AS {s.name}")
    columns += ["c.recorded_at + 1 AS known_at"] if join else []
    listed = ",\n    ".join(columns)
    return f"grouped AS (\n  SELECT b.lead_id,\n    {listed}\n  FROM leads AS b{join}\n)"


def _clock(firms: bool) -> str:
    """Tell of each instant at which something moves the first as_of that sees it; instants after the last have none."""
    also = (
        "\n    UNION ALL SELECT known_at, CAST(NULL AS BIGINT) FROM grouped WHERE known_at IS NOT NULL" if firms else ""
    )
    return (
        "clock AS (\n  SELECT moved_at, MIN(as_of) OVER (ORDER BY moved_at DESC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS as_of\n"
        "  FROM (\n    SELECT moved_at, MAX(as_of) AS as_of FROM (\n    SELECT as_of AS moved_at, as_of FROM snapshots\n"
        f"    UNION ALL SELECT moved_at, CAST(NULL AS BIGINT) FROM moves{also}\n    ) AS told GROUP BY moved_at\n  ) AS instants\n)"
    )


def _count_sql_of(specs: Sequence[Feature], firms: bool) -> str:
    """List the moves by the as_of that sees them, and nothing for each snapshot, so that its sum is there to be read."""
    names = "".join(f", g.{s.name}" for s in specs)
    later, join, asked = "", "", ""
    if firms:
        # What moved before the account was known moves when it is.
        later = (
            ",\n    CASE WHEN k.as_of > t.as_of THEN k.as_of WHEN k.as_of IS NOT NULL THEN t.as_of END AS account_as_of"
        )
        join, asked = "\n  LEFT JOIN clock AS k ON k.moved_at = g.known_at", ", s.as_of"
    return (
        f"seen_moves AS (\n  SELECT t.as_of, m.leads, m.hits{names}{later}\n  FROM moves AS m\n"
        f"  JOIN clock AS t ON t.moved_at = m.moved_at AND t.as_of IS NOT NULL\n  JOIN grouped AS g ON g.lead_id = m.lead_id{join}\n"
        f"  UNION ALL\n  SELECT s.as_of, 0, 0{names}{asked} FROM snapshots AS s JOIN grouped AS g ON g.lead_id = s.lead_id\n)"
    )


def _sums(name: str, cohort: str, as_of: str) -> str:
    """Sum the moves up to each as_of; these are distinct, so the sum doesn't hang on the order of rows."""
    over = f"OVER ({f'PARTITION BY {cohort} ' if cohort else ''}{OVER})"
    told, by = (f"{cohort}, ", f"{cohort}, {as_of}") if cohort else ("", as_of)
    known = f" WHERE {cohort} IS NOT NULL AND {as_of} IS NOT NULL" if cohort else ""
    return (
        f"{name} AS (\n  SELECT {told}as_of, CAST(SUM(leads) {over} AS BIGINT) AS leads, CAST(SUM(hits) {over} AS BIGINT) AS hits\n"
        f"  FROM (SELECT {told}{as_of} AS as_of, SUM(leads) AS leads, SUM(hits) AS hits FROM seen_moves{known} GROUP BY {by}) AS moments\n)"
    )


def _rates(specs: Sequence[Feature]) -> str:
    """Give each snapshot the counts of its cohorts, less its own lead.

    Left joins, so that no engine joins snapshots with all cohorts of their instant first.
    """

    def less_own(part: str, count: str, since: str, known: str) -> str:
        return f"{part}.{count} - CASE WHEN {since} <= s.as_of AND s.as_of < j.out_at{known} THEN 1 ELSE 0 END AS {part}_{count}"

    columns, joins = [], ["LEFT JOIN of_all ON of_all.as_of = s.as_of"]
    for part, known in [("of_all", "")] + [(f"of_{s.name}", _account_clock(s)) for s in specs]:
        columns += [less_own(part, "leads", "j.enter_at", known)]
        columns += [less_own(part, "hits", "GREATEST(j.enter_at, j.hit_at)", known)]
    for s in specs:
        joins.append(
            f"LEFT JOIN of_{s.name} ON of_{s.name}.{s.name} = g.{s.name} AND of_{s.name}.as_of = s.as_of{_account_clock(s)}"
        )
    return (
        "rates AS (\n  SELECT s.lead_id, s.as_of,\n    " + ",\n    ".join(columns) + "\n  FROM snapshots AS s\n"
        "  JOIN grouped AS g ON g.lead_id = s.lead_id\n  JOIN judged AS j ON j.lead_id = s.lead_id\n  "
        + "\n  ".join(joins)
        + "\n)"
    )


def _account_clock(spec: Feature) -> str:
    return " AND g.known_at <= s.as_of" if spec.table == "accounts" else ""


def column(spec: Feature, dialect: Dialect) -> str:
    """Write the rate shrunk to everybody's, (k + m · K/N) / (n + m), over whole numbers; NULL where nothing is ripe."""
    n, k = f"rates.of_{spec.name}_leads", f"rates.of_{spec.name}_hits"
    above = f"{k} * rates.of_all_leads + {PRIOR_LEADS} * rates.of_all_hits"
    below = f"NULLIF(rates.of_all_leads * ({n} + {PRIOR_LEADS}), 0)"
    return f"CAST({above} AS {dialect.double}) / CAST({below} AS {dialect.double})"


# One instant asked about, again and again: the moves of all leads are listed once, and summed up at each as_of.


def standing_moves(
    specs: Sequence[Feature], roles: Mapping[str, Sequence[str]], title: TitleSource | None, dialect: Dialect
) -> str:
    """Write the SELECT of every lead's moves, each with the values that it counts for; who never moves has a row of zeros."""
    firms = any(s.table == "accounts" for s in specs)
    parts = [_lead_outcomes_sql(specs[0]), _moves(), _grouped(specs, roles, title, dialect)]
    names = "".join(f", g.{s.name}" for s in specs) + (", g.known_at" if firms else "")
    return (
        "WITH "
        + ",\n".join(parts)
        + f"\nSELECT m.moved_at, COALESCE(m.leads, 0) AS leads, COALESCE(m.hits, 0) AS hits{names}\n"
        "FROM grouped AS g LEFT JOIN moves AS m ON m.lead_id = g.lead_id"
    )


def sums_at(specs: Sequence[Feature], moves: str, as_of: int) -> dict[str, str]:
    """Write, for each part of the statement that sums up moves, the SELECT that gives it at one as_of from all leads' moves."""

    def summed(seen: str) -> str:
        each = (f"CAST(SUM(CASE WHEN {seen} THEN {n} ELSE 0 END) AS BIGINT) AS {n}" for n in ("leads", "hits"))
        return f"CAST({as_of} AS BIGINT) AS as_of, {', '.join(each)} FROM {moves}"

    parts = {"of_all": f"SELECT {summed(f'moved_at <= {as_of}')}"}
    for s in specs:
        seen = f"moved_at <= {as_of}" + (f" AND known_at <= {as_of}" if s.table == "accounts" else "")
        parts[f"of_{s.name}"] = f"SELECT {s.name}, {summed(seen)} WHERE {s.name} IS NOT NULL GROUP BY {s.name}"
    return parts
