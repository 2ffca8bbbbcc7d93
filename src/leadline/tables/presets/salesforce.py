"""The preset for Salesforce: looks at its tables and proposes a config, with SQL files that shape them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from leadline.errors import DataError
from leadline.privacy import MIN_GROUP_SIZE
from leadline.tables.presets import salesforce_sales as sales
from leadline.tables.presets import salesforce_sql as sql
from leadline.tables.presets import salesforce_words as words
from leadline.tables.presets.guess import Guess
from leadline.tables.presets.looking import Seen, see
from leadline.tables.presets.places import filled, settle
from leadline.tables.presets.proposal import Proposal
from leadline.tables.presets.rungs import guessed
from leadline.tables.presets.salesforce_names import CONVERTED, TABLES, TRACKED
from leadline.tables.presets.shaping import listed, part
from leadline.tables.presets.writing import LEAD, Asked, Behaviour, Shaped, intent_of, proposed
from leadline.tables.store.contents import look_into

__all__ = ["propose"]

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
    contents = look_into(filled(source))
    place = settle(source, contents)
    seen = see(contents, TABLES, "lead", place.label)
    tracked = _tracked(seen)
    _tells(seen, place.label)
    stages, guesses = _stage_words(seen, tracked)
    tables = _tables(seen, tracked)
    behaviours = _behaviours(seen)
    missing = words.missing(seen, tracked)
    reaches = "sql" if _converts(seen) else "opportunity"
    asked = Asked("salesforce-sql", reaches, stages, behaviours, tuple(line for w in missing for line in w.comment))
    guesses = [*words.guesses(seen, tracked, reaches), *guesses]
    guesses += words.kinds(behaviours, "campaigns")
    warnings = [*words.variables(place.variables), *(w.told for w in missing), *words.strangers(seen)]
    return proposed("Salesforce", place, folder, tables, asked, guesses, warnings, partial(words.origin, seen))


def _tells(seen: Seen, label: str) -> None:
    """Refuse a source that tells of no outcome."""
    if not _converts(seen) and not _links(seen):
        raise DataError(
            f"--source {label}: nothing in it tells when a lead was converted; expected ConvertedDate with IsConverted, "
            "lead_history, or opportunities with converted_opportunity_id; add one to the sync"
        )


def _converts(seen: Seen) -> bool:
    return seen.has("lead_history") or seen.has("lead", "is_converted", "converted_at")


def _links(seen: Seen) -> bool:
    """Tell whether an opportunity can be laid to a lead."""
    by_contact = seen.has("opportunity_contact_role") and seen.has("lead", "contact_id")
    return seen.has("opportunity") and (seen.has("lead", "opportunity_id") or by_contact)


def _tracked(seen: Seen) -> tuple[str, ...]:
    """List the fields whose changes Salesforce records here, and whose present value the lead has."""
    if not seen.has("lead_history", "old_value"):
        return ()
    rows = seen.contents.rows(
        f"WITH {part(seen, 'lead_history', 'field')}\n"
        f"SELECT field, COUNT(*) FROM lead_history WHERE field IN ({listed(list(TRACKED))}) GROUP BY field"
    )
    there = {row[0] for row in rows}
    return tuple(theirs for theirs, ours in TRACKED.items() if theirs in there and seen.has("lead", ours))


def _stage_words(seen: Seen, tracked: Sequence[str]) -> tuple[dict[str, list[str]], list[Guess]]:
    """Guess which status means which rung: the words are each company's own."""
    stages = {rung: list(own) for rung, own in STAGES.items()}
    if "Status" not in tracked:
        return stages, []
    rows = seen.contents.rows(
        f"WITH {part(seen, 'lead_history', 'lead_id', 'field', 'old_value', 'new_value')}\n"
        "SELECT word, COUNT(DISTINCT lead_id) FROM (\n"
        "  SELECT lead_id, new_value AS word FROM lead_history WHERE field = 'Status'\n"
        "  UNION ALL SELECT lead_id, old_value FROM lead_history WHERE field = 'Status'\n"
        f") AS w WHERE word <> '' GROUP BY word HAVING COUNT(DISTINCT lead_id) >= {MIN_GROUP_SIZE} ORDER BY 2 DESC, 1 LIMIT 60"
    )
    own, guesses = guessed([(str(word), int(n)) for word, n in rows], [CONVERTED, "Closed Won", "Closed Lost"])
    order = ("lead", "mql", "sql", "opportunity", "won", "lost", "rejected")
    return {rung: [*stages.get(rung, []), *own.get(rung, [])] for rung in order}, guesses


def _tables(seen: Seen, tracked: Sequence[str]) -> list[Shaped]:
    """List our tables, as far as Salesforce's give them."""
    ours = [TRACKED[name] for name in tracked]
    fields = ["lead_source"] if seen.has("lead", "lead_source") else []
    fields += [f for f in ("job_title", "country") if seen.has("lead", f) and f in ours]
    lead = LEAD | {"attributes": f"[{', '.join(fields)}]"}
    if not seen.has("lead", "company"):
        del lead["account"]
    tables = [Shaped("leads", sql.leads(seen), lead, below=words.attributes(seen, ours))]
    if seen.has("account") and "account" in lead:
        there = [f for f in ("industry", "employees", "country") if seen.has("account", f)]
        keys = {"key": "account_id", "attributes": f"[{', '.join(there)}]"}
        if seen.has("account", "created_at"):
            keys["recorded_at"] = "created_at"
        tables.append(Shaped("accounts", sql.accounts(seen), keys, below=(words.ACCOUNTS,)))
    if seen.has("campaign_member"):
        tables.append(Shaped.usual("events", sql.events(seen)))
    if _converts(seen):
        tables.append(Shaped.usual("stages", sql.stages(seen, "Status" in tracked)))
    if seen.has("opportunity"):
        tables.append(Shaped("opportunities", sales.opportunities(seen), words.OPPORTUNITIES))
    if tracked:
        tables.append(Shaped.usual("history", sql.history(seen, tracked)))
    if seen.has("lead", "master_id", "modified_at"):
        tables.append(Shaped.usual("merges", sql.merges(seen)))
    if seen.has("task") or seen.has("event"):
        tables.append(Shaped.usual("touches", sales.touches(seen), words.TOUCHES))
    return tables


def _behaviours(seen: Seen) -> tuple[Behaviour, ...]:
    """List the kinds of campaigns that enough leads responded to."""
    if not seen.has("campaign_member"):
        return ()
    rows = seen.contents.rows(
        f"SELECT event_type, COUNT(DISTINCT lead_id) FROM (\n{sql.events(seen)}) AS every_event\n"
        f"GROUP BY event_type HAVING COUNT(DISTINCT lead_id) >= {MIN_GROUP_SIZE} ORDER BY 2 DESC, 1 LIMIT {MOST_KINDS}"
    )
    names = sorted(str(row[0]) for row in rows)
    return tuple(Behaviour(n, intent_of(n), f"responded to {n.removeprefix('campaign: ')}") for n in names)
