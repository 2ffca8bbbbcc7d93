"""`leadline.funnel` on the demo world: what training tells, tells it too; the future changes nothing, and no lead is in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import leadline
import projects
from leadline.config.schema import Config
from leadline.errors import UsageError


@pytest.fixture(scope="module")
def told(trained_home: Any) -> dict[str, Any]:
    return json.loads((trained_home[0] / "models/demo/1/record.json").read_text())


@pytest.fixture(scope="module")
def seen(trained_home: Any) -> Any:
    with projects.inside(trained_home[0]):
        return leadline.funnel("demo.yaml", projects.KNOWN_AT)


def test_training_tells_the_same_and_the_tiers_too(seen: Any, told: dict[str, Any]) -> None:
    assert told["funnel"] == seen.record["funnel"]
    assert {k: v for k, v in told["rejected"].items() if k != "tiers"} == {
        k: v for k, v in seen.record["rejected"].items() if k != "tiers"
    }
    assert seen.record["rejected"]["tiers"] == [] and seen.record["diagnosis"]["cuts"] == []
    tiers = told["rejected"]["tiers"]
    assert [t["level"] for t in tiers] == sorted(t["level"] for t in tiers) and tiers[0]["rate"] > tiers[-1]["rate"]
    assert len(told["diagnosis"]["cuts"]) == 3 and told["diagnosis"]["source"] == [
        {**level} for level in seen.record["diagnosis"]["source"]
    ]


def test_the_record_holds_no_lead_and_no_rare_title(told: dict[str, Any]) -> None:
    text = json.dumps({k: told[k] for k in ("funnel", "diagnosis", "rejected")})
    assert "L0" not in text and projects.CANARY not in text


def test_what_is_known_later_changes_nothing(seen: Any, demo_tables: projects.Tables, tmp_path: Path) -> None:
    projects.settle(tmp_path, projects.cut(projects.poisoned(demo_tables, projects.KNOWN_AT), projects.KNOWN_AT))
    with projects.inside(tmp_path):
        assert leadline.funnel("demo.yaml", projects.KNOWN_AT).record == seen.record


def test_it_comes_as_tables(seen: Any) -> None:
    steps = seen.steps
    assert set(steps["by"]) == {"all", "source", "campaign"} and {"days_q25", "days_median", "days_q75"} <= set(
        steps.columns
    )
    whole = steps[steps["by"] == "all"].set_index(["start", "end"])
    assert 0.05 < whole.loc[("mql", "sql"), "rate"] < 0.30
    assert (
        {"month", "complete"} <= set(seen.months.columns)
        and not seen.months["complete"].all()
        and seen.months["complete"].any()
    )
    touches = seen.touches.set_index("level")
    assert touches.loc["trade_fair", "median"] > 2 * touches.loc["paid_search", "median"]  # as the demo has it
    assert len(seen.cost) > 5 and seen.cost_by_month.empty and set(seen.rejections["kind"]) >= {"fit", "timing"}
    assert set(seen.diagnosis["advice"]) <= {
        "pause",
        "tighten",
        "feed",
        "loosen",
        "costs",
        "revenue first",
        "keep",
        "wait",
        "none",
    }
    paid = seen.cost.set_index("level")
    assert (paid["revenue_amount"] >= 0).all() and paid.loc["all", "revenue_wins"] > 0
    assert not seen.diagnosis.map(lambda value: isinstance(value, dict)).any(axis=None)
    assert "leads; lead → mql" in repr(seen)


def test_a_flat_file_has_no_funnel() -> None:
    flat = Config.model_validate({
        "version": 1, "name": "flat", "tables": {"leads": {"source": "a.csv"}}, "outcome": {"column": "won", "positive": 1},
        "snapshots": {"order_by": "row"},
    })  # fmt: skip
    with pytest.raises(UsageError, match="expected dated tables"):
        leadline.funnel(flat)
