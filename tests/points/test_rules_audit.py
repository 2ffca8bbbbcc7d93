"""The audit of today's rules: who is paid too much, what the sum catches beside the model, and stages as criteria."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.core.point_in_time import WEEK
from leadline.points.card_value import CardCohort, evaluate_card
from leadline.points.rules_audit import audit_rules, capture_overlap, stage_audit


def world(rows: int = 3000, seed: int = 0) -> tuple[CardCohort, np.ndarray]:
    """The first rule matters twice as much as the second on the log odds, the third not at all, the fourth never fires."""
    rng = np.random.default_rng(seed)
    fires = rng.random((rows, 4)) < np.array([0.3, 0.3, 0.3, 0.0])
    p = 1 / (1 + np.exp(-(-2.5 + 1.6 * fires[:, 0] + 0.8 * fires[:, 1])))
    lead = np.array([f"L{n}" for n in range(rows)], dtype=object)
    said = {"model": p + 1e-6 * rng.random(rows), "points": fires @ np.array([10.0, 10.0, 10.0, 10.0])}
    return CardCohort(
        (rng.random(rows) < p) * 1.0, np.ones(rows), lead, lead, np.arange(rows) % 4 * WEEK, said, 60.0
    ), fires


def test_a_rule_is_told_what_it_is_worth_beside_the_others() -> None:
    rows, fires = world()
    one, two, three, never = audit_rules(rows, fires, [10.0, 10.0, 10.0, 10.0], seed=7)
    assert (one.verdict, three.verdict, never.verdict) == ("underpaid", "overpaid", "never fires")
    assert two.verdict == "no difference shown" and two.fair.low < 10 < two.fair.high
    assert one.fair.value == pytest.approx(2 * two.fair.value, rel=0.4) and three.fair.low < 0 < three.fair.high
    handed_out = sum(r.fair.value * r.share for r in (one, two)) + abs(three.fair.value) * three.share
    assert handed_out == pytest.approx(10 * fires.mean(axis=0).sum(), rel=0.01)
    assert one.leads == fires[:, 0].sum() and one.lift.low > 1.5 and np.isnan(never.lift.value)


def test_points_that_are_paid_as_they_should_be_are_left_in_peace() -> None:
    rows, fires = world()
    found = audit_rules(rows, fires, [16.0, 8.0, 0.0, 5.0], seed=7)
    assert [rule.verdict for rule in found[:3]] == ["no difference shown"] * 3


def test_few_outcomes_say_nothing() -> None:
    rows, fires = world(120)
    few = CardCohort((np.arange(120) < 4) * 1.0, rows.weight, rows.lead, rows.group, rows.as_of, rows.said, 10.0)
    assert {rule.verdict for rule in audit_rules(few, fires, [1.0, 1.0, 1.0, 1.0], seed=7)} == {
        "too few to say",
        "never fires",
    }


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(1, 40))
def test_the_four_parts_are_all_who_get_there(seed: int, per_week: float) -> None:
    rows, _ = world(160, seed)
    rows = CardCohort(rows.y, rows.weight, rows.lead, rows.group, rows.as_of, rows.said, per_week)
    parted = {"source": np.where(np.arange(160) % 3 == 0, "web", "fair").astype(object)}
    told = capture_overlap(rows, parted)
    assert told.both + told.rules + told.model + told.neither == pytest.approx(rows.y.sum())
    figures = evaluate_card(CardCohort(**(vars(rows) | {"said": {"card": rows.said["model"], **rows.said}})), 1, 1).by
    assert told.both + told.model == pytest.approx(told.weeks * figures["model"]["expected"].value)
    assert told.both + told.rules == pytest.approx(told.weeks * figures["points"]["expected"].value)
    each = np.array([values for _, *values in told.who["source"]]).sum(axis=0)
    assert each.tolist() == pytest.approx([told.both, told.rules, told.model, told.neither])


def test_a_lead_that_stays_on_the_list_and_gets_there_is_one() -> None:
    lead = np.tile(np.array(["a", "b"], dtype=object), 4)
    y, score = np.tile([1.0, 0.0], 4), np.tile([2.0, 1.0], 4)
    rows = CardCohort(
        y, np.ones(8), lead, lead, np.repeat(np.arange(4) * WEEK, 2), {"model": score, "points": -score}, 1.0
    )
    told = capture_overlap(rows, {"source": np.tile(np.array(["web", "fair"], dtype=object), 4)})
    assert (told.both, told.rules, told.model, told.neither) == (0.0, 0.0, 1.0, 0.0)
    assert told.who["source"] == (("web", 0.0, 0.0, 1.0, 0.0),)
    stage = stage_audit(rows, "mql", lead == "a", seed=7)
    assert stage is not None and (stage.leads, stage.precision.value, stage.both) == (1.0, 1.0, 1.0)


def test_one_ranking_against_itself_misses_nothing_but_what_ties_share() -> None:
    rows, _ = world()
    same = CardCohort(**(vars(rows) | {"said": {"model": rows.said["model"], "points": rows.said["model"]}}))
    told = capture_overlap(same, {})
    assert told.rules == told.model == pytest.approx(0.0) and told.both > 0


def test_a_stage_is_judged_against_as_many_of_the_models_best() -> None:
    rows, fires = world()
    told = stage_audit(rows, "mql", fires[:, 2], seed=7)  # a stage that says nothing
    assert told is not None and told.gap.low > 0
    assert told.leads == fires[:, 2].sum()
    assert told.precision.value == pytest.approx(rows.y[fires[:, 2]].mean())
    assert stage_audit(rows, "mql", np.zeros(3000, dtype=bool), 7) is None
    assert stage_audit(rows, "mql", np.ones(3000, dtype=bool), 7) is None


def test_the_order_of_rows_changes_nothing() -> None:
    rows, fires = world(600)
    order = np.random.default_rng(5).permutation(600)
    turned = CardCohort(
        rows.y[order], rows.weight[order], rows.lead[order], rows.group[order], rows.as_of[order],
        {who: score[order] for who, score in rows.said.items()}, rows.per_week,
    )  # fmt: skip
    one, two = (audit_rules(r, f, [1.0, 2.0, 3.0, 4.0], 7) for r, f in ((rows, fires), (turned, fires[order])))
    assert [r.verdict for r in one] == [r.verdict for r in two]
    assert [r.fair.value for r in one] == pytest.approx([r.fair.value for r in two], nan_ok=True)
