"""What is said of a Salesforce source: what was guessed, what is missing, what that costs and how to get it."""

from __future__ import annotations

from collections.abc import Sequence

from leadline.tables.presets.guess import Guess, percent
from leadline.tables.presets.hubspot_words import OPPORTUNITIES, TOUCHES, kinds, variables
from leadline.tables.presets.lacking import Lack
from leadline.tables.presets.looking import Seen
from leadline.tables.presets.salesforce_names import TRACKED
from leadline.tables.presets.salesforce_sales import opportunities

__all__ = [
    "ACCOUNTS",
    "OPPORTUNITIES",
    "TOUCHES",
    "attributes",
    "guesses",
    "kinds",
    "missing",
    "origin",
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


def origin(seen: Seen, table: str) -> str:
    """Name Salesforce's tables behind one of ours."""
    return ", ".join(seen.spelled(t) for t in ORIGINS[table] if t in seen.tables)


def attributes(seen: Seen, ours: Sequence[str]) -> tuple[str, ...]:
    """Say in the config which attributes were left out."""
    lines = ["Status, Rating, Owner, LastActivityDate and every Converted… field are overwritten: leaks, all of them."]
    kept = [f for f in ("job_title", "country") if f in ours and seen.has("lead", f)]
    left = [f for f in ("job_title", "country") if f not in ours and seen.has("lead", f)]
    if kept:
        lines.append(f"{' and '.join(kept)}: as of each date, from tables.history.")
    if left:
        lines.append(f"<— {', '.join(left)}: somebody may edit them later. Add them only if nobody does.")
    return tuple(lines)


def guesses(seen: Seen, tracked: Sequence[str], reaches: str) -> list[Guess]:
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


def missing(seen: Seen, tracked: Sequence[str]) -> list[Lack]:
    """List what isn't there, what that costs, and how to get it."""
    found = [*_missing_history(seen, tracked)]
    if not seen.has("campaign_member"):
        found.append(Lack(
            "events", "campaign_member isn't there: nothing that leads did counts, so scores rest on who they are; add campaign_member and "
            "campaign to the sync, and web visits and e-mails from your marketing tool",
        ))  # fmt: skip
    else:
        if not seen.has("campaign"):
            found.append(Lack("", "campaign isn't there: a webinar and a trade fair count as one; add it to the sync"))
        found.append(Lack(
            "", "web visits and e-mail opens aren't in Salesforce: what leads read doesn't count; add them from your marketing tool to "
            "sql/events.sql with UNION ALL",
        ))  # fmt: skip
    if not seen.has("lead", "company"):
        found.append(
            Lack(
                "", "lead has no Company: what colleagues do, and the buying committee, don't count; add it to the sync"
            )
        )
    if not seen.has("account"):
        found.append(
            Lack(
                "accounts", "account isn't there: industry and size of a lead's company don't count; add it to the sync"
            )
        )
    if not seen.has("lead", "master_id", "modified_at"):
        found.append(Lack(
            "merges", "MasterRecordId with SystemModstamp isn't there: of leads that were merged, what the vanished one did is lost; add "
            "both fields, and deleted rows, to the sync",
        ))  # fmt: skip
    if not seen.has("lead", "deleted"):
        found.append(Lack("", "lead has no IsDeleted: deleted leads count as open ones; add the field to the sync"))
    if not seen.has("task") and not seen.has("event"):
        found.append(
            Lack("touches", "task and event aren't there: how fast sales answers can't be told; add them to the sync")
        )
    return [*found, *_missing_deals(seen)]


def _missing_history(seen: Seen, tracked: Sequence[str]) -> list[Lack]:
    if not seen.has("lead_history"):
        return [Lack(
            "history", "lead_history isn't there: a sync overwrites leads, so of the ladder only conversions have a date (and that a day "
            "without a time), MQL and rejected leads don't show, and title and country can't be used as they were; switch on Field History "
            "Tracking for Lead (Status, Title, Country, Owner) in Salesforce's set-up and add lead_history to the sync: it tells of changes "
            "from then on, of the last 18 months, so begin today",
        )]  # fmt: skip
    lacking = [theirs for theirs, ours in TRACKED.items() if theirs not in tracked and seen.has("lead", ours)]
    if not lacking:
        return []
    cost = "MQL and rejected leads don't show; " if "Status" in lacking else ""
    return [Lack(
        "" if tracked else "history", f"lead_history tells nothing of {', '.join(lacking)}: {cost}what they were at a date isn't known, so they aren't used; switch on "
        "their tracking in Salesforce's set-up, it tells of changes from then on",
    )]  # fmt: skip


def _missing_deals(seen: Seen) -> list[Lack]:
    if not seen.has("opportunity"):
        return [Lack(
            "opportunities", "opportunity isn't there: what became of conversions, won or lost, doesn't show; add opportunity, "
            "opportunity_history and opportunity_contact_role to the sync",
        )]  # fmt: skip
    found = []
    if not seen.has("opportunity_history") and not seen.has("opportunity_field_history"):
        found.append(Lack(
            "", "opportunity_history isn't there: CloseDate stands for the day on which an opportunity was closed, which sales sets by "
            "hand; add it to the sync",
        ))  # fmt: skip
    if not seen.has("opportunity_contact_role"):
        found.append(Lack(
            "", "opportunity_contact_role isn't there: only opportunities made by the conversion itself are laid to a lead; add it to the sync",
        ))  # fmt: skip
    return found


def strangers(seen: Seen) -> list[str]:
    """Say how many opportunities belong to no lead: where most do, leads tell little of the business."""
    if not seen.has("opportunity"):
        return []
    every, without = seen.contents.rows(
        f"SELECT COUNT(*), COUNT(*) - COUNT(lead_id) FROM (\n{opportunities(seen)}) AS o"
    )[0]
    if not every or not without:
        return []
    return [
        f"{percent(int(without) / int(every))} of the opportunities belong to no lead (their contacts never were one, or no role names "
        "them): they tell of no lead's outcome; if that is most of your business, make contacts leads in sql/leads.sql"
    ]
