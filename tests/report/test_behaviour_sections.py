"""The sections on behaviours, assets, committees and intent stages: what they say is what their records hold."""

from __future__ import annotations

import re
from typing import Any

import pytest
from page_parser import parsed
from page_records import HOSTILE, changed, flat_record, record

from leadline.core import format
from leadline.report.pages.page import render
from leadline.report.parts import Chart, Collapsed, PageSection, PageTable, Panels
from leadline.report.sections.funnel import assets, behaviours, committees, intent_stages
from leadline.report.sections.model import model_plots

MAKERS = {
    "assets": assets.assets_section,
    "committees": committees.committees_section,
    "intent": intent_stages.intent_section,
}


def tables(section: PageSection) -> dict[str, PageTable]:
    found: dict[str, PageTable] = {}
    for part in [p for one in section.parts for p in (one.parts if isinstance(one, Collapsed) else (one,))]:
        table = part.table if isinstance(part, (Chart, Panels)) else part
        if isinstance(table, PageTable):
            found[table.key] = table
    return found


def column(table: PageTable, title: str) -> list[str]:
    place = next(n for n, c in enumerate(table.columns) if c.title == title)
    return [row[place].text for row in table.rows]


@pytest.mark.parametrize("key", MAKERS)
def test_a_flat_file_has_no_such_section_and_a_record_with_nothing_to_tell_says_so(key: str) -> None:
    assert MAKERS[key](flat_record()) is None
    nothing = MAKERS[key](record() | {key: None})
    assert nothing is not None and ("config" in nothing.found or "features" in nothing.found)


@pytest.mark.parametrize("key", MAKERS)
def test_every_section_opens_with_one_short_sentence(key: str) -> None:
    found = MAKERS[key](record())
    assert found is not None and found.found.endswith(".") and len(found.found) <= 300
    assert re.search(r"\d", found.found) and ". " not in found.found


def test_stages_and_tiers_are_told_as_they_were_counted() -> None:
    made = record()
    section = intent_stages.intent_section(made)
    assert section is not None
    table = tables(section)["intent-stages"]
    told = made["intent"]["now"]
    assert column(table, "open leads now") == [format.count(n["leads"]) for n in told]
    for n, tier in enumerate(made["intent"]["tiers"]):
        assert column(table, f"tier {tier}") == [str(stage["tiers"][n]) for stage in told]
    assert column(table, "should get") == ["route now", "light touch", "nurture", "wait"]
    assert f"Of 300 open leads, {told[0]['leads']} are purchase-ready" in section.found


def test_assets_are_told_with_what_followed_and_the_highest_lift_is_named() -> None:
    made = record()
    section = assets.assets_section(made)
    assert section is not None and "procurement pack" in section.found
    found = tables(section)
    rows = made["assets"]["assets"]
    assert column(found["assets-used"], "leads") == [format.count(a["leads"]) for a in rows]
    followed = [{p["level"]: p["rate"] for p in a["followed"]} for a in rows]
    assert column(found["assets-used"], "SQL") == [format.share(f["sql"]) for f in followed]
    assert "too few to say" in column(found["assets-beside"], "lift")  # nobody used the calculator lately
    assert column(found["assets-by_role"], "role") == ["economic buyer", "end user", "procurement"]
    unsure = changed(made, lambda v: v)
    for asset in unsure["assets"]["assets"]:
        asset["beside"] |= {
            "too_few": True,
            "lift": None,
            "with_it": None,
            "without_it": None,
            "low": None,
            "high": None,
        }
    few = assets.assets_section(unsure)
    assert few is not None and "too few leads used any asset lately" in few.found
    assert "assets-lift" not in {part.key for part in few.parts if isinstance(part, Chart)}


def test_committees_name_the_arrival_that_precedes_most() -> None:
    made = record()
    section = committees.committees_section(made)
    assert section is not None
    best = made["committees"]["arrivals"][0]
    assert best["role"].replace("_", " ") in section.found and format.share(best["with_it"]) in section.found
    found = tables(section)
    assert set(found) == {"people", "roles", "arrivals"}
    assert [row[0].text for row in found["people"].rows] == ["nobody", "1", "2", "3", "4 and more"]
    alone = record()
    alone["committees"] |= {"arrivals": [], "roles": []}
    quiet = committees.committees_section(alone)
    assert (
        quiet is not None and "no role’s arrival" in quiet.found.replace("'", "’") and set(tables(quiet)) == {"people"}
    )


def test_behaviours_have_their_days_sources_and_pictures() -> None:
    made = record()
    section = behaviours.behaviours_section(made)
    found = tables(section)
    timings = {t["behaviour"]: t for t in made["behaviours"]["timings"]}
    days = column(found["behaviours"], "days to SQL")
    for behaviour, text in zip(made["behaviours"]["behaviours"], days, strict=True):
        known = timings[behaviour["name"]]["median"]
        assert (
            text == "too few to say"
            if known is None
            else text.startswith(format.decimal(known, 1 if known < 10 else 0))
        )
    assert [c.title for c in found["by-source"].columns][1:] == list(made["behaviours"]["by_source"]["sources"])
    assert found["by-source"].folded and {"swarm-table", "dependence-table", "pairs-table"} <= set(found)
    bins = [b for d in made["pictures"]["dependences"] for b in d["bins"]]
    assert column(found["dependence-table"], "mean effect") == [format.decimal(b["mean"], 3, sign=True) for b in bins]
    assert "never" in column(found["dependence-table"], "value")
    assert model_plots.model_plot_parts(record() | {"pictures": None}) == ()


def test_hostile_names_of_assets_roles_and_sources_stay_text() -> None:
    swap = {"procurement pack": HOSTILE, "economic_buyer": HOSTILE, "web": HOSTILE, "n_pricing_30d": HOSTILE}
    made = changed(record(), lambda v: swap.get(v, v) if isinstance(v, str) else v)
    made["committees"]["roles"][0]["role"] = HOSTILE
    sections = [make(made) for make in (*MAKERS.values(), behaviours.behaviours_section)]
    page = render("report.html.j2", "acme", "1", [s for s in sections if s is not None])
    tree = parsed(page)
    assert len(tree.all("script")) == 1 and not tree.all("img") and "49" not in tree.all("title")[0].words()
    assert tree.all("main")[0].words().count("document.title='owned'") > 5


def test_figures_that_are_not_defined_leave_no_trace() -> None:
    def gone(value: Any) -> Any:
        return None if isinstance(value, float) else value

    made = record()
    made |= {key: changed(made[key], gone) for key in ("assets", "committees", "intent")}
    for make in MAKERS.values():
        section = make(made)
        assert section is not None and "None" not in section.found and "nan" not in section.found
