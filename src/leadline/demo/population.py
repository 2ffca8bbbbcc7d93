"""The demo world's leads as they come in: account, source, campaign, title, country, and what is hidden about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadline.demo import calendar
from leadline.demo.calendar import WEEKS, Floats, Ints
from leadline.demo.rates import DEAL_START, INDUSTRIES, REGIONS, ROLES, SOURCES, LeadTraits, deal_moves, draw_column

# The demo world's accounts: industry, size, region, hidden fit, and the weekly state of each buying committee.


SCANNED = 0.25

"""Share of accounts whose e-mail goes through a security scanner that clicks every link."""


@dataclass(frozen=True)
class DemoAccounts:
    """All accounts, one array each. ``deal`` has a row for each week, the end of the world included."""

    industry: Ints
    employees: Ints
    region: Ints
    fit: Floats
    band: Ints
    scanned: npt.NDArray[np.bool_]
    deal: Ints

    def __len__(self) -> int:
        return self.fit.size


def draw_accounts(rng: np.random.Generator, size: int) -> DemoAccounts:
    """Draw accounts and live through their committees' weeks.

    Parameters
    ----------
    rng
        The generator to draw from.
    size
        How many accounts.

    Returns
    -------
    Accounts
    """
    shares, fits = np.array(list(INDUSTRIES.values())).T
    industry = rng.choice(len(shares), size, p=shares)
    employees = np.clip(np.exp(rng.normal(5.2, 1.4, size)), 3, 90_000).astype(np.int64)
    region = rng.choice(len(REGIONS), size, p=[share for share, _ in REGIONS.values()])
    best_size = -0.25 * np.abs(np.log(employees) - np.log(600.0))
    fit = fits[industry] + best_size + 0.35 + rng.normal(0.0, 0.6, size)
    band = np.digitize(fit, [-0.30, 0.45])
    scanned = rng.random(size) < SCANNED
    return DemoAccounts(industry, employees, region, fit, band, scanned, _committees(rng, band))


def _committees(rng: np.random.Generator, band: Ints) -> Ints:
    """The state of each account's committee at the start of each week."""
    moves = deal_moves()
    deal = np.zeros((WEEKS + 1, band.size), dtype=np.int64)
    deal[0] = rng.choice(len(DEAL_START), band.size, p=DEAL_START)
    for week in range(WEEKS):
        deal[week + 1] = draw_column(rng, moves[band, deal[week]])
    return deal


NO_ACCOUNT = 0.03

NO_TITLE = 0.03

DUPLICATE = 0.011

ARRIVAL_PULL = np.array([1.0, 1.7, 2.6])

"""How much likelier a lead comes from an account whose committee is quiet, forming, buying."""

DOMAINS = ("corporate", "freemail", "shared_mailbox", "disposable")


@dataclass(frozen=True)
class DemoLeads:
    """All leads in order of the week that they came in, one array each; ``same_as`` is -1 but for duplicates."""

    week: Ints
    created_at: Ints
    account: Ints
    unmatched: npt.NDArray[np.bool_]
    source: Ints
    campaign: list[str | None]
    title: list[str | None]
    country: list[str]
    domain: Ints
    same_as: Ints
    first_intent: Ints
    temper: Floats
    traits: LeadTraits

    def __len__(self) -> int:
        return self.week.size


def draw_leads(rng: np.random.Generator, size: int, accounts: DemoAccounts) -> DemoLeads:
    """Draw leads. Who comes in a week hangs only on what the accounts' committees do in that week, never later.

    Parameters
    ----------
    rng
        The generator to draw from.
    size
        How many leads.
    accounts
        The accounts that they belong to.

    Returns
    -------
    Leads
    """
    week, account = _arrivals(rng, size, accounts)
    source = rng.choice(len(SOURCES), size, p=[source.share for source in SOURCES])
    role = rng.choice(len(ROLES), size, p=[role.share for role in ROLES])
    same_as = _duplicates(rng, account)
    doubled = same_as >= 0
    role[doubled] = role[same_as[doubled]]
    junk = rng.random(size) < np.array([source.junk for source in SOURCES])[source]
    junk &= ~doubled
    titles, countries = _words(rng, role, accounts.region[account])
    for index in np.flatnonzero(doubled):
        titles[index], countries[index] = titles[same_as[index]], countries[same_as[index]]
    created_at = calendar.instants(rng, week, np.zeros(size, dtype=np.int64))
    propensity = _propensity(rng, source, role, accounts.fit[account])
    return DemoLeads(
        week=week, created_at=created_at, account=account, unmatched=rng.random(size) < NO_ACCOUNT, source=source,
        campaign=_campaigns(rng, source, created_at), title=titles, country=countries, domain=_domains(rng, junk),
        same_as=same_as, first_intent=draw_column(rng, np.array([source.first_intents for source in SOURCES])[source]),
        temper=rng.gamma(2.5, 1 / 2.5, size),
        traits=LeadTraits(propensity, accounts.band[account], role, junk, doubled),
    )  # fmt: skip


def _arrivals(rng: np.random.Generator, size: int, accounts: DemoAccounts) -> tuple[Ints, Ints]:
    """The week and the account of each lead: weekly numbers grow slowly and dip in lulls."""
    weekly = np.exp(calendar.season()[:WEEKS] + np.linspace(0.0, 0.4, WEEKS))
    upto = np.rint(size * np.cumsum(weekly) / weekly.sum()).astype(np.int64)
    numbers = np.diff(upto, prepend=0)
    week = np.repeat(np.arange(WEEKS), numbers)
    reach = rng.gamma(1.2, 1.0, len(accounts)) * accounts.employees**0.25
    account = np.empty(size, dtype=np.int64)
    for now in range(WEEKS):
        weights = np.cumsum(reach * ARRIVAL_PULL[accounts.deal[now]])
        account[week == now] = np.searchsorted(weights, rng.random(numbers[now]) * weights[-1], side="right")
    return week, account


def _duplicates(rng: np.random.Generator, account: Ints) -> Ints:
    """For a few leads the earlier lead of the same account that is the same person; -1 for all others."""
    same_as = np.full(account.size, -1, dtype=np.int64)
    for index in np.flatnonzero(rng.random(account.size) < DUPLICATE):
        earlier = np.flatnonzero((account[:index] == account[index]) & (same_as[:index] < 0))
        if earlier.size:
            same_as[index] = earlier[-1]
    return same_as


def _words(rng: np.random.Generator, role: Ints, region: Ints) -> tuple[list[str | None], list[str]]:
    """A title for each role, sometimes none, and a country for each region."""
    countries = [names for _, names in REGIONS.values()]
    luck = rng.random((3, role.size))
    titles: list[str | None] = [
        None if gone < NO_TITLE else ROLES[which].titles[int(spot * len(ROLES[which].titles))]
        for which, spot, gone in zip(role.tolist(), luck[0].tolist(), luck[1].tolist(), strict=True)
    ]
    return titles, [
        countries[which][int(spot * len(countries[which]))]
        for which, spot in zip(region.tolist(), luck[2].tolist(), strict=True)
    ]


def _campaigns(rng: np.random.Generator, source: Ints, created_at: Ints) -> list[str | None]:
    """An evergreen campaign or the quarter's own for each source; what costs nothing has no campaign."""
    months = created_at.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    years, quarters = 1970 + months // 12, months % 12 // 3 + 1
    evergreen = rng.random(source.size) < 0.55
    names: list[str | None] = []
    for which, always, year, quarter in zip(source, evergreen, years, quarters, strict=True):
        run = "always" if always else f"{year}q{quarter}"
        names.append(f"{SOURCES[which].name}-{run}" if SOURCES[which].cost else None)
    return names


def _domains(rng: np.random.Generator, junk: npt.NDArray[np.bool_]) -> Ints:
    """The kind of e-mail domain: bad data often hides behind freemail and disposable addresses."""
    chances = np.where(junk[:, None], [0.15, 0.40, 0.10, 0.35], [0.82, 0.13, 0.04, 0.01])
    return draw_column(rng, chances)


def _propensity(rng: np.random.Generator, source: Ints, role: Ints, fit: Floats) -> Floats:
    """What is fixed in a lead's log-odds of SQL, in steps of 0.1 so that the truth is worked out once a step."""
    by_source = np.array([source.sql for source in SOURCES])[source]
    by_role = np.array([role.sql for role in ROLES])[role]
    luck = rng.normal(0.0, 0.15, source.size)
    return np.asarray(np.round(by_source + by_role + 0.55 * fit + luck, 1) + 0.0)
