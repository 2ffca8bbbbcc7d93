"""Words that stand for no company, in the place of an account's id: strangers must not become one buying committee.

A word that is never an id (NULL, N/A, Unknown) is no account unless the table of accounts has it. One that may be a name
(NA is Namibia, 0 is a number) is none only where it dwarfs every account; else it is asked about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from leadline.config.schema import Config
from leadline.core.checks import Finding, Severity
from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.storage import Store
from leadline.storage.dialect import literal
from leadline.tables.values.placeholders import DOUBTFUL, GAPS, plain_word_sql
from leadline.tables.visibility import columns_in

__all__ = ["clear_placeholders"]

DWARFS = 3
"""How many times the leads of the largest account a word has that is no account."""

LONGEST = 24
"""Characters of a word for a gap, with its brackets, at most."""


@dataclass(frozen=True)
class _Word:
    """A word in the place of an account's id: how it is spelled in leads, how many of them have it, whether accounts know it."""

    spelled: str
    word: str
    leads: int
    is_known: bool

    def is_gap(self, largest: int, has_accounts: bool) -> bool:
        """Tell whether it stands for no account."""
        if self.is_known:
            return False
        if self.word in GAPS or (self.word == "0" and has_accounts):
            return True
        return self.leads >= MIN_GROUP_SIZE and self.leads > DWARFS * largest

    def is_odd(self, largest: int, has_accounts: bool) -> bool:
        """Tell whether somebody must say what it stands for."""
        if self.is_known:
            return self.word in GAPS and self.leads >= MIN_GROUP_SIZE and self.leads > DWARFS * largest
        return (has_accounts and self.leads > 1) or (self.leads >= MIN_GROUP_SIZE and self.leads > largest)


def clear_placeholders(config: Config, store: Store) -> list[Finding]:
    """Empty the accounts of leads, and of what is theirs, that are words for a gap; tell how many, and what is unclear."""
    tables = config.tables
    if tables.leads.account is None:
        return []
    words, largest = _words(store, tables.accounts is not None)
    asked = (largest, tables.accounts is not None)
    gaps = [w for w in words if w.is_gap(*asked)]
    if gaps:
        _empty(config, store, [w.spelled for w in gaps])
    subject = f"leads.{tables.leads.account}"
    return [*_emptied(subject, gaps), *_unclear(subject, [w for w in words if w not in gaps and w.is_odd(*asked)])]


def _words(store: Store, has_accounts: bool) -> tuple[list[_Word], int]:
    """List the words among the leads' accounts that may stand for a gap, and how many leads the largest other account has."""
    store.run(
        "CREATE OR REPLACE TABLE account_sizes AS SELECT account_id, COUNT(*) AS leads FROM leads WHERE account_id IS NOT NULL GROUP BY account_id"
    )
    listed = ", ".join(literal(word) for word in GAPS + DOUBTFUL)
    is_word = f"LENGTH(account_id) <= {LONGEST} AND {plain_word_sql('account_id')} IN ({listed})"
    known = "account_id IN (SELECT account_id FROM all_accounts)" if has_accounts else "FALSE"
    rows = store.rows(
        f"SELECT account_id, {plain_word_sql('account_id')}, leads, {known} FROM account_sizes WHERE {is_word} ORDER BY account_id"
    )
    largest = store.rows(f"SELECT COALESCE(MAX(leads), 0) FROM account_sizes WHERE NOT ({is_word})")[0][0]
    store.run("DROP TABLE account_sizes")
    return [_Word(str(a), str(w), int(n), bool(k)) for a, w, n, k in rows], int(largest)


def _empty(config: Config, store: Store, spelled: list[str]) -> None:
    words = ", ".join(literal(word) for word in spelled)
    for table in ("leads", "events", "opportunities"):
        if table in config.tables.given() and "account_id" in columns_in(store, table):
            store.run(f"UPDATE {table} SET account_id = NULL WHERE account_id IN ({words})")
    if config.tables.history is not None:
        field = literal(str(config.tables.leads.account).lower())
        store.run(f"UPDATE history SET value = NULL WHERE LOWER(field) = {field} AND value IN ({words})")


def _emptied(subject: str, gaps: list[_Word]) -> Iterator[Finding]:
    if gaps:
        count = sum(w.leads for w in gaps)
        severity = Severity.NOTE if all(w.word in GAPS for w in gaps) else Severity.WARNING
        yield Finding(
            "LL144", severity, subject, f"{count:,} leads name {_named(gaps)} in the place of an account, and are taken as leads without one",
            "an account's id, or nothing", "nothing to do, if no company is called so; else give it another id", count, title="account that is a word for none",
        )  # fmt: skip


def _unclear(subject: str, words: list[_Word]) -> Iterator[Finding]:
    if words:
        count = sum(w.leads for w in words)
        yield Finding(
            "LL144", Severity.WARNING, subject, f"{count:,} leads name the account {_named(words)}: a placeholder, or a company?",
            "an account's id, or nothing", "if it is a placeholder, leave it empty, as with NULLIF in a {query: …} source", count,
            title="account that is a word for none",
        )  # fmt: skip


def _named(words: list[_Word]) -> str:
    """Name the words as our own list has them, never as the file does."""
    return " or ".join(f"`{word or 'blank'}`" for word in sorted({w.word for w in words}))
