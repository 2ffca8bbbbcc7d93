"""The Salesforce preset: proposes a config from the tables it finds, and lists what was guessed and what is missing.

Names of tables and columns stand in `salesforce_schema.py`, the SQL in `salesforce_sql.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.errors import DataError
from leadline.presets.config_yaml import (
    LEAD,
    BehaviourGuess,
    ConfigAnswers,
    ShapedTable,
    build_proposal,
    intent_of,
    zone_guess,
)
from leadline.presets.crm import salesforce_sql as sql
from leadline.presets.crm.hubspot import OPPORTUNITIES, TOUCHES, kinds, variables
from leadline.presets.crm.salesforce_schema import CONVERTED, TABLES, TRACKED
from leadline.presets.inspect import FoundTables, find_tables
from leadline.presets.naming import guess_stages
from leadline.presets.proposal import Guess, MissingTable, Proposal, percent
from leadline.presets.source_url import fill_variables, without_credentials
from leadline.presets.sql import sql_list, with_part
from leadline.storage.catalog import list_relations

__all__ = [
    "ACCOUNTS",
    "OPPORTUNITIES",
    "TOUCHES",
    "attributes",
    "kinds",
    "list_guesses",
    "missing_inputs",
    "origin",
    "propose",
    "strangers",
    "variables",
]

ACCOUNTS = "Taken as they are now, from the account's creation on. <— drop those that you overwrite"

ORIGINS = {
    "leads": ("lead",),
    "accounts": ("account",),
    "events": ("campaign_member", "campaign"),
    "stages": ("lead_history", "lead"),
    "opportunities": (
        "opportunity", "opportunity_contact_role", "opportunity_history", "opportunity_field_history", "account", "lead",
    ),
    "history": ("lead_history", "lead"),
    "merges": ("lead",),
    "touches": ("task", "event", "lead"),
}  # fmt: skip


def origin(seen: FoundTables, table: str) -> str:
    """Name Salesforce's tables behind one of ours."""
    return ", ".join(seen.spelled(t) for t in ORIGINS[table] if t in seen.tables)


def attributes(seen: FoundTables, ours: Sequence[str]) -> tuple[str, ...]:
    """Say in the config which attributes were left out."""
    lines = ["Status, Rating, Owner, LastActivityDate and every Converted… field are overwritten: leaks, all of them."]
    kept = [f for f in ("job_title", "country") if f in ours and seen.has("lead", f)]
    left = [f for f in ("job_title", "country") if f not in ours and seen.has("lead", f)]
    if kept:
        lines.append(f"{' and '.join(kept)}: as of each date, from tables.history.")
    if left:
        lines.append(f"<— {', '.join(left)}: somebody may edit them later. Add them only if nobody does.")
    return tuple(lines)


def list_guesses(seen: FoundTables, tracked: Sequence[str], reaches: str) -> list[Guess]:
    """Say what was chosen."""
    found = [
        Guess(
            "outcome.reaches", reaches, "a conversion counts as SQL" if reaches == "sql" else "no conversion has a date"
        )
    ]
    if seen.has("lead", "lead_source"):
        found.append(
            Guess("tables.leads.attributes", "lead_source", "set when a lead is created, seldom changed", sure=False)
        )
    dated = [TRACKED[name] for name in tracked if TRACKED[name] in ("job_title", "country")]
    if dated:
        found.append(Guess("tables.leads.attributes", ", ".join(dated), "their history is there: as of each date"))
    if seen.has("lead", "company"):
        found.append(Guess(
            "tables.leads.account", "the company's name", "the account's own id is filled by the conversion only", sure=False,
        ))  # fmt: skip
    found.append(
        Guess("tables.leads", "leads only", "contacts that were never leads have no ladder of stages", sure=False)
    )
    return found


def missing_inputs(seen: FoundTables, tracked: Sequence[str]) -> list[MissingTable]:
    """List what isn't there, what that costs, and how to get it."""
    found = [*_missing_history(seen, tracked)]
    if not seen.has("campaign_member"):
        found.append(MissingTable(
            "events", "campaign_member isn't there: nothing that leads did counts, so scores rest on who they are; add campaign_member and "
            "campaign to the sync, and web visits and e-mails from your marketing tool",
        ))  # fmt: skip
    else:
        if not seen.has("campaign"):
            found.append(
                MissingTable("", "campaign isn't there: a webinar and a trade fair count as one; add it to the sync")
            )
        found.append(MissingTable(
            "", "web visits and e-mail opens aren't in Salesforce: what leads read doesn't count; add them from your marketing tool to "
            "sql/events.sql with UNION ALL",
        ))  # fmt: skip
    if not seen.has("lead", "company"):
        found.append(
            MissingTable(
                "", "lead has no Company: what colleagues do, and the buying committee, don't count; add it to the sync"
            )
        )
    if not seen.has("account"):
        found.append(
            MissingTable(
                "accounts", "account isn't there: industry and size of a lead's company don't count; add it to the sync"
            )
        )
    if not seen.has("lead", "master_id", "modified_at"):
        found.append(MissingTable(
            "merges", "MasterRecordId with SystemModstamp isn't there: of leads that were merged, what the vanished one did is lost; add "
            "both fields, and deleted rows, to the sync",
        ))  # fmt: skip
    if not seen.has("lead", "deleted"):
        found.append(
            MissingTable("", "lead has no IsDeleted: deleted leads count as open ones; add the field to the sync")
        )
    if not seen.has("task") and not seen.has("event"):
        found.append(
            MissingTable(
                "touches", "task and event aren't there: how fast sales answers can't be told; add them to the sync"
            )
        )
    return [*found, *_missing_deals(seen)]


def _missing_history(seen: FoundTables, tracked: Sequence[str]) -> list[MissingTable]:
    if not seen.has("lead_history"):
        return [MissingTable(
            "history", "lead_history isn't there: a sync overwrites leads, so of the ladder only conversions have a date (and that a day "
            "without a time), MQL and rejected leads don't show, and title and country can't be used as they were; switch on Field History "
            "Tracking for Lead (Status, Title, Country, Owner) in Salesforce's set-up and add lead_history to the sync: it tells of changes "
            "from then on, of the last 18 months, so begin today",
        )]  # fmt: skip
    lacking = [theirs for theirs, ours in TRACKED.items() if theirs not in tracked and seen.has("lead", ours)]
    if not lacking:
        return []
    cost = "MQL and rejected leads don't show; " if "Status" in lacking else ""
    return [MissingTable(
        "" if tracked else "history", f"lead_history tells nothing of {', '.join(lacking)}: {cost}what they were at a date isn't known, so they aren't used; switch on "
        "their tracking in Salesforce's set-up, it tells of changes from then on",
    )]  # fmt: skip


def _missing_deals(seen: FoundTables) -> list[MissingTable]:
    if not seen.has("opportunity"):
        return [MissingTable(
            "opportunities", "opportunity isn't there: what became of conversions, won or lost, doesn't show; add opportunity, "
            "opportunity_history and opportunity_contact_role to the sync",
        )]  # fmt: skip
    found = []
    if not seen.has("opportunity_history") and not seen.has("opportunity_field_history"):
        found.append(MissingTable(
            "", "opportunity_history isn't there: CloseDate stands for the day on which an opportunity was closed, which sales sets by "
            "hand; add it to the sync",
        ))  # fmt: skip
    if not seen.has("opportunity_contact_role"):
        found.append(MissingTable(
            "", "opportunity_contact_role isn't there: only opportunities made by the conversion itself are laid to a lead; add it to the sync",
        ))  # fmt: skip
    return found


def strangers(seen: FoundTables) -> list[str]:
    """Say how many opportunities belong to no lead: where most do, leads tell little of the business."""
    if not seen.has("opportunity"):
        return []
    every, without = seen.contents.rows(
        f"SELECT COUNT(*), COUNT(*) - COUNT(lead_id) FROM (\n{sql.opportunities(seen)}) AS o"
    )[0]
    if not every or not without:
        return []
    return [
        f"{percent(int(without) / int(every))} of the opportunities belong to no lead (their contacts never were one, or no role names "
        "them): they tell of no lead's outcome; if that is most of your business, make contacts leads in sql/leads.sql"
    ]


# The preset for Salesforce: looks at its tables and proposes a config, with SQL files that shape them.


STAGES = {"sql": [CONVERTED], "won": ["Closed Won"], "lost": ["Closed Lost"]}

MOST_KINDS = 30


def propose(source: str, folder: Path) -> Proposal:
    """Look at Salesforce's tables in a source and propose a config.

    Parameters
    ----------
    source : str
        A folder of exports, a DuckDB file or a PostgreSQL URL.
    folder : Path
        Where the config will lie; the paths in it begin there.

    Raises
    ------
    MissingError
        The source or its table `lead` isn't there.
    DataError
        What is needed can't be read, or nothing tells of an outcome.
    """
    contents = list_relations(fill_variables(source))
    place = without_credentials(source, contents)
    seen = find_tables(contents, TABLES, "lead", place.label)
    tracked = _tracked(seen)
    _tells(seen, place.label)
    stages, guesses = _stage_words(seen, tracked)
    tables = _tables(seen, tracked)
    behaviours = _behaviours(seen)
    missing = missing_inputs(seen, tracked)
    reaches = "sql" if _converts(seen) else "opportunity"
    asked = ConfigAnswers(
        "salesforce-sql",
        reaches,
        stages,
        behaviours,
        tuple(line for w in missing for line in w.comment),
        seen.unzoned(),
    )
    guesses = [*zone_guess(asked.unzoned), *list_guesses(seen, tracked, reaches), *guesses]
    guesses += kinds(behaviours, "campaigns")
    warnings = [*variables(place.variables), *(w.told for w in missing), *strangers(seen)]
    return build_proposal("Salesforce", place, folder, tables, asked, guesses, warnings, partial(origin, seen))


def _tells(seen: FoundTables, label: str) -> None:
    """Refuse a source that tells of no outcome."""
    if not _converts(seen) and not _links(seen):
        raise DataError(
            f"--source {label}: nothing in it tells when a lead was converted; expected ConvertedDate with IsConverted, "
            "lead_history, or opportunities with converted_opportunity_id; add one to the sync"
        )


def _converts(seen: FoundTables) -> bool:
    return seen.has("lead_history") or seen.has("lead", "is_converted", "converted_at")


def _links(seen: FoundTables) -> bool:
    """Tell whether an opportunity can be laid to a lead."""
    by_contact = seen.has("opportunity_contact_role") and seen.has("lead", "contact_id")
    return seen.has("opportunity") and (seen.has("lead", "opportunity_id") or by_contact)


def _tracked(seen: FoundTables) -> tuple[str, ...]:
    """List the fields whose changes Salesforce records here, and whose present value the lead has."""
    if not seen.has("lead_history", "old_value"):
        return ()
    rows = seen.contents.rows(
        f"WITH {with_part(seen, 'lead_history', 'field')}\n"
        f"SELECT field, COUNT(*) FROM lead_history WHERE field IN ({sql_list(list(TRACKED))}) GROUP BY field"
    )
    there = {row[0] for row in rows}
    return tuple(theirs for theirs, ours in TRACKED.items() if theirs in there and seen.has("lead", ours))


def _stage_words(seen: FoundTables, tracked: Sequence[str]) -> tuple[dict[str, list[str]], list[Guess]]:
    """Guess which status means which rung: the words are each company's own."""
    stages = {rung: list(own) for rung, own in STAGES.items()}
    if "Status" not in tracked:
        return stages, []
    rows = seen.contents.rows(
        f"WITH {with_part(seen, 'lead_history', 'lead_id', 'field', 'old_value', 'new_value')}\n"
        "SELECT word, COUNT(DISTINCT lead_id) FROM (\n"
        "  SELECT lead_id, new_value AS word FROM lead_history WHERE field = 'Status'\n"
        "  UNION ALL SELECT lead_id, old_value FROM lead_history WHERE field = 'Status'\n"
        f") AS w WHERE word <> '' GROUP BY word HAVING COUNT(DISTINCT lead_id) >= {MIN_GROUP_SIZE} ORDER BY 2 DESC, 1 LIMIT 60"
    )
    own, guesses = guess_stages([(str(word), int(n)) for word, n in rows], [CONVERTED, "Closed Won", "Closed Lost"])
    order = ("lead", "mql", "sql", "opportunity", "won", "lost", "rejected")
    return {rung: [*stages.get(rung, []), *own.get(rung, [])] for rung in order}, guesses


def _tables(seen: FoundTables, tracked: Sequence[str]) -> list[ShapedTable]:
    """List our tables, as far as Salesforce's give them."""
    ours = [TRACKED[name] for name in tracked]
    fields = ["lead_source"] if seen.has("lead", "lead_source") else []
    fields += [f for f in ("job_title", "country") if seen.has("lead", f) and f in ours]
    lead = LEAD | {"attributes": f"[{', '.join(fields)}]"}
    if not seen.has("lead", "company"):
        del lead["account"]
    tables = [ShapedTable("leads", sql.leads(seen), lead, below=attributes(seen, ours))]
    if seen.has("account") and "account" in lead:
        there = [f for f in ("industry", "employees", "country") if seen.has("account", f)]
        keys = {"key": "account_id", "attributes": f"[{', '.join(there)}]"}
        if seen.has("account", "created_at"):
            keys["recorded_at"] = "created_at"
        tables.append(ShapedTable("accounts", sql.accounts(seen), keys, below=(ACCOUNTS,)))
    if seen.has("campaign_member"):
        tables.append(ShapedTable.usual("events", sql.events(seen)))
    if _converts(seen):
        tables.append(ShapedTable.usual("stages", sql.stages(seen, "Status" in tracked)))
    if seen.has("opportunity"):
        tables.append(ShapedTable("opportunities", sql.opportunities(seen), OPPORTUNITIES))
    if tracked:
        tables.append(ShapedTable.usual("history", sql.history(seen, tracked)))
    if seen.has("lead", "master_id", "modified_at"):
        tables.append(ShapedTable.usual("merges", sql.merges(seen)))
    if seen.has("task") or seen.has("event"):
        tables.append(ShapedTable.usual("touches", sql.touches(seen), TOUCHES))
    return tables


def _behaviours(seen: FoundTables) -> tuple[BehaviourGuess, ...]:
    """List the kinds of campaigns that enough leads responded to."""
    if not seen.has("campaign_member"):
        return ()
    rows = seen.contents.rows(
        f"SELECT event_type, COUNT(DISTINCT lead_id) FROM (\n{sql.events(seen)}) AS every_event\n"
        f"GROUP BY event_type HAVING COUNT(DISTINCT lead_id) >= {MIN_GROUP_SIZE} ORDER BY 2 DESC, 1 LIMIT {MOST_KINDS}"
    )
    names = sorted(str(row[0]) for row in rows)
    return tuple(BehaviourGuess(n, intent_of(n), f"responded to {n.removeprefix('campaign: ')}") for n in names)
