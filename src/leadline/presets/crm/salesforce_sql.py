"""The SQL that shapes Salesforce's tables: one statement for each of ours, made of the tables that are there."""

from __future__ import annotations

from collections.abc import Sequence

from leadline.presets.crm.salesforce_schema import CONVERTED, TRACKED
from leadline.presets.inspect import FoundTables
from leadline.presets.sql import later_sql, sql_file, sql_list, with_part

__all__ = [
    "accounts",
    "events",
    "history",
    "leads",
    "merges",
    "opportunities",
    "people",
    "persons",
    "stages",
    "touches",
]

ACCOUNT = "NULLIF(LOWER(TRIM(company)), '')"

OWNER = " AND (field <> 'Owner' OR new_value LIKE '005%' OR new_value LIKE '00G%')"

"""An owner's change stands there twice, by id and by name; the id is what the lead itself has."""


def people(seen: FoundTables, *fields: str) -> list[str]:
    """Write the parts that say who is a lead: those not deleted, and those that a merge took away."""
    own = dict.fromkeys(("id", "deleted", "master_id", *fields))
    every = with_part(seen, "lead", *own).replace("lead AS", "every_lead AS", 1)
    return [every, "lead AS (\n  SELECT * FROM every_lead WHERE NOT deleted OR master_id IS NOT NULL\n)"]


def persons(seen: FoundTables) -> list[str]:
    """Write the parts that find the lead behind a lead's or a contact's id: a converted lead and its contact are one."""
    return [
        *people(seen, "created_at", "contact_id", "opportunity_id"),
        "person AS (\n  SELECT id AS who_id, id AS lead_id FROM lead\n  UNION ALL\n"
        "  SELECT contact_id AS who_id, id AS lead_id FROM (\n"
        "    SELECT contact_id, id, ROW_NUMBER() OVER (PARTITION BY contact_id ORDER BY created_at, id) AS nth\n"
        "    FROM lead WHERE contact_id IS NOT NULL\n  ) AS numbered WHERE nth = 1\n)",
    ]


def leads(seen: FoundTables) -> str:
    """Write the statement of leads."""
    about = (
        "Leads. Deleted ones are left out, but for those that a merge took away: they were open till then.\n"
        "The company's name stands for the account: ConvertedAccountId is filled by the conversion, so it would tell the outcome.\n"
        "Contacts that were never leads are no leads here: Salesforce keeps no ladder of stages for them.\n"
        "job_title and country stand here as they are now; where history.sql has them, leadline reads them as of each date."
    )
    fields = ("company", "created_at", "lead_source", "job_title", "country")
    body = f"SELECT id AS lead_id, {ACCOUNT} AS account_id, {', '.join(fields[1:])}\nFROM lead"
    return sql_file(about, people(seen, *fields), body)


def merges(seen: FoundTables) -> str:
    """Write the statement of merges."""
    about = "Leads that were merged: the record that vanished is deleted, names its master, and was last changed by the merge."
    body = (
        "SELECT id AS from_id, master_id AS into_id, modified_at AS merged_at\n"
        "FROM lead\nWHERE master_id IS NOT NULL AND modified_at IS NOT NULL"
    )
    return sql_file(about, people(seen, "modified_at"), body)


def accounts(seen: FoundTables) -> str:
    """Write the statement of accounts."""
    about = (
        "Accounts, by their name, the earliest of a name. Each is known from its creation: conversions create accounts."
    )
    fields = ("id", "deleted", "created_at", "name", "industry", "employees", "country")
    body = (
        "SELECT account_id, created_at, industry, employees, country FROM (\n"
        "  SELECT LOWER(TRIM(name)) AS account_id, created_at, industry, employees, country,\n"
        "    ROW_NUMBER() OVER (PARTITION BY LOWER(TRIM(name)) ORDER BY created_at, id) AS nth\n"
        "  FROM account WHERE NOT deleted AND TRIM(name) <> ''\n) AS numbered WHERE nth = 1"
    )
    return sql_file(about, [with_part(seen, "account", *fields)], body)


def events(seen: FoundTables) -> str:
    """Write the statement of events."""
    about = (
        "Events: responses to campaigns. Tasks and meetings are what sales did: see touches.sql.\n"
        "Web visits and e-mail opens lie in your marketing tool: add them here with UNION ALL.\n"
        "FirstRespondedDate is a day: if the row was made on that day, its time counts, else the end of the day."
    )
    fields = ("id", "deleted", "campaign_id", "lead_id", "contact_id", "has_responded", "responded_on", "created_at")
    parts = [*persons(seen), with_part(seen, "campaign_member", *fields)]
    named = seen.has("campaign")
    parts += [with_part(seen, "campaign", "id", "type", "name")] if named else []
    kind = "COALESCE(NULLIF(TRIM(c.type), ''), NULLIF(TRIM(c.name), ''), 'response')" if named else "'response'"
    days = (
        ""
        if seen.times_are_text
        else (",\n    responded_on AT TIME ZONE 'UTC' AS responded, created_at AT TIME ZONE 'UTC' AS created")
    )
    parts.append(
        f"member AS (\n  SELECT id, campaign_id, COALESCE(lead_id, contact_id) AS who_id, responded_on, created_at{days}\n"
        "  FROM campaign_member WHERE has_responded AND NOT deleted\n)"
    )
    body = (
        f"SELECT m.id AS event_id, p.lead_id, 'campaign: ' || {kind} AS event_type,\n"
        f"{TEXT_RESPONSE if seen.times_are_text else RESPONSE}\n"
        "FROM member AS m\nJOIN person AS p ON p.who_id = m.who_id"
        + ("\nLEFT JOIN campaign AS c ON c.id = m.campaign_id" if named else "")
    )
    return sql_file(about, parts, body)


RESPONSE = """\
  CASE WHEN m.responded_on IS NULL OR DATE_TRUNC('day', m.created) = m.responded THEN m.created_at
    WHEN DATE_TRUNC('day', m.responded) <> m.responded THEN m.responded_on
    ELSE m.responded_on + INTERVAL '24 hours' END AS occurred_at"""

TEXT_RESPONSE = """\
  CASE WHEN m.responded_on IS NULL OR LEFT(m.created_at, 10) = LEFT(m.responded_on, 10) THEN m.created_at
    WHEN SUBSTRING(m.responded_on, 5, 1) <> '-' OR SUBSTRING(m.responded_on, 12, 8) NOT IN ('', '00:00:00') THEN m.responded_on
    ELSE CAST(CAST(LEFT(m.responded_on, 19) AS TIMESTAMP) + INTERVAL '24 hours' AS VARCHAR)
      || REGEXP_REPLACE(SUBSTRING(m.responded_on, 20), '^[.][0-9]+', '') END AS occurred_at"""


def _changes(seen: FoundTables) -> str:
    fields = ("id", "lead_id", "field", "old_value", "new_value", "changed_at", "deleted")
    return with_part(seen, "lead_history", *fields)


def _reconstructed(seen: FoundTables, fields: Sequence[tuple[str, str]], field: str) -> tuple[list[str], str]:
    """Write the parts and the query that give each tracked field's first value and its changes.

    Salesforce records changes only. The first value is what the first change replaced, or what stands there where there
    was none; for leads older than the tracking it is known from the tracking's beginning on.
    """
    names = sql_list([theirs for theirs, _ in fields])
    owner = OWNER if "Owner" in names else ""
    cases = "\n    ".join(f"WHEN '{theirs}' THEN '{ours}'" for theirs, ours in fields)
    now = "\n  UNION ALL\n".join(
        f"  SELECT id AS lead_id, '{ours}' AS field, {ours} AS value, created_at FROM lead" for _, ours in fields
    )
    parts = [
        f"changed AS (\n  SELECT lead_id, CASE field\n    {cases}\n  END AS field, old_value, new_value, changed_at,\n"
        "    MIN(changed_at) OVER (PARTITION BY field) AS tracked_from,\n"
        "    ROW_NUMBER() OVER (PARTITION BY lead_id, field ORDER BY changed_at, id) AS nth\n"
        f"  FROM lead_history WHERE field IN ({names}){owner} AND NOT deleted\n)",
        "tracked AS (SELECT field, MIN(tracked_from) AS tracked_from FROM changed GROUP BY field)",
        f"standing AS (\n{now}\n)",
    ]
    query = (
        f"SELECT s.lead_id,{' s.field,' if field else ''} CASE WHEN c.lead_id IS NULL THEN s.value ELSE c.old_value END AS {(field and 'value') or 'stage'},\n"
        f"  {later_sql('s.created_at', 't.tracked_from', seen)} AS changed_at\n"
        "FROM standing AS s\nJOIN tracked AS t ON t.field = s.field\n"
        "LEFT JOIN changed AS c ON c.lead_id = s.lead_id AND c.field = s.field AND c.nth = 1\n"
        f"UNION ALL\nSELECT lead_id,{' field,' if field else ''} new_value, changed_at FROM changed WHERE lead_id IN (SELECT id FROM lead)"
    )
    return parts, query


def stages(seen: FoundTables, tracks_status: bool) -> str:
    """Write the statement of stages: the status's history, and conversions."""
    about = (
        "Stages: each change of the lead's status, with its time, and its conversion as the word 'Converted'.\n"
        "The status on the lead itself is overwritten, so it counts only where no change followed."
    )
    parts = people(seen, "created_at", "lead_status", "is_converted", "converted_at")
    selects = []
    known = ""
    if seen.has("lead_history"):
        parts.append(_changes(seen))
        if tracks_status:
            more, query = _reconstructed(seen, [("Status", "lead_status")], "")
            parts += more
            selects.append(query)
        selects.append(
            f"SELECT lead_id, '{CONVERTED}' AS stage, changed_at FROM lead_history\n"
            "WHERE field = 'leadConverted' AND NOT deleted AND lead_id IN (SELECT id FROM lead)"
        )
        known = " AND id NOT IN (SELECT lead_id FROM lead_history WHERE field = 'leadConverted')"
    if seen.has("lead", "converted_at"):
        selects.append(
            "-- ConvertedDate is a day, taken from its beginning: where the conversion's own row is missing\n"
            f"SELECT id AS lead_id, '{CONVERTED}' AS stage, {later_sql('converted_at', 'created_at', seen)} AS changed_at FROM lead\n"
            f"WHERE is_converted AND converted_at IS NOT NULL{known}"
        )
    return sql_file(about, parts, "\nUNION ALL\n".join(selects))


def history(seen: FoundTables, fields: Sequence[str]) -> str:
    """Write the statement of field history, for the fields that Salesforce tracks."""
    about = (
        "Field history: what these fields were, and from when on; the first value is what the first change replaced."
    )
    ours = [(theirs, TRACKED[theirs]) for theirs in fields]
    parts, query = _reconstructed(seen, ours, "field")
    return sql_file(about, [*people(seen, "created_at", *(o for _, o in ours)), _changes(seen), *parts], query)


# The SQL that shapes what Salesforce keeps of sales: opportunities, finished tasks and meetings.


def opportunities(seen: FoundTables) -> str:
    """Write the statement of opportunities, each with one lead."""
    about = (
        "Opportunities, each for one lead: the one whose conversion made it, else that of its primary contact, else of another.\n"
        "closed_at is when the last stage was entered; of an open one CloseDate is a plan, and never read."
    )
    fields = ("id", "deleted", "account_id", "created_at", "close_on", "is_closed", "is_won", "stage", "amount")
    parts = [*persons(seen), with_part(seen, "opportunity", *fields)]
    parts += _whose(seen)
    account, entered, joins = "CAST(NULL AS VARCHAR)", "o.close_on", []
    if seen.has("account"):
        parts.append(with_part(seen, "account", "id", "name"))
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
    return sql_file(about, parts, body)


def _whose(seen: FoundTables) -> list[str]:
    """Write the parts that find an opportunity's lead."""
    links = [
        "    SELECT opportunity_id, id AS lead_id, 1 AS place, created_at FROM lead WHERE opportunity_id IS NOT NULL"
    ]
    parts = []
    if seen.has("opportunity_contact_role"):
        parts.append(
            with_part(seen, "opportunity_contact_role", "opportunity_id", "contact_id", "is_primary", "deleted")
        )
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


def _entries(seen: FoundTables) -> list[str]:
    """Write the parts that say when an opportunity entered a stage, if its history is there."""
    if seen.has("opportunity_history"):
        told = with_part(seen, "opportunity_history", "opportunity_id", "stage", "changed_at", "deleted")
        rows = "opportunity_history WHERE NOT deleted"
    elif seen.has("opportunity_field_history"):
        told = with_part(
            seen, "opportunity_field_history", "opportunity_id", "field", "new_value", "changed_at", "deleted"
        )
        told = told.replace("AS new_value", "AS stage", 1)
        rows = "opportunity_field_history WHERE field = 'StageName' AND NOT deleted"
    else:
        return []
    query = f"SELECT opportunity_id, stage, MIN(changed_at) AS entered_at FROM {rows} GROUP BY opportunity_id, stage"
    return [told, f"entered AS ({query})"]


def touches(seen: FoundTables) -> str:
    """Write the statement of touches: finished tasks, and meetings."""
    about = (
        "Touches: what sales did with a lead or with its contact: finished tasks (calls, e-mails) and meetings; never events.\n"
        "Mass mails (ListEmail) reach everybody, and are left out."
    )
    parts, selects = persons(seen), []
    if seen.has("task"):
        fields = ("who_id", "deleted", "subtype", "status", "is_closed", "done_at", "created_at")
        parts.append(with_part(seen, "task", *fields))
        selects.append(
            "SELECT p.lead_id, COALESCE(t.done_at, t.created_at) AS touched_at, COALESCE(LOWER(t.subtype), 'task') AS kind FROM task AS t JOIN person AS p ON p.who_id = t.who_id\n"
            "WHERE NOT t.deleted AND (t.is_closed OR t.status = 'Completed') AND COALESCE(t.subtype, '') <> 'ListEmail'"
        )
    if seen.has("event"):
        parts.append(with_part(seen, "event", "who_id", "deleted", "begins_at"))
        selects.append(
            "SELECT p.lead_id, e.begins_at AS touched_at, 'meeting' AS kind FROM event AS e JOIN person AS p ON p.who_id = e.who_id\n"
            "WHERE NOT e.deleted AND e.begins_at IS NOT NULL"
        )
    return sql_file(about, parts, "\nUNION ALL\n".join(selects))
