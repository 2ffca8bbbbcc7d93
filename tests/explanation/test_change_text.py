"""Why a score moved, as a sentence: what came, what aged out, what is unknown, and what didn't change."""

from __future__ import annotations

import math

import pytest

from leadline.core.point_in_time import DAY, Horizon, parse_instant
from leadline.dataset.feature_spec import Feature
from leadline.dataset.lead_news import Act, LeadNews
from leadline.explanation.change_text import MANY, ChangeWords, change_sentence, moved_text

THEN, NOW = parse_instant("2026-06-11"), parse_instant("2026-06-12")
WEEK, MONTH = Horizon.parse("7d"), Horizon.parse("30d")
SPECS = [
    Feature("n_demo_30d", "behaviour", "demo", "count", "count", "asked for a demo", field="demo", by="behaviour", window=MONTH),
    Feature("since_demo", "recency", "demo", "days", "since_last", "asked for a demo", field="demo", by="behaviour"),
    Feature("n_intent_30d", "behaviour", "intent", "count", "count", "events of purchase intent", field="purchase", by="intent", window=MONTH),
    Feature("lead_title", "fit", "title", "category", "value", "job title", "leads", "job_title", "column"),
    Feature("age", "age", "age", "days", "age", "time since creation", "leads"),
    Feature("is_mql", "funnel", "mql", "flag", "in_stage", "became MQL", "stages", "mql", "stage"),
    Feature("since_mql", "funnel", "mql", "days", "since_stage", "became MQL", "stages", "mql", "stage"),
    Feature("others_7d", "account", "colleagues", "count", "colleagues_engaged", "colleagues", "colleagues", window=WEEK),
]  # fmt: skip
FACTS = {
    "n_demo_30d": 1.0, "since_demo": 0.5, "n_intent_30d": 1.0, "lead_title": "Buyer", "age": 31.0, "is_mql": 1.0, "since_mql": 9.0,
    "others_7d": 2.0,
}  # fmt: skip
INTENTS = {"demo": "purchase", "blog": "awareness", "pricing": "purchase"}
SAID = {"demo": "asked for a demo", "blog": "read the blog", "pricing": "viewed the pricing page"}
CAME = Act("L1", "demo", None, 1, THEN + DAY // 3)
GONE = Act("L1", "demo", MONTH, 1, parse_instant("2026-05-12T09:00:00"))


def told(moves: dict[str, float], news: LeadNews = LeadNews(), up: bool = True, **facts: object) -> str:
    members = {group: [s for s in SPECS if s.group == group] for group in {s.group for s in SPECS}}
    words = ChangeWords(members, THEN, NOW, INTENTS, SAID.__getitem__)
    said = change_sentence(words, (0.04, 0.11) if up else (0.11, 0.04), moves, {**FACTS, **facts}, news)
    start, _, cause = said.text.partition(": ")
    assert start == ("up from 4% to 11%" if up else "down from 11% to 4%")
    return cause


def test_an_act_that_came_is_named_with_its_day() -> None:
    assert told({"demo": 0.9}, LeadNews((CAME,))) == "asked for a demo on 11 Jun"
    twice = Act("L1", "demo", None, 2, CAME.last)
    assert told({"demo": 0.9}, LeadNews((twice,))) == "asked for a demo 2 times, last on 11 Jun"


def test_an_act_that_aged_out_is_named_with_its_window() -> None:
    assert told({"demo": -0.9}, LeadNews((GONE,)), up=False) == "asked for a demo on 12 May, now more than 30 days ago"


def test_a_window_that_the_group_doesnt_count_in_explains_nothing() -> None:
    other = Act("L1", "demo", WEEK, 1, NOW - 8 * DAY)
    assert told({"demo": 0.9}, LeadNews((other,))) == f"{MANY} explains it"


def test_of_both_the_one_that_goes_with_the_move_is_named() -> None:
    both = LeadNews((CAME, GONE))
    assert told({"demo": 0.5}, both).endswith("on 11 Jun")
    assert told({"demo": -0.5}, both, up=False).endswith("ago")


def test_an_act_that_lowers_the_score_is_told_of_its_own_kind_alone() -> None:
    assert told({"demo": -0.5}, LeadNews((CAME,)), up=False) == "asked for a demo on 11 Jun"
    assert told({"intent": -0.5}, LeadNews((CAME,)), up=False) == f"{MANY} explains it"


def test_a_count_of_an_intent_is_told_by_its_act_and_once() -> None:
    assert told({"intent": 0.9, "demo": 0.5}, LeadNews((CAME,))) == "asked for a demo on 11 Jun"
    read = Act("L1", "blog", None, 1, CAME.last + 1)
    assert told({"intent": 0.9}, LeadNews((CAME, read))) == "asked for a demo on 11 Jun"


def test_an_act_that_neither_config_nor_model_names_is_never_told() -> None:
    rare = Act("L1", "met Ms Smith", None, 1, CAME.last)
    assert told({"intent": 0.9}, LeadNews((rare,))) == f"{MANY} explains it"


def test_where_nothing_came_the_last_act_is_told_only_of_a_fall() -> None:
    assert told({"demo": -0.9}, up=False, since_demo=20.0) == "asked for a demo last on 23 May, and not since"
    assert told({"demo": 0.9}, since_demo=20.0) == f"{MANY} explains it"
    assert told({"demo": -0.9}, up=False, since_demo=math.nan) == f"{MANY} explains it"


def test_a_fact_that_didnt_change_is_no_cause_though_its_contribution_moved_most() -> None:
    assert told({"title": 2.0, "demo": 0.3}, LeadNews((CAME,))) == "asked for a demo on 11 Jun"
    assert told({"title": 2.0}, LeadNews(fields=frozenset({"job_title"}))) == "job title is Buyer now"


def test_what_pulls_the_other_way_is_no_cause() -> None:
    assert told({"demo": -0.3, "age": 0.9}, LeadNews((CAME,))) == "created 31 days ago"


@pytest.mark.parametrize(("since", "text"), [(0.5, "became MQL on 11 Jun"), (9.0, "became MQL on 3 Jun, 9 days ago")])
def test_a_stage_is_told_as_new_only_when_it_is(since: float, text: str) -> None:
    assert told({"mql": 0.9}, since_mql=since) == text


def test_colleagues_are_a_cause_only_where_they_did_something() -> None:
    colleague = Act("L2", "blog", None, 1, CAME.last)
    assert told({"colleagues": 0.9}, LeadNews(others=(colleague,))) == "2 colleagues active in 7 days"
    assert told({"colleagues": 0.9}) == f"{MANY} explains it"
    assert told({"colleagues": -0.9}, LeadNews(others=(colleague,)), up=False) == f"{MANY} explains it"
    left = Act("L2", "blog", WEEK, 1, NOW - 8 * DAY)
    assert (
        told({"colleagues": -0.9}, LeadNews(others=(colleague, left)), up=False) == "now 2 colleagues active in 7 days"
    )


def test_two_causes_are_told_where_neither_is_half_of_it() -> None:
    colleague = Act("L2", "blog", None, 1, CAME.last)
    told_both = told({"demo": 0.4, "colleagues": 0.3, "title": 0.5}, LeadNews((CAME,), (colleague,)))
    assert told_both == "asked for a demo on 11 Jun; 2 colleagues active in 7 days"


def test_percent_has_as_many_digits_as_tell_the_two_apart() -> None:
    assert moved_text(0.041, 0.044) == "up from 4.1% to 4.4%"
