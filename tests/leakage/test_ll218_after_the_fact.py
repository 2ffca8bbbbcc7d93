"""LL218: what is measured over a lead's life, by its name; and evidence of several kinds that adds up. LL219: the columns that know most."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from leadline.core.checks import Severity
from suspects import SIZE, dated, flat, outcomes, words

NAMES = (
    "Elapsed Days In Sales Stage", "Sales Stage Change Count", "Total Days Identified Through Closing", "Total Days Identified Through Qualified",
    "Ratio Days Identified To Total Days", "days_in_stage", "hours to conversion", "stage_transitions", "NumberOfStages", "sales_cycle_length", "deal_age_days",
    "days_open", "days_since_created", "pct_time_negotiating", "time_in_pipeline",
)  # fmt: skip
HONEST = (
    "Total Time Spent on Website", "contract_duration_months", "employees", "previous_days_to_close", "age", "lifetime_value", "loan_term", "years_in_business",
    "seats", "delivery_time", "timezone_offset", "days_per_week", "budget_ratio",
)  # fmt: skip


def noise(seed: int = 3) -> list[float]:
    return np.random.default_rng(seed).normal(size=SIZE).round(3).tolist()


@pytest.mark.parametrize("name", NAMES)
def test_a_number_named_as_measured_over_a_leads_life_is_asked_about(tmp_path: Path, name: str) -> None:
    _, y = outcomes()
    (asked,) = [
        f for f in flat(tmp_path, y, {name: noise(), "size": noise(4)}) if f.code in ("LL218", "LL201", "LL205")
    ]
    assert asked.subject == f"leads.{name}" and (asked.code == "LL201" or f"known_at_creation: [{name}]" in asked.fix)
    assert asked.severity is Severity.ERROR
    assert "LL218" not in {
        f.code for f in flat(tmp_path, y, {name: noise(), "size": noise(4)}, known_at_creation=[name])
    }


def test_honest_names_words_and_dated_tables(tmp_path: Path) -> None:
    rng, y = outcomes()
    columns = {name: noise(n) for n, name in enumerate(HONEST)}
    text = {"best time to contact": words(rng, y, ["morning", "evening"], [0.5, 0.5], [0.5, 0.5])}
    assert "LL218" not in {f.code for f in flat(tmp_path, y, {**columns, **text})}
    (warned,) = [
        f for f in dated(tmp_path, y, {"days_in_stage": noise()}, attributes=["days_in_stage"]) if f.code == "LL218"
    ]
    assert warned.severity is Severity.WARNING


def test_evidence_below_every_bound_adds_up(tmp_path: Path) -> None:
    rng, y = outcomes(0.3)
    filled = rng.random(SIZE) < np.where(y == 1, 0.92, 0.56)
    value = rng.normal(size=SIZE)
    columns = {"talks": [float(v) if f else None for v, f in zip(value, filled, strict=True)], "size": noise()}
    found = {f.code: f for f in flat(tmp_path, y, columns) if f.subject == "leads.talks"}
    assert not {"LL208", "LL209"} & set(found), "below both bounds"
    assert "much speaks for its being written after the outcome" in found["LL218"].seen
    assert not [f for f in flat(tmp_path, y, columns, known_at_creation=["talks"]) if f.code == "LL218"]


def test_the_three_columns_that_know_most_are_always_told(tmp_path: Path) -> None:
    rng, y = outcomes()
    strong = (rng.normal(size=SIZE) + 0.5 * y).tolist()
    columns = {"tenure": strong, **{f"c{n}": noise(n) for n in range(5)}}
    (told,) = [f for f in flat(tmp_path, y, columns) if f.code == "LL219"]
    assert told.severity is Severity.NOTE and told.seen.index("leads.tenure") < told.seen.index("leads.c")
    assert told.seen.count("alone") == 3
    (rest,) = [f for f in flat(tmp_path, y, columns, known_at_creation=["tenure"]) if f.code == "LL219"]
    assert "tenure" not in rest.seen
