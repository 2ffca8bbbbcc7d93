"""The preset for HubSpot: looks at its tables and proposes a config, with SQL files that shape them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from leadline.errors import DataError
from leadline.privacy import MIN_GROUP_SIZE
from leadline.tables.presets import hubspot_sales as sales
from leadline.tables.presets import hubspot_sql as sql
from leadline.tables.presets import hubspot_words as words
from leadline.tables.presets.guess import Guess
from leadline.tables.presets.hubspot_names import STAGES, TABLES, TRACKED
from leadline.tables.presets.looking import Seen, see, shown
from leadline.tables.presets.places import filled, settle
from leadline.tables.presets.proposal import Proposal
from leadline.tables.presets.rungs import guessed
from leadline.tables.presets.shaping import listed, part
from leadline.tables.presets.writing import LEAD, Asked, Behaviour, Shaped, intent_of, proposed
from leadline.tables.store.contents import look_into

__all__ = ["propose"]

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
    contents = look_into(filled(source))
    place = settle(source, contents)
    seen = see(contents, TABLES, "contact", place.label)
    tracked = _tracked(seen)
    statuses, stages, guesses = _stage_words(seen)
    reaches = _reaches(seen, stages, place.label)
    tables = _tables(seen, tracked, statuses)
    behaviours = _behaviours(seen)
    missing = words.missing(seen, tracked)
    asked = Asked("hubspot-sql", reaches, stages, behaviours, tuple(line for w in missing for line in w.comment))
    guesses = [*words.guesses(seen, tracked, reaches), *guesses]
    guesses += words.kinds(behaviours, "forms")
    warnings = [*words.variables(place.variables), *(w.told for w in missing)]
    return proposed("HubSpot", place, folder, tables, asked, guesses, warnings, partial(words.origin, seen))


def _tracked(seen: Seen) -> tuple[str, ...]:
    """List the properties whose history is there."""
    if not seen.has("contact_property_history"):
        return ()
    rows = seen.contents.rows(
        f"WITH {part(seen, 'contact_property_history', 'name')}\n"
        f"SELECT name, COUNT(*) FROM contact_property_history WHERE name IN ({listed(list(TRACKED))}) GROUP BY name"
    )
    return tuple(name for name in TRACKED if name in {row[0] for row in rows})


def _stage_words(seen: Seen) -> tuple[Sequence[str], dict[str, list[str]], list[Guess]]:
    """Say which words mean which rung: HubSpot's own are known, a portal's own are guessed."""
    stages = {rung: list(own) for rung, own in STAGES.items()}
    if not seen.has("contact_property_history"):
        return (), stages, []
    rows = seen.contents.rows(
        f"WITH {part(seen, 'contact_property_history', 'contact_id', 'name', 'value')}\n"
        "SELECT name, LOWER(value), COUNT(DISTINCT contact_id) FROM contact_property_history\n"
        "WHERE name IN ('lifecyclestage', 'hs_lead_status') AND value <> '' GROUP BY name, LOWER(value)\n"
        f"HAVING COUNT(DISTINCT contact_id) >= {MIN_GROUP_SIZE} ORDER BY 3 DESC, 2 LIMIT 60"
    )
    told = {str(word): int(n) for name, word, n in rows if name == "lifecyclestage"}
    own, guesses = guessed(told.items(), [w for all_words in STAGES.values() for w in all_words])
    for rung, more in own.items():
        stages.setdefault(rung, []).extend(more)
    counts = [(str(word), int(n)) for name, word, n in rows if name == "hs_lead_status"]
    ends, why = guessed(counts, (*REJECTED, *OPENED))
    rejected = [*REJECTED, *ends.get("rejected", [])]
    for rung, also in (("rejected", rejected), ("lead", list(OPENED))):
        stages.setdefault(rung, []).extend(w for w in also if w not in stages.get(rung, []))
    return (*OPENED, *rejected), stages, [*guesses, *(g for g in why if g.what == "stages.rejected")]


def _reaches(seen: Seen, stages: dict[str, list[str]], label: str) -> str:
    """Choose the outcome: SQL where its dates are there, else an opportunity."""
    deals = seen.has("deal") and (seen.has("deal_contact") or seen.has("deal", "contact_id"))
    if seen.has("contact_property_history"):
        counts = seen.contents.rows(
            f"WITH {part(seen, 'contact_property_history', 'contact_id', 'name', 'value')}\n"
            "SELECT COUNT(DISTINCT contact_id) FROM contact_property_history\n"
            f"WHERE name = 'lifecyclestage' AND LOWER(value) IN ({listed([w.lower() for w in stages['sql']])})"
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
        f"the dates on {shown(seen.spelled('contact'))} (hs_lifecyclestage_…_date), or deals with deal_contact; add one to the sync"
    )


def _tables(seen: Seen, tracked: Sequence[str], statuses: Sequence[str]) -> list[Shaped]:
    """List our tables, as far as HubSpot's give them."""
    ours = [TRACKED[name] for name in tracked]
    own = [f for f in ("lead_source", "campaign") if seen.has("contact", f)]
    fields = [*own, *(f for f in ("job_title", "country") if seen.has("contact", f) and f in ours)]
    lead = LEAD | {"attributes": f"[{', '.join(fields)}]"}
    if not seen.has("contact", "account_id"):
        del lead["account"]
    tables = [Shaped("leads", sql.leads(seen), lead, below=words.attributes(seen, ours))]
    if seen.has("company") and "account" in lead:
        there = [f for f in ("industry", "employees", "country") if seen.has("company", f)]
        keys = {"key": "account_id", "attributes": f"[{', '.join(there)}]"}
        if seen.has("company", "created_at"):
            keys["recorded_at"] = "created_at"
        tables.append(Shaped("accounts", sql.accounts(seen), keys, below=(words.ACCOUNTS,)))
    if _mails(seen) or seen.has("contact_form_submission"):
        tables.append(Shaped.usual("events", sql.events(seen)))
    if seen.has("contact_property_history") or any(seen.has("contact", f) for f in sql.BY_DATE):
        tables.append(Shaped.usual("stages", sql.stages(seen, statuses)))
    if seen.has("deal"):
        tables.append(Shaped("opportunities", sales.opportunities(seen), words.OPPORTUNITIES))
    if tracked:
        tables.append(Shaped.usual("history", sql.history(seen)))
    if seen.has("contact", "merged_ids") or seen.has("contact_merge_audit"):
        tables.append(Shaped.usual("merges", sql.merges(seen)))
    if sales.touching(seen):
        tables.append(Shaped.usual("touches", sales.touches(seen), words.TOUCHES))
    return tables


def _mails(seen: Seen) -> bool:
    return seen.has("email_event") and seen.has("contact", "email")


def _behaviours(seen: Seen) -> tuple[Behaviour, ...]:
    """List kinds of events: e-mails, and the forms that enough leads sent."""
    found = []
    if _mails(seen):
        found += [
            Behaviour("email_open", "awareness", "opened an e-mail"),
            Behaviour("email_click", "awareness", "clicked a link in an e-mail"),
        ]
    if seen.has("contact_form_submission"):
        rows = seen.contents.rows(_counted(sql.events(seen)))
        names = [str(row[0]) for row in rows]
        found += [Behaviour(n, intent_of(n), f"sent the form {n.removeprefix('form: ')}") for n in sorted(names)]
    return tuple(found)


def _counted(events: str) -> str:
    """Count the leads of each form, by the statement of events itself."""
    return (
        f"SELECT event_type, COUNT(DISTINCT lead_id) FROM (\n{events}) AS every_event WHERE event_type LIKE 'form: %'\n"
        f"GROUP BY event_type HAVING COUNT(DISTINCT lead_id) >= {MIN_GROUP_SIZE} ORDER BY 2 DESC, 1 LIMIT {MOST_FORMS}"
    )
