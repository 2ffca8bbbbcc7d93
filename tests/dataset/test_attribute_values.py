"""A field's value at each snapshot, by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from leadline.dataset import attribute_values, snapshots
from leadline.errors import DataError
from oracle import DAY, Rules
from small_crm import START, WORDS, Run, config_of, put

ASKED = Rules(
    reaches="sql", horizon=7 * DAY, delay=0, every=7 * DAY, landmarks=(), observed_from=None, intents={}, words=WORDS
)


def change(lead: str, field: str, value: str | None, days: int, recorded: int | None = None) -> dict[str, Any]:
    late = None if recorded is None else START + recorded * DAY
    return {"lead_id": lead, "field": field, "value": value, "changed_at": START + days * DAY, "recorded_at": late}


def world(*history: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    lead = {"country": "NL", "size": 2.5, "created_at": START, "recorded_at": None}
    deal = {"lead_id": "L1", "stage": "mql", "changed_at": START + DAY, "recorded_at": None}
    return {
        "leads": [{**lead, "lead_id": "L0", "account_id": "A0"}, {**lead, "lead_id": "L1", "account_id": None}],
        "accounts": [{"account_id": "A0", "industry": "retail", "employees": 9}],
        "events": [], "stages": [deal], "opportunities": [], "history": list(history), "merges": [],
    }  # fmt: skip


def told(
    folder: Path, made: dict[str, list[dict[str, Any]]], field: str | None, known: bool = False
) -> list[Any] | None:
    """The field's values at START + 7 and 14 days: L0's and L1's, twice."""
    put(made, folder)
    with Run(config_of(ASKED, folder), START + 15 * DAY) as run:
        snapshots.for_training(run.config, run.loaded)
        assert [row[0] for row in run.open_leads()] == ["L0", "L0", "L1", "L1"]
        found = attribute_values.field_values(run.loaded, field, known)
    return None if found is None else found.tolist()


def test_history_tells_the_value_at_as_of(tmp_path: Path) -> None:
    made = world(change("L0", "owner", "ann", 1), change("L0", "owner", "bob", 9), change("L1", "owner", "cy", 8, 14))
    assert told(tmp_path, made, "owner") == ["ann", None, "bob", None]


def test_history_wins_over_the_attribute_of_the_same_name(tmp_path: Path) -> None:
    assert told(tmp_path, world(change("L0", "country", "DE", 9)), "Country") == [None, None, "DE", None]


@pytest.mark.parametrize(
    ("field", "values"),
    [("country", ["NL"] * 4), ("lead_country", ["NL"] * 4), ("size", [2.5] * 4), ("industry", ["retail", None] * 2)],
)
def test_an_attribute_is_as_it_was_at_creation(tmp_path: Path, field: str, values: list[Any]) -> None:
    assert told(tmp_path, world(), field) == values


def test_a_field_that_nothing_tells_of_is_refused_and_no_value_is_shown(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"^capacity.by: 'owner' is no attribute, .*\(country, size, industry, employees\)"
    ) as e:
        told(tmp_path, world(change("L0", "canary", "Zq17", 1)), "owner")
    assert "Zq17" not in str(e.value)


def test_a_night_takes_a_field_that_it_knows_from_training(tmp_path: Path) -> None:
    assert told(tmp_path, world(), "owner", known=True) == [None] * 4
    assert told(tmp_path, world(), None) is None
