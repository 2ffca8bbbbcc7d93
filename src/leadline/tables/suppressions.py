"""Lists that a night reads apart: whom the outputs leave out (`suppress`), and tiers set by hand (`overrides`).

A row counts when it is visible at the night: its `from` and its `recorded_at`, where it has them, lie before as_of.
Who was merged into another record takes their row along.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from leadline.config.schema import Config
from leadline.core.checks import Findings
from leadline.core.point_in_time import EARLIEST, visible_sql
from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.storage import Store, open_store
from leadline.tables.checks.joins import unknown_on_list
from leadline.tables.read import resolve, run_canonical, unreadable
from leadline.tables.schema import columns_of

__all__ = ["ScoringLists", "check_lists", "read_scoring_lists"]


@dataclass(frozen=True)
class ScoringLists:
    """What the lists say tonight.

    Attributes
    ----------
    leads, accounts : mapping of str to str
        Who is left out, with the reason ("" for none).
    tiers : mapping of str to str
        The tier that somebody set by hand, by lead; None where the config has no such table.
    told : frozenset of str
        The reasons that enough rows share to be told.
    """

    leads: Mapping[str, str] = field(default_factory=dict)
    accounts: Mapping[str, str] = field(default_factory=dict)
    tiers: Mapping[str, str] | None = None
    told: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"ScoringLists({len(self.leads)} leads and {len(self.accounts)} accounts left out, {len(self.tiers or {})} tiers by hand)"

    def reason(self, lead: str, account: str | None) -> str | None:
        """Return why a lead is left out, None where it isn't.

        Examples
        --------
        >>> lists = ScoringLists({"L1": "unsubscribed"}, {"A1": ""})
        >>> lists.reason("L1", None), lists.reason("L2", "A1"), lists.reason("L2", "A2")
        ('unsubscribed', '', None)
        """
        found = self.leads.get(lead)
        return found if found is not None else self.accounts.get(account) if account is not None else None

    def counted(self, reasons: Iterable[str]) -> dict[str, Any]:
        """Count those left out, by reason where enough rows of the list share it.

        Examples
        --------
        >>> ScoringLists(told=frozenset({"customer"})).counted(["customer", "customer", "Ann asked"])
        {'leads': 3, 'by_reason': {'customer': 2, 'other': 1}}
        """
        words = [reason if reason in self.told else "other" for reason in reasons]
        return {"leads": len(words), "by_reason": {word: words.count(word) for word in sorted(set(words))}}


def read_scoring_lists(config: Config, as_of: int | None, survivors: Mapping[str, Iterable[str]]) -> ScoringLists:
    """Read the lists as they were at as_of.

    Parameters
    ----------
    as_of : int, optional
        The night's instant; None for a flat file, where every row counts.
    survivors : mapping of str to iterable of str
        Into whom a lead was merged, as known at as_of.

    Raises
    ------
    DataError
        A column is missing, or an instant can't be read.
    MissingError
        A file isn't there.
    """
    tables = config.tables
    if tables.suppress is None and tables.overrides is None:
        return ScoringLists()
    store = open_store(config.engine.model_copy(update={"kind": "duckdb"}))
    try:
        leads, accounts, told, tiers = {}, {}, frozenset[str](), None
        if tables.suppress is not None:
            rows = _visible("suppress", config, store, as_of)
            leads = _follow({str(r["lead_id"]): str(r["reason"] or "") for r in rows if r["lead_id"]}, survivors)
            accounts = {str(r["account_id"]): str(r["reason"] or "") for r in rows if r["account_id"]}
            words = [str(r["reason"]) for r in rows if r["reason"]]
            told = frozenset(word for word in set(words) if words.count(word) >= MIN_GROUP_SIZE)
        if tables.overrides is not None:
            rows = _visible("overrides", config, store, as_of)
            tiers = _follow({str(r["lead_id"]): str(r["tier"]) for r in rows if r["lead_id"] and r["tier"]}, survivors)
        return ScoringLists(leads, accounts, tiers, told)
    finally:
        store.close()


def check_lists(config: Config, store: Store, lists: ScoringLists, at_night: bool) -> Findings:
    """Tell ids on the lists that name nobody, as known in a store with the tables.

    At night only those that somebody has in another spelling: the checks of a night tell the rest.
    """
    known = "SELECT lead_id AS id FROM leads WHERE lead_id IS NOT NULL"
    accounts = "SELECT DISTINCT account_id AS id FROM leads WHERE account_id IS NOT NULL"
    if not config.is_flat:
        known += " UNION ALL SELECT lead_id FROM survivors"
    if config.tables.accounts is not None:
        accounts += " UNION ALL SELECT account_id FROM accounts WHERE account_id IS NOT NULL"
    asked: list[tuple[str, Mapping[str, str], str]] = []
    if config.tables.suppress is not None:
        asked += [(f"suppress.{config.tables.suppress.lead}", lists.leads, known)]
        asked += [(f"suppress.{config.tables.suppress.account}", lists.accounts, accounts)]
    if config.tables.overrides is not None:
        asked += [(f"overrides.{config.tables.overrides.lead}", lists.tiers or {}, known)]
    return Findings(tuple(f for one in asked for f in unknown_on_list(store, *one, spelled_only=at_night)))


def _follow(said: dict[str, str], survivors: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Give survivors what was said of the records that vanished, unless something is said of them."""
    gained = {into: what for lead, what in said.items() for into in survivors.get(lead, ())}
    return {**gained, **said}


def _visible(table: str, config: Config, store: Store, as_of: int | None) -> list[dict[str, Any]]:
    """Read the rows that count tonight, of several for one lead the newest last."""
    section = getattr(config.tables, table)
    columns = columns_of(table, section)
    there = store.read(f"raw_{table}", section.source, [c.source for c in columns])
    resolved, problems = resolve(table, columns, there)
    Findings(tuple(problems)).raise_errors()
    resolved, found = run_canonical(table, section, resolved, (), there, config, store)
    found += [] if as_of is None else unreadable(table, resolved, there, config, store, None)
    Findings(tuple(found)).raise_errors()
    names = {c.name for c in resolved}

    def or_null(name: str) -> str:
        return name if name in names else f"NULL AS {name}"

    wanted = ("lead_id", "account_id", "reason", "tier")
    since = f"COALESCE(since, {EARLIEST})" if "since" in names else str(EARLIEST)
    recorded = f"COALESCE(recorded_at, {since})" if "recorded_at" in names else since
    seen = "TRUE" if as_of is None else visible_sql("r", str(as_of), "since")
    lasting = f"AND (until IS NULL OR until > {as_of})" if "until" in names and as_of is not None else ""
    inner = f"SELECT * {'EXCLUDE (' + ', '.join(sorted(names & {'since', 'recorded_at'})) + ')' if names & {'since', 'recorded_at'} else ''}"
    rows = store.arrow(
        f"SELECT {', '.join(map(or_null, wanted))} FROM ({inner}, {since} AS since, {recorded} AS recorded_at FROM all_{table}) AS r "
        f"WHERE {seen} {lasting} ORDER BY since, recorded_at, {', '.join(n for n in wanted if n in names)}"
    )
    return list(rows.to_pylist())
