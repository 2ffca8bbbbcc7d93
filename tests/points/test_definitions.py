"""Definitions of MQL and SQL: what may be asked, who meets it, how it is told, and what is told of what can't be asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

import crm
from leadline.config.conditions import When
from leadline.config.modeling import Rule
from leadline.config.schema import Config
from leadline.core.point_in_time import Horizon
from leadline.dataset import snapshots
from leadline.dataset.feature_spec import Feature
from leadline.errors import ConfigError
from leadline.features.build import FeatureTable
from leadline.points.definition_changes import changes
from leadline.points.definition_checks import met_by_nobody, unknown_in_definitions
from leadline.points.definition_words import sentence
from leadline.points.definitions import Definitions
from leadline.points.rules import rule_points, with_joined_rules
from small_crm import Run

STACK = Feature("lead_tech_stack", "fit", "s", "category", "value", "uses", "leads", "Tech Stack", "column")
SIZE = Feature("account_size", "fit", "z", "number", "value", "size", "accounts", "size", "column")
LISTS = ["Salesforce;HubSpot", " hubspot ; Marketo", "SalesforceIQ", None, "", "Marketo,HubSpot"]


def met(when: dict[str, Any], scores: dict[str, Any] | None = None) -> list[bool]:
    values = pd.DataFrame(
        {"lead_tech_stack": pd.Series(LISTS, dtype=object), "account_size": [1.0, 5.0, 50.0, np.nan, 5.0, 7.5]}
    )
    asked = Definitions({"mql": When.model_validate(when)}, (STACK, SIZE))
    return [bool(v) for v in asked.hold((STACK, SIZE), values, scores)["mql"]]


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ({"attribute": "tech stack", "has": "HUBSPOT"}, [True, True, False, False, False, False]),
        ({"attribute": "Tech Stack", "has": ["salesforce", "marketo"]}, [True, True, False, False, False, False]),
        ({"attribute": "tech_stack", "has": "hubspot", "separator": ","}, [False, False, False, False, False, True]),
        ({"attribute": "tech_stack", "in": ["salesforceiq "]}, [False, False, True, False, False, False]),
        ({"attribute": "size", "in": [5, "7.5"]}, [False, True, False, False, True, True]),
        ({"attribute": "size", "min": 5, "max": 7.5}, [False, True, False, False, True, True]),
        ({"not": {"attribute": "size", "min": 5}}, [True, False, False, True, False, False]),
        ({"attribute": "tech_stack", "min": 5}, [False] * 6),
        ({"attribute": "elsewhere", "equals": "x"}, [False] * 6),
    ],
)
def test_a_list_is_split_and_numbers_are_compared_as_numbers(when: dict[str, Any], told: list[bool]) -> None:
    assert met(when) == told


def test_scores_and_grades_count_from_the_least_on_and_nobody_has_them_before_scoring() -> None:
    scores = {
        "score": np.array([79, 80, 81, 0, 100, 80]), "fit_score": np.array([1, 2, 3, 4, 5, 6]),
        "grade": np.array(["A1", "B2", "B3", "C1", "A2", None], dtype=object),
    }  # fmt: skip
    assert met({"score": 80}, scores) == [False, True, True, False, True, True]
    assert met({"fit": 6}, scores) == [False] * 5 + [True]
    assert met({"grade": "B2"}, scores) == [True, True, False, False, True, False]
    assert met({"engagement": 0}, scores) == met({"score": 0}) == [False] * 6


def test_the_names_met_stand_in_the_configs_order() -> None:
    both = Definitions({"sql": When(attribute="size", min=5), "mql": When(attribute="size", min=0)}, (SIZE,))
    told = both.met((SIZE,), pd.DataFrame({"account_size": [9.0, 1.0, np.nan]}), {})
    assert told.tolist() == ["sql;mql", "mql", ""]


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ({}, "asks nothing"),
        ({"all": []}, "at least 1 item"),
        ({"behaviour": "a", "icp": 2}, "found `behaviour` and `icp`; expected one of them"),
        ({"icp": 2, "within": "30d"}, "`within` says nothing of `icp`"),
        ({"attribute": "a", "min": 1, "has": "x"}, "found `has` and `min`"),
        ({"attribute": "a", "min": 2, "max": 1}, "`min` 2 is above `max` 1"),
        ({"behaviour": ["a", "b"], "at_least": 3, "distinct": True}, "asks for 3 distinct ones of 2"),
        ({"grade": "E1"}, "a grade from A1 to D4"),
        ({"score": 101}, "less than or equal to 100"),
        ({"account": {"within": "30d"}}, "expected `people` or `roles`"),
    ],
)
def test_what_cannot_be_asked_is_an_error_of_the_config(when: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        When.model_validate(when)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"definitions": {"mql": {"asset": "ROI tol"}}}, "no asset is called 'ROI tol'; did you mean `ROI tool`?"),
        (
            {"definitions": {"mql": {"asset": "any", "at_least": 2, "distinct": True}}},
            "asks for 2 distinct assets of 1",
        ),
        ({"definitions": {"mql": {"role": "byer"}}}, "no role is called 'byer'; did you mean `buyer`?"),
        ({"definitions": {"mql": {"icp": 2}}}, "asks for 2 criteria of the ICP, and `icp` has 1"),
        ({"definitions": {"mql": {"intent": "purchase"}}}, "no behaviour is of purchase intent"),
        ({"definitions": {"mql": {"account": {"roles": 2}}}}, "asks for 2 roles, and `roles` has 1"),
        ({"definitions": {"mql": {"points": 20}}}, "there are no `rules`"),
        ({"definitions": {"mql": {"attribute": "country"}}}, "asks nothing of the attribute 'country'"),
        ({"definitions": {"M QL": {"icp": 1}}}, "a name that can't be"),
        (
            {"definitions": {"mql": {"any": [{"at_leest": 2}]}}},
            "definitions.mql.any.0.at_leest: unknown key; did you mean `at_least`?",
        ),
        ({"rules": [{"when": {"score": 80}, "points": 5}]}, "`score` is known only after the rules"),
        ({"rules": [{"when": {"all": [{"role": "x"}]}, "points": 5}]}, "rules.0.when: no role is called 'x'"),
    ],
)
def test_what_the_config_itself_lacks_is_told_with_what_there_is(
    part: dict[str, Any], said: str, tmp_path: Path
) -> None:
    whole = crm.config_dict(crm.write_parquet(crm.rows(), tmp_path)) | {
        "behaviours": {"roi": {"intent": "evaluation", "asset": "ROI tool"}}, "roles": {"buyer": ["*"]}, "icp": {"country": ["NL"]}, "rules": [],
    }  # fmt: skip
    with pytest.raises(ConfigError) as error:
        Config(**(whole | part))
    assert said in str(error.value)


def test_a_flat_file_has_no_grade_to_ask_for() -> None:
    flat = {"version": 1, "name": "flat", "tables": {"leads": {"source": "a.csv"}}, "outcome": {"column": "won", "positive": 1}, "snapshots": {"order_by": "row"}}  # fmt: skip
    assert Config(**flat, definitions={"mql": {"score": 80}}).definitions["mql"].score == 80
    with pytest.raises(ConfigError, match=r"asks for `grade`, and without `tables\.events` no lead has one"):
        Config(**flat, definitions={"mql": {"any": [{"grade": "B2"}, {"score": 80}]}})


def told(tmp_path: Path, when: dict[str, Any], **more: Any) -> list[str]:
    sources = crm.write_parquet(crm.rows(), tmp_path)
    config = Config.model_validate({**crm.config_dict(sources), "definitions": {"mql": when}, **more})
    with Run(config) as run:
        found = unknown_in_definitions(config, run.loaded)
        if not found:
            snapshots.for_training(config, run.loaded)
            found = met_by_nobody(config, run.loaded)
        return [f"{f.code} {f}" for f in found]


def test_names_that_nothing_has_are_errors_with_those_that_are_there(tmp_path: Path) -> None:
    assert (
        "LL160 definitions.mql: no event has the type 'pricing_vew'; expected a type of tables.events"
        in told(tmp_path, {"behaviour": "pricing_vew"})[0]
    )
    (lost,) = told(tmp_path, {"not": {"attribute": "sorce", "equals": "x"}})
    assert "no attribute is called 'sorce'" in lost and "(did you mean `source`?)" in lost
    assert "holds numbers" in told(tmp_path, {"attribute": "score", "has": "x"})[0]
    assert "holds words" in told(tmp_path, {"attribute": "source", "min": 1})[0]
    assert "no job title" in told(tmp_path, {"role": "buyer"}, roles={"buyer": ["*"]})[0]


def test_a_definition_that_nobody_meets_is_told_and_one_that_somebody_meets_is_not(tmp_path: Path) -> None:
    (never,) = told(tmp_path, {"attribute": "score", "min": 10**18})
    assert never.startswith("LL161 definitions.mql: none of ") and "score of 1e+18 or more" in never
    assert told(tmp_path, {"not": {"attribute": "score", "min": 10**18}}) == []
    assert told(tmp_path, {"score": 100}) == []  # there is no score yet


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ({"asset": "any", "at_least": 2, "distinct": True, "within": "30d"}, "2 or more of the core assets within 30 days"),
        ({"behaviour": ["a", "b"], "at_least": 3, "within": "7d"}, "did a or did b 3 times or more within 7 days"),
        ({"intent": "purchase", "at_least": 2}, "2 or more events of purchase intent"),
        ({"attribute": "tech_stack", "has": ["x", "y"]}, "tech stack has x or y"),
        ({"account": {"people": 3, "roles": 2, "within": "14d"}}, "3 or more people and 2 or more roles of the account active within 14 days"),
        ({"any": [{"points": 60}, {"all": [{"fit": 70}, {"role": "economic_buyer"}]}]}, "60 points or more by today’s rules, or (fit score of 70 or more and role is economic buyer)"),
    ],
)  # fmt: skip
def test_a_condition_is_told_in_plain_words(when: dict[str, Any], said: str) -> None:
    assert sentence(Config.model_construct(behaviours={}, icp={}), When.model_validate(when)) == said


def test_every_change_is_of_one_clause_and_can_be_asked() -> None:
    whole = When.model_validate(
        {
            "all": [
                {"asset": "any", "at_least": 2, "within": "30d"},
                {"any": [{"icp": 2}, {"score": 95}]},
                {"not": {"account": {"people": 1}}},
            ]
        }
    )
    windows = [Horizon.parse(w) for w in ("7d", "30d", "90d")]
    made = [changed.to_record() for _, _, changed in changes(whole, windows, 2)]
    assert len(made) == len({str(m) for m in made}) == 3 + 4 + 2 + 1 + 1 + 1
    before = whole.to_record()["all"]
    for record in made:
        after = record["all"]
        assert len(after) == 2 or sum(a != b for a, b in zip(before, after, strict=True)) == 1


def test_rules_of_several_conditions_give_points_beside_plain_ones() -> None:
    rules = [
        {"when": {"all": [{"attribute": "size", "min": 5}, {"not": {"attribute": "tech stack", "has": "marketo"}}]}, "points": 10},
        {"when": {"attribute": "size", "equals": 5}, "points": 1},
    ]  # fmt: skip
    config = Config.model_construct(rules=tuple(Rule.model_validate(rule) for rule in rules))
    values = pd.DataFrame(
        {"lead_tech_stack": pd.Series(LISTS, dtype=object), "account_size": [1.0, 5.0, 50.0, np.nan, 5.0, 7.5]}
    )
    who = np.array(list("abcdef"), dtype=object)
    made = FeatureTable((STACK, SIZE), who, who, np.zeros(6, dtype=np.int64), values)
    joined = with_joined_rules(made, Definitions({"rule_0": config.rules[0].when}, (STACK, SIZE)))
    assert rule_points(config, joined.values).tolist() == [0.0, 1.0, 10.0, 0.0, 11.0, 10.0]
    assert made.values.columns.tolist() == ["lead_tech_stack", "account_size"]
