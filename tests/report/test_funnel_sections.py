"""The sections on the funnel, the diagnosis and rejections: honest words, too few said to be so, hostile names stay text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from page_records import HOSTILE, changed, flat_record, record

from leadline.insights import diagnosis as judged
from leadline.insights import funnel as counted
from leadline.insights import rejections as refused
from leadline.report.parts import Chart, Collapsed, PageSection, PageTable
from leadline.report.sections.funnel.cost_per_sql import spending_parts
from leadline.report.sections.funnel.diagnosis import band_words, diagnosis_section
from leadline.report.sections.funnel.first_touch import speed_parts
from leadline.report.sections.funnel.funnel import funnel_section
from leadline.report.sections.funnel.rejections import rejections_section
from made_journeys import TERMS, climbers

MAKERS = {"funnel": funnel_section, "diagnosis": diagnosis_section, "rejected": rejections_section}


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    return record()


def flat(parts: Any) -> list[Any]:
    return [p for part in parts for p in (flat(part.parts) if isinstance(part, Collapsed) else [part])]


def tables(section: PageSection) -> dict[str, PageTable]:
    parts = flat(section.parts)
    return {
        t.key: t
        for t in [*(p for p in parts if isinstance(p, PageTable)), *(p.table for p in parts if isinstance(p, Chart))]
    }


def words(section: PageSection) -> str:
    return " ".join([section.found, *(p for p in flat(section.parts) if isinstance(p, str))])


def small(n: int, **more: Any) -> dict[str, Any]:
    seen = climbers(n, **more)
    whole = counted.funnel_summary(seen, TERMS)
    return {
        **record(),
        "funnel": whole,
        "diagnosis": judged.diagnosis_record(whole),
        "rejected": refused.rejection_record(seen, {}),
    }


@pytest.mark.parametrize("name", MAKERS)
def test_the_first_sentence_stands_alone_with_figures(told: dict[str, Any], name: str) -> None:
    found = MAKERS[name](told).found
    assert (
        any(letter.isdigit() for letter in found)
        and len(found) <= 300
        and found.endswith(".")
        and found.count(". ") == 0
    )


@pytest.mark.parametrize("name", MAKERS)
def test_a_flat_file_has_no_such_section(name: str) -> None:
    assert MAKERS[name](flat_record()) is None


@pytest.mark.parametrize("name", MAKERS)
def test_a_hostile_name_is_told_as_text_in_cells_alone(told: dict[str, Any], name: str) -> None:
    swap = {"web": HOSTILE, "fair": HOSTILE, "not now": HOSTILE, "call": HOSTILE}
    section = MAKERS[name](changed(told, lambda leaf: swap.get(leaf, leaf) if isinstance(leaf, str) else leaf))
    assert HOSTILE in {c.text for table in tables(section).values() for row in table.rows for c in row}


def test_the_funnel_has_its_steps_months_touches_and_costs(told: dict[str, Any]) -> None:
    section = funnel_section(told)
    found = tables(section)
    assert {
        "steps",
        "funnel-source",
        "funnel-campaign",
        "funnel-months",
        "touches",
        "cost-source",
        "cost-campaign",
        "cost-month",
        "cost-cells",
    } <= set(found)
    mql = next(row for row in found["steps"].rows if row[0].text == "MQL → SQL")
    step = next(s for s in told["funnel"]["all"] if (s["start"], s["end"]) == ("mql", "sql"))
    assert mql[1].text == f"{step['entered']:,}" and mql[3].text in section.found
    assert "too recent to count" in {c.text for c in found["funnel-months"].rows[-1]}
    assert "association, not cause" in words(section) and "90 days for a step" in words(section)


def test_what_nothing_tells_is_said_and_how_to_tell_it(told: dict[str, Any]) -> None:
    bare = {**told["funnel"], "touches": None, "cost": None, "first_act": None, "source": [], "campaign": []}
    said = words(funnel_section({**told, "funnel": bare}))
    assert all(key in said for key in ("tables.touches", "tables.spend", "funnel.source", "funnel.campaign"))


@pytest.mark.parametrize(
    ("stages", "one", "many"),
    [(("lead", "opportunity", "won"), "opportunity", "opportunities"), (("lead", "won"), "win", "wins")],
)
def test_a_funnel_without_sql_is_told_by_its_own_stages(
    told: dict[str, Any], stages: tuple[str, ...], one: str, many: str
) -> None:
    funnel = {**told["funnel"], "stages": [*stages], "touches": None}
    found = tables(PageSection("costs", "Costs", "", (*spending_parts(funnel), *speed_parts(funnel))))
    heads = {column.title for table in found.values() for column in table.columns}
    said = " ".join([*map(str, flat([*spending_parts(funnel), *speed_parts(funnel)])), *heads])
    assert f"Cost per {one}" in said and f"cost per {one}" in heads and many in heads
    assert "SQL" not in said and "MQL" not in said
    whole = spending_parts(told["funnel"])
    assert "Cost per SQL" in str(whole[0]) and "became SQL" in str(whole[0])


def test_few_leads_are_too_few_to_say() -> None:
    few = small(12)
    assert "too few" in funnel_section(few).found and not tables(funnel_section(few))
    assert "too few to say" in diagnosis_section(few).found and "too few to say" in rejections_section(few).found


def test_without_an_sla_there_is_no_verdict(told: dict[str, Any]) -> None:
    seen = climbers()
    section = funnel_section({**told, "funnel": counted.funnel_summary(seen, replace(TERMS, sla=None))})
    assert "SLA" not in words(section) and len(tables(section)["touches"].columns) == 5


def test_bands_are_either_or_where_the_interval_crosses() -> None:
    assert band_words(["middle", "high"]) == "either 10 to 20% or over 20%"
    assert band_words(["low", "middle", "high"]) == "any of the three"


def test_the_diagnosis_names_who_is_surely_outside_and_what_to_try(told: dict[str, Any]) -> None:
    section = diagnosis_section(told)
    assert "surely under 10%: fair; surely over 20%: web" in section.found
    rows = {row[0].text: [c.text for c in row] for row in tables(section)["diagnosis-source"].rows}
    assert rows["fair"][5] == "under 10%" and "nurture" in rows["fair"][-1] and rows["(not given)"][-1] == ""
    assert [row[0].text for row in tables(section)["thresholds"].rows][1] == "today’s capacity"
    cut = told["diagnosis"]["cuts"][0]
    assert f"{cut['precision']:.1%}" in words(section)


def test_without_cuts_or_without_mqls_it_says_so(told: dict[str, Any]) -> None:
    assert "no threshold was judged" in words(
        diagnosis_section({**told, "diagnosis": {**told["diagnosis"], "cuts": []}})
    )
    assert "can’t be diagnosed" in diagnosis_section({**told, "diagnosis": None}).found


def test_rejections_tell_kinds_apart_and_tiers_with_their_interval(told: dict[str, Any]) -> None:
    section = rejections_section(told)
    assert "for bad fit" in section.found and "for bad timing" in section.found and "for bad data" in section.found
    found = tables(section)
    assert len(found["accepted-tiers"].rows) == 3 and "by a model that wasn’t fitted on it" in words(section)
    reasons = {row[0].text: row[1].text for row in found["rejection-reasons"].rows}
    assert reasons == {
        "bad fit": "bad fit",
        "not now": "bad timing",
        "duplicate": "bad data",
        "moved to the moon": "other reasons",
    }
    assert "Acceptance by tier isn’t told" in words(
        rejections_section({**told, "rejected": {**told["rejected"], "tiers": []}})
    )


def test_rejections_without_reasons_ask_for_them(told: dict[str, Any]) -> None:
    bare = climbers(600, reason=np.full(600, None, dtype=object))
    section = rejections_section({**told, "rejected": refused.rejection_record(bare, {})})
    assert "no reason is on record" in section.found
