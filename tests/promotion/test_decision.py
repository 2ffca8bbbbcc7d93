"""A decision's record and text."""

from __future__ import annotations

import json

import numpy as np

from leadline.promotion.contest import ContestCohort, compare_models, decide_contest
from leadline.promotion.decision import Decision

ROWS = {"first as_of": "2025-04-07", "snapshots": 400}


def decided(spoil: bool) -> Decision:
    draw = np.random.default_rng(1)
    p = draw.beta(1, 3, 900)
    y = (draw.random(900) < p) * 1.0
    parted = {"leads.source": np.where(draw.random(900) < 0.5, "a|b", "web").astype(object)}
    look = compare_models(ContestCohort(y, np.ones(900), np.arange(900), parted), p, 1 - p if spoil else p)
    verdict = decide_contest([look], [])
    outcome = "promoted" if verdict.promoted else "refused"
    return Decision(
        outcome, "demo", "2", "1", "ann", "2025-06-02T00:00:00Z", verdict.reason, {"seed": 7}, ROWS, verdict
    )


def test_a_record_says_who_when_on_what_with_which_figures_and_why() -> None:
    record = json.loads(json.dumps(decided(spoil=True).to_record(), allow_nan=False))
    assert (record["outcome"], record["promoted"], record["version"], record["former"]) == ("refused", False, "2", "1")
    assert (record["by"], record["at"], record["cohort"]) == ("ann", "2025-06-02T00:00:00Z", ROWS)
    look = record["verdict"]["looks"][0]
    assert look["figures"]["champion"]["log_loss_low"] < look["figures"]["champion"]["log_loss"]
    assert all({"name", "found", "bound", "passed", "told"} <= set(guard) for guard in look["guards"])
    assert look["segments"][0]["attribute"] == "leads.source"


def test_the_text_says_the_same_in_tables_that_hold_together() -> None:
    for spoil, word in ((True, "**refuses**"), (False, "holds")):
        text = decided(spoil).to_text()
        assert text.startswith("# demo: 2 is " + ("refused" if spoil else "the champion")) and word in text
        assert "asked for by ann" in text and "- snapshots: 400" in text
        rows = [line for line in text.splitlines() if line.startswith("|")]
        widths = {line.count("|") for line in rows if "a/b" in line}
        assert widths == {9}  # a level's own bar doesn't make a column


def test_putting_a_version_back_has_no_figures() -> None:
    back = Decision("rolled back", "demo", "1", "2", "ann", "2025-06-02T00:00:00Z", "as asked", {})
    assert back.promoted and back.to_record()["verdict"] is None
    assert "cohort" not in back.to_text()
