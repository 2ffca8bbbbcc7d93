"""Current scoring rules."""

from __future__ import annotations

import pandas as pd

from leadline.config.schema import Config
from leadline.points.rules import rule_points


def config(*rules: dict[str, object]) -> Config:
    return Config.model_validate({
        "version": 1, "name": "points", "timezone": "UTC",
        "tables": {
            "leads": {"source": "l.csv", "key": "id", "created_at": "c"}, "stages": {"source": "s.csv", "lead": "l", "stage": "s", "changed_at": "t"},
        },
        "stages": {"sql": ["sql"]}, "outcome": {"reaches": "sql", "within": "30d"}, "snapshots": {"every": "7d"}, "rules": list(rules),
    })  # fmt: skip


def test_points_of_every_rule_that_holds_add_up() -> None:
    rules = config(
        {"when": {"behaviour": "demo", "within": "30d"}, "points": 30},
        {"when": {"attribute": "Country Code", "equals": "NL"}, "points": 5},
        {"when": {"behaviour": "bounced", "within": "7d"}, "points": -8},
    )
    values = pd.DataFrame(
        {"rule_0": [2.0, 0.0, 1.0], "lead_country_code": ["NL", "NL", None], "rule_2": [0.0, 0.0, 4.0]}
    )
    assert rule_points(rules, values).tolist() == [35.0, 5.0, 22.0]


def test_a_rule_may_ask_for_an_attribute_of_the_account() -> None:
    rules = config({"when": {"attribute": "industry", "equals": "retail"}, "points": 5})
    assert rule_points(rules, pd.DataFrame({"account_industry": ["retail", "steel"]})).tolist() == [5.0, 0.0]


def test_a_rule_whose_attribute_is_not_read_counts_for_nothing() -> None:
    rules = config({"when": {"attribute": "shoe size", "equals": "42"}, "points": 5})
    assert rule_points(rules, pd.DataFrame({"lead_country": ["NL"]})).tolist() == [0.0]


def test_a_number_is_equal_to_the_number_in_the_rule() -> None:
    rules = config({"when": {"attribute": "seats", "equals": 5}, "points": 3})
    assert rule_points(rules, pd.DataFrame({"lead_seats": [5.0, 6.0, float("nan")]})).tolist() == [3.0, 0.0, 0.0]


def test_a_rule_for_true_holds_where_a_flag_is_one() -> None:
    rules = config({"when": {"attribute": "flag", "equals": True}, "points": 5})
    assert rule_points(rules, pd.DataFrame({"lead_flag": [1.0, 0.0, float("nan")]})).tolist() == [5.0, 0.0, 0.0]
