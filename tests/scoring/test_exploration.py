"""The exploration holdout: who is in it hangs on the id alone, what it draws on nothing, and its scores stay inside."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.config.schema import Config
from leadline.core.point_in_time import WEEK
from leadline.delivery.batch import read_stored_scores
from leadline.delivery.changes import new_top_leads
from leadline.delivery.crm_files import crm_files
from leadline.delivery.sink import RunKey
from leadline.scoring.exploration import (
    COLUMN,
    apply_holdout,
    blank_holdout_scores,
    draw_random_tiers,
    in_holdout,
    without_holdout,
)
from leadline.scoring.previous_scores import PreviousScores
from leadline.scoring.ranking import Scores

NAMES = ("A", "B", "C")


def scores(n: int = 400, as_of: int = WEEK) -> Scores:
    lead = np.array([f"L{i}" for i in range(n)], dtype=object)
    tier = np.array(["A"] * (n // 10) + ["B"] * (n // 5) + ["C"] * (n - n // 10 - n // 5), dtype=object)
    p = np.linspace(0.9, 0.01, n)
    why = np.full((n, 5), "did much", dtype=object)
    return Scores(lead, np.full(n, None), as_of, True, p, tier, why, "demo", "1", np.full(n, 0.5))


@given(st.lists(st.text(min_size=1), min_size=1, unique=True), st.integers(0, 99), st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_larger_holdout_keeps_who_was_in_a_smaller_one_whoever_else_is_open(
    leads: list[str], seed: int, a: float, b: float
) -> None:
    low, high = sorted((a, b))
    lead = np.array(leads, dtype=object)
    few, more = in_holdout(lead, seed, low), in_holdout(lead, seed, high)
    assert not np.any(few & ~more)
    assert in_holdout(lead[::-1], seed, high).tolist() == more[::-1].tolist()
    assert [bool(in_holdout(lead[[n]], seed, high)[0]) for n in range(len(lead))] == more.tolist()


def test_what_it_draws_has_the_nights_shares_and_nothing_of_the_score() -> None:
    tonight = scores(20_000)
    found = apply_holdout(tonight, NAMES, 7, 0.5)
    mine = found.later[COLUMN]
    assert mine.dtype == bool and abs(mine.mean() - 0.5) < 0.02
    assert np.array_equal(found.tier[~mine], tonight.tier[~mine])
    for tier, share in zip(NAMES, (0.1, 0.2, 0.7), strict=True):
        assert abs(np.mean(found.tier[mine] == tier) - share) < 0.015
    assert abs(np.corrcoef(found.probability[mine], found.tier[mine] == "A")[0, 1]) < 0.03
    assert abs(np.corrcoef(found.probability, mine)[0, 1]) < 0.03
    assert abs(np.sum(found.tier == "A") - np.sum(tonight.tier == "A")) < 0.1 * np.sum(tonight.tier == "A")


def test_a_lot_lasts_a_week_and_no_longer() -> None:
    leads, tier = scores(5_000).lead_id, scores(5_000).tier
    monday, friday, later = (draw_random_tiers(leads, tier, NAMES, 7, at) for at in (WEEK, 2 * WEEK - 1, 2 * WEEK))
    assert np.array_equal(monday, friday)
    assert 0.02 < np.mean((monday == "A") & (later == "A")) / np.mean(monday == "A") < 0.2  # as two draws would


def test_without_a_holdout_nothing_is_changed_and_a_drawn_tier_holds_no_place() -> None:
    tonight = scores()
    assert apply_holdout(tonight, NAMES, 7, 0.0) is tonight
    before = PreviousScores(0, {"L1": 0.5}, {f"L{i}": "A" for i in range(400)})
    assert without_holdout(before, 7, 0.0) is before and without_holdout(None, 7, 0.5) is None
    kept = without_holdout(before, 7, 0.2)
    assert kept is not None and set(kept.tier) == set(tonight.lead_id[~in_holdout(tonight.lead_id, 7, 0.2)])


def test_what_leaves_leadline_of_the_holdout_is_its_tier_alone() -> None:
    table = apply_holdout(scores(), NAMES, 7, 0.3).to_arrow()
    assert table.column_names[-1] == COLUMN and table.schema.field(COLUMN).type == pa.bool_()
    back = read_stored_scores(table, RunKey(WEEK, True, "demo", "1"))
    assert back.to_arrow().equals(table)
    mine = table.column(COLUMN).to_pylist()
    shown = blank_holdout_scores(table)
    assert COLUMN not in shown.column_names and blank_holdout_scores(shown) is shown
    for row, held in zip(shown.to_pylist(), mine, strict=True):
        empty = {name for name, value in row.items() if value is None and name != "account_id"}
        told = {n for n in row if n in ("probability", "previous_probability", "rank") or n.startswith("reason_")}
        assert empty == (told if held else set()) and row["tier"] in NAMES
    handed = list(new_top_leads(shown, PreviousScores(0, {f"L{i}": 0.4 for i in range(400)}, {}), "A", None))
    blind = {lead for lead, held in zip(table.column("lead_id").to_pylist(), mine, strict=True) if held}
    assert {h["lead_id"] for h in handed} & blind
    for h in handed:
        assert (h["probability"] is None and h["previous_probability"] is None and h["reasons"] == []) == (
            h["lead_id"] in blind
        )
    files, _ = crm_files("salesforce", shown)
    lines = {line.split(",")[0]: line for line in files["leads-001.csv"].decode().splitlines()}
    assert all((lines[lead].count("#N/A") == 5) == (lead in blind) for lead in table.column("lead_id").to_pylist())


def test_a_share_is_read_as_percent_or_number_and_a_flat_file_has_no_holdout() -> None:
    flat = {"version": 1, "name": "a", "tables": {"leads": {"source": "a.csv"}}, "outcome": {"column": "c", "positive": 1}, "snapshots": {"order_by": "row"}}  # fmt: skip
    assert Config.model_validate(flat).exploration == 0.0
    with pytest.raises(ValueError, match="exploration: a flat file has no nights"):
        Config.model_validate({**flat, "exploration": "2%"})
    for wrong in ("60%", -0.1, "two"):
        with pytest.raises(ValueError, match="exploration"):
            Config.model_validate({**flat, "exploration": wrong})
