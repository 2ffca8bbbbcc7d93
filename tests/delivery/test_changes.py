"""What changed since the night before, and who crossed into the top tier."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from leadline.core.point_in_time import Horizon
from leadline.delivery.changes import new_top_leads, score_changes
from leadline.scoring.previous_scores import PreviousScores

TIERS = st.sampled_from("ABC")
NIGHTS = st.dictionaries(
    st.sampled_from([f"L{i}" for i in range(8)]), st.tuples(st.floats(0, 1), TIERS, st.none() | TIERS)
)


def table(night: dict[str, tuple[float, str, str | None]]) -> pa.Table:
    n = len(night)
    values = list(night.values())
    return pa.table({
        "lead_id": pa.array(night, pa.string()), "account_id": pa.array([None] * n, pa.string()),
        "as_of": pa.array([0] * n, pa.timestamp("us", "UTC")), "probability": pa.array([v[0] for v in values], pa.float64()),
        "rank": pa.array(range(1, n + 1), pa.int64()), "tier": pa.array([v[1] for v in values], pa.string()),
        "previous_probability": pa.array([None] * n, pa.float64()), "reason_1": pa.array(["so"] * n, pa.string()),
        "model_name": ["demo"] * n, "model_version": ["1"] * n, "tier_override": pa.array([v[2] for v in values], pa.string()),
    })  # fmt: skip


def before(night: dict[str, tuple[float, str, str | None]]) -> PreviousScores:
    by_hand = {lead: v[2] for lead, v in night.items() if v[2]}
    return PreviousScores(0, {k: v[0] for k, v in night.items()}, {k: v[1] for k, v in night.items()}, by_hand)


@given(NIGHTS, NIGHTS)
def test_last_night_and_the_delta_make_tonight(last, tonight) -> None:
    delta = score_changes(table(tonight), before(last), 0.0).to_pylist()
    said = {row["lead_id"]: row for row in delta}
    assert len(said) == len(delta)
    known = {lead: (p, hand or tier) for lead, (p, tier, hand) in last.items()}
    for lead, row in said.items():
        if row["change"] == "gone":
            assert row["probability"] is None and row["previous_probability"] == known.pop(lead)[0]
        else:
            known[lead] = (row["probability"], row["tier_override"] or row["tier"])
    assert known == {lead: (p, hand or tier) for lead, (p, tier, hand) in tonight.items()}


@given(NIGHTS)
def test_the_same_night_again_has_no_changes_and_no_handoffs(night) -> None:
    assert score_changes(table(night), before(night), 0.0).num_rows == 0
    assert list(new_top_leads(table(night), before(night), "A", None)) == []


@given(NIGHTS, NIGHTS)
def test_handoffs_are_who_is_in_the_top_tier_now_and_was_not(last, tonight) -> None:
    handed = list(new_top_leads(table(tonight), before(last), "A", Horizon.parse("4h")))
    top = {lead for lead, (_, tier, hand) in tonight.items() if (hand or tier) == "A"}
    was = {lead for lead, (_, tier, hand) in last.items() if (hand or tier) == "A"}
    assert {r["lead_id"] for r in handed} == top - was
    assert all(r["due_at"] == "1970-01-01T04:00:00Z" and r["as_of"] == "1970-01-01T00:00:00Z" for r in handed)
    again = list(new_top_leads(table(tonight), before(last), "A", None))
    assert [r["id"] for r in again] == [r["id"] for r in handed] and len({r["id"] for r in handed}) == len(handed)


def test_small_moves_are_no_changes() -> None:
    last = {"L0": (0.500, "B", None), "L1": (0.500, "B", None)}
    tonight = {"L0": (0.505, "B", None), "L1": (0.52, "B", None)}
    assert score_changes(table(tonight), before(last), 0.01)["lead_id"].to_pylist() == ["L1"]


def test_a_flat_files_handoffs_have_no_due_time() -> None:
    rows = table({"L0": (0.5, "A", None)}).set_column(2, "as_of", pa.array([12]))
    (handed,) = new_top_leads(rows, PreviousScores(), "A", Horizon.parse("4h"))
    assert (handed["as_of"], handed["due_at"]) == ("12", None)
