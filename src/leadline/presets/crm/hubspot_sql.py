"""The SQL that shapes HubSpot's tables: one statement for each of ours, made of the tables that are there."""

from __future__ import annotations

from collections.abc import Sequence

from leadline.presets.crm.hubspot_schema import TRACKED
from leadline.presets.inspect import FoundTables
from leadline.presets.sql import nothing_sql, sql_file, sql_list, time_sql, with_part

__all__ = [
    "BY_DATE",
    "KNOWN",
    "accounts",
    "events",
    "history",
    "leads",
    "merges",
    "opportunities",
    "people",
    "stages",
    "touches",
    "touching",
]

BY_DATE = {
    "mql_at": "marketingqualifiedlead",
    "sql_at": "salesqualifiedlead",
    "opportunity_at": "opportunity",
    "customer_at": "customer",
}

"""The contact's own dates of its stages, which stand in where their history is missing."""

PAIRS = """\
  SELECT TRIM(SPLIT_PART(pair, ':', 1)) AS from_id, into_id,
    {merged} AS merged_at
  FROM (SELECT id AS into_id, UNNEST(STRING_TO_ARRAY(merged_ids, ';')) AS pair FROM contact WHERE merged_ids <> '') AS m
  WHERE pair LIKE '%:%'"""

MERGED = "TO_TIMESTAMP(CAST(NULLIF(REGEXP_REPLACE(SPLIT_PART(pair, ':', 2), '[^0-9].*$', ''), '') AS FLOAT8) / 1000.0)"

KNOWN = "(SELECT id FROM lead UNION SELECT from_id FROM vanished)"


def people(seen: FoundTables, *fields: str) -> list[str]:
    """Write the parts that say who is a lead: contacts that aren't deleted, and those that a merge took away."""
    own = dict.fromkeys(("id", "deleted", *fields, *(["merged_ids"] if seen.has("contact", "merged_ids") else [])))
    parts = [with_part(seen, "contact", *own)]
    gone = [PAIRS.format(merged=time_sql(MERGED, seen))] if seen.has("contact", "merged_ids") else []
    if seen.has("contact_merge_audit"):
        parts.append(with_part(seen, "contact_merge_audit", "from_id", "into_id", "merged_at"))
        gone.append("  SELECT from_id, into_id, merged_at FROM contact_merge_audit")
    nobody = f"  SELECT id AS from_id, id AS into_id, {nothing_sql('time', seen)} AS merged_at FROM contact WHERE FALSE"
    parts.append("vanished AS (\n" + "\n  UNION ALL\n".join(gone or [nobody]) + "\n)")
    kept = "SELECT * FROM contact WHERE NOT deleted OR id IN (SELECT from_id FROM vanished)"
    return [*parts, f"lead AS (\n  {kept}\n)"]


def leads(seen: FoundTables) -> str:
    """Write the statement of leads."""
    about = (
        "Leads: HubSpot's contacts. Deleted ones are left out, but for those that a merge took away: they were open till then.\n"
        "job_title and country stand here as they are now; where history.sql has them, leadline reads them as of each date."
    )
    fields = ("account_id", "created_at", "lead_source", "campaign", "job_title", "country")
    return sql_file(about, people(seen, *fields), f"SELECT id AS lead_id, {', '.join(fields)}\nFROM lead")


def merges(seen: FoundTables) -> str:
    """Write the statement of merges."""
    about = "Contacts that were merged: hs_calculated_merged_vids holds id:milliseconds;id:milliseconds of each."
    return sql_file(about, people(seen), "SELECT from_id, into_id, merged_at\nFROM vanished")


def accounts(seen: FoundTables) -> str:
    """Write the statement of accounts."""
    about = "Accounts: HubSpot's companies, each known from the day on which it was created."
    body = "SELECT id AS account_id, created_at, industry, employees, country\nFROM company\nWHERE NOT deleted"
    fields = ("id", "deleted", "created_at", "industry", "employees", "country")
    return sql_file(about, [with_part(seen, "company", *fields)], body)


def events(seen: FoundTables) -> str:
    """Write the statement of events."""
    about = (
        "Events: what leads did themselves. E-mails are joined by address; sent, delivered and bounced ones are our acts, not theirs.\n"
        "Page views aren't in the sync: add them here with UNION ALL if you have them."
    )
    parts = people(seen, "created_at", "email", "other_emails")
    selects = []
    if seen.has("email_event") and seen.has("contact", "email"):
        parts += [with_part(seen, "email_event", "id", "type", "recipient", "created_at", "filtered"), ADDRESS]
        selects.append(EMAILS)
    if seen.has("contact_form_submission"):
        parts.append(
            with_part(seen, "contact_form_submission", "contact_id", "conversion_id", "form_id", "title", "sent_at")
        )
        named = seen.has("form")
        parts += [with_part(seen, "form", "id", "name")] if named else []
        name = "NULLIF(TRIM(n.name), ''), " if named else ""
        join = "LEFT JOIN form AS n ON n.id = f.form_id\n" if named else ""
        selects.append(
            "SELECT 'form:' || f.conversion_id AS event_id, f.contact_id AS lead_id,\n"
            f"  'form: ' || COALESCE({name}NULLIF(TRIM(f.title), ''), 'unnamed') AS event_type, f.sent_at AS occurred_at\n"
            f"FROM contact_form_submission AS f\n{join}WHERE f.contact_id IN {KNOWN}"
        )
    return sql_file(about, parts, "\nUNION ALL\n".join(selects))


ADDRESS = """\
address AS (
  SELECT address, id FROM (
    SELECT address, id, ROW_NUMBER() OVER (PARTITION BY address ORDER BY place, created_at, id) AS nth
    FROM (
      SELECT LOWER(TRIM(email)) AS address, id, created_at, 1 AS place FROM lead
      UNION ALL
      SELECT LOWER(TRIM(other)) AS address, id, created_at, 2 AS place
      FROM (SELECT UNNEST(STRING_TO_ARRAY(other_emails, ';')) AS other, id, created_at FROM lead WHERE other_emails <> '') AS o
    ) AS every_address WHERE address <> ''
  ) AS numbered WHERE nth = 1
)"""

EMAILS = """\
SELECT 'email:' || e.id AS event_id, a.id AS lead_id, 'email_' || LOWER(e.type) AS event_type, e.created_at AS occurred_at
FROM email_event AS e
JOIN address AS a ON a.address = LOWER(TRIM(e.recipient))
WHERE UPPER(e.type) IN ('OPEN', 'CLICK') AND NOT e.filtered"""


def stages(seen: FoundTables, statuses: Sequence[str]) -> str:
    """Write the statement of stages: from their history, or from the contact's own dates."""
    if seen.has("contact_property_history"):
        about = (
            "Stages: each change of the lifecycle stage, with its time; and the lead statuses that reject a lead or open it anew.\n"
            "The stage on the contact itself is overwritten, so it is never read."
        )
        ends = f"\n    OR (name = 'hs_lead_status' AND LOWER(value) IN ({sql_list(statuses)}))" if statuses else ""
        body = (
            "SELECT contact_id AS lead_id, LOWER(value) AS stage, changed_at\nFROM contact_property_history\n"
            f"WHERE ((name = 'lifecyclestage' AND value <> ''){ends})\n  AND contact_id IN {KNOWN}"
        )
        return sql_file(about, [*people(seen), _tracked(seen)], body)
    about = (
        "Stages: the contact's own dates of them. A stage that was left and reached again shows its newest date only."
    )
    there = [f for f in BY_DATE if seen.has("contact", f)]
    selects = [
        f"SELECT id AS lead_id, '{BY_DATE[f]}' AS stage, {f} AS changed_at FROM lead WHERE {f} IS NOT NULL"
        for f in there
    ]
    return sql_file(about, people(seen, *there), "\nUNION ALL\n".join(selects))


def history(seen: FoundTables) -> str:
    """Write the statement of field history."""
    about = "Field history: what these properties were, and from when on. HubSpot keeps the first value too."
    cases = "\n    ".join(f"WHEN '{name}' THEN '{ours}'" for name, ours in TRACKED.items())
    body = (
        f"SELECT contact_id AS lead_id,\n  CASE name\n    {cases}\n  END AS field, value, changed_at\n"
        f"FROM contact_property_history\nWHERE name IN ({sql_list(list(TRACKED))})\n  AND contact_id IN {KNOWN}"
    )
    return sql_file(about, [*people(seen), _tracked(seen)], body)


def _tracked(seen: FoundTables) -> str:
    return with_part(seen, "contact_property_history", "contact_id", "name", "value", "changed_at")


# The SQL that shapes what HubSpot keeps of sales: deals, and the engagements that sales logs.


def opportunities(seen: FoundTables) -> str:
    """Write the statement of opportunities: deals, each with the earliest of its contacts."""
    about = (
        "Opportunities: HubSpot's deals, each for the earliest created of its contacts.\n"
        "closed_at is when the deal entered its last stage; of an open deal the close date is a plan, and never read."
    )
    parts = [*people(seen, "account_id", "created_at")]
    parts.append(with_part(seen, "deal", "id", "deleted", "created_at", "close_at", "amount", "stage_id", "contact_id"))
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
    return sql_file(about, parts, body)


JOINS = {
    "deal_pipeline_stage": "LEFT JOIN deal_pipeline_stage AS p ON p.id = d.stage_id",
    "deal_stage": "LEFT JOIN (SELECT deal_id, stage_id, MAX(entered_at) AS entered_at FROM deal_stage GROUP BY deal_id, stage_id) AS s\n"
    "    ON s.deal_id = d.id AND s.stage_id = d.stage_id",
    "deal_company": "LEFT JOIN (SELECT deal_id, MIN(company_id) AS company_id FROM deal_company GROUP BY deal_id) AS a ON a.deal_id = d.id",
}

"""What is joined to a deal, where it is there."""


def _contacts(seen: FoundTables) -> list[str]:
    """Write the parts that find a deal's first contact."""
    own = seen.has("deal_contact")
    parts = [with_part(seen, "deal_contact", "deal_id", "contact_id")] if own else []
    from_deal = "SELECT id AS deal_id, SPLIT_PART(contact_id, ';', 1) AS contact_id FROM deal"
    links = "SELECT deal_id, contact_id FROM deal_contact" if own else from_deal
    parts.append(
        "first_contact AS (\n  SELECT deal_id, contact_id, account_id FROM (\n"
        "    SELECT k.deal_id, l.id AS contact_id, l.account_id,\n"
        "      ROW_NUMBER() OVER (PARTITION BY k.deal_id ORDER BY l.created_at, l.id) AS nth\n"
        f"    FROM ({links}) AS k JOIN lead AS l ON l.id = k.contact_id\n  ) AS numbered WHERE nth = 1\n)"
    )
    return parts


def _beside(seen: FoundTables) -> list[str]:
    """Write the parts of the tables that are joined to a deal."""
    fields = {
        "deal_pipeline_stage": ("id", "won", "probability"),
        "deal_stage": ("deal_id", "stage_id", "entered_at"),
        "deal_company": ("deal_id", "company_id"),
    }
    return [with_part(seen, table, *own) for table, own in fields.items() if seen.has(table)]


def _ending(seen: FoundTables) -> str:
    """Write what became of a deal: HubSpot's own names of its stages, and what its pipeline says of them."""
    bare = "REPLACE(LOWER(d.stage_id), ' ', '')"
    won, lost = [f"{bare} = 'closedwon'"], [f"{bare} = 'closedlost'"]
    if seen.has("deal_pipeline_stage"):
        won, lost = [*won, "p.won", "p.probability >= 1"], [*lost, "p.probability <= 0"]
    return f"CASE WHEN {' OR '.join(won)} THEN 'closedwon' WHEN {' OR '.join(lost)} THEN 'closedlost' ELSE 'open' END"


def touching(seen: FoundTables) -> list[str]:
    """List the kinds of engagements whose time is known."""
    if not seen.has("engagement_contact"):
        return []
    own = [k for k in ("call", "email", "meeting") if seen.has(f"engagement_{k}")]
    timed = [k for k in own if seen.has(f"engagement_{k}", "at") or seen.has("engagement", "at")]
    return timed or (["all"] if seen.has("engagement", "at", "type") else [])


def touches(seen: FoundTables) -> str:
    """Write the statement of touches: calls, e-mails and meetings that sales logged."""
    about = (
        "Touches: what sales did with a lead (calls, e-mails, meetings); never events, which are the lead's own acts.\n"
        "Notes and tasks reach nobody, and e-mails that came in are the lead's: they are left out."
    )
    parts = [*people(seen), with_part(seen, "engagement_contact", "engagement_id", "contact_id")]
    kinds = touching(seen)
    whole = seen.has("engagement")
    parts += [with_part(seen, "engagement", "id", "type", "at")] if whole else []
    if kinds == ["all"]:
        told = "SELECT id, at, LOWER(type) AS kind FROM engagement WHERE UPPER(type) IN ('CALL', 'EMAIL', 'MEETING')"
    else:
        parts += [with_part(seen, f"engagement_{k}", "engagement_id", "at", "direction", "deleted") for k in kinds]
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
    return sql_file(about, parts, body)
