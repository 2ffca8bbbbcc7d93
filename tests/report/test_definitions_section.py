"""The section on definitions says what each is worth beside the model, which clause does harm, and what isn't proven."""

from __future__ import annotations

from typing import Any

import numpy as np

from leadline.config.conditions import When
from leadline.config.schema import Config
from leadline.points.card_value import CardCohort
from leadline.points.definitions_audit import definition_record
from leadline.report.sections.definitions import definitions_section, summary_rows

WHOLE = When.model_validate({"all": [{"icp": 1}, {"behaviour": "call"}]})


def record() -> dict[str, Any]:
    """An audit in which the first clause keeps away half of the leads that get there, and the second is right."""
    n = np.arange(400)
    y, fit, called = (n < 80) * 1.0, n % 2 == 0, n < 120
    held = {
        "mql": fit & called,
        "mql clause 0": fit,
        "mql clause 1": called,
        "mql change 0": called,
        "mql change 1": fit,
        "mql change 2": fit & (n < 20),
    }
    older = CardCohort(y, np.ones(400), n, n, 0 * n, {"model": -1.0 * n}, per_week=40.0)
    newest = CardCohort(y, np.ones(400), n, n, 0 * n, {"model": -1.0 * n}, per_week=40.0, earlier=older)
    config = Config.model_construct(definitions={"mql": WHOLE}, behaviours={}, icp={"country": 1})
    source = {"source": np.where(n < 60, "web", "fair").astype(object)}
    return {**definition_record(config, "mql", (newest, held), held, source), "won": None}


def page(one: dict[str, Any]) -> Any:
    return definitions_section(
        {"definitions": {"definitions": [one], "weekly": True, "reason": ""}, "outcome": {"reaches": "sql"}}
    )


def test_the_clause_that_does_harm_is_told_with_what_dropping_it_gains() -> None:
    one = record()
    assert [clause["harms"] for clause in one["clauses"]] == [True, False]
    assert one["clauses"][0]["without"]["verdict"] == "better" and one["clauses"][1]["without"]["verdict"] == "worse"
    assert (one["change"]["clause"], one["change"]["instead"], one["change"]["leads"]) == ("ICP match", None, 120.0)
    text = str(page(one))
    assert "mql without “ICP match”" in text and "it does the most harm" in text and "better by more than noise" in text


def test_the_first_sentence_holds_the_definition_against_the_models_list_of_its_size() -> None:
    found = page(record()).found
    assert "mql lets 60 leads through (60.0 a week), 66.7% of which became SQLs" in found
    assert "it finds 50% of all that did, and lists of the model, as long each night, 75%" in found


def test_nothing_is_said_without_definitions_and_the_reason_where_there_is_no_audit() -> None:
    assert definitions_section({}) is None
    told = definitions_section(
        {"definitions": {"definitions": [], "weekly": True, "reason": "there are too few outcomes"}}
    )
    assert told is not None and told.found == "The definitions weren’t audited: there are too few outcomes."


def test_a_definition_that_nobody_meets_has_no_rates() -> None:
    one = record() | {"leads": 0.0, "beside": None, "converted": {"value": None, "low": None, "high": None}}
    assert page(one).found == "No lead of the newest fold meets mql."
    assert summary_rows([one], False)[0][2:] == ["–"] * 5
