"""The HubSpot preset: proposes a config from the tables it finds, and lists what was guessed and what is missing.

Names of tables and columns stand in `hubspot_schema.py`, the SQL in `hubspot_sql.py`.
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
from leadline.presets.crm import hubspot_sql as sql
from leadline.presets.crm.hubspot_schema import STAGES, TABLES, TRACKED
from leadline.presets.inspect import FoundTables, find_tables, printable_name
from leadline.presets.naming import guess_stages
from leadline.presets.proposal import Guess, MissingTable, Proposal
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
    "variables",
]

ACCOUNTS = "Taken as they are now: a company's industry and size seldom change. <— drop those that you overwrite"

TOUCHES = ("What sales did, for the funnel's times; never a feature of the model.",)

OPPORTUNITIES = {
    "key": "opportunity_id",
    "lead": "lead_id",
    "account": "account_id",
    "created_at": "created_at",
    "closed_at": "closed_at",
    "stage": "stage",
    "amount": "amount",
}

ORIGINS = {
    "leads": ("contact",),
    "accounts": ("company",),
    "events": ("email_event", "contact_form_submission", "form"),
    "stages": ("contact_property_history",),
    "opportunities": ("deal", "deal_contact", "deal_company", "deal_stage", "deal_pipeline_stage"),
    "history": ("contact_property_history",),
    "merges": ("contact", "contact_merge_audit"),
    "touches": ("engagement_contact", "engagement", "engagement_call", "engagement_email", "engagement_meeting"),
}


def origin(seen: FoundTables, table: str) -> str:
    """Name HubSpot's tables behind one of ours."""
    return ", ".join(seen.spelled(t) for t in ORIGINS[table] if t in seen.tables) or seen.spelled("contact")


def attributes(seen: FoundTables, ours: Sequence[str]) -> tuple[str, ...]:
    """Say in the config which attributes were left out."""
    left = [f for f in ("job_title", "country") if seen.has("contact", f) and f not in ours]
    lines = ["lead_source is HubSpot's original source, which stays."] if seen.has("contact", "lead_source") else []
    kept = [f for f in ("job_title", "country") if f in ours]
    if kept:
        lines.append(
            f"{' and '.join(kept)}: as of each date, from tables.history; owner and lead_status can be added so."
        )
    if left:
        lines.append(f"<— {', '.join(left)}: somebody may edit them later. Add them only if nobody does.")
    return tuple(lines)


def list_guesses(seen: FoundTables, tracked: Sequence[str], reaches: str) -> list[Guess]:
    """Say what was chosen."""
    own = [f for f in ("lead_source", "campaign") if seen.has("contact", f)]
    found = [
        Guess(
            "outcome.reaches",
            reaches,
            "its dates are there" if reaches == "sql" else "nothing dates SQL here",
            reaches == "sql",
        )
    ]
    if own:
        found.append(Guess("tables.leads.attributes", ", ".join(own), "HubSpot sets the original source once"))
    dated = [TRACKED[name] for name in tracked if TRACKED[name] in ("job_title", "country")]
    if dated:
        found.append(Guess("tables.leads.attributes", ", ".join(dated), "their history is there: as of each date"))
    if seen.has("company"):
        found.append(
            Guess("tables.accounts.attributes", "industry, employees, country", "taken as they are now", sure=False)
        )
    if seen.has("deal"):
        found.append(Guess("tables.opportunities.lead", "lead_id", "of a deal's contacts the earliest created", False))
    return found


def kinds(behaviours: Sequence[BehaviourGuess], what: str) -> list[Guess]:
    """Say that acts' intents were told by their names."""
    named = [b for b in behaviours if ":" in b.name]
    unknown = sum(b.intent == "unknown" for b in named)
    rest = f"; {unknown} say nothing" if unknown else ""
    return [Guess("behaviours", f"{len(named)} {what}", f"their intent by their names{rest}", False)] if named else []


def variables(names: Sequence[str]) -> list[str]:
    """Say which environment variables the config reads."""
    if not names:
        return []
    return [
        f"{' and '.join(names)}: no secret was written; export {'it' if len(names) == 1 else 'them'} wherever leadline runs "
        "(percent-encode anything but letters and digits)"
    ]


def missing_inputs(seen: FoundTables, tracked: Sequence[str]) -> list[MissingTable]:
    """List what isn't there, what that costs, and how to get it."""
    found = []
    if not seen.has("contact_property_history"):
        found.append(MissingTable(
            "history", "contact_property_history isn't there: a sync overwrites contacts, so stages come from the contact's own dates (a "
            "lead that came back shows its newest date only, rejections don't show at all), and job title, country, owner and company "
            "can't be used as they were; switch that table on in the connector: it brings HubSpot's own past, too",
        ))  # fmt: skip
    elif "associatedcompanyid" not in tracked:
        found.append(MissingTable(
            "", "contact_property_history tells nothing of associatedcompanyid: a lead's company is taken as it is now, so a company that "
            "was found only after the outcome looks as if it had been known; add the property to the sync's history",
        ))  # fmt: skip
    mails, forms = seen.has("email_event") and seen.has("contact", "email"), seen.has("contact_form_submission")
    if not mails:
        why = "contact has no e-mail address to join them by" if seen.has("email_event") else "email_event isn't there"
        found.append(MissingTable("", f"{why}: e-mail opens and clicks don't count; add it to the sync"))
    if not forms:
        found.append(MissingTable(
            "", "contact_form_submission isn't there: forms, the strongest sign of intent that HubSpot keeps, don't count; switch the "
            "table on in the connector",
        ))  # fmt: skip
    elif not seen.has("form"):
        found.append(
            MissingTable("", "form isn't there: forms go by the page's title, not by their name; switch the table on")
        )
    found.append(MissingTable(
        "", "page views aren't in this sync: what leads read on your site doesn't count; HubSpot's event analytics or your web tracker "
        "has them: add them to sql/events.sql with UNION ALL",
    ))  # fmt: skip
    return [*found, *_missing_deals(seen), *_missing_others(seen)]


def _missing_deals(seen: FoundTables) -> list[MissingTable]:
    if not seen.has("deal"):
        return [MissingTable(
            "opportunities", "deal isn't there: what deals brought, and lost ones, don't show; add deal, deal_contact, deal_stage and "
            "deal_pipeline_stage to the sync",
        )]  # fmt: skip
    found = []
    if not seen.has("deal_contact") and not seen.has("deal", "contact_id"):
        found.append(
            MissingTable(
                "", "deal_contact isn't there: no deal can be laid to a lead; switch the table on in the connector"
            )
        )
    if not seen.has("deal_stage"):
        found.append(MissingTable(
            "", "deal_stage isn't there: a deal's close date stands for the day on which it was closed, which sales sets by hand; switch "
            "the table on in the connector",
        ))  # fmt: skip
    if not seen.has("deal_pipeline_stage"):
        found.append(MissingTable(
            "", "deal_pipeline_stage isn't there: only stages named closedwon and closedlost are known as won and lost, those of your own "
            "pipelines aren't; switch the table on in the connector",
        ))  # fmt: skip
    return found


def _missing_others(seen: FoundTables) -> list[MissingTable]:
    found = []
    if not seen.has("company"):
        found.append(
            MissingTable(
                "accounts", "company isn't there: industry and size of a lead's company don't count; add it to the sync"
            )
        )
    if not seen.has("contact", "account_id"):
        found.append(MissingTable(
            "", "contact has no associatedcompanyid: what colleagues do, and the buying committee, don't count; add the property to the sync",
        ))  # fmt: skip
    if not seen.has("contact", "merged_ids") and not seen.has("contact_merge_audit"):
        found.append(MissingTable(
            "merges", "hs_calculated_merged_vids isn't there: of contacts that were merged, what the vanished one did is lost; add the "
            "property to the sync",
        ))  # fmt: skip
    if not seen.has("contact", "deleted"):
        found.append(
            MissingTable(
                "", "contact doesn't say which contacts were deleted: they count as leads; keep deletes in the sync"
            )
        )
    if not sql.touching(seen):
        found.append(MissingTable(
            "touches", "engagement_contact with engagement_call, engagement_email or engagement_meeting isn't there: how fast sales "
            "answers can't be told; switch the tables on in the connector",
        ))  # fmt: skip
    return found


# The preset for HubSpot: looks at its tables and proposes a config, with SQL files that shape them.


REJECTED = ("unqualified",)

OPENED = ("new", "open", "in_progress", "attempted_to_contact", "connected")

"""Lead statuses that open a lead anew after it was rejected: they stand on the lowest rung."""

MOST_FORMS = 30


def propose(source: str, folder: Path) -> Proposal:
    """Look at HubSpot's tables in a source and propose a config.

    Parameters
    ----------
    source : str
        A folder of exports, a DuckDB file or a PostgreSQL URL.
    folder : Path
        Where the config will lie; the paths in it begin there.

    Raises
    ------
    MissingError
        The source or its table `contact` isn't there.
    DataError
        What is needed can't be read, or nothing tells of an outcome.
    """
    contents = list_relations(fill_variables(source))
    place = without_credentials(source, contents)
    seen = find_tables(contents, TABLES, "contact", place.label)
    tracked = _tracked(seen)
    statuses, stages, guesses = _stage_words(seen)
    reaches = _reaches(seen, stages, place.label)
    tables = _tables(seen, tracked, statuses)
    behaviours = _behaviours(seen)
    missing = missing_inputs(seen, tracked)
    asked = ConfigAnswers(
        "hubspot-sql", reaches, stages, behaviours, tuple(line for w in missing for line in w.comment), seen.unzoned()
    )
    guesses = [*zone_guess(asked.unzoned), *list_guesses(seen, tracked, reaches), *guesses]
    guesses += kinds(behaviours, "forms")
    warnings = [*variables(place.variables), *(w.told for w in missing)]
    return build_proposal("HubSpot", place, folder, tables, asked, guesses, warnings, partial(origin, seen))


def _tracked(seen: FoundTables) -> tuple[str, ...]:
    """List the properties whose history is there."""
    if not seen.has("contact_property_history"):
        return ()
    rows = seen.contents.rows(
        f"WITH {with_part(seen, 'contact_property_history', 'name')}\n"
        f"SELECT name, COUNT(*) FROM contact_property_history WHERE name IN ({sql_list(list(TRACKED))}) GROUP BY name"
    )
    return tuple(name for name in TRACKED if name in {row[0] for row in rows})


def _stage_words(seen: FoundTables) -> tuple[Sequence[str], dict[str, list[str]], list[Guess]]:
    """Say which words mean which rung: HubSpot's own are known, a portal's own are guessed."""
    stages = {rung: list(own) for rung, own in STAGES.items()}
    if not seen.has("contact_property_history"):
        return (), stages, []
    rows = seen.contents.rows(
        f"WITH {with_part(seen, 'contact_property_history', 'contact_id', 'name', 'value')}\n"
        "SELECT name, LOWER(value), COUNT(DISTINCT contact_id) FROM contact_property_history\n"
        "WHERE name IN ('lifecyclestage', 'hs_lead_status') AND value <> '' GROUP BY name, LOWER(value)\n"
        f"HAVING COUNT(DISTINCT contact_id) >= {MIN_GROUP_SIZE} ORDER BY 3 DESC, 2 LIMIT 60"
    )
    told = {str(word): int(n) for name, word, n in rows if name == "lifecyclestage"}
    own, guesses = guess_stages(told.items(), [w for all_words in STAGES.values() for w in all_words])
    for rung, more in own.items():
        stages.setdefault(rung, []).extend(more)
    counts = [(str(word), int(n)) for name, word, n in rows if name == "hs_lead_status"]
    ends, why = guess_stages(counts, (*REJECTED, *OPENED))
    rejected = [*REJECTED, *ends.get("rejected", [])]
    for rung, also in (("rejected", rejected), ("lead", list(OPENED))):
        stages.setdefault(rung, []).extend(w for w in also if w not in stages.get(rung, []))
    return (*OPENED, *rejected), stages, [*guesses, *(g for g in why if g.what == "stages.rejected")]


def _reaches(seen: FoundTables, stages: dict[str, list[str]], label: str) -> str:
    """Choose the outcome: SQL where its dates are there, else an opportunity."""
    deals = seen.has("deal") and (seen.has("deal_contact") or seen.has("deal", "contact_id"))
    if seen.has("contact_property_history"):
        counts = seen.contents.rows(
            f"WITH {with_part(seen, 'contact_property_history', 'contact_id', 'name', 'value')}\n"
            "SELECT COUNT(DISTINCT contact_id) FROM contact_property_history\n"
            f"WHERE name = 'lifecyclestage' AND LOWER(value) IN ({sql_list([w.lower() for w in stages['sql']])})"
        )
        if counts[0][0] or not deals:
            return "sql"
        return "opportunity"
    if seen.has("contact", "sql_at"):
        return "sql"
    if deals or seen.has("contact", "opportunity_at"):
        return "opportunity"
    raise DataError(
        f"--source {label}: nothing in it tells when a lead became SQL or opportunity; expected contact_property_history, "
        f"the dates on {printable_name(seen.spelled('contact'))} (hs_lifecyclestage_…_date), or deals with deal_contact; add one to the sync"
    )


def _tables(seen: FoundTables, tracked: Sequence[str], statuses: Sequence[str]) -> list[ShapedTable]:
    """List our tables, as far as HubSpot's give them."""
    ours = [TRACKED[name] for name in tracked]
    own = [f for f in ("lead_source", "campaign") if seen.has("contact", f)]
    fields = [*own, *(f for f in ("job_title", "country") if seen.has("contact", f) and f in ours)]
    lead = LEAD | {"attributes": f"[{', '.join(fields)}]"}
    if not seen.has("contact", "account_id"):
        del lead["account"]
    tables = [ShapedTable("leads", sql.leads(seen), lead, below=attributes(seen, ours))]
    if seen.has("company") and "account" in lead:
        there = [f for f in ("industry", "employees", "country") if seen.has("company", f)]
        keys = {"key": "account_id", "attributes": f"[{', '.join(there)}]"}
        if seen.has("company", "created_at"):
            keys["recorded_at"] = "created_at"
        tables.append(ShapedTable("accounts", sql.accounts(seen), keys, below=(ACCOUNTS,)))
    if _mails(seen) or seen.has("contact_form_submission"):
        tables.append(ShapedTable.usual("events", sql.events(seen)))
    if seen.has("contact_property_history") or any(seen.has("contact", f) for f in sql.BY_DATE):
        tables.append(ShapedTable.usual("stages", sql.stages(seen, statuses)))
    if seen.has("deal"):
        tables.append(ShapedTable("opportunities", sql.opportunities(seen), OPPORTUNITIES))
    if tracked:
        tables.append(ShapedTable.usual("history", sql.history(seen)))
    if seen.has("contact", "merged_ids") or seen.has("contact_merge_audit"):
        tables.append(ShapedTable.usual("merges", sql.merges(seen)))
    if sql.touching(seen):
        tables.append(ShapedTable.usual("touches", sql.touches(seen), TOUCHES))
    return tables


def _mails(seen: FoundTables) -> bool:
    return seen.has("email_event") and seen.has("contact", "email")


def _behaviours(seen: FoundTables) -> tuple[BehaviourGuess, ...]:
    """List kinds of events: e-mails, and the forms that enough leads sent."""
    found = []
    if _mails(seen):
        found += [
            BehaviourGuess("email_open", "awareness", "opened an e-mail"),
            BehaviourGuess("email_click", "awareness", "clicked a link in an e-mail"),
        ]
    if seen.has("contact_form_submission"):
        rows = seen.contents.rows(_count_sql(sql.events(seen)))
        names = [str(row[0]) for row in rows]
        found += [BehaviourGuess(n, intent_of(n), f"sent the form {n.removeprefix('form: ')}") for n in sorted(names)]
    return tuple(found)


def _count_sql(events: str) -> str:
    """Count the leads of each form, by the statement of events itself."""
    return (
        f"SELECT event_type, COUNT(DISTINCT lead_id) FROM (\n{events}) AS every_event WHERE event_type LIKE 'form: %'\n"
        f"GROUP BY event_type HAVING COUNT(DISTINCT lead_id) >= {MIN_GROUP_SIZE} ORDER BY 2 DESC, 1 LIMIT {MOST_FORMS}"
    )
