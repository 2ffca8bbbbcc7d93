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

from leadline.demo import calendar
from leadline.demo.calendar import Floats, Ints

# What there is in the demo world: behaviours, roles, sources, industries. Plain tables, no chance in them.


INTENTS = ("dormant", "early", "active", "ready")

"""A lead's hidden intent: dormant, early researcher, active evaluator, purchase-ready."""

DORMANT, EARLY, ACTIVE, READY = range(4)

DEALS = ("quiet", "forming", "buying")

"""An account's hidden state: no committee, a committee that forms, a committee that buys."""

QUIET, FORMING, BUYING = range(3)

BANDS = ("poor", "fair", "good")

"""An account's fit in three bands."""


@dataclass(frozen=True)
class DemoBehaviour:
    """A kind of event: its intent, words, points in the company's rules, weekly rates by hidden intent, and the asset it uses."""

    name: str
    intent: str
    words: str
    points: int
    rates: tuple[float, float, float, float]
    asset: str = ""


BEHAVIOURS = (
    DemoBehaviour("email_open", "awareness", "opened an e-mail", 1, (0.25, 0.40, 0.50, 0.50)),
    DemoBehaviour("email_click", "awareness", "clicked a link in an e-mail", 2, (0.06, 0.15, 0.25, 0.28)),
    DemoBehaviour("blog_view", "awareness", "read the blog", 1, (0.06, 0.35, 0.30, 0.15)),
    DemoBehaviour("whitepaper_download", "awareness", "downloaded a white paper", 6, (0.01, 0.10, 0.10, 0.04)),
    DemoBehaviour("webinar_attended", "awareness", "attended a webinar", 8, (0.01, 0.05, 0.10, 0.06)),
    DemoBehaviour("product_page_view", "evaluation", "viewed a product page", 2, (0.05, 0.40, 1.10, 1.00)),
    DemoBehaviour("docs_view", "evaluation", "read the documentation", 2, (0.04, 0.20, 1.20, 1.00)),
    DemoBehaviour(
        "evaluation_template",
        "evaluation",
        "downloaded the evaluation template",
        10,
        (0.001, 0.01, 0.14, 0.10),
        "evaluation template",
    ),
    DemoBehaviour(
        "roi_calculator", "evaluation", "used the ROI calculator", 10, (0.001, 0.01, 0.10, 0.25), "ROI calculator"
    ),
    DemoBehaviour("sales_call", "evaluation", "spoke with sales", 10, (0.01, 0.02, 0.08, 0.20)),
    DemoBehaviour("pricing_page_view", "purchase", "viewed the pricing page", 8, (0.010, 0.05, 0.25, 0.90)),
    DemoBehaviour("demo_request", "purchase", "asked for a demo", 25, (0.001, 0.01, 0.05, 0.35)),
    DemoBehaviour(
        "security_questionnaire",
        "purchase",
        "sent a security questionnaire",
        15,
        (0.0005, 0.003, 0.05, 0.32),
        "security questionnaire",
    ),
    DemoBehaviour(
        "implementation_plan",
        "purchase",
        "opened the implementation plan",
        15,
        (0.0005, 0.003, 0.05, 0.35),
        "implementation plan",
    ),
    DemoBehaviour(
        "procurement_pack",
        "purchase",
        "downloaded the procurement pack",
        15,
        (0.0005, 0.002, 0.02, 0.30),
        "procurement pack",
    ),
)

BEHAVIOUR = {behaviour.name: index for index, behaviour in enumerate(BEHAVIOURS)}

HANDS = (BEHAVIOUR["pricing_page_view"], BEHAVIOUR["demo_request"])

"""Behaviours that count as raising a hand: the week after one, SQL is likelier."""

POINTS = np.array([behaviour.points for behaviour in BEHAVIOURS])


@dataclass(frozen=True)
class DemoRole:
    """A part in the buying committee: its share of leads, its log-odds of SQL, its titles, what it does more often."""

    name: str
    share: float
    sql: float
    titles: tuple[str, ...]
    more: dict[str, float]


ROLES = (
    DemoRole("technical_evaluator", 0.30, 0.10, ("Solutions Architect", "Senior Engineer", "Head of Engineering",
         "DevOps Lead", "IT Manager"), {"docs_view": 1.8, "security_questionnaire": 2.0, "evaluation_template": 1.8,
         "roi_calculator": 0.5}),
    DemoRole("economic_buyer", 0.13, 0.60, ("VP Finance", "CFO", "Finance Director", "Head of Finance"),
         {"roi_calculator": 2.2, "pricing_page_view": 1.4, "docs_view": 0.4}),
    DemoRole("executive_sponsor", 0.10, 0.45, ("CEO", "CTO", "COO", "Managing Director"),
         {"demo_request": 1.4, "blog_view": 0.6, "docs_view": 0.4, "implementation_plan": 1.5}),
    DemoRole("procurement", 0.07, 0.25, ("Procurement Manager", "Purchasing Lead", "Vendor Manager"),
         {"procurement_pack": 2.5, "pricing_page_view": 1.3, "blog_view": 0.4}),
    DemoRole("end_user", 0.28, -0.40, ("Analyst", "Operations Specialist", "Marketing Manager", "Sales Coordinator"),
         {"product_page_view": 1.4, "webinar_attended": 1.5, "procurement_pack": 0.3}),
    DemoRole("other", 0.12, -1.00, ("Consultant", "Student", "Freelancer", "Researcher"),
         {"whitepaper_download": 2.0, "blog_view": 1.6, "demo_request": 0.7}),
)  # fmt: skip


@dataclass(frozen=True)
class DemoSource:
    """Where leads come from: share, log-odds of SQL and of a win, share of bad data, cost, and first intents."""

    name: str
    share: float
    sql: float
    won: float
    junk: float
    cost: float
    first_intents: tuple[float, float, float, float]


SOURCES = (
    DemoSource("organic_search", 0.22, 0.10, 0.0, 0.04, 0.0, (0.15, 0.55, 0.25, 0.05)),
    DemoSource("paid_search", 0.18, 0.00, 0.0, 0.06, 95.0, (0.20, 0.50, 0.24, 0.06)),
    DemoSource("referral", 0.08, 0.45, 0.4, 0.01, 20.0, (0.05, 0.45, 0.35, 0.15)),
    DemoSource("partner", 0.07, 0.35, 0.5, 0.02, 60.0, (0.05, 0.45, 0.38, 0.12)),
    DemoSource("webinar", 0.12, -0.05, 0.0, 0.03, 55.0, (0.20, 0.60, 0.18, 0.02)),
    DemoSource("trade_fair", 0.08, -0.10, 0.2, 0.05, 140.0, (0.30, 0.52, 0.15, 0.03)),
    DemoSource("content_syndication", 0.15, -0.50, -0.3, 0.15, 40.0, (0.50, 0.43, 0.06, 0.01)),
    DemoSource("free_tool", 0.10, 0.55, -1.8, 0.08, 15.0, (0.10, 0.45, 0.35, 0.10)),
)

"""`free_tool` brings leads that reach SQL often and are seldom won: a score for SQL likes them too much."""

INDUSTRIES = {
    "software": (0.24, 0.50), "finance": (0.16, 0.40), "manufacturing": (0.16, 0.05), "healthcare": (0.12, 0.10),
    "retail": (0.12, -0.20), "logistics": (0.08, 0.00), "education": (0.07, -0.60), "public_sector": (0.05, -0.50),
}  # fmt: skip

"""Each industry's share of accounts and what it adds to their fit."""

REGIONS = {
    "emea": (0.42, ("DE", "GB", "FR", "NL", "SE")),
    "americas": (0.40, ("US", "CA", "BR", "MX")),
    "apac": (0.18, ("AU", "IN", "JP", "SG")),
}

"""Each region's share of accounts and its countries."""


def weekly_rates() -> Floats:
    """Weekly rate of each behaviour, before seasons and a lead's own temper.

    Returns
    -------
    array of float
        Axes: hidden intent, role, behaviour.
    """
    base = np.array([behaviour.rates for behaviour in BEHAVIOURS]).T
    tilt = np.array([[role.more.get(behaviour.name, 1.0) for behaviour in BEHAVIOURS] for role in ROLES])
    result: Floats = base[:, None, :] * tilt[None, :, :]
    return result


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
class LeadTraits:
    """What never changes about leads: one array each, of the same length."""

    propensity: Floats
    band: Ints
    role: Ints
    junk: npt.NDArray[np.bool_]
    duplicate: npt.NDArray[np.bool_]

    def where(self, index: slice | Ints) -> LeadTraits:
        """The traits of the leads that a slice or an index picks; the arrays take the index's shape."""
        return LeadTraits(
            self.propensity[index], self.band[index], self.role[index], self.junk[index], self.duplicate[index]
        )


@dataclass(frozen=True)
class HiddenState:
    """What moves each week, as it stands when the week starts: arrays that broadcast against the traits."""

    deal: Ints
    intent: Ints
    hand: Ints


@dataclass(frozen=True)
class FateChances:
    """The chances of one week's three fates. They exclude each other; what is missing to 1 is staying open."""

    merged: Floats
    rejected: Floats
    sql: Floats

    @property
    def stays(self) -> Floats:
        """The chance that the lead is still open when the week ends."""
        return 1.0 - self.merged - self.rejected - self.sql


def fate_chances(week_sql: Floats, traits: LeadTraits, hidden: HiddenState) -> FateChances:
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
    return FateChances(merged, rejected, sql)


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
    pull = calendar.season()[:, None, None] + BAND_PULL[None, :, None] + DEAL_PULL[None, None, :]
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
    weekly = weekly_rates()[:, :, list(HANDS)].sum(axis=2)
    none = np.exp(-weekly[None, :, :] * np.exp(calendar.season())[:, None, None])
    return np.stack([none, 1.0 - none], axis=-1)


def draw_column(rng: np.random.Generator, chances: Floats) -> Ints:
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
