"""The card's tables: read back they score alike, hostile names stay text, and each editor's columns are filled."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest

from leadline.core.point_in_time import Horizon
from leadline.dataset.feature_spec import Feature
from leadline.points.card import PointsCard, PointsRow
from leadline.points.conditions import Condition
from leadline.points.exports import decayed_points, hubspot_rules, marketo_rules, parse_scorecard_row, scorecard_rows
from leadline.workflows.training.points import points_files

HOSTILE = '=HYPERLINK("http://x.example","a"),b\n</script>;\'"'
DAYS = Horizon.parse("30d")
SPECS = (
    Feature("n_demo_30d", "behaviour", "b", "count", "count", "asked for a demo", field="demo", by="behaviour", window=DAYS),
    Feature("n_intent_purchase_30d", "behaviour", "i", "count", "count", "events of purchase intent", field="purchase", by="intent", window=DAYS),
    Feature("n_any_30d", "behaviour", "a", "count", "count", "events of any kind", window=DAYS),
    Feature("since_demo", "recency", "b", "days", "since_last", "asked for a demo", field="demo", by="behaviour"),
    Feature("age", "age", "age", "days", "age", "time since creation", "leads"),
    Feature("lead_source", "fit", "s", "category", "value", "source", "leads", "source", "column"),
    Feature("account_employees", "fit", "e", "number", "value", "the account's employees", "accounts", "employees", "column"),
    Feature("card_role", "fit", "role", "category", "value", "role", "leads", "role", "role"),
    Feature("colleagues_won", "history", "account_past", "count", "colleagues_reached", "colleagues who reached won", "colleagues", "won", "stage"),
    Feature("icp_industry", "fit", "icp", "flag", "meets", "the account's industry", "accounts", "industry", "column"),
)  # fmt: skip
ROWS = (
    (Condition("n_demo_30d", "times", 1.0), 9),
    (Condition("n_demo_30d", "times", 3.0), 4),
    (Condition("n_intent_purchase_30d", "times", 1.0), 6),
    (Condition("n_any_30d", "times", 1.0), 2),
    (Condition("since_demo", "ever"), 1),
    (Condition("age", "within", None, 30.0), 5),
    (Condition("age", "within", 30.0, 90.0), 3),
    (Condition("lead_source", "among", levels=(HOSTILE, "web")), -4),
    (Condition("lead_source", "unknown"), -1),
    (Condition("account_employees", "within", 50.0), 7),
    (Condition("card_role", "among", levels=("buyer",)), 8),
    (Condition("icp_industry", "times", 1.0), 2),
    (Condition("colleagues_won", "times", 1.0), 3),
)
CARD = PointsCard(tuple(PointsRow(c, p) for c, p in ROWS))
TOLD = {
    "rows": scorecard_rows(CARD, SPECS, {"demo": "purchase", "pricing": "purchase", "blog": "awareness"}),
    "bands": [{"name": "A", "at_least": 21, "leads_per_week": 39.5}], "weekly": True, "roles": {"buyer": ["CFO", "VP Finance"]},
}  # fmt: skip


def leads() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame({
        "n_demo_30d": rng.integers(0, 5, 60) * 1.0, "n_intent_purchase_30d": rng.integers(0, 4, 60) * 1.0,
        "n_any_30d": rng.integers(0, 2, 60) * 1.0, "since_demo": np.where(rng.random(60) < 0.5, 3.0, np.nan),
        "age": rng.uniform(0, 200, 60), "lead_source": rng.choice(np.array([HOSTILE, "web", "fair", None], dtype=object), 60),
        "account_employees": rng.choice([10.0, 50.0, np.nan], 60), "card_role": rng.choice(np.array(["buyer", None], dtype=object), 60),
        "icp_industry": rng.choice([0.0, 1.0, np.nan], 60), "colleagues_won": rng.integers(0, 2, 60) * 1.0,
    })  # fmt: skip


def lines(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(points_files({"points_card": TOLD})[name].decode(), newline="")))


def test_the_csv_read_back_scores_alike() -> None:
    rules = [line for line in lines("points_card") if line["row"] == "rule"]
    number = {"low": lambda text: float(text) if text else None}
    read = PointsCard(tuple(
        parse_scorecard_row({**line, "low": number["low"](line["low"]), "high": number["low"](line["high"]), "levels": json.loads(line["levels"])})
        for line in rules
    ))  # fmt: skip
    assert set(read.rows) == set(CARD.rows)
    assert read.score(leads()).tolist() == CARD.score(leads()).tolist()


def test_no_cell_runs_as_a_formula() -> None:
    for name in ("points_card", "points_hubspot", "points_marketo"):
        for line in lines(name):
            for title, text in line.items():
                # A minus is harmless where the cell is a number.
                numeric = title in ("points", "Points", "Change")
                assert numeric or not text.lstrip().startswith(("=", "+", "-", "@")), (name, title)


def test_the_thresholds_stand_under_the_rules() -> None:
    last = lines("points_card")[-1]
    assert last["row"] == "threshold" and last["points"] == "21" and "about 40 leads a week" in last["what"]


@pytest.mark.parametrize(("maker", "points"), [(hubspot_rules, "Points"), (marketo_rules, "Change")])
def test_every_rule_has_its_line_and_its_points(maker, points) -> None:
    made = maker(TOLD)
    rows = [line for line in made if line.get("Smart campaign") != "Leadline 00"]
    assert [line[points] for line in rows] == [row["points"] for row in TOLD["rows"]]
    assert len({tuple(line) for line in made}) == 1  # the same columns in every line


def test_a_night_in_marketo_begins_at_0() -> None:
    first, *others = marketo_rules(TOLD)
    assert (first["Flow step"], first["Score Name"], first["Change"]) == ("Change Data Value", "Leadline points", 0)
    assert {line["Flow step"] for line in others} == {"Change Score"} and first["Smart campaign"] < others[0][
        "Smart campaign"
    ]
    assert marketo_rules({"rows": []}) == []


def test_hubspot_asks_frequency_and_timeframe_of_events_and_an_operator_of_properties() -> None:
    made = {line["Note"]: line for line in hubspot_rules(TOLD)}
    three = made["asked for a demo at least 3 times in the last 30 days"]
    assert (three["Group"], three["Event or property"], three["Frequency"], three["Timeframe"]) == (
        "Engagement", "demo", "at least 3 times", "in the last 30 days",
    )  # fmt: skip
    assert made["any event of purchase intent in the last 30 days"]["Event or property"] == "demo OR pricing"
    assert made["created less than 30 days ago"]["Operator"] == "is less than … ago"
    size = made["the account's employees: 50 or more"]
    assert (size["Object"], size["Operator"], size["Value"]) == ("Company", "is greater than or equal to", "50")
    assert made["source is not given"]["Operator"] == "is unknown"
    other = made["another lead of its account was won"]
    assert (other["Object"], other["Operator"], other["Value"]) == ("Company", "is greater than or equal to", "1")
    role = made["role is buyer"]
    assert (role["Event or property"], role["Operator"], role["Value"]) == (
        "Job title",
        "is any of (* stands for anything)",
        "CFO; VP Finance",
    )


def test_marketo_asks_constraints_of_filters_and_changes_one_score() -> None:
    made = {line["Note"]: line for line in marketo_rules(TOLD)}
    three = made["asked for a demo at least 3 times in the last 30 days"]
    assert (three["Date of Activity"], three["Min. Number of Times"]) == ("in past 30 days", 3)
    assert made["created 30 to under 90 days ago"]["Value"] == "30 days and 90 days"
    assert {line["Score Name"] for line in made.values()} == {"Leadline points"}


def test_an_act_loses_its_points_window_by_window() -> None:
    assert [decayed_points(TOLD["rows"], "demo", days) for days in (0, 29.9, 30)] == [9 + 6 + 2 + 1, 9 + 6 + 2 + 1, 1]
    assert decayed_points(TOLD["rows"], "blog", 0) == 2


def test_a_name_in_a_sentence_is_one_line() -> None:
    assert all("\n" not in row["what"] for row in TOLD["rows"])


def test_without_a_card_there_are_no_files() -> None:
    assert points_files({"points_card": {"rows": [], "reason": "no fold could be judged"}}) == {}
