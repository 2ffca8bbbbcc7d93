"""Checks of what stages, merges and behaviours say of each other."""

from __future__ import annotations

from collections.abc import Iterator

from leadline.config.schema import LADDER
from leadline.core.choices import closest
from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.storage.dialect import literal
from leadline.tables import merges
from leadline.tables.checks.base import Answer, Context

__all__ = [
    "account_taken_as_fixed",
    "impossible_money",
    "impossible_order",
    "late_behaviours",
    "merge_cycle",
    "missing_stage",
    "unheard_behaviours",
    "unmapped_stages",
]

UNTYPED = 0.05
"""The share of events without a type from which on it is told."""


def impossible_order(context: Context) -> Iterator[Answer]:
    """Tell stages that were reached before their lead was created, and opportunities closed before they began."""
    tables = context.config.tables
    if tables.stages is not None:
        rows = context.store.rows(
            'SELECT COUNT(*), MIN(s."row") FROM stages AS s JOIN leads AS l ON l.lead_id = s.lead_id WHERE s.changed_at < l.created_at'
        )[0]
        if rows[0]:
            yield (
                f"stages.{tables.stages.changed_at}",
                f"{rows[0]} rows lie before their lead's creation (first: row {rows[1]})",
                "stages after creation",
                "check created_at; such leads are never open",
                int(rows[0]),
            )
    if tables.opportunities is not None and tables.opportunities.closed_at:
        count, first = context.count("opportunities", "closed_at < created_at")
        if count:
            yield (
                f"opportunities.{tables.opportunities.closed_at}",
                f"{count} rows were closed before they were created (first: row {first})",
                "created_at ≤ closed_at",
                "mend the export",
                count,
            )


def impossible_money(context: Context) -> Iterator[Answer]:
    """Tell spend that is below 0, or nothing in all, and won deals with an amount below 0: no ratio is made of these."""
    tables = context.config.tables
    if tables.spend is not None:
        below, first = context.count("spend", "cost < 0")
        rows = context.store.rows("SELECT COUNT(*), SUM(cost) FROM spend WHERE cost IS NOT NULL")[0]
        if below:
            yield (f"spend.{tables.spend.cost}", f"{below} rows have a cost below 0 (first: row {first})", "costs of 0 or more",
                   "export what was spent without refunds, or book these in the month that they belong to", below)  # fmt: skip
        elif rows[0] and not rows[1]:
            yield (f"spend.{tables.spend.cost}", f"all spend is 0, on {rows[0]} rows", "what campaigns cost",
                   "mend the export, or leave tables.spend out", int(rows[0]))  # fmt: skip
    deals = tables.opportunities
    if deals is not None and deals.amount and deals.stage:
        listed = ", ".join(literal(word) for word in context.config.words("won"))
        below, first = (
            context.count("opportunities", f"amount < 0 AND LOWER(stage) IN ({listed})") if listed else (0, 0)
        )
        if below:
            yield (f"opportunities.{deals.amount}", f"{below} won deals have an amount below 0 (first: row {first})", "amounts of 0 or more",
                   "export deals without credit notes", below)  # fmt: skip


def unmapped_stages(context: Context) -> Iterator[Answer]:
    """Tell stage words that the config doesn't map."""
    if context.config.tables.stages is None:
        return
    known = context.config.words(*LADDER, "lost", "rejected")
    listed = ", ".join(literal(word) for word in known)
    rows = context.store.rows(
        f"SELECT stage, COUNT(*), COUNT(DISTINCT lead_id) FROM stages WHERE stage IS NOT NULL AND LOWER(stage) NOT IN ({listed}) GROUP BY stage ORDER BY 2 DESC, 1"
    )
    if rows:
        shown = [str(word)[:40] for word, _, leads in rows if leads >= MIN_GROUP_SIZE][:5]
        naming = f": {', '.join(shown)}{', …' if len(rows) > len(shown) else ''}" if shown else ""
        total = sum(int(r[1]) for r in rows)
        yield (
            "stages",
            f"{len(rows)} stage words on {total} rows aren't mapped and are ignored{naming}",
            f"words for {', '.join(LADDER)}, lost, rejected",
            "map them under `stages:` if they matter",
            total,
        )


def missing_stage(context: Context) -> Iterator[Answer]:
    """Tell stage changes without a stage."""
    stages = context.config.tables.stages
    count, first = context.count("stages", "stage IS NULL") if stages is not None else (0, 0)
    if stages is not None and count:
        seen = f"{count} rows lack a stage (first: row {first}) and are ignored"
        yield (f"stages.{stages.stage}", seen, "a stage in each", "mend the export", count)


def merge_cycle(context: Context) -> Iterator[Answer]:
    """Tell merges that come back to where they began."""
    if context.config.tables.merges is not None:
        count = merges.count_cycles(merges.visible_merges(context.store))
        if count:
            yield ("merges", f"{count} records are merged in a circle", "chains that end", "mend the export", count)


def account_taken_as_fixed(context: Context) -> Iterator[Answer]:
    """Note whether the lead's account comes from history or is taken as fixed."""
    tables = context.config.tables
    if tables.leads.account is None:
        return
    known = tables.history is not None and context.count("history", f"field = {literal(tables.leads.account)}")[0] > 0
    seen = "is read as of each snapshot from history" if known else "is taken as fixed, as history doesn't have it"
    yield (f"leads.{tables.leads.account}", seen, "an account known at as_of", "nothing to do", 0)


def late_behaviours(context: Context) -> Iterator[Answer]:
    """Tell event types that appear only once the outcome has come: they can't carry anything."""
    if (
        context.config.tables.events is None
        or context.config.outcome.reaches is None
        or context.config.tables.stages is None
    ):
        return
    words = context.config.words(*LADDER[LADDER.index(context.config.outcome.reaches) :])
    if not words:
        return
    listed = ", ".join(literal(w) for w in words)
    rows = context.store.rows(
        f"WITH o AS (SELECT lead_id, MIN(changed_at) AS at FROM stages WHERE LOWER(stage) IN ({listed}) GROUP BY lead_id), "
        "late AS (SELECT e.behaviour FROM events AS e LEFT JOIN o ON o.lead_id = e.lead_id WHERE e.behaviour IS NOT NULL "
        "GROUP BY e.behaviour HAVING SUM(CASE WHEN o.at IS NULL OR e.occurred_at < o.at THEN 1 ELSE 0 END) = 0) "
        "SELECT e.behaviour, COUNT(DISTINCT e.lead_id), COUNT(*) FROM events AS e JOIN late ON late.behaviour = e.behaviour "
        f"GROUP BY e.behaviour HAVING COUNT(DISTINCT e.lead_id) >= {MIN_GROUP_SIZE} ORDER BY 1"
    )
    if rows:
        shown = [f"{' '.join(str(name).split())[:40]} ({leads} leads)" for name, leads, _ in rows[:12]]
        more = f" and {len(rows) - len(shown)} more" if len(rows) > len(shown) else ""
        yield (
            "events",
            f"{len(rows)} event types come only after the outcome: {', '.join(shown)}{more}",
            "some rows before it",
            "nothing to do: snapshots end at the outcome, so they carry nothing",
            sum(int(row[2]) for row in rows),
        )


# A check of names: behaviours that the config speaks of and that no event has.


def untyped_events(context: Context) -> Iterator[Answer]:
    """Tell events without a type, where the config names the column of types: they count as events of any kind alone."""
    events = context.config.tables.events
    if events is None or events.type is None:
        return
    count, first = context.count("events", "behaviour IS NULL")
    total = context.count("events", "TRUE")[0] if count >= MIN_GROUP_SIZE else 0
    if count >= MIN_GROUP_SIZE and count >= UNTYPED * total:
        yield (
            f"events.{events.type}", f"{count:,} of {total:,} events have no type (first: row {first}), and count as events of any kind alone",
            "a type in each", "if a part of the log names its column otherwise, join both, as with COALESCE in a {query: …} source", count,
        )  # fmt: skip


def unheard_behaviours(context: Context) -> Iterator[Answer]:
    """Tell behaviours of `behaviours` that are nearly an event type, and those of `rules` that are none.

    A behaviour that resembles no event type is left alone under `behaviours`: it may simply not have happened yet. In a
    rule it never gives a point. Only event types that enough leads share are named.
    """
    config = context.config
    ruled = {name for rule in config.rules for when in rule.when.walk() for name in when.behaviours}
    if config.tables.events is None or not (config.behaviours or ruled):
        return
    heard = {
        str(row[0]) for row in context.store.rows("SELECT DISTINCT behaviour FROM events WHERE behaviour IS NOT NULL")
    }
    unheard = sorted({*config.behaviours, *ruled} - heard)
    shared = "SELECT behaviour FROM events WHERE behaviour IS NOT NULL GROUP BY behaviour"
    shared += f" HAVING COUNT(DISTINCT lead_id) >= {MIN_GROUP_SIZE}"
    tellable = [str(row[0]) for row in context.store.rows(shared)] if unheard else []
    tellable = [behaviour for behaviour in tellable if behaviour not in config.behaviours]
    for name in unheard:
        near = closest(name, tellable, 0.8)
        if near is None and name not in ruled:
            continue
        section = "rules" if name in ruled else "behaviours"
        hint = f" (did you mean `{near[:40]}`?)" if near else ""
        yield (
            f"{section}: {name[:40]}", "no event has this type", "types of tables.events", f"mend the name{hint}, or drop it", 0
        )  # fmt: skip
