"""The laws of chance of the demo world, each written once and used twice: by the weekly life and by the exact truth.

A lead's future hangs on three hidden things at the start of a week, and on nothing else that moves:

- *deal*: its account's buying committee is quiet, forming or buying. Colleagues pull each other only through this
  state, so that the truth stays exact; the number of roles that are busy in an account is its visible trace.
- *intent*: dormant, early, active or ready.
- *hand*: whether the lead viewed pricing or asked for a demo in the week before.

In a week each open lead meets one fate (merged, rejected, SQL, or none); then the three hidden things move on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadline.tables.demo import clock
from leadline.tables.demo.catalogue import BANDS, DEALS, HANDS, INTENTS, rates
from leadline.tables.demo.clock import Floats, Ints

CLIMB = np.array([0.025, 0.08, 0.075, 0.0])
"""Weekly chance to go up one intent, from dormant, early, active; before the pulls below."""
SLIP = np.array([0.0, 0.09, 0.09, 0.10])
"""Weekly chance to go down one intent."""
LAPSE = np.array([0.0, 0.0, 0.04, 0.04])
"""Weekly chance to fall dormant at once."""
BAND_PULL = np.array([-0.25, 0.0, 0.25])
DEAL_PULL = np.array([-0.35, 0.35, 0.90])

DEAL_MOVES = np.array([[0.975, 0.025, 0.0], [0.06, 0.86, 0.08], [0.06, 0.02, 0.92]])
"""Weekly chances from quiet, forming, buying to each, for an account of fair fit."""
DEAL_START = np.array([0.72, 0.18, 0.10])

INTENT_SQL = np.array([-1.4, -0.75, 0.3, 1.1])
DEAL_SQL = np.array([-0.25, 0.10, 0.50])
HAND_SQL = 1.3
BASE_SQL = -5.9

INTENT_REJECTED = np.array([0.085, 0.045, 0.025, 0.012])
BAND_REJECTED = np.array([1.5, 1.0, 0.8])
HAND_REJECTED = np.array([0.06, 0.015, 0.0])
"""Whoever raises a hand is looked at, and a poor fit is then seen."""
JUNK_REJECTED = 0.20
DUPLICATE_MERGED = 0.35


@dataclass(frozen=True)
class Traits:
    """What never changes about leads: one array each, of the same length."""

    propensity: Floats
    band: Ints
    role: Ints
    junk: npt.NDArray[np.bool_]
    duplicate: npt.NDArray[np.bool_]

    def where(self, index: slice | Ints) -> Traits:
        """The traits of the leads that a slice or an index picks; the arrays take the index's shape."""
        return Traits(
            self.propensity[index], self.band[index], self.role[index], self.junk[index], self.duplicate[index]
        )


@dataclass(frozen=True)
class Hidden:
    """What moves each week, as it stands when the week starts: arrays that broadcast against the traits."""

    deal: Ints
    intent: Ints
    hand: Ints


@dataclass(frozen=True)
class Fates:
    """The chances of one week's three fates. They exclude each other; what is missing to 1 is staying open."""

    merged: Floats
    rejected: Floats
    sql: Floats

    @property
    def stays(self) -> Floats:
        """The chance that the lead is still open when the week ends."""
        return 1.0 - self.merged - self.rejected - self.sql


def fates(week_sql: Floats, traits: Traits, hidden: Hidden) -> Fates:
    """The chances of each fate in a week.

    Parameters
    ----------
    week_sql
        What the week adds to the log-odds, from ``clock.sql_season()``.
    traits, hidden
        Who is asked about, and how they stand at the week's start.

    Returns
    -------
    Fates
    """
    merged = np.where(traits.duplicate, DUPLICATE_MERGED, 0.0)
    looked_at = INTENT_REJECTED[hidden.intent] * BAND_REJECTED[traits.band]
    rejected = looked_at + HAND_REJECTED[traits.band] * hidden.hand + JUNK_REJECTED * traits.junk
    log_odds = BASE_SQL + traits.propensity + INTENT_SQL[hidden.intent] + DEAL_SQL[hidden.deal]
    sql = 1.0 / (1.0 + np.exp(-(log_odds + HAND_SQL * hidden.hand + week_sql)))
    left = 1.0 - merged
    merged, rejected, sql = np.broadcast_arrays(merged, left * rejected, left * (1.0 - rejected) * sql)
    return Fates(merged, rejected, sql)


def deal_moves() -> Floats:
    """Weekly chances of an account's committee to move.

    Returns
    -------
    array of float
        Axes: fit band, deal now, deal next week. Better fit starts committees more often.
    """
    moves = np.repeat(DEAL_MOVES[None, :, :], len(BANDS), axis=0)
    for band, pull in enumerate(BAND_PULL):
        for deal in range(len(DEALS) - 1):
            moves[band, deal, deal + 1] *= np.exp(2.0 * pull)
            moves[band, deal, deal] = 0.0
            moves[band, deal, deal] = 1.0 - moves[band, deal].sum()
    return moves


def intent_moves() -> Floats:
    """Weekly chances of a lead's intent to move.

    Returns
    -------
    array of float
        Axes: week, fit band, deal, intent now, intent next week.
    """
    pull = clock.season()[:, None, None] + BAND_PULL[None, :, None] + DEAL_PULL[None, None, :]
    climb = np.minimum(CLIMB * np.exp(pull)[..., None], 0.5)
    slip = np.minimum(SLIP * np.exp(-0.5 * pull)[..., None], 0.25)
    lapse = np.minimum(LAPSE * np.exp(-0.5 * pull)[..., None], 0.15)
    moves = np.zeros((*pull.shape, len(INTENTS), len(INTENTS)))
    for intent in range(len(INTENTS)):
        if intent + 1 < len(INTENTS):
            moves[..., intent, intent + 1] = climb[..., intent]
        if intent > 0:
            moves[..., intent, intent - 1] = slip[..., intent]
            moves[..., intent, 0] += lapse[..., intent]
        moves[..., intent, intent] = 1.0 - moves[..., intent, :].sum(axis=-1)
    return moves


def hand_chances() -> Floats:
    """Chance that a lead raises a hand in a week: that it does at least one of the ``HANDS``.

    Returns
    -------
    array of float
        Axes: week, intent, role, and last: no hand, hand.
    """
    weekly = rates()[:, :, list(HANDS)].sum(axis=2)
    none = np.exp(-weekly[None, :, :] * np.exp(clock.season())[:, None, None])
    return np.stack([none, 1.0 - none], axis=-1)


def pick(rng: np.random.Generator, chances: Floats) -> Ints:
    """Draw one column for each row of a table of chances.

    Parameters
    ----------
    rng
        The generator to draw from.
    chances
        One row a draw; each row sums to 1.

    Returns
    -------
    array of int
    """
    upper = np.cumsum(chances, axis=1)[:, :-1]
    drawn: Ints = (rng.random(len(chances))[:, None] >= upper).sum(axis=1)
    return drawn
