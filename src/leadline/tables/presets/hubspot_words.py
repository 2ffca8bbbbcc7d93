"""What is said of a HubSpot source: what was guessed, what is missing, what that costs and how to get it."""

from __future__ import annotations

from collections.abc import Sequence

from leadline.tables.presets.guess import Guess
from leadline.tables.presets.hubspot_names import TRACKED
from leadline.tables.presets.hubspot_sales import touching
from leadline.tables.presets.lacking import Lack
from leadline.tables.presets.looking import Seen
from leadline.tables.presets.writing import Behaviour

__all__ = ["ACCOUNTS", "OPPORTUNITIES", "TOUCHES", "attributes", "guesses", "kinds", "missing", "origin", "variables"]

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


def origin(seen: Seen, table: str) -> str:
    """Name HubSpot's tables behind one of ours."""
    return ", ".join(seen.spelled(t) for t in ORIGINS[table] if t in seen.tables) or seen.spelled("contact")


def attributes(seen: Seen, ours: Sequence[str]) -> tuple[str, ...]:
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


def guesses(seen: Seen, tracked: Sequence[str], reaches: str) -> list[Guess]:
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


def kinds(behaviours: Sequence[Behaviour], what: str) -> list[Guess]:
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


def missing(seen: Seen, tracked: Sequence[str]) -> list[Lack]:
    """List what isn't there, what that costs, and how to get it."""
    found = []
    if not seen.has("contact_property_history"):
        found.append(Lack(
            "history", "contact_property_history isn't there: a sync overwrites contacts, so stages come from the contact's own dates (a "
            "lead that came back shows its newest date only, rejections don't show at all), and job title, country, owner and company "
            "can't be used as they were; switch that table on in the connector: it brings HubSpot's own past, too",
        ))  # fmt: skip
    elif "associatedcompanyid" not in tracked:
        found.append(Lack(
            "", "contact_property_history tells nothing of associatedcompanyid: a lead's company is taken as it is now, so a company that "
            "was found only after the outcome looks as if it had been known; add the property to the sync's history",
        ))  # fmt: skip
    mails, forms = seen.has("email_event") and seen.has("contact", "email"), seen.has("contact_form_submission")
    if not mails:
        why = "contact has no e-mail address to join them by" if seen.has("email_event") else "email_event isn't there"
        found.append(Lack("", f"{why}: e-mail opens and clicks don't count; add it to the sync"))
    if not forms:
        found.append(Lack(
            "", "contact_form_submission isn't there: forms, the strongest sign of intent that HubSpot keeps, don't count; switch the "
            "table on in the connector",
        ))  # fmt: skip
    elif not seen.has("form"):
        found.append(Lack("", "form isn't there: forms go by the page's title, not by their name; switch the table on"))
    found.append(Lack(
        "", "page views aren't in this sync: what leads read on your site doesn't count; HubSpot's event analytics or your web tracker "
        "has them: add them to sql/events.sql with UNION ALL",
    ))  # fmt: skip
    return [*found, *_missing_deals(seen), *_missing_others(seen)]


def _missing_deals(seen: Seen) -> list[Lack]:
    if not seen.has("deal"):
        return [Lack(
            "opportunities", "deal isn't there: what deals brought, and lost ones, don't show; add deal, deal_contact, deal_stage and "
            "deal_pipeline_stage to the sync",
        )]  # fmt: skip
    found = []
    if not seen.has("deal_contact") and not seen.has("deal", "contact_id"):
        found.append(
            Lack("", "deal_contact isn't there: no deal can be laid to a lead; switch the table on in the connector")
        )
    if not seen.has("deal_stage"):
        found.append(Lack(
            "", "deal_stage isn't there: a deal's close date stands for the day on which it was closed, which sales sets by hand; switch "
            "the table on in the connector",
        ))  # fmt: skip
    if not seen.has("deal_pipeline_stage"):
        found.append(Lack(
            "", "deal_pipeline_stage isn't there: only stages named closedwon and closedlost are known as won and lost, those of your own "
            "pipelines aren't; switch the table on in the connector",
        ))  # fmt: skip
    return found


def _missing_others(seen: Seen) -> list[Lack]:
    found = []
    if not seen.has("company"):
        found.append(
            Lack(
                "accounts", "company isn't there: industry and size of a lead's company don't count; add it to the sync"
            )
        )
    if not seen.has("contact", "account_id"):
        found.append(Lack(
            "", "contact has no associatedcompanyid: what colleagues do, and the buying committee, don't count; add the property to the sync",
        ))  # fmt: skip
    if not seen.has("contact", "merged_ids") and not seen.has("contact_merge_audit"):
        found.append(Lack(
            "merges", "hs_calculated_merged_vids isn't there: of contacts that were merged, what the vanished one did is lost; add the "
            "property to the sync",
        ))  # fmt: skip
    if not seen.has("contact", "deleted"):
        found.append(
            Lack("", "contact doesn't say which contacts were deleted: they count as leads; keep deletes in the sync")
        )
    if not touching(seen):
        found.append(Lack(
            "touches", "engagement_contact with engagement_call, engagement_email or engagement_meeting isn't there: how fast sales "
            "answers can't be told; switch the tables on in the connector",
        ))  # fmt: skip
    return found
