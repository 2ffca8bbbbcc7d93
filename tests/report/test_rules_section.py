"""The sections on today's rules and the scorecard: findings with figures, empty records, hostile names."""

from __future__ import annotations

from page_records import HOSTILE, changed, record

from leadline.report.parts import Chart, PageTable
from leadline.report.sections.points import scorecard_section
from leadline.report.sections.points_rules import rules_section


def tables(section) -> dict[str, PageTable]:
    made = [
        part.table if isinstance(part, Chart) else part
        for part in section.parts
        if isinstance(part, (Chart, PageTable))
    ]
    return {table.key: table for table in made}


def test_the_card_opens_with_what_it_keeps_and_shows_every_row() -> None:
    told = record()
    section = scorecard_section(told)
    assert len(section.found) <= 300 and "of the model’s lift" in section.found and "%" in section.found
    shown = tables(section)
    assert len(shown["points-card"].rows) == len(told["points_card"]["rows"])
    assert [row[0].text for row in shown["points-worth"].rows] == [
        "the model",
        "the scorecard",
        "current scoring rules",
        "logistic regression",
    ]
    assert shown["points-bands"].rows[0][0].text == "A: the MQL threshold"
    assert {row[0].text for row in shown["points-beside"].rows} >= {"did pricing", "did demo"}


def test_rules_are_audited_on_closed_won_where_that_is_asked_for() -> None:
    told = record()
    told["rules_audit"]["won"] = {
        "within": "90d",
        "rows": 900,
        "leads": 12,
        "rules": told["rules_audit"]["rules"],
        "reason": "",
    }
    won = tables(rules_section(told))["rules-won"]
    assert (
        won.caption == "The same rules on closed-won within 90 days: 12 leads won, of 900 snapshots old enough to tell"
    )
    assert [row[0] for row in won.rows] == [row[0] for row in tables(rules_section(told))["rules-audited"].rows]
    told["rules_audit"]["won"]["reason"] = "no scoring date is old enough"
    assert "Closed-won can’t be audited: no scoring date is old enough." in rules_section(told).parts


def test_rules_open_with_what_both_lists_find() -> None:
    told = record()
    section = rules_section(told)
    assert len(section.found) <= 300 and "today’s rules find" in section.found
    shown = tables(section)
    assert [row[0].text for row in shown["rules-audited"].rows] == [
        "did pricing within 90 days",
        "did blog within 90 days",
    ]
    caught = told["rules_audit"]["caught"]
    total = sum(caught[k] for k in ("both", "rules", "model", "neither"))
    assert sum(row[1].sort for row in shown["rules-caught"].rows) == total
    assert any("Does standing as MQL say who comes next?" in part for part in section.parts if isinstance(part, str))
    assert [row[0].text for row in shown["rules-unpaid"].rows] == ["did demo"]


def test_hostile_names_stay_text() -> None:
    made = changed(record(), lambda leaf: HOSTILE if leaf in ("fair", "did blog") else leaf)
    shown = tables(rules_section(made))
    assert HOSTILE in [row[0].text for row in shown["rules-by-source"].rows]
    assert shown["rules-audited"].rows[1][0].text == f"{HOSTILE} within 90 days"


def test_without_figures_the_reason_is_said() -> None:
    bare = record()
    bare["points_card"] |= {"rows": [], "reason": "no fold could be judged"}
    bare["rules_audit"] |= {"reason": "no fold could be judged"}
    assert scorecard_section(bare).found == "There is no scorecard: no fold could be judged."
    assert "no fold could be judged" in rules_section(bare).found and not rules_section(bare).parts
    unruled = record()
    unruled["rules_audit"] |= {"rules": [], "definitions": [], "caught": None}
    assert "lists no rules" in rules_section(unruled).found and rules_section(unruled).parts
    unruled["points_card"] |= {"worth": None, "today": [], "reason": "no older fold"}
    assert "isn’t known: no older fold" in scorecard_section(unruled).found
