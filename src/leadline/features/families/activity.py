"""The SQL of what a lead itself did: once by behaviour, then one column a feature; distinct days by the fold.

::

    asked ─┬─ events → each_kind (a row for each snapshot and behaviour) ┬→ acts (all time)
           │                                                             └→ recent (where a window holds anything)
           ├─ days, cuts → active (distinct days)
           └─ events of days with many acts → scanned (bursts too fast for a person)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leadline.core.point_in_time import DAY, SECOND, WEEK, Horizon, cell_sql, day_sql, span_sql, visible_sql
from leadline.dataset.feature_spec import Feature
from leadline.features import daily_counts
from leadline.features.daily_counts import of_intent
from leadline.storage.dialect import Dialect, literal

__all__ = ["HALVINGS", "SCAN_ACTS", "SCAN_CELL", "clauses", "column", "needs_days", "part", "parts", "told", "windows"]

HALVINGS = 8
"""How often an act's heat halves: 128 in its first week, 64 in the second, … 1 in the eighth, then nothing. Whole
numbers, because sums of doubles differ from run to run."""

DEPTH = ("awareness", "evaluation", "purchase")
SCAN_CELL = 10 * SECOND
SCAN_ACTS = 5
"""A mail gateway that opens every link acts faster than a person: so many acts in one cell of ten seconds are its."""

RECENT = ("count", "share", "pace", "trend")


def parts(specs: Sequence[Feature], swept: bool = False) -> list[str]:
    """List the parts of the statement, each with a row for a snapshot's number, that these specs need.

    Where the events were `swept`, what is about one behaviour stands in a part of its own.
    """
    wanted = {part(s, swept) for s in specs}
    return [name for name in ("acts", "recent", "by_kind", "active", "scanned") if name in wanted]


def needs_days(specs: Sequence[Feature]) -> bool:
    """Tell whether the fold is read."""
    return bool({"active", "scanned"} & set(parts(specs)))


def told(specs: Sequence[Feature]) -> list[str]:
    """List the intents of which the fold must know on which days they were acted."""
    return sorted({s.field for s in specs if s.aggregate == "active_days" and s.by == "intent"})


def part(spec: Feature, swept: bool = False) -> str:
    """Name the part in which a spec's column stands."""
    if spec.aggregate == "active_days":
        return "active"
    if spec.aggregate == "scanned":
        return "scanned"
    if swept and spec.by == "behaviour":
        return "by_kind"
    return "recent" if spec.aggregate in RECENT and spec.window is not None else "acts"


def clauses(specs: Sequence[Feature], intents: Mapping[str, str], dialect: Dialect, swept: bool = False) -> list[str]:
    """Write the WITH clauses of these specs; ``asked`` and, where `needs_days`, ``days`` come before them."""
    wanted = parts(specs, swept)
    made = []
    if {"acts", "recent"} & set(wanted):
        made.append(_each_kind([s for s in specs if part(s) in ("acts", "recent")], dialect))
    for name in ("acts", "recent"):
        if name in wanted:
            mine = [s for s in specs if part(s, swept) == name]
            columns = ",\n    ".join(f"{_aggregate(s, intents, dialect)} AS {s.name}" for s in mine)
            some = f"\n  WHERE k.n_{max(windows(mine))} > 0" if name == "recent" else ""
            made.append(
                f"{name} AS (\n  SELECT k.number,\n    {columns}\n  FROM each_kind AS k{some}\n  GROUP BY k.number\n)"
            )
    if "active" in wanted:
        made += _active([s for s in specs if part(s) == "active"], intents, dialect)
    if "scanned" in wanted:
        made += _scanned([s for s in specs if part(s) == "scanned"])
    return made


def column(spec: Feature, dialect: Dialect, swept: bool = False) -> str:
    """Write the expression of one output column; who did nothing has no acts, and no rate or time either."""
    value = f"{part(spec, swept)}.{spec.name}"
    if spec.aggregate in ("count", "active_days", "heat", "depth", "progress", "scanned", "trend"):
        return f"CAST(COALESCE({value}, 0) AS {dialect.double})"
    if spec.aggregate in ("since_last", "since_first", "since_depth"):
        return f"CAST(s.as_of - {value} AS {dialect.double}) / {DAY}.0"
    return value


def windows(specs: Sequence[Feature]) -> list[Horizon]:
    """List every window that these specs look back over, the longest last."""
    found = {s.window for s in specs if s.window is not None}
    found |= {Horizon.parse(s.field) for s in specs if s.aggregate == "pace"}
    found |= {Horizon.parse(s.terms[0]) for s in specs if s.aggregate == "trend"}
    return sorted(found)


def _each_kind(specs: Sequence[Feature], dialect: Dialect) -> str:
    """Count what each snapshot's lead did by behaviour: few rows, of which the features are then picked."""
    columns = [
        f"CAST(COUNT(CASE WHEN {span_sql('e.occurred_at', 'q.as_of', w)} THEN 1 END) AS INTEGER) AS n_{w}"
        for w in windows(specs)
    ]
    columns += ["COUNT(*) AS n_ever", "MIN(e.occurred_at) AS first_at", "MAX(e.occurred_at) AS last_at"]
    if any(s.aggregate == "heat" for s in specs):
        columns.append(f"SUM({_heat()}) AS heat")
    return (
        "each_kind AS (\n  SELECT q.number, e.behaviour,\n    " + ",\n    ".join(columns) + "\n  FROM asked AS q\n"
        f"  JOIN events AS e ON e.lead_id = q.lead_id AND {visible_sql('e', 'q.as_of')}\n"
        "  GROUP BY q.number, e.behaviour\n)"
    )


def _heat() -> str:
    """Write a whole number for an act that halves with each week of age."""
    steps = [(Horizon(7 * DAY * (n + 1)), 2 ** (HALVINGS - 1 - n)) for n in range(HALVINGS)]
    weeks = " ".join(f"WHEN {span_sql('e.occurred_at', 'q.as_of', age)} THEN {heat}" for age, heat in steps)
    return f"CASE {weeks} ELSE 0 END"


def _about(spec: Feature, intents: Mapping[str, str], dialect: Dialect) -> str:
    """Write the condition that a row of ``each_kind`` is about the spec's behaviour or intent; "" for any."""
    if spec.by == "behaviour":
        return f"k.behaviour = {literal(spec.field, dialect)}"
    return of_intent(intents, spec.field, dialect, "k.behaviour") if spec.by == "intent" else ""


def _sum(value: str, about: str) -> str:
    return f"SUM(CASE WHEN {about} THEN {value} ELSE 0 END)" if about else f"SUM({value})"


def _aggregate(spec: Feature, intents: Mapping[str, str], dialect: Dialect) -> str:
    about = _about(spec, intents, dialect)
    window = f"k.n_{spec.window or 'ever'}"
    double = dialect.double
    if spec.aggregate == "count":
        # A behaviour has one row for each number: its largest count is its sum, in a fraction of the time.
        return f"MAX(CASE WHEN {about} THEN {window} END)" if spec.by == "behaviour" else _sum(window, about)
    if spec.aggregate == "heat":
        return _sum("k.heat", about)
    if spec.aggregate in ("since_last", "since_first"):
        newest, at = ("MAX", "k.last_at") if spec.aggregate == "since_last" else ("MIN", "k.first_at")
        return f"{newest}(CASE WHEN {about} THEN {at} END)" if about else f"{newest}({at})"
    if spec.aggregate == "share":
        return f"CAST({_sum(window, about)} AS {double}) / NULLIF(SUM({window}), 0)"
    if spec.aggregate == "pace":
        longer = Horizon.parse(spec.field)
        rate = longer.micros / spec.window.micros if spec.window else 1.0
        return f"CAST(SUM({window}) AS {double}) * {rate!r} / NULLIF(SUM(k.n_{longer}), 0)"
    if spec.aggregate == "trend":
        return _trend(spec, about, double)
    if spec.aggregate == "gap":
        span = f"CAST(MAX(k.last_at) - MIN(k.first_at) AS {double})"
        return f"{span} / {DAY}.0 / NULLIF(SUM(k.n_ever) - 1, 0)"
    return _steps(spec, intents, dialect)


def _trend(spec: Feature, about: str, double: str) -> str:
    """Subtract the acts a week of the time before from those of the window."""
    short, long = spec.window or Horizon(WEEK), Horizon.parse(spec.terms[0])
    now, before = WEEK / short.micros, WEEK / (long.micros - short.micros)
    counts = [f"CAST({_sum(f'k.n_{w}', about)} AS {double})" for w in (short, long)]
    return f"{counts[0]} * {now!r} - ({counts[1]} - {counts[0]}) * {before!r}"


def _steps(spec: Feature, intents: Mapping[str, str], dialect: Dialect) -> str:
    """Write how deep a lead went, when, and how fast, by the first act of each intent."""
    tests = [of_intent(intents, i, dialect, "k.behaviour") for i in DEPTH]
    first = [f"MIN(CASE WHEN {t} THEN k.first_at END)" for t in tests]
    deepest = f"COALESCE({first[2]}, {first[1]}, {first[0]})"
    if spec.aggregate == "depth":
        steps = " ".join(f"WHEN {tests[n]} THEN {n + 1}" for n in (2, 1, 0))
        return f"MAX(CASE {steps} ELSE 0 END)"
    if spec.aggregate == "since_depth":
        return deepest
    if spec.aggregate == "first_to_purchase":
        return f"CAST({first[2]} - MIN(k.first_at) AS {dialect.double}) / {DAY}.0"
    if spec.aggregate == "progress":
        return " + ".join(f"CASE WHEN {first[n]} < {first[n + 1]} THEN 1 ELSE 0 END" for n in (0, 1))
    known = f"MIN(CASE WHEN {' OR '.join(tests)} THEN k.first_at END)"
    reached = " + ".join(f"MAX(CASE WHEN {t} THEN 1 ELSE 0 END)" for t in tests)
    return f"CAST({deepest} - {known} AS {dialect.double}) / {DAY}.0 / NULLIF({reached} - 1, 0)"


def _active(specs: Sequence[Feature], intents: Mapping[str, str], dialect: Dialect) -> list[str]:
    """Count distinct days: a whole day by when its first act was known, a cut day by its newest visible act."""
    lengths = windows(specs)
    kinds = ["", *told(specs)]
    since = {"": "at_", **{i: f"at_{i}" for i in kinds[1:]}}
    whole = [f"CASE WHEN d.known_{i or 'at'} < q.as_of THEN d.day END AS {since[i]}" for i in kinds]
    newest = [
        f"MAX({f'CASE WHEN {of_intent(intents, i, dialect)} THEN e.occurred_at END' if i else 'e.occurred_at'}) AS {since[i]}"
        for i in kinds
    ]
    columns = []
    for s in specs:
        at = f"t.{since[s.field if s.by == 'intent' else '']}"
        inside = f"CASE WHEN {span_sql(at, 't.as_of', s.window)} THEN 1 END" if s.window else at
        columns.append(f"COUNT({inside}) AS {s.name}")
    return [
        daily_counts.cuts("cut_days", "asked", lengths),
        "active AS (\n  SELECT t.number,\n    " + ",\n    ".join(columns) + "\n  FROM (\n"
        f"    SELECT q.number, q.as_of, {', '.join(whole)}\n"
        f"    FROM asked AS q JOIN days AS d ON d.lead_id = q.lead_id AND d.known_at < q.as_of AND {daily_counts.uncut('q', lengths)}\n"
        f"    UNION ALL SELECT q.number, q.as_of, {', '.join(newest)}\n"
        f"    FROM cut_days AS q JOIN events AS e ON e.lead_id = q.lead_id AND {day_sql('e.occurred_at')} = q.day AND {visible_sql('e', 'q.as_of')}\n"
        "    GROUP BY q.number, q.as_of, q.day\n  ) AS t\n  GROUP BY t.number\n)",
    ]


def _scanned(specs: Sequence[Feature]) -> list[str]:
    """Count acts in cells of ten seconds with more acts than a person does; the test counts what is visible."""
    cell = cell_sql("e.occurred_at", SCAN_CELL)
    inner = ", ".join(
        f"COUNT(CASE WHEN {span_sql('e.occurred_at', 'q.as_of', s.window)} THEN 1 END) AS {s.name}" for s in specs if s.window
    )  # fmt: skip
    return [
        f"fast AS (\n  SELECT e.lead_id, {cell} AS cell, e.occurred_at, e.recorded_at\n  FROM events AS e\n"
        f"  JOIN days AS d ON d.lead_id = e.lead_id AND d.day = {day_sql('e.occurred_at')} AND d.acts >= {SCAN_ACTS}\n)",
        "scanned AS (\n  SELECT t.number, " + ", ".join(f"SUM(t.{s.name}) AS {s.name}" for s in specs) + "\n  FROM (\n"
        f"    SELECT q.number, e.cell, {inner}\n    FROM asked AS q\n"
        f"    JOIN (\n      SELECT f.lead_id, f.cell, f.occurred_at, f.recorded_at, COUNT(*) OVER (PARTITION BY f.lead_id, f.cell) AS acts FROM fast AS f\n"
        f"    ) AS e ON e.lead_id = q.lead_id AND e.acts >= {SCAN_ACTS} AND {visible_sql('e', 'q.as_of')}\n"
        f"    GROUP BY q.number, e.cell\n    HAVING COUNT(*) >= {SCAN_ACTS}\n  ) AS t\n  GROUP BY t.number\n)",
    ]
