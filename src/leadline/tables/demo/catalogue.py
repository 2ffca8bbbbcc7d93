"""What there is in the demo world: behaviours, roles, sources, industries. Plain tables, no chance in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leadline.tables.demo.clock import Floats

INTENTS = ("dormant", "early", "active", "ready")
"""A lead's hidden intent: dormant, early researcher, active evaluator, purchase-ready."""
DORMANT, EARLY, ACTIVE, READY = range(4)

DEALS = ("quiet", "forming", "buying")
"""An account's hidden state: no committee, a committee that forms, a committee that buys."""
QUIET, FORMING, BUYING = range(3)

BANDS = ("poor", "fair", "good")
"""An account's fit in three bands."""


@dataclass(frozen=True)
class Behaviour:
    """A kind of event: its intent, words, points in the company's rules, weekly rates by hidden intent, and the asset it uses."""

    name: str
    intent: str
    words: str
    points: int
    rates: tuple[float, float, float, float]
    asset: str = ""


BEHAVIOURS = (
    Behaviour("email_open", "awareness", "opened an e-mail", 1, (0.25, 0.40, 0.50, 0.50)),
    Behaviour("email_click", "awareness", "clicked a link in an e-mail", 2, (0.06, 0.15, 0.25, 0.28)),
    Behaviour("blog_view", "awareness", "read the blog", 1, (0.06, 0.35, 0.30, 0.15)),
    Behaviour("whitepaper_download", "awareness", "downloaded a white paper", 6, (0.01, 0.10, 0.10, 0.04)),
    Behaviour("webinar_attended", "awareness", "attended a webinar", 8, (0.01, 0.05, 0.10, 0.06)),
    Behaviour("product_page_view", "evaluation", "viewed a product page", 2, (0.05, 0.40, 1.10, 1.00)),
    Behaviour("docs_view", "evaluation", "read the documentation", 2, (0.04, 0.20, 1.20, 1.00)),
    Behaviour(
        "evaluation_template",
        "evaluation",
        "downloaded the evaluation template",
        10,
        (0.001, 0.01, 0.14, 0.10),
        "evaluation template",
    ),
    Behaviour(
        "roi_calculator", "evaluation", "used the ROI calculator", 10, (0.001, 0.01, 0.10, 0.25), "ROI calculator"
    ),
    Behaviour("sales_call", "evaluation", "spoke with sales", 10, (0.01, 0.02, 0.08, 0.20)),
    Behaviour("pricing_page_view", "purchase", "viewed the pricing page", 8, (0.010, 0.05, 0.25, 0.90)),
    Behaviour("demo_request", "purchase", "asked for a demo", 25, (0.001, 0.01, 0.05, 0.35)),
    Behaviour(
        "security_questionnaire",
        "purchase",
        "sent a security questionnaire",
        15,
        (0.0005, 0.003, 0.05, 0.32),
        "security questionnaire",
    ),
    Behaviour(
        "implementation_plan",
        "purchase",
        "opened the implementation plan",
        15,
        (0.0005, 0.003, 0.05, 0.35),
        "implementation plan",
    ),
    Behaviour(
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
class Role:
    """A part in the buying committee: its share of leads, its log-odds of SQL, its titles, what it does more often."""

    name: str
    share: float
    sql: float
    titles: tuple[str, ...]
    more: dict[str, float]


ROLES = (
    Role("technical_evaluator", 0.30, 0.10, ("Solutions Architect", "Senior Engineer", "Head of Engineering",
         "DevOps Lead", "IT Manager"), {"docs_view": 1.8, "security_questionnaire": 2.0, "evaluation_template": 1.8,
         "roi_calculator": 0.5}),
    Role("economic_buyer", 0.13, 0.60, ("VP Finance", "CFO", "Finance Director", "Head of Finance"),
         {"roi_calculator": 2.2, "pricing_page_view": 1.4, "docs_view": 0.4}),
    Role("executive_sponsor", 0.10, 0.45, ("CEO", "CTO", "COO", "Managing Director"),
         {"demo_request": 1.4, "blog_view": 0.6, "docs_view": 0.4, "implementation_plan": 1.5}),
    Role("procurement", 0.07, 0.25, ("Procurement Manager", "Purchasing Lead", "Vendor Manager"),
         {"procurement_pack": 2.5, "pricing_page_view": 1.3, "blog_view": 0.4}),
    Role("end_user", 0.28, -0.40, ("Analyst", "Operations Specialist", "Marketing Manager", "Sales Coordinator"),
         {"product_page_view": 1.4, "webinar_attended": 1.5, "procurement_pack": 0.3}),
    Role("other", 0.12, -1.00, ("Consultant", "Student", "Freelancer", "Researcher"),
         {"whitepaper_download": 2.0, "blog_view": 1.6, "demo_request": 0.7}),
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """Where leads come from: share, log-odds of SQL and of a win, share of bad data, cost, and first intents."""

    name: str
    share: float
    sql: float
    won: float
    junk: float
    cost: float
    first_intents: tuple[float, float, float, float]


SOURCES = (
    Source("organic_search", 0.22, 0.10, 0.0, 0.04, 0.0, (0.15, 0.55, 0.25, 0.05)),
    Source("paid_search", 0.18, 0.00, 0.0, 0.06, 95.0, (0.20, 0.50, 0.24, 0.06)),
    Source("referral", 0.08, 0.45, 0.4, 0.01, 20.0, (0.05, 0.45, 0.35, 0.15)),
    Source("partner", 0.07, 0.35, 0.5, 0.02, 60.0, (0.05, 0.45, 0.38, 0.12)),
    Source("webinar", 0.12, -0.05, 0.0, 0.03, 55.0, (0.20, 0.60, 0.18, 0.02)),
    Source("trade_fair", 0.08, -0.10, 0.2, 0.05, 140.0, (0.30, 0.52, 0.15, 0.03)),
    Source("content_syndication", 0.15, -0.50, -0.3, 0.15, 40.0, (0.50, 0.43, 0.06, 0.01)),
    Source("free_tool", 0.10, 0.55, -1.8, 0.08, 15.0, (0.10, 0.45, 0.35, 0.10)),
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


def rates() -> Floats:
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
