"""What a reason says."""

from __future__ import annotations

import math
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.core.point_in_time import DAY, Horizon, parse_instant
from leadline.dataset.feature_spec import Feature
from leadline.explanation.reason_text import LONGEST, describe_group
from leadline.tables.icp import Criterion

NOON = parse_instant("2026-01-10T12:00:00Z")
nan = math.nan


def count(window: str | None, words: str = "viewed the pricing page", by: str = "behaviour") -> Feature:
    length = Horizon.parse(window) if window else None
    return Feature(f"n_{window or 'all'}", "behaviour", "g", "count", "count", words, field="x", by=by, window=length)  # type: ignore[arg-type]


def last(words: str = "viewed the pricing page") -> Feature:
    return Feature("since", "recency", "g", "days", "since_last", words)


def first(words: str = "viewed the pricing page") -> Feature:
    return Feature("first", "recency", "g", "days", "since_first", words)


def value(words: str = "job title", kind: str = "category") -> Feature:
    return Feature("v", "fit", "g", kind, "value", words, "leads")  # type: ignore[arg-type]


STAGE = [
    Feature("is", "funnel", "g", "flag", "in_stage", "became MQL", "stages", "mql", "stage"),
    Feature("since", "funnel", "g", "days", "since_stage", "became MQL", "stages", "mql", "stage"),
]


def told(*aggregates: str, words: str = "w", table: str = "events", **more: object) -> list[Feature]:
    whole = {
        "rate": {"terms": ("sql", "0d")},
        "trend": {"terms": ("7d",)},
        "pace": {"field": "7d"},
    }  # what these can't be without
    return [Feature(a, "f", "g", "number", a, words, table, **whole.get(a, {}), **more) for a in aggregates]  # type: ignore[arg-type]


NETHERLANDS = Criterion("lead_country", "leads", "country", words=("nl",)).to_text()
FIT = [
    Feature(f"icp_{n}", "fit", "icp", "flag", "meets", words, terms=(NETHERLANDS,))
    for n, words in enumerate(("country", "the account's industry"))
] + [Feature("icp_match", "fit", "icp", "number", "share_met", "the ideal customer profile")]
WEEK = Horizon.parse("7d")
NAMELESS = [
    Feature(n, "account", "account_acts", "count", a, "anonymous events of the account", "colleagues", window=w)  # type: ignore[arg-type]
    for n, a, w in (
        ("n_7d", "account_acts", WEEK),
        ("n_30d", "account_acts", Horizon.parse("30d")),
        ("since", "since_account_act", None),
    )
]


@pytest.mark.parametrize(
    ("group", "facts", "said"),
    [
        (told("rate", words="conversion of earlier leads of the same source"), {"rate": 0.1234}, "12.3% of earlier leads of the same source converted"),
        (told("rate", words="conversion of earlier leads of the same role"), {"rate": nan}, "earlier leads of the same role: nothing known yet"),
        (told("stage_now", "since_stage_now", table="stages"), {"stage_now": 1.0, "since_stage_now": 9.0}, "MQL for 9 days"),
        (told("since_stage_now", table="stages"), {"since_stage_now": 0.5}, "in its stage for 12 hours"),
        (told("recycled", table="stages"), {"recycled": 2.0}, "came back 2 times after it was lost or rejected"),
        (told("recycled", table="stages"), {"recycled": 0.0}, "never came back after a loss"),
        (told("engaged_by_size", table="accounts", window=WEEK), {"engaged_by_size": 0.004}, "colleagues active in 7 days: 0.40% of the company's size"),
        (told("engaged_by_size", table="accounts", window=WEEK), {"engaged_by_size": nan}, "colleagues active in 7 days: the company's size is unknown"),
        (FIT, {"icp_0": 1.0, "icp_1": 0.0, "icp_match": 0.5}, "fits in country; not in the account's industry (ICP)"),
        (FIT, {"icp_0": nan, "icp_1": 1.0, "icp_match": 1.0}, "fits in the account's industry (ICP)"),
        (FIT, {"icp_0": nan, "icp_1": nan, "icp_match": nan}, "its fit is unknown (ICP)"),
        (FIT[2:], {"icp_match": 0.5}, "fits 50% of the ICP's known criteria"),
        (told("depth", "since_depth"), {"depth": 3.0, "since_depth": 2.0}, "deepest intent so far: purchase, first on 8 Jan"),
        (told("since_depth"), {"since_depth": nan}, "no intent known so far"),
        (told("progress", "progress_pace", "first_to_purchase"), {"progress": 2.0, "progress_pace": 3.0, "first_to_purchase": 6.0},
         "2 steps from awareness to purchase, 3 days a step, purchase intent 6 days after the first touch"),
        (told("first_to_purchase"), {"first_to_purchase": nan}, "no events of purchase intent"),
        (told("trend", words="events of any kind"), {"trend": -1.5}, "1.5 fewer events of any kind a week than before"),
        (told("trend", words="events of any kind"), {"trend": 0.0}, "as many events of any kind as before"),
        (told("scanned", window=WEEK), {"scanned": 6.0}, "6 events faster than a person's in 7 days"),
        (told("scanned", window=WEEK), {"scanned": 0.0}, "no events faster than a person's"),
        (NAMELESS, {"n_7d": 0.0, "n_30d": 4.0, "since": 8.0}, "anonymous events of the account: 4 in 30 days, last on 2 Jan"),
        (NAMELESS, {"n_7d": 0.0, "n_30d": 0.0, "since": nan}, "no anonymous events of the account"),
        (told("heat", words="called"), {"heat": 64.0}, "called in the last weeks"),
    ],
)  # fmt: skip
def test_what_a_lead_is_and_where_it_stands_is_said(group: list[Feature], facts: dict[str, float], said: str) -> None:
    assert describe_group(group, facts, NOON) == said


@pytest.mark.parametrize(
    ("group", "facts", "said"),
    [
        ([count("7d"), count("30d")], {"n_7d": 0.0, "n_30d": 1.0}, "viewed the pricing page once in 30 days"),
        ([count("7d"), count("30d")], {"n_7d": 2.0, "n_30d": 9.0}, "viewed the pricing page 2 times in 7 days"),
        ([count("1d")], {"n_1d": 3.0}, "viewed the pricing page 3 times in 1 day"),
        ([count("6h")], {"n_6h": 3.0}, "viewed the pricing page 3 times in 6 hours"),
        ([count(None)], {"n_all": 1200.0}, "viewed the pricing page 1,200 times in all"),
        ([count("7d"), last()], {"n_7d": 0.0, "since": 100.0}, "viewed the pricing page long ago, last on 2 Oct 2025"),
        ([count("7d"), last()], {"n_7d": 0.0, "since": nan}, "never viewed the pricing page"),
        ([last()], {"since": 1.0}, "viewed the pricing page, last on 9 Jan"),
        ([first()], {"first": 1.0}, "viewed the pricing page, first on 9 Jan"),
        ([first(), last()], {"first": 5.0, "since": 1.0}, "viewed the pricing page, last on 9 Jan"),
        ([count("7d", "events of purchase intent")], {"n_7d": 1.0}, "1 event of purchase intent in 7 days"),
        ([count("7d", "events of any kind")], {"n_7d": 4.0}, "4 events of any kind in 7 days"),
        ([count("7d", "events of any kind")], {"n_7d": 0.0}, "no events of any kind"),
        ([count("7d", "events")], {"n_7d": 1.0}, "1 event in 7 days"),
        ([count("7d", "events")], {"n_7d": 0.0}, "no events"),
        (STAGE, {"is": 1.0, "since": 10.0}, "became MQL on 31 Dec 2025"),
        (STAGE, {"is": 0.0, "since": nan}, "never became MQL"),
        (STAGE[1:], {"since": nan}, "never became MQL"),
        (STAGE[1:], {"since": 0.0}, "became MQL on 10 Jan"),
        (STAGE[:1], {"is": 1.0}, "became MQL"),
        ([value()], {"v": "IT Manager"}, "job title is IT Manager"),
        ([value()], {"v": None}, "job title is unknown"),
        ([value("employees", "number")], {"v": nan}, "employees is unknown"),
        ([value("employees", "number")], {"v": 1234567.0}, "employees is 1,234,567"),
        ([value("score", "number")], {"v": 0.125}, "score is 0.125"),
    ],
)
def test_facts_are_said_plainly(group: list[Feature], facts: dict[str, object], said: str) -> None:
    assert describe_group(group, facts, NOON) == said


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (0.0, "0 hours"),
        (1 / 24, "1 hour"),
        (0.5, "12 hours"),
        (1.0, "1 day"),
        (1.4, "1 day"),
        (2.0, "2 days"),
        (400.0, "400 days"),
    ],
)
def test_ages_have_the_right_number(age: float, said: str) -> None:
    spec = Feature("age", "age", "age", "days", "age", "created", "leads")
    assert describe_group([spec], {"age": age}, NOON) == f"created {said} ago"


def test_active_days_alone_are_said_as_such() -> None:
    spec = Feature("d", "behaviour", "g", "count", "active_days", "active days", window=Horizon.parse("7d"))
    assert describe_group([spec], {"d": 1.0}, NOON) == "active on 1 day in 7 days"


def test_a_date_of_another_year_names_it_at_the_turn_of_the_year() -> None:
    newyear = parse_instant("2026-01-01T00:00:00Z")
    assert describe_group([last()], {"since": 1 / DAY}, newyear).endswith("last on 31 Dec 2025")
    assert describe_group([last()], {"since": 0.0}, newyear).endswith("last on 1 Jan")


def colleague(aggregate: str, words: str, window: str | None = "30d", field: str = "", name: str = "") -> Feature:
    group = {"any_role": "committee", "since_new_role": "committee", "colleagues_reached": "account_past"}.get(
        aggregate, "colleagues"
    )
    length = Horizon.parse(window) if window else None
    return Feature(name or aggregate, "account", group, "count", aggregate, words, "colleagues", field, "any", length)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("group", "facts", "said"),
    [
        ([colleague("colleagues_engaged", "colleagues active")], {"colleagues_engaged": 1.0}, "1 colleague active in 30 days"),
        ([colleague("colleagues_engaged", "colleagues active")], {"colleagues_engaged": 3.0}, "3 colleagues active in 30 days"),
        ([colleague("colleagues_engaged", "colleagues active")], {"colleagues_engaged": 0.0}, "no colleague active"),
        ([colleague("any_role", "economic buyer", field="economic_buyer")], {"any_role": 1.0}, "active at the account in 30 days: economic buyer"),
        ([colleague("any_role", "economic buyer", field="economic_buyer")], {"any_role": 0.0}, "no role active at the account"),
        ([colleague("colleagues_reached", "x", None, "won")], {"colleagues_reached": 2.0}, "colleagues before: 2 won"),
        ([colleague("colleagues_reached", "x", None, "won")], {"colleagues_reached": 0.0}, "no colleague was qualified or closed before"),
    ],
)  # fmt: skip
def test_colleagues_are_said_plainly(group: list[Feature], facts: dict[str, object], said: str) -> None:
    assert describe_group(group, facts, NOON) == said


@given(st.text(st.characters(), max_size=400))
def test_text_of_any_kind_becomes_one_short_printable_line(text: str) -> None:
    said = describe_group([value("title")], {"v": text}, NOON)
    assert said.isprintable()
    assert len(said) <= len("title is ") + LONGEST
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs") for c in said)


@given(st.text(max_size=400))
def test_words_made_of_an_event_type_are_one_printable_line_too(words: str) -> None:
    said = describe_group([count("7d", words)], {"n_7d": 3.0}, NOON)
    assert said.isprintable() and len(said) <= LONGEST + len(" 3 times in 7 days") + 2


@given(st.floats(0, 5000), st.integers(1, 10_000))
def test_the_shortest_window_that_holds_an_act_is_told(since: float, n: int) -> None:
    group = [count("90d"), count("7d"), count("30d"), last()]
    facts = {"n_90d": float(n + 2), "n_7d": 0.0, "n_30d": float(n), "since": since}
    said = describe_group(group, facts, NOON)
    assert "in 30 days" in said and "last on" in said
