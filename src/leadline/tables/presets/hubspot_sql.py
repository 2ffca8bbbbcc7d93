"""The SQL that shapes HubSpot's tables: one statement for each of ours, made of the tables that are there."""

from __future__ import annotations

from collections.abc import Sequence

from leadline.tables.presets.hubspot_names import TRACKED
from leadline.tables.presets.looking import Seen
from leadline.tables.presets.shaping import listed, part, statement

__all__ = ["BY_DATE", "KNOWN", "accounts", "events", "history", "leads", "merges", "people", "stages"]

BY_DATE = {
    "mql_at": "marketingqualifiedlead",
    "sql_at": "salesqualifiedlead",
    "opportunity_at": "opportunity",
    "customer_at": "customer",
}
"""The contact's own dates of its stages, which stand in where their history is missing."""

PAIRS = """\
  SELECT TRIM(SPLIT_PART(pair, ':', 1)) AS from_id, into_id,
    TO_TIMESTAMP(CAST(NULLIF(REGEXP_REPLACE(SPLIT_PART(pair, ':', 2), '[^0-9].*$', ''), '') AS FLOAT8) / 1000.0) AS merged_at
  FROM (SELECT id AS into_id, UNNEST(STRING_TO_ARRAY(merged_ids, ';')) AS pair FROM contact WHERE merged_ids <> '') AS m
  WHERE pair LIKE '%:%'"""

KNOWN = "(SELECT id FROM lead UNION SELECT from_id FROM vanished)"


def people(seen: Seen, *fields: str) -> list[str]:
    """Write the parts that say who is a lead: contacts that aren't deleted, and those that a merge took away."""
    own = dict.fromkeys(("id", "deleted", *fields, *(["merged_ids"] if seen.has("contact", "merged_ids") else [])))
    parts = [part(seen, "contact", *own)]
    gone = [PAIRS] if seen.has("contact", "merged_ids") else []
    if seen.has("contact_merge_audit"):
        parts.append(part(seen, "contact_merge_audit", "from_id", "into_id", "merged_at"))
        gone.append("  SELECT from_id, into_id, merged_at FROM contact_merge_audit")
    nobody = "  SELECT id AS from_id, id AS into_id, CAST(NULL AS TIMESTAMPTZ) AS merged_at FROM contact WHERE FALSE"
    parts.append("vanished AS (\n" + "\n  UNION ALL\n".join(gone or [nobody]) + "\n)")
    kept = "SELECT * FROM contact WHERE NOT deleted OR id IN (SELECT from_id FROM vanished)"
    return [*parts, f"lead AS (\n  {kept}\n)"]


def leads(seen: Seen) -> str:
    """Write the statement of leads."""
    about = (
        "Leads: HubSpot's contacts. Deleted ones are left out, but for those that a merge took away: they were open till then.\n"
        "job_title and country stand here as they are now; where history.sql has them, leadline reads them as of each date."
    )
    fields = ("account_id", "created_at", "lead_source", "campaign", "job_title", "country")
    return statement(about, people(seen, *fields), f"SELECT id AS lead_id, {', '.join(fields)}\nFROM lead")


def merges(seen: Seen) -> str:
    """Write the statement of merges."""
    about = "Contacts that were merged: hs_calculated_merged_vids holds id:milliseconds;id:milliseconds of each."
    return statement(about, people(seen), "SELECT from_id, into_id, merged_at\nFROM vanished")


def accounts(seen: Seen) -> str:
    """Write the statement of accounts."""
    about = "Accounts: HubSpot's companies, each known from the day on which it was created."
    body = "SELECT id AS account_id, created_at, industry, employees, country\nFROM company\nWHERE NOT deleted"
    fields = ("id", "deleted", "created_at", "industry", "employees", "country")
    return statement(about, [part(seen, "company", *fields)], body)


def events(seen: Seen) -> str:
    """Write the statement of events."""
    about = (
        "Events: what leads did themselves. E-mails are joined by address; sent, delivered and bounced ones are our acts, not theirs.\n"
        "Page views aren't in the sync: add them here with UNION ALL if you have them."
    )
    parts = people(seen, "created_at", "email", "other_emails")
    selects = []
    if seen.has("email_event") and seen.has("contact", "email"):
        parts += [part(seen, "email_event", "id", "type", "recipient", "created_at", "filtered"), ADDRESS]
        selects.append(EMAILS)
    if seen.has("contact_form_submission"):
        parts.append(
            part(seen, "contact_form_submission", "contact_id", "conversion_id", "form_id", "title", "sent_at")
        )
        named = seen.has("form")
        parts += [part(seen, "form", "id", "name")] if named else []
        name = "NULLIF(TRIM(n.name), ''), " if named else ""
        join = "LEFT JOIN form AS n ON n.id = f.form_id\n" if named else ""
        selects.append(
            "SELECT 'form:' || f.conversion_id AS event_id, f.contact_id AS lead_id,\n"
            f"  'form: ' || COALESCE({name}NULLIF(TRIM(f.title), ''), 'unnamed') AS event_type, f.sent_at AS occurred_at\n"
            f"FROM contact_form_submission AS f\n{join}WHERE f.contact_id IN {KNOWN}"
        )
    return statement(about, parts, "\nUNION ALL\n".join(selects))


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


def stages(seen: Seen, statuses: Sequence[str]) -> str:
    """Write the statement of stages: from their history, or from the contact's own dates."""
    if seen.has("contact_property_history"):
        about = (
            "Stages: each change of the lifecycle stage, with its time; and the lead statuses that reject a lead or open it anew.\n"
            "The stage on the contact itself is overwritten, so it is never read."
        )
        ends = f"\n    OR (name = 'hs_lead_status' AND LOWER(value) IN ({listed(statuses)}))" if statuses else ""
        body = (
            "SELECT contact_id AS lead_id, LOWER(value) AS stage, changed_at\nFROM contact_property_history\n"
            f"WHERE ((name = 'lifecyclestage' AND value <> ''){ends})\n  AND contact_id IN {KNOWN}"
        )
        return statement(about, [*people(seen), _tracked(seen)], body)
    about = (
        "Stages: the contact's own dates of them. A stage that was left and reached again shows its newest date only."
    )
    there = [f for f in BY_DATE if seen.has("contact", f)]
    selects = [
        f"SELECT id AS lead_id, '{BY_DATE[f]}' AS stage, {f} AS changed_at FROM lead WHERE {f} IS NOT NULL"
        for f in there
    ]
    return statement(about, people(seen, *there), "\nUNION ALL\n".join(selects))


def history(seen: Seen) -> str:
    """Write the statement of field history."""
    about = "Field history: what these properties were, and from when on. HubSpot keeps the first value too."
    cases = "\n    ".join(f"WHEN '{name}' THEN '{ours}'" for name, ours in TRACKED.items())
    body = (
        f"SELECT contact_id AS lead_id,\n  CASE name\n    {cases}\n  END AS field, value, changed_at\n"
        f"FROM contact_property_history\nWHERE name IN ({listed(list(TRACKED))})\n  AND contact_id IN {KNOWN}"
    )
    return statement(about, [*people(seen), _tracked(seen)], body)


def _tracked(seen: Seen) -> str:
    return part(seen, "contact_property_history", "contact_id", "name", "value", "changed_at")
