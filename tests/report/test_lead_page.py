"""One lead's page: safe with hostile text, each chart with its table, and true to its record."""

from __future__ import annotations

import re
from typing import Any

from page_parser import Tag, parsed
from page_records import HOSTILE, START, changed

from leadline.core.point_in_time import DAY, WEEK
from leadline.explanation.next_best_action import find_next_action
from leadline.report.pages.lead import lead_page, lead_sections

NIGHT = START + 8 * WEEK
CODES = {
    "purchase_ready",
    "sql",
    "30d",
    "0d",
    "purchase",
    "awareness",
    "unknown",
    "mql",
    "A",
    "B",
    "2025-03-03T00:00:00Z",
}


def record() -> dict[str, Any]:
    tried = [
        (None, "opened an e-mail", 0.064),
        (None, "asked for a demo", 0.091),
        ("economic_buyer", "opened an e-mail", 0.07),
    ]
    nights = [
        {"as_of": NIGHT - n * WEEK, "version": "3", "leads": 400, "probability": 0.063 - n / 100, "rank": 50 + n, "tier": "B",
         "bars": {"A": 0.08, "B": 0.02}}
        for n in range(3)
    ]  # fmt: skip
    return {
        "name": "acme", "version": "3", "lead_id": "L7", "account_id": "A1", "as_of": "2025-03-03T00:00:00Z", "flat": False,
        "outcome": {"reaches": "sql", "within": "30d", "column": None, "positive": None}, "hindsight": "the model knew more",
        "probability": 0.063, "tier": "B", "tiers": ["A", "B", "C"], "cuts": [0.08, 0.02], "base": -3.0, "later": {},
        "causes": [{"fact": "did much", "effect": 0.8}, {"fact": "country is X", "effect": -0.2}, {"fact": "nothing", "effect": 0.001}],
        "title": "Engineer", "source": "web", "intent_stage": "purchase_ready",
        "created_at": NIGHT - 40 * DAY, "at": NIGHT, "stages": [["mql", NIGHT - 20 * DAY]], "roles": {"economic_buyer": 2, "end_user": 0},
        "acts": [
            {"day": NIGHT - 3 * DAY, "own": True, "role": None, "words": "asked for a demo", "intent": "purchase", "times": 2, "people": 1, "recorded_at": NIGHT - DAY},
            {"day": NIGHT - 9 * DAY, "own": False, "role": "economic_buyer", "words": "opened an e-mail", "intent": "awareness", "times": 1, "people": 1, "recorded_at": NIGHT - 9 * DAY},
            {"day": NIGHT - 9 * DAY, "own": False, "role": None, "words": "was seen", "intent": "unknown", "times": 40, "people": 2, "recorded_at": NIGHT - 9 * DAY},
        ],
        "own": 2, "others": 41, "nights": nights, "nearest": find_next_action("B", {"A": 0.08, "B": 0.02}, tried).to_record(),
    }  # fmt: skip


def flat_record() -> dict[str, Any]:
    gone = ("acts", "own", "others", "stages", "roles", "created_at", "at", "nearest")
    return {k: v for k, v in record().items() if k not in gone} | {
        "flat": True,
        "nights": [],
        "hindsight": "",
        "account_id": None,
    }


def found(made: dict[str, Any], key: str) -> str:
    return next(s.found for s in lead_sections(made) if s.key == key)


def test_each_section_opens_with_what_was_found() -> None:
    made = record()
    assert [s.key for s in lead_sections(made)] == ["brief", "timeline", "nights", "why", "score", "nearest"]
    assert "6.3%" in found(made, "score") and "tier B, rank 50 of the 400 open leads" in found(made, "score")
    assert "raises the score most is “did much”" in found(made, "why").lower() and "“country is X”" in found(
        made, "why"
    )
    assert "One more “asked for a demo” by the lead would go with 9.1% instead of 6.3%, enough for tier A" in found(
        made, "nearest"
    )
    assert "it reached MQL on" in found(made, "timeline") and "did 2 things" in found(made, "timeline")
    assert "from 17 Feb 2025 to 3 Mar 2025 it went from 4.3% (tier B) to 6.3% (tier B)" in found(made, "nights")


def brief(made: dict[str, Any]) -> str:
    section = next(s for s in lead_sections(made) if s.key == "brief")
    return " ".join(p if isinstance(p, str) else " ".join(p.lines) for p in section.parts)


def test_it_opens_with_what_to_do_and_names_what_the_lead_did() -> None:
    made = record()
    made["causes"][0] = {"fact": "3 events of purchase intent in 7 days, last on 28 Feb", "effect": 0.8}
    made["causes"] += [
        {"fact": "never spoke with sales", "effect": 0.3},
        {"fact": "asked for a demo once in 7 days", "effect": 0.2},
    ]
    assert found(made, "brief").startswith(
        "Call after the best tier: tier B, purchase-ready, 6.3% to reach SQL within 30 days"
    )
    assert "Title Engineer · company A1 · source web." in brief(made)
    assert "Asked for a demo on 28 Feb 2025 (3 events of purchase intent in 7 days)." in brief(made)
    assert "never spoke" not in brief(made).lower() and brief(made).lower().count("asked for a demo") == 1
    assert found(made | {"tier": "A"}, "brief").startswith("Call now") and found(
        made | {"intent_stage": None}, "brief"
    ).startswith("Work it")


def test_no_act_is_said_to_lower_a_score_that_doing_it_once_more_would_raise() -> None:
    made = record()
    made["causes"] += [
        {"fact": "asked for a demo 2 times in 30 days", "effect": -0.4},
        {"fact": "spoke with sales once", "effect": -0.1},
    ]
    words = parsed(lead_page(made)).all("main")[0].words()
    assert "asked for a demo 2 times in 30 days" not in words and "spoke with sales once" in words
    assert "lowers the score most is “country is X”" in found(made, "why")


def test_without_an_act_that_is_enough_it_says_so() -> None:
    made = record()
    made["nearest"] = find_next_action("B", {"A": 0.5, "B": 0.02}, [(None, "asked for a demo", 0.09)]).to_record()
    assert found(made, "nearest").startswith("No single event would bring it into tier A, which begins at 50.00%")
    made["nearest"] = find_next_action("A", {"A": 0.05}, [(None, "asked for a demo", 0.09)]).to_record()
    assert found(made, "nearest").startswith("It stands in the best tier")
    made["nearest"] = find_next_action("A", {"A": 0.05}, []).to_record()
    assert "none could be tried" in found(made, "nearest")


def test_a_flat_file_has_the_score_and_the_reasons() -> None:
    made = flat_record()
    assert [s.key for s in lead_sections(made)] == ["score", "why"]
    assert "A flat file has no dates" in parsed(lead_page(made)).all("main")[0].words()


def test_no_night_one_night_and_no_acts_are_said() -> None:
    made = record() | {"nights": [], "acts": [], "own": 0, "others": 0}
    assert found(made, "nights").startswith("No finished night") and "did 0 things" in found(made, "timeline")
    assert found(record() | {"nights": record()["nights"][:1]}, "nights").startswith("One finished night")


def test_a_night_by_another_version_gives_no_rank() -> None:
    made = record()
    made["nights"][0]["version"] = "2"
    assert "rank" not in found(made, "score")


def test_hostile_text_stays_text() -> None:
    hostile = changed(record(), lambda v: v + HOSTILE if isinstance(v, str) and v not in CODES else v)
    tree = parsed(lead_page(hostile))
    assert len(tree.all("script")) == 1 and not tree.all("img") and "owned" not in tree.all("script")[0].text
    assert HOSTILE in tree.all("h1")[0].words() and "49" not in tree.all("title")[0].words()
    assert tree.all("main")[0].words().count(HOSTILE) > 10


def test_every_chart_has_its_table_and_what_was_recorded_late_says_when() -> None:
    tree: Tag = parsed(lead_page(record()))
    assert len(tree.all("figure")) == 3 and {"causes", "timeline-days", "past"} <= {
        t.attributes["id"] for t in tree.all("table")
    }
    rows = [
        [c.text for c in r.all("th", "td")]
        for t in tree.all("table")
        if t.attributes["id"] == "timeline-days"
        for r in t.all("tr")
    ]
    assert [r[6] for r in rows[1:]] == ["2 Mar 2025", "–", "–"] and rows[2][1] == "colleagues: economic buyer"
    assert not re.search(r"\bnan\b|\bNone\b", tree.all("main")[0].words())
