"""The ICP in the config: what may be asked, of which attributes, and what is told of the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import crm
from leadline.config.modeling import Wanted
from leadline.config.schema import Config
from leadline.errors import DataError
from leadline.tables import Attribute
from leadline.tables.icp import Criterion, criteria
from small_crm import Run

KNOWN = (
    Attribute("leads", "Country", "lead_country", "category"),
    Attribute("leads", "score", "lead_score", "number"),
    Attribute("accounts", "Number of Employees", "account_number_of_employees", "number"),
    Attribute("accounts", "country", "account_country", "category"),
)


def asked(**icp: Any) -> tuple[list[Criterion], list[Any]]:
    return criteria({k: Wanted.model_validate(v) for k, v in icp.items()}, KNOWN)


@pytest.mark.parametrize(
    ("wanted", "read"),
    [
        (["DE ", "nl"], Criterion("lead_country", "leads", "Country", words=("de", "nl"))),
        ("DE", Criterion("lead_country", "leads", "Country", words=("de",))),
        ([5, 7.0, 7.5], Criterion("lead_country", "leads", "Country", words=("5", "7", "7.5"))),
        ({"any_of": ["DE"]}, Criterion("lead_country", "leads", "Country", words=("de",))),
    ],
)
def test_words_are_read_in_lower_case(wanted: Any, read: Criterion) -> None:
    assert asked(lead_country=wanted) == ([read], [])


@pytest.mark.parametrize(
    "name", ["number of employees", "Number of Employees", "number_of_employees", "account_number_of_employees"]
)
def test_an_attribute_is_found_by_its_column_or_name(name: str) -> None:
    found, wrong = asked(**{name: {"min": 50}})
    assert ([(c.name, c.low, c.high) for c in found], wrong) == ([("account_number_of_employees", 50.0, None)], [])


@pytest.mark.parametrize(
    ("icp", "told"),
    [
        ({"industry": ["x"]}, ("icp.industry", "no attribute of that name", "one of those in use (Country, score, Number of Employees, country)")),
        ({"country": ["NL"]}, ("icp.country", "2 attributes have that name", "one")),
        ({"lead_country": {"min": 5}}, ("icp.lead_country", "min or max for an attribute of words", "numbers in it, or a list")),
        ({"score": ["high"]}, ("icp.score", "words for an attribute of numbers", "numbers")),
        ({"lead_country": [False]}, ("icp.lead_country", "yes or no for an attribute of words", "words")),
    ],
)  # fmt: skip
def test_what_an_attribute_cannot_answer_is_told(icp: dict[str, Any], told: tuple[str, str, str]) -> None:
    found, wrong = asked(**icp)
    assert not found and [w[:3] for w in wrong] == [told]


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({}, "expected either a list of what fits, or `min` and `max`"),
        ({"any_of": ["a"], "min": 1}, "expected either a list of what fits, or `min` and `max`"),
        ({"min": 5, "max": 2}, "`min` is above `max`"),
        ([], "expected words or numbers"),
        ([["a"]], "expected words or numbers"),
        ({"min": float("nan")}, "finite"),
        ({"least": 5}, "Extra inputs"),
    ],
)
def test_what_asks_nothing_is_an_error_of_the_config(wanted: Any, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Wanted.model_validate(wanted)


def test_a_criterion_without_an_attribute_stops_the_run(tmp_path: Path) -> None:
    sources = crm.write_parquet(crm.rows(), tmp_path)
    config = Config.model_validate({**crm.config_dict(sources), "icp": {"source": ["search"], "region": ["EMEA"]}})
    said = r"LL125 icp\.region: no attribute of that name; expected one of those in use \(source, "
    with Run(config) as run, pytest.raises(DataError, match=said) as error:
        run.loaded.findings.raise_errors()
    assert "icp.source" not in str(error.value)


def test_a_flat_file_has_a_fit_too(tmp_path: Path) -> None:
    place = tmp_path / "flat.csv"
    place.write_text(
        "id,country,size,won\n" + "".join(f"{n},{'NL' if n % 2 else 'FR'},{n},{n % 3 // 2}\n" for n in range(60))
    )
    config = Config.model_validate({
        "version": 1, "name": "flat", "tables": {"leads": {"source": str(place), "key": "id", "attributes": "all"}},
        "outcome": {"column": "won", "positive": 1}, "snapshots": {"order_by": "id"},
        "icp": {"country": "nl", "size": {"min": 30}},
    })  # fmt: skip
    with Run(config) as run:
        _, _, built = run.train()
    assert built.values["icp_match"].sum() == 60.0 / 2 and set(built.values["icp_match"]) == {0.0, 0.5, 1.0}
    assert [s.name for s in built.specs if s.aggregate == "rate"] == []
