"""The page: self-contained, safe with hostile text, readable without eyes or a mouse, and true to its record."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import math
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from page_parser import Tag, parsed
from page_records import CODES, HOSTILE, changed, flat_record, record

from leadline.report.pages.page import render, report_groups, report_page, report_sections
from leadline.report.parts import (
    BulletList,
    Chart,
    Collapsed,
    PageSection,
    PageTable,
    Panel,
    Panels,
    Shape,
    TableColumn,
    cell,
)
from leadline.workflows import report

ORDER = (
    "glance do open trust sources funnel diagnosis predicts assets committees intent rejected rules points cut nights good asked moves segments stages "
    "worth problems"
).split()  # the first screen; why; rules and thresholds; for the data scientist


@pytest.fixture(scope="module")
def html() -> str:
    return report_page(record())


@pytest.fixture(scope="module")
def tree(html: str) -> Tag:
    return parsed(html)


def no_points() -> dict[str, Any]:
    made = record()
    for fold in made["evaluation"]["folds"]:
        del fold["figures"]["points"]
    return made


def unknown(value: float | None) -> dict[str, Any]:
    """Return the record with every figure that may be undefined undefined."""
    made = record()
    for key in (
        "evaluation",
        "drivers",
        "behaviours",
        "drivers_direction",
        "capacity",
        "curve",
        "ablation",
        "segments",
    ):
        made[key] = changed(made[key], lambda v: value if isinstance(v, float) else v)
    return made


def unjudged() -> dict[str, Any]:
    return record() | {"evaluation": {"folds": [], "calibration": [], "gains": [], "against": {}}}


KINDS = {
    "dated": record, "flat": flat_record, "no points": no_points, "None": lambda: unknown(None),
    "NaN": lambda: unknown(math.nan), "unjudged": unjudged,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_record_has_its_sections_and_each_says_what_was_found(kind: str) -> None:
    made = KINDS[kind]()
    tree = parsed(report_page(made))
    for section, told in zip(tree.all("section"), report_sections(made), strict=True):
        assert section.all("h2", "h3")[0].text == told.title and section.attributes["id"] == told.key
        assert section.children[1].attributes["class"] == "found" and section.children[1].text == told.found
        assert told.found.endswith(".") and len(told.found) < 400
    words = tree.all("main")[0].words()
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b|[{}]", words)


@pytest.mark.parametrize("kind", KINDS)
def test_sections_stand_in_their_order_under_the_first_screen_in_three_groups(kind: str) -> None:
    made = KINDS[kind]()
    keys = [s.key for s in report_sections(made)]
    assert [k for k in ORDER if k in keys] == keys and {"predicts", "cut", "good", "asked", "problems"} <= set(keys)
    groups = report_groups(made)
    first = [] if kind == "flat" else [""]
    assert [g.title for g in groups] == [*first, "Why", "Rules and thresholds", "For the data scientist"]
    assert [g.folded for g in groups[len(first) :]] == [bool(first)] * 3
    folds = [
        d.attributes["id"] for d in parsed(report_page(made)).all("details") if d.attributes.get("class") == "group"
    ]
    assert folds == ([g.key for g in groups[1:]] if first else [])


def test_the_list_of_sections_leads_to_each(tree: Tag) -> None:
    nav = tree.all("nav")[0]
    wanted = [
        key for g in report_groups(record()) for key in (*([g.key] if g.title else []), *(s.key for s in g.sections))
    ]
    assert [a.attributes["href"] for a in nav.all("a")] == [f"#{key}" for key in wanted]


def tiles(tree: Tag) -> dict[str, list[str]]:
    listed = next(t for t in tree.all("ul") if t.attributes.get("class") == "tiles")
    return {one.all("p")[0].text: [p.text for p in one.all("p")] for one in listed.all("li")}


def test_a_tile_says_what_the_table_says_with_its_benchmark_and_its_months(tree: Tag) -> None:
    told, found = record()["funnel"], tiles(tree)
    assert list(found) == ["MQL → SQL", "SQL → opportunity", "Time from MQL to SQL", "MQL → won", "Cost per SQL"]
    steps = {row[0]: row for row in cells(tree, "steps")}
    for name in ("MQL → SQL", "SQL → opportunity", "MQL → won"):
        assert found[name][1] == steps[name][3] and steps[name][4] in found[name][2]
    assert found["Time from MQL to SQL"][1] == steps["MQL → SQL"][6]
    assert found["Cost per SQL"][1] == f"{told['cost']['all']['each']:,.0f}"
    assert (
        "B2B’s median is about 15%; this is above" in found["MQL → SQL"][-1]
        and "30 to 50%" in found["SQL → opportunity"][-1]
    )
    month = [m for m in told["months"] if m["steps"][1]["complete"] and m["steps"][1]["entered"] >= 20][-1]
    assert f"{100 * month['steps'][1]['rate']:.1f}%" in found["MQL → SQL"][3] and "so far" in found["MQL → SQL"][3]


def test_actions_come_with_numbers_evidence_and_the_list_beside_the_page() -> None:
    made = record() | {"lists": {"late": "r_late.csv"}}
    listed = next(t for t in parsed(report_page(made)).all("ol") if t.attributes.get("class") == "actions")
    call, late = listed.all("li")
    assert (
        "Touch 7 MQLs" in late.words()
        and "became SQL" in late.words()
        and "Call 1 purchase-ready lead " in call.words()
    )
    assert [a.attributes["href"] for a in listed.all("a")] == ["r_late.csv"]
    none = record()
    none["open_leads"]["actions"] = []
    assert "None of 120 open leads" in parsed(report_page(none)).all("main")[0].words()


def test_who_moved_between_the_last_two_nights_is_told_where_there_are_two(tree: Tag) -> None:
    moves = [
        {"start": "B", "end": "A", "leads": 4},
        {"start": "A", "end": "gone", "leads": 3},
        {"start": "new", "end": "A", "leads": 2},
    ]
    made = record() | {"movement": {"before": 1_746_403_200_000_000, "now": 1_747_008_000_000_000, "tier": moves}}
    moved = parsed(report_page(made))
    assert (
        "From the night of 5 May 2025 to that of 12 May 2025 6 leads entered tier A and 3 left it."
        in moved.all("main")[0].words()
    )
    assert ["tier", "not open before", "A", "2"] in cells(moved, "moved") and "From the night" not in tree.all("main")[
        0
    ].words()


def test_trust_names_the_hardest_rival_and_what_tiers_promised(tree: Tag) -> None:
    found = next(s for s in report_sections(record()) if s.key == "trust")
    assert "isn’t proven" in found.found and "current scoring rules" in found.found
    assert [row[0] for row in cells(tree, "tiers-kept")] == ["A", "B"]


def test_sources_beyond_twelve_are_folded() -> None:
    made = record()
    made["diagnosis"]["source"] = [{**made["diagnosis"]["source"][0], "level": f"source {n}"} for n in range(60)]
    tree = parsed(report_page(made))
    assert len(cells(tree, "sources-brought")) == 13 and len(cells(tree, "sources-more")) == 48


def test_headings_go_down_one_step_at_a_time(tree: Tag) -> None:
    levels = [int(t.name[1]) for t in all_tags(tree) if re.fullmatch(r"h[1-6]", t.name)]
    assert levels[0] == 1 and levels.count(1) == 1 and all(b <= a + 1 for a, b in itertools.pairwise(levels))


def test_what_is_folded_away_is_still_on_the_page_with_its_table() -> None:
    table = PageTable("few", "A few", (TableColumn("what"),), ((cell("one"),),))
    shape = Shape("circle", {"cx": 1, "cy": 1, "r": 1, "class": "up"})
    told = [
        Chart("a", "A chart", "It shows.", 10, 10, (shape,), table, folded="the chart"),
        Collapsed("for the curious", (Panels("b", "Two", "Both.", (Panel("x", 9, 9, (shape,)), Panel("y", 9, 9, (shape,))), table), BulletList(("one", "two")), "words")),
    ]  # fmt: skip
    tree = parsed(render("report.html.j2", "acme", None, [PageSection("s", "S", "Found.", told)]))
    folds = tree.all("main")[0].all("details")
    assert [d.children[0].text for d in folds] == ["the chart", "for the curious"]
    assert len(folds[0].all("svg")) == 1 == len(folds[0].all("table")) and len(folds[1].all("svg")) == 2
    assert [li.text for li in folds[1].all("li")] == ["one", "two"] and folds[1].all("table")
    assert len({s.attributes["aria-labelledby"] for s in tree.all("svg")}) == 3 and tree.all("h2")[0].text == "S"


def test_the_first_sentences_hold_figures() -> None:
    for section in report_sections(record()):
        assert re.search(r"\d", section.found), section.found


def test_hostile_text_stays_text() -> None:
    hostile = changed(record(), lambda v: v + HOSTILE if isinstance(v, str) and v not in CODES else v)
    hostile["tables"] = {HOSTILE: 3}
    tree = parsed(report_page(hostile))
    assert len(tree.all("script")) == 1 and not tree.all("img", "iframe", "object", "embed", "form", "base")
    assert "owned" not in tree.all("script")[0].text
    words = tree.all("main")[0].words()
    for text in ("did pricing", "LL103", "15 rows repeat another", "events.event_id"):
        assert text + HOSTILE in words
    assert words.count(HOSTILE) > 20 and "49" not in tree.all("title")[0].words()


def all_tags(tree: Tag) -> list[Tag]:
    return [tree, *(t for child in tree.children for t in all_tags(child))]


def test_nothing_leaves_the_page(html: str, tree: Tag) -> None:
    for tag in all_tags(tree):
        for name, value in tag.attributes.items():
            assert not name.startswith("on") and name not in (
                "src",
                "srcset",
                "action",
                "poster",
                "style",
                "xlink:href",
            )
            if name == "href":
                assert value == "data:," or (value or "").startswith("#")
    assert not re.search(r"url\(|@import|//[a-z]", tree.all("style")[0].text)
    assert not re.search(r"fetch|XMLHttp|import|eval|innerHTML|https?:", tree.all("script")[0].text)
    assert len(tree.all("script")) == 1 and len(tree.all("style")) == 1


def test_the_policy_names_the_style_and_the_script_by_their_hashes(tree: Tag) -> None:
    policy = next(m.attributes["content"] for m in tree.all("meta") if m.attributes.get("http-equiv")) or ""
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy
    for name in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(tree.all(name)[0].text.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy


def test_the_page_stays_small_where_there_is_much_to_say() -> None:
    many = record()
    many["behaviours"]["behaviours"] *= 12
    many["drivers"] *= 50
    many["findings"] *= 100
    assert len(report_page(many).encode()) < 2_000_000 and len(report_page(record()).encode()) < 400_000


def test_every_chart_is_followed_by_its_table(tree: Tag) -> None:
    charts = 0
    for section in tree.all("section"):
        for holder in (section, *section.all("details")):
            for n, part in enumerate(holder.children):
                if part.name == "figure":
                    charts += 1
                    assert holder.children[n + 1].all("table")
    assert charts == len(tree.all("figure")) >= 4 and len(tree.all("svg")) >= charts


def test_it_reads_without_eyes_or_mouse(tree: Tag) -> None:
    assert tree.all("html")[0].attributes["lang"] == "en" and len(tree.all("h1")) == len(tree.all("main")) == 1
    ids = [t.attributes["id"] for t in all_tags(tree) if "id" in t.attributes]
    assert len(ids) == len(set(ids))
    for tag in all_tags(tree):
        for name in ("aria-labelledby", "for"):
            assert set((tag.attributes.get(name) or "").split()) <= set(ids)
        if tag.name == "a":
            assert (tag.attributes["href"] or "")[1:] in ids
    for table in tree.all("table"):
        assert table.children[0].name == "caption" and table.children[0].words()
        assert all(th.attributes["scope"] in ("row", "col") for th in table.all("th"))
    drawn = [
        svg for svg in tree.all("svg") if svg.attributes.get("aria-hidden") != "true"
    ]  # a tile says its line in words
    assert all(svg.attributes["role"] == "img" and svg.all("title") and svg.all("desc") for svg in drawn)
    assert all("tabindex" in d.attributes for d in tree.all("div") if d.attributes.get("class") == "scroll")
    control, output = tree.all("input")[0], tree.all("output")[0]
    assert control.attributes["type"] == "range" and output.attributes["aria-live"] == "polite"
    assert control.attributes["id"] in [label.attributes["for"] for label in tree.all("label")]


def cells(tree: Tag, key: str) -> list[list[str]]:
    table = next(t for t in tree.all("table") if t.attributes["id"] == key)
    return [[c.text for c in row.all("th", "td")] for row in table.all("tbody")[0].all("tr")]


def test_the_control_knows_the_capacity_table_to_the_digit(tree: Tag) -> None:
    fine, table = cells(tree, "cuts"), cells(tree, "capacity")
    assert len(fine) > 20 and len(table) == 5 and all(row in fine for row in table)
    assert fine[int(tree.all("input")[0].attributes["value"] or -1)] == table[2]


def test_too_few_is_said_and_no_lift_with_it(tree: Tag) -> None:
    rows = {row[0]: row for row in cells(tree, "behaviours")}
    assert rows["did rare"][6:8] == ["too few to say", "–"] and list(rows)[-1] == "did rare"
    assert (
        float(rows["did pricing"][6]) > 1 and rows["did pricing"][10] == "raises" and rows["did docs"][10] == "lowers"
    )
    assert "association, not cause" in tree.all("main")[0].words()


def test_a_group_of_features_that_may_run_against_each_other_has_no_direction_of_its_own() -> None:
    made = record() | {"drivers_direction": {"behaviour:docs": -0.1}}
    made["features"] = [{"group": g} for g in ("behaviour:pricing", "behaviour:pricing", "behaviour:demo", "age")]
    rows = {row[0]: row[3] for row in cells(parsed(report_page(made)), "drivers")}
    assert rows["did docs"] == "lowers" == rows["days since it was created"]
    assert (rows["did pricing"], rows["did demo"]) == ("–", "raises")


@pytest.mark.parametrize(
    ("gap", "verdict"),
    [([0.01, 0.002, 0.02], "the model’s probabilities are better"), ([0.01, -0.002, 0.02], "can’t be told apart"),
     ([-0.01, -0.02, -0.001], "look at it first"), ([None, None, None], "")],
)  # fmt: skip
def test_the_regression_is_told_from_the_model_only_where_the_interval_allows(gap: list[float], verdict: str) -> None:
    made = record()
    made["evaluation"]["against"] = {"logistic": {"log_loss": dict(zip(("value", "low", "high"), gap, strict=True))}}
    words = parsed(report_page(made)).all("main")[0].words()
    assert (verdict in words) if verdict else "Against the logistic regression" not in words


def test_json_beside_the_page_equals_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {k: v for k, v in record().items() if k not in ("version", "features")}
    bundle = SimpleNamespace(run_record=made, version="3", specs=[])
    monkeypatch.setattr(report, "require_apart", lambda *asked: None)
    monkeypatch.setattr(report, "find_model", lambda config, model: bundle)
    monkeypatch.setattr(report, "as_config", lambda config, progress: config)
    told = report.report(SimpleNamespace(name="acme"), tmp_path / "r.html")
    assert json.loads(told.data.read_text("utf-8")) == made | {"version": "3", "features": []} == told.record
    assert told.page.read_text("utf-8") == report_page(told.record)


def test_families_stand_dearest_first_and_the_first_sentence_tells_noise_from_worth() -> None:
    tree = parsed(report_page(record()))
    assert [row[0] for row in cells(tree, "families")] == ["behaviour", "age", "fit"]
    assert cells(tree, "families")[0] == [
        "behaviour", "66", "+0.0123", "0.0051 to 0.0202", "+0.041", "0.022 to 0.061", "missed",
    ]  # fmt: skip
    assert [row[6] for row in cells(tree, "families")[1:]] == ["within noise", "better without"]
    found = next(s for s in report_sections(record()) if s.key == "worth").found
    assert "Without behaviour the backtest is worse by more than noise" in found and "Without fit it is better" in found
    noise = record() | {"ablation": record()["ablation"][:1]}
    assert "none, left out alone, is missed" in next(s for s in report_sections(noise) if s.key == "worth").found


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


@pytest.mark.parametrize("theme", [0, 1])
def test_colours_have_contrast_in_light_and_dark(tree: Tag, theme: int) -> None:
    roots = re.findall(r":root \{(.*?)\}", tree.all("style")[0].text, re.DOTALL)
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", roots[theme]))
    for text in (
        "ink",
        "soft",
        "link",
        "up",
        "down",
        "flat",
        *(f"p{n}" for n in range(1, 7)),
        *(f"h{n}" for n in range(6)),
    ):
        for ground in ("paper", "raised", "mark") if text in ("ink", "soft") else ("paper",):
            high, low = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= (4.5 if text in ("ink", "soft", "link") else 3.0), (text, ground)
