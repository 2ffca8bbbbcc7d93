"""The SQL that shapes what HubSpot keeps of sales: deals, and the engagements that sales logs."""

from __future__ import annotations

from leadline.tables.presets.hubspot_sql import KNOWN, people
from leadline.tables.presets.looking import Seen
from leadline.tables.presets.shaping import part, statement

__all__ = ["opportunities", "touches", "touching"]


def opportunities(seen: Seen) -> str:
    """Write the statement of opportunities: deals, each with the earliest of its contacts."""
    about = (
        "Opportunities: HubSpot's deals, each for the earliest created of its contacts.\n"
        "closed_at is when the deal entered its last stage; of an open deal the close date is a plan, and never read."
    )
    parts = [*people(seen, "account_id", "created_at")]
    parts.append(part(seen, "deal", "id", "deleted", "created_at", "close_at", "amount", "stage_id", "contact_id"))
    parts += [*_contacts(seen), *_beside(seen)]
    entered = "COALESCE(s.entered_at, d.close_at)" if seen.has("deal_stage") else "d.close_at"
    account = "COALESCE(a.company_id, c.account_id)" if seen.has("deal_company") else "c.account_id"
    joins = "".join(f"  {join}\n" for table, join in JOINS.items() if seen.has(table))
    parts.append(
        f"told AS (\n  SELECT d.id, c.contact_id, {account} AS account_id, d.created_at, d.amount, {entered} AS entered_at,\n"
        f"    {_ending(seen)} AS stage\n  FROM deal AS d\n  LEFT JOIN first_contact AS c ON c.deal_id = d.id\n{joins}"
        "  WHERE NOT d.deleted\n)"
    )
    body = (
        "SELECT id AS opportunity_id, contact_id AS lead_id, account_id, created_at, stage,\n"
        "  CASE WHEN stage <> 'open' THEN entered_at END AS closed_at, amount\nFROM told"
    )
    return statement(about, parts, body)


JOINS = {
    "deal_pipeline_stage": "LEFT JOIN deal_pipeline_stage AS p ON p.id = d.stage_id",
    "deal_stage": "LEFT JOIN (SELECT deal_id, stage_id, MAX(entered_at) AS entered_at FROM deal_stage GROUP BY deal_id, stage_id) AS s\n"
    "    ON s.deal_id = d.id AND s.stage_id = d.stage_id",
    "deal_company": "LEFT JOIN (SELECT deal_id, MIN(company_id) AS company_id FROM deal_company GROUP BY deal_id) AS a ON a.deal_id = d.id",
}
"""What is joined to a deal, where it is there."""


def _contacts(seen: Seen) -> list[str]:
    """Write the parts that find a deal's first contact."""
    own = seen.has("deal_contact")
    parts = [part(seen, "deal_contact", "deal_id", "contact_id")] if own else []
    from_deal = "SELECT id AS deal_id, SPLIT_PART(contact_id, ';', 1) AS contact_id FROM deal"
    links = "SELECT deal_id, contact_id FROM deal_contact" if own else from_deal
    parts.append(
        "first_contact AS (\n  SELECT deal_id, contact_id, account_id FROM (\n"
        "    SELECT k.deal_id, l.id AS contact_id, l.account_id,\n"
        "      ROW_NUMBER() OVER (PARTITION BY k.deal_id ORDER BY l.created_at, l.id) AS nth\n"
        f"    FROM ({links}) AS k JOIN lead AS l ON l.id = k.contact_id\n  ) AS numbered WHERE nth = 1\n)"
    )
    return parts


def _beside(seen: Seen) -> list[str]:
    """Write the parts of the tables that are joined to a deal."""
    fields = {
        "deal_pipeline_stage": ("id", "won", "probability"),
        "deal_stage": ("deal_id", "stage_id", "entered_at"),
        "deal_company": ("deal_id", "company_id"),
    }
    return [part(seen, table, *own) for table, own in fields.items() if seen.has(table)]


def _ending(seen: Seen) -> str:
    """Write what became of a deal: HubSpot's own names of its stages, and what its pipeline says of them."""
    bare = "REPLACE(LOWER(d.stage_id), ' ', '')"
    won, lost = [f"{bare} = 'closedwon'"], [f"{bare} = 'closedlost'"]
    if seen.has("deal_pipeline_stage"):
        won, lost = [*won, "p.won", "p.probability >= 1"], [*lost, "p.probability <= 0"]
    return f"CASE WHEN {' OR '.join(won)} THEN 'closedwon' WHEN {' OR '.join(lost)} THEN 'closedlost' ELSE 'open' END"


def touching(seen: Seen) -> list[str]:
    """List the kinds of engagements whose time is known."""
    if not seen.has("engagement_contact"):
        return []
    own = [k for k in ("call", "email", "meeting") if seen.has(f"engagement_{k}")]
    timed = [k for k in own if seen.has(f"engagement_{k}", "at") or seen.has("engagement", "at")]
    return timed or (["all"] if seen.has("engagement", "at", "type") else [])


def touches(seen: Seen) -> str:
    """Write the statement of touches: calls, e-mails and meetings that sales logged."""
    about = (
        "Touches: what sales did with a lead (calls, e-mails, meetings); never events, which are the lead's own acts.\n"
        "Notes and tasks reach nobody, and e-mails that came in are the lead's: they are left out."
    )
    parts = [*people(seen), part(seen, "engagement_contact", "engagement_id", "contact_id")]
    kinds = touching(seen)
    whole = seen.has("engagement")
    parts += [part(seen, "engagement", "id", "type", "at")] if whole else []
    if kinds == ["all"]:
        told = "SELECT id, at, LOWER(type) AS kind FROM engagement WHERE UPPER(type) IN ('CALL', 'EMAIL', 'MEETING')"
    else:
        parts += [part(seen, f"engagement_{k}", "engagement_id", "at", "direction", "deleted") for k in kinds]
        at = "COALESCE(k.at, e.at)" if whole else "k.at"
        join = " LEFT JOIN engagement AS e ON e.id = k.engagement_id" if whole else ""
        told = "\n  UNION ALL ".join(
            f"SELECT k.engagement_id AS id, {at} AS at, '{k}' AS kind FROM engagement_{k} AS k{join} "
            "WHERE NOT k.deleted AND COALESCE(UPPER(k.direction), '') NOT LIKE 'INCOMING%'"
            for k in kinds
        )
    body = (
        f"SELECT c.contact_id AS lead_id, t.at AS touched_at, t.kind\nFROM (\n  {told}\n) AS t\n"
        f"JOIN engagement_contact AS c ON c.engagement_id = t.id\nWHERE t.at IS NOT NULL AND c.contact_id IN {KNOWN}"
    )
    return statement(about, parts, body)
