"""The demo world's accounts: industry, size, region, hidden fit, and the weekly state of each buying committee."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadline.tables.demo.catalogue import INDUSTRIES, REGIONS
from leadline.tables.demo.chances import DEAL_START, deal_moves, pick
from leadline.tables.demo.clock import WEEKS, Floats, Ints

SCANNED = 0.25
"""Share of accounts whose e-mail goes through a security scanner that clicks every link."""


@dataclass(frozen=True)
class Accounts:
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


def draw_accounts(rng: np.random.Generator, size: int) -> Accounts:
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
    return Accounts(industry, employees, region, fit, band, scanned, _committees(rng, band))


def _committees(rng: np.random.Generator, band: Ints) -> Ints:
    """The state of each account's committee at the start of each week."""
    moves = deal_moves()
    deal = np.zeros((WEEKS + 1, band.size), dtype=np.int64)
    deal[0] = rng.choice(len(DEAL_START), band.size, p=DEAL_START)
    for week in range(WEEKS):
        deal[week + 1] = pick(rng, moves[band, deal[week]])
    return deal
