"""The model card: every figure in it is the record's, whatever text the record holds stays text."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from markdown_it import MarkdownIt
from page_parser import Tag, parsed
from page_records import HOSTILE, changed, flat_record
from page_records import record as plain_record

from leadline.core import format
from leadline.evaluation.baselines import in_order
from leadline.report.card.card import ALWAYS, model_card

CODES = {
    "sql",
    "30d",
    "90d",
    "0d",
    "warning",
    "note",
    "error",
    "calibrated",
    "miscalibrated",
    "too few to say",
    "model",
    "logistic",
    "points",
}
TRICKS = "a|b\n# Owned\n<script>alert(1)</script> **x** [y](http://e.example) `z` ![i](j) www.e.example &lt; \\| ~~s~~ $m$ _u_"
MADE = {
    "leadline": "0.1.0", "python": "3.11.9", "packages": {"lightgbm": "4.6.0"}, "seed": 11, "config_hash": "ab12", "folds": 4, "features": 77,
    "recipe": {"l2": 30.0, "rounds": 41}, "tuned": {"trials": 23, "words": "23 recipes tried, and the best is taken: l2 9"},
}  # fmt: skip
CHOICE = {
    "folds": 3,
    "rounds": 41,
    "words": "41 trees on the regression (penalty 0.1), as was asked",
    "moving": ["price"],
}


def record() -> dict[str, Any]:
    made = plain_record() | {"provenance": MADE, "choice": CHOICE}
    made["findings"] = [
        *made["findings"],
        finding("LL209", "warning", accepted="asked in the form"),
        finding("LL302", "note"),
        finding("LL303", "not applicable"),
    ]
    return made


def finding(code: str, severity: str, accepted: str = "") -> dict[str, Any]:
    told = {
        "subject": "leads.budget",
        "seen": "3 of 9",
        "expected": "none",
        "fix": "drop it",
        "rows": 3,
        "title": "t",
        "why": "w",
    }
    return {"code": code, "severity": severity, "accepted": accepted, **told}


def unjudged() -> dict[str, Any]:
    empty = {"folds": [], "calibration": [], "gains": [], "against": {}}
    return record() | {"evaluation": empty, "segments": None}


def unknown() -> dict[str, Any]:
    made = record()
    for key in ("evaluation", "drivers", "segments"):
        made[key] = changed(made[key], lambda v: None if isinstance(v, float) else v)
    return made


KINDS: dict[str, Callable[[], dict[str, Any]]] = {
    "dated": record, "flat": lambda: flat_record() | {"provenance": MADE}, "unjudged": unjudged, "None": unknown,
}  # fmt: skip


def rendered(made: dict[str, Any]) -> Tag:
    """Read the card as a reader of Markdown does."""
    return parsed(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(model_card(made)))


def tables(tree: Tag) -> dict[str, list[list[str]]]:
    """Return the tables' rows by the heading that each stands under; of several, one after another."""
    found: dict[str, list[list[str]]] = {}
    heading = ""
    for tag in walk(tree):
        if tag.name == "h2":
            heading = tag.text
        elif tag.name == "tr" and tag.all("td"):
            found.setdefault(heading, []).append([cell.words() for cell in tag.all("td")])
    return found


def walk(tree: Tag) -> Iterator[Tag]:
    yield tree
    for child in tree.children:
        yield from walk(child)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_record_has_a_card(kind: str) -> None:
    words = rendered(KINDS[kind]()).words()
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b|[{}]", words)
    for title in ("What it is not for", "Population and label", "Known limits", "How to make it again"):
        assert title in words
    for limit in ALWAYS:
        assert limit.split("`")[0].strip() in words


def test_every_figure_is_the_record_s() -> None:
    made = record()
    told = tables(rendered(made))
    newest = made["evaluation"]["folds"][-1]
    scored = [newest["figures"][who] for who in in_order(newest["figures"])]
    for row, m in zip(told["Performance against baselines"], scored, strict=True):
        assert row[1] == f"{format.decimal(m['auc'], 3)} ({format.interval(m['auc_low'], m['auc_high'], 3)})"
        assert row[3].startswith(format.decimal(m["lift_10"]))
        assert [row[2], *row[4:]] == [
            format.decimal(m[key], digits)
            for key, digits in (("average_precision", 3), ("brier", 4), ("ece", 4), ("log_loss", 4), ("won_auc", 3))
        ]
    for row, f in zip(told["Folds"], made["evaluation"]["folds"], strict=True):
        assert row[4:] == [
            *(format.count(f[key]) for key in ("training_rows", "rows", "positives")),
            format.share(f["base_rate"]),
        ]
    assert [row[:2] for row in told["Data"]] == [[name, format.count(n)] for name, n in made["tables"].items()]
    counts = [made["snapshots"][key] for key in ("positive", "negative", "censored", "late", "before")]
    assert [row[1] for row in told["Population and label"]] == [format.count(n) for n in counts]
    drivers = [[d["words"], format.share(d["share"])] for d in made["drivers"]]
    assert [row[:2] for row in told["Feature importance (mean |SHAP|)"]] == drivers


def test_calibration_and_parity_are_the_record_s() -> None:
    made = record()
    told = tables(rendered(made))
    bins, every = made["evaluation"]["calibration"], made["segments"]["segments"]
    rows = told["Calibration"]
    assert [row[:2] for row in rows[: len(bins)]] == [
        [format.share(b["mean_p"], 2), format.share(b["rate"], 2)] for b in bins
    ]
    for row, s in zip(rows[len(bins) :], every, strict=True):
        shares = [format.share(s[key], 2) for key in ("predicted", "observed")]
        assert [row[0], row[1], *row[3:5], row[6]] == [
            f"{s['by']} = {s['level']}",
            format.count(s["rows"]),
            *shares,
            s["verdict"],
        ]
    parted = [s for s in every if s["by"] == "source"]
    assert len(parted) == 3
    for row, s in zip(told["Segments and parity"], parted, strict=True):
        for place, key in ((5, "selected"), (7, "recall")):
            said = format.share(s[key]) if s[key] is not None else "too few to say"
            assert row[place].startswith(said)
    assert "miscalibrated" in {s["verdict"] for s in every}, "a segment of the record is off, and the limits say so"
    assert "Probabilities are off by more than chance in source = fair" in rendered(made).words()


def test_sentences_hold_the_record_s_figures() -> None:
    words = rendered(record()).words()
    ahead = record()["evaluation"]["against"]["logistic"]["log_loss"]
    gap = [ahead[end] for end in ("value", "low", "high")]
    for said in (
        f"{format.decimal(gap[0], 4, True)} ({format.interval(gap[1], gap[2], 4)})",
        "It reads 77 features.", "Fitted: 41 trees on the regression (penalty 0.1), as was asked.", "No tree splits by price", "Settings: 23 recipes tried, and the best is taken: l2 9.", "ab12", "lightgbm", "4.6.0",
        "leadline train CONFIG --as-of 2025-06-02T00:00:00Z --tune 23", "It found 2 things, of which the config accepts 1 that would have stopped the run; 1 check", "asked in the form",
        "2 folds instead of the 4 asked for", "61 leads with a positive outcome", "size (no attribute tells it)",
    ):  # fmt: skip
        assert said in words, said


def test_what_others_find_is_told_where_it_is_there() -> None:
    figures = {"auc": 0.71, "auc_low": 0.7, "auc_high": 0.72, "lift_10": 2.5, "lift_10_low": 2.0, "lift_10_high": 3.0}
    again = {
        "of": "2",
        "rows": 900,
        "positives": 45,
        "rate_then": 0.04,
        "rate_now": 0.06,
        "before": {"ece": 0.02},
        "after": {"ece": 0.01},
    }
    more = {
        "optimism": {"drawn": figures | {"auc": 0.76}, "forward": figures}, "recalibration": again,
        "complexity": {"name": "boosting", "reason": "812 positive leads are enough for it"},
    }  # fmt: skip
    words = rendered(record() | more).words()
    for said in (
        "would have read 0.760 instead of 0.710",
        "812 positive leads are enough",
        "4.0% then, 6.0% now",
        "was 0.0200 before and 0.0100 after",
        "are version 2’s",
        "leadline recalibrate CONFIG",
    ):
        assert said in words, said


@pytest.mark.parametrize("trick", [HOSTILE, TRICKS], ids=["html", "markdown"])
def test_hostile_text_stays_text(trick: str) -> None:
    hostile = changed(record(), lambda v: v + trick if isinstance(v, str) and v not in CODES else v)
    hostile["tables"] = {trick: 3}
    hostile["fingerprints"], hostile["sources"] = {}, {}
    calm, tree = rendered(record()), rendered(hostile)
    names = {tag.name for tag in walk(tree)}
    assert not names & {"script", "img", "a", "strong", "em", "del", "iframe"}
    assert [tag.text for tag in tree.all("h2")] == [tag.text for tag in calm.all("h2")] and len(tree.all("h1")) == 1
    said = " ".join(trick.split())
    words = " ".join(tree.words().split())
    assert words.count(said) > 20
    assert tables(tree)["Data"][0][0].strip() == said
    assert len(tables(tree)["Calibration"]) == len(tables(calm)["Calibration"])


def test_few_segments_and_undefined_figures_are_said_to_be_unknown() -> None:
    made = record()
    made["segments"]["segments"][0] |= {"auc": math.nan, "recall": None, "positives": None}
    row = tables(rendered(made))["Segments and parity"][0]
    assert row[2] == "–" and row[4] == row[7] == "too few to say"


def test_the_card_of_a_record_read_back_from_json_is_the_same() -> None:
    """JSON sorts its keys; a card made of the bundle's record is the one that lies beside it."""
    assert model_card(json.loads(json.dumps(record(), sort_keys=True))) == model_card(record())
