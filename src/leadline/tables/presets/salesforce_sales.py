"""The SQL that shapes what Salesforce keeps of sales: opportunities, finished tasks and meetings."""

from __future__ import annotations

from leadline.tables.presets.looking import Seen
from leadline.tables.presets.salesforce_sql import persons
from leadline.tables.presets.shaping import part, statement

__all__ = ["opportunities", "touches"]


def opportunities(seen: Seen) -> str:
    """Write the statement of opportunities, each with one lead."""
    about = (
        "Opportunities, each for one lead: the one whose conversion made it, else that of its primary contact, else of another.\n"
        "closed_at is when the last stage was entered; of an open one CloseDate is a plan, and never read."
    )
    fields = ("id", "deleted", "account_id", "created_at", "close_on", "is_closed", "is_won", "stage", "amount")
    parts = [*persons(seen), part(seen, "opportunity", *fields)]
    parts += _whose(seen)
    account, entered, joins = "CAST(NULL AS VARCHAR)", "o.close_on", []
    if seen.has("account"):
        parts.append(part(seen, "account", "id", "name"))
        account, joins = "NULLIF(LOWER(TRIM(a.name)), '')", ["LEFT JOIN account AS a ON a.id = o.account_id"]
    source = _entries(seen)
    if source:
        parts += source
        joins.append("LEFT JOIN entered AS e ON e.opportunity_id = o.id AND e.stage = o.stage")
        entered = "COALESCE(e.entered_at, o.close_on)"
    body = (
        f"SELECT o.id AS opportunity_id, w.lead_id, {account} AS account_id, o.created_at,\n"
        f"  CASE WHEN o.is_closed OR o.is_won THEN {entered} END AS closed_at, o.amount,\n"
        "  CASE WHEN o.is_won THEN 'Closed Won' WHEN o.is_closed THEN 'Closed Lost' ELSE 'Open' END AS stage\n"
        "FROM opportunity AS o\nLEFT JOIN whose AS w ON w.opportunity_id = o.id\n"
        + "".join(f"{join}\n" for join in joins)
        + "WHERE NOT o.deleted"
    )
    return statement(about, parts, body)


def _whose(seen: Seen) -> list[str]:
    """Write the parts that find an opportunity's lead."""
    links = [
        "    SELECT opportunity_id, id AS lead_id, 1 AS place, created_at FROM lead WHERE opportunity_id IS NOT NULL"
    ]
    parts = []
    if seen.has("opportunity_contact_role"):
        parts.append(part(seen, "opportunity_contact_role", "opportunity_id", "contact_id", "is_primary", "deleted"))
        links.append(
            "    SELECT r.opportunity_id, p.lead_id, CASE WHEN r.is_primary THEN 2 ELSE 3 END AS place, l.created_at\n"
            "    FROM opportunity_contact_role AS r JOIN person AS p ON p.who_id = r.contact_id JOIN lead AS l ON l.id = p.lead_id\n"
            "    WHERE NOT r.deleted"
        )
    parts.append(
        "whose AS (\n  SELECT opportunity_id, lead_id FROM (\n  SELECT opportunity_id, lead_id,\n"
        "    ROW_NUMBER() OVER (PARTITION BY opportunity_id ORDER BY place, created_at, lead_id) AS nth FROM (\n"
        + "\n    UNION ALL\n".join(links)
        + "\n  ) AS links ) AS numbered WHERE nth = 1\n)"
    )
    return parts


def _entries(seen: Seen) -> list[str]:
    """Write the parts that say when an opportunity entered a stage, if its history is there."""
    if seen.has("opportunity_history"):
        told = part(seen, "opportunity_history", "opportunity_id", "stage", "changed_at", "deleted")
        rows = "opportunity_history WHERE NOT deleted"
    elif seen.has("opportunity_field_history"):
        told = part(seen, "opportunity_field_history", "opportunity_id", "field", "new_value", "changed_at", "deleted")
        told = told.replace("AS new_value", "AS stage", 1)
        rows = "opportunity_field_history WHERE field = 'StageName' AND NOT deleted"
    else:
        return []
    query = f"SELECT opportunity_id, stage, MIN(changed_at) AS entered_at FROM {rows} GROUP BY opportunity_id, stage"
    return [told, f"entered AS ({query})"]


def touches(seen: Seen) -> str:
    """Write the statement of touches: finished tasks, and meetings."""
    about = (
        "Touches: what sales did with a lead or with its contact: finished tasks (calls, e-mails) and meetings; never events.\n"
        "Mass mails (ListEmail) reach everybody, and are left out."
    )
    parts, selects = persons(seen), []
    if seen.has("task"):
        fields = ("who_id", "deleted", "subtype", "status", "is_closed", "done_at", "created_at")
        parts.append(part(seen, "task", *fields))
        selects.append(
            "SELECT p.lead_id, COALESCE(t.done_at, t.created_at) AS touched_at, COALESCE(LOWER(t.subtype), 'task') AS kind FROM task AS t JOIN person AS p ON p.who_id = t.who_id\n"
            "WHERE NOT t.deleted AND (t.is_closed OR t.status = 'Completed') AND COALESCE(t.subtype, '') <> 'ListEmail'"
        )
    if seen.has("event"):
        parts.append(part(seen, "event", "who_id", "deleted", "begins_at"))
        selects.append(
            "SELECT p.lead_id, e.begins_at AS touched_at, 'meeting' AS kind FROM event AS e JOIN person AS p ON p.who_id = e.who_id\n"
            "WHERE NOT e.deleted AND e.begins_at IS NOT NULL"
        )
    return statement(about, parts, "\nUNION ALL\n".join(selects))
