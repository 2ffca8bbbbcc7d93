"""Checks of what joins: rows that name nobody who is there, whole tables of them, and ids that are there in another spelling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from leadline.core.checks import Finding, Severity
from leadline.core.format import share
from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.storage import Store
from leadline.tables.checks.base import Context

__all__ = ["SURELY", "Spelling", "best_spelling", "one_account", "orphans", "unknown_accounts", "unknown_on_list"]

SURELY = 3
"""So many rows, none of which names anybody, are no accident."""

MANY = 5
"""Of so many leads with an account somebody's is among the accounts."""

CHANCE, SYSTEM = 0.1, 0.5
"""Ids of which fewer match in another spelling do so by chance; from this share on one system writes them in another way."""

QUERY = "in a {query: …} source"


@dataclass(frozen=True)
class Spelling:
    """A way in which ids of two systems differ: what makes them alike, in words and in SQL, and what to do.

    Attributes
    ----------
    rows : int
        How many ids that join nobody would join somebody.
    """

    words: str
    sql: str
    fix: str
    rows: int = 0


SALESFORCE = "CASE WHEN LENGTH({0}) IN (15, 18) AND regexp_full_match({0}, '[A-Za-z0-9]+') THEN LEFT({0}, 15) END"
SPELLINGS = (
    Spelling("with capitals and small letters alike", "LOWER({0})", f"write both alike, as with LOWER(id) {QUERY}"),
    Spelling("by their first 15 characters, as Salesforce's do", SALESFORCE, f"export all with 18 characters, or take LEFT(id, 15) of both {QUERY}"),
    Spelling("by their first 15 characters, capitals and small letters alike", f"LOWER({SALESFORCE})", "export all with 18 characters"),
    Spelling("without leading zeros", "CASE WHEN regexp_full_match({0}, '[0-9]+') THEN LTRIM({0}, '0') END", "export both as text, with their zeros"),
    Spelling("by their letters and digits alone", "NULLIF(LOWER(REGEXP_REPLACE({0}, '[^A-Za-z0-9]', '', 'g')), '')", f"take the signs out {QUERY}"),
)  # fmt: skip
"""The commonest first."""


def best_spelling(store: Store, unknown: str, known: str) -> Spelling | None:
    """Find the spelling by which most ids that join nobody would; None where hardly one would.

    Parameters
    ----------
    unknown, known : str
        Queries with one column, ``id``: the different ids that join nobody, and all that are there.
    """
    store.run(f"CREATE OR REPLACE TABLE unknown_ids AS {unknown}")
    store.run(f"CREATE OR REPLACE TABLE known_ids AS {known}")
    found = []
    for spelling in SPELLINGS:
        alike = spelling.sql.format("id")
        rows = store.rows(
            f"SELECT COUNT(*) FROM unknown_ids WHERE {alike} IN (SELECT {alike} FROM known_ids WHERE {alike} IS NOT NULL)"
        )
        found.append(Spelling(spelling.words, spelling.sql, spelling.fix, int(rows[0][0])))
    asked = int(store.rows("SELECT COUNT(*) FROM unknown_ids")[0][0])
    store.run("DROP TABLE unknown_ids")
    store.run("DROP TABLE known_ids")
    best = max(found, key=lambda s: s.rows)
    return best if best.rows > CHANCE * asked else None


def orphans(context: Context) -> Iterator[Finding]:
    """Tell rows whose lead isn't among the leads; a table of which nobody joins is an error."""
    tables = context.config.tables
    merged = "SELECT from_id AS id FROM merges WHERE from_id IS NOT NULL" if tables.merges is not None else ""
    known = "SELECT lead_id AS id FROM leads WHERE lead_id IS NOT NULL"
    # The survivor has the rows of the record that vanished.
    known = f"{known} UNION ALL {merged}" if merged else known
    asked = [
        (t, "lead_id", getattr(getattr(tables, t), "lead", None))
        for t in ("events", "stages", "opportunities", "history", "touches")
    ]
    asked += [("merges", "into_id", tables.merges.into)] if tables.merges is not None else []
    for table, column, named in asked:
        if named is None:
            continue
        nobody = f"{column} IS NOT NULL AND {column} NOT IN ({known})"
        count, first = context.count(table, nobody)
        if count:
            total, _ = context.count(table, f"{column} IS NOT NULL")
            spelling = best_spelling(
                context.store, f"SELECT DISTINCT {column} AS id FROM {table} WHERE {nobody}", known
            )
            yield _orphans(f"{table}.{named}", count, first, total, spelling, table == "merges", context.at_night)


def _orphans(
    subject: str, count: int, first: int, total: int, spelling: Spelling | None, is_merge: bool, at_night: bool
) -> Finding:
    is_all = count == total and count >= SURELY and not is_merge
    part = share(count / total, 0)
    seen = (
        f"all {total:,} rows name a lead that isn't in leads (first: row {first})"
        if is_all
        else f"{count:,} rows name a lead that isn't in leads (first: row {first}; {part} of those that name one)"
    )
    loss = "the people whom they merge stay" if is_merge else "these rows count for nothing"
    fix = f"check that leads is complete; {loss}"
    if spelling is not None:
        seen += f"; {spelling.rows:,} of their ids match {spelling.words}"
        fix = f"{spelling.fix}; until then {loss}"
    severity = Severity.ERROR if is_all and not at_night else Severity.WARNING
    return Finding("LL108", severity, subject, seen, "known leads", fix, count)


def unknown_accounts(context: Context) -> Iterator[Finding]:
    """Tell accounts none of which any lead names, and those that leads name in another spelling."""
    tables = context.config.tables
    if tables.accounts is None or tables.leads.account is None:
        return
    known = "SELECT account_id AS id FROM accounts WHERE account_id IS NOT NULL"
    given, _ = context.count("leads", "account_id IS NOT NULL")
    count, first = context.count("leads", f"account_id IS NOT NULL AND account_id NOT IN ({known})")
    if not count or not context.count("accounts", "account_id IS NOT NULL")[0]:
        return
    unknown = (
        f"SELECT DISTINCT account_id AS id FROM leads WHERE account_id IS NOT NULL AND account_id NOT IN ({known})"
    )
    spelling = best_spelling(context.store, unknown, known)
    is_all = count == given and given >= MANY
    if not is_all and (spelling is None or spelling.rows < MANY):
        return
    seen = f"{'all ' if is_all else ''}{count:,} leads with an account name one that isn't in accounts (first: row {first})"
    seen += f"; {spelling.rows:,} of their ids match {spelling.words}" if spelling is not None else ""
    yield Finding(
        "LL145", Severity.ERROR if is_all and not context.at_night else Severity.WARNING, f"leads.{tables.leads.account}", seen, "accounts that leads name",
        spelling.fix if spelling is not None else "name the columns that join, or leave tables.accounts out", count,
    )  # fmt: skip


def one_account(context: Context) -> Iterator[Finding]:
    """Tell an account that half of the leads or more name: it tells nothing apart, and stands for a default rather than a company."""
    account = context.config.tables.leads.account
    if account is None:
        return
    sizes = "SELECT account_id, COUNT(*) AS n FROM leads WHERE account_id IS NOT NULL GROUP BY account_id"
    leads, largest, accounts = context.store.rows(
        f"SELECT COALESCE(SUM(n), 0), COALESCE(MAX(n), 0), COUNT(*) FROM ({sizes}) AS t"
    )[0]
    if largest < MIN_GROUP_SIZE or largest < SYSTEM * leads:
        return
    one = accounts == 1
    seen = (
        f"all {leads:,} leads that name an account name the same one"
        if one
        else f"{largest:,} of {leads:,} leads with an account name the same one"
    )
    seen += "; what colleagues do is what everybody does" + (
        ", and intervals are drawn by lead" if one else ", and intervals are wide"
    )
    yield Finding(
        "LL146", Severity.WARNING, f"leads.{account}", seen, "accounts that tell companies apart",
        "map the column that holds the company, or leave `account` out", int(largest),
    )  # fmt: skip


def unknown_on_list(
    store: Store, subject: str, listed: Mapping[str, object], known: str, spelled_only: bool
) -> Iterator[Finding]:
    """Tell ids on a list of a night that name nobody: all of them, or some that somebody has in another spelling.

    A list may well hold people who aren't leads; whoever is spelled in another way wouldn't be left out.
    """
    import pyarrow as pa

    if not listed:
        return
    store.put("listed", pa.table({"id": pa.array(sorted(listed), pa.string())}))
    unknown = f"SELECT id FROM listed WHERE id NOT IN ({known})"
    count = int(store.rows(f"SELECT COUNT(*) FROM ({unknown}) AS u")[0][0])
    spelling = best_spelling(store, unknown, known) if count else None
    is_all = count == len(listed) and count >= SURELY and not (spelled_only and spelling is None)
    if not is_all and spelling is None:
        return
    seen = f"{count:,} of {len(listed):,} ids name nobody in leads"
    seen += f"; {spelling.rows:,} of them match {spelling.words}" if spelling is not None else ""
    grave = is_all or (subject.startswith("suppress") and spelling is not None and spelling.rows >= SYSTEM * count)
    yield Finding(
        "LL108", Severity.ERROR if grave else Severity.WARNING, subject, seen, "ids that leads have",
        spelling.fix if spelling is not None else "check that the list and leads come from one system", count, title="orphan row",
    )  # fmt: skip
