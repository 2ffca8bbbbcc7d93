"""The next best action: a better tier is claimed only where the scorer's probability is enough for it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leadline.explanation.next_best_action import find_next_action, tier_thresholds

LINES = {"A": 0.5, "B": 0.2, "C": 0.05}
shares = st.floats(0, 1)
acts = st.lists(st.tuples(st.sampled_from([None, "economic_buyer"]), st.text(max_size=5), shares), max_size=8)


@given(st.sampled_from("ABCD"), acts)
def test_an_act_is_enough_for_a_better_tier_only_above_its_line(
    tier: str, tried: list[tuple[str | None, str, float]]
) -> None:
    told = find_next_action(tier, LINES, tried)
    order = ["A", "B", "C", "D"]
    for act in told.acts:
        better = [name for name in order[: order.index(tier)] if act.probability >= LINES[name]]
        assert act.tier == (better[0] if better else None)
    enough = [p for _, _, p in tried if any(p >= LINES[name] for name in order[: order.index(tier)])]
    assert (told.act.probability if told.act else None) == (enough[0] if enough else None)  # the commonest of them
    assert [a.probability for a in told.acts] == sorted((p for *_, p in tried), reverse=True)


@given(st.sampled_from("ABCD"))
def test_the_next_better_tier_is_named_but_for_the_best(tier: str) -> None:
    told = find_next_action(tier, LINES, [])
    above = {"A": None, "B": "A", "C": "B", "D": "C"}[tier]
    assert told.tier == above and told.bar == (LINES[above] if above else None) and told.act is None


def test_tonights_lines_stand_before_the_trained_cuts() -> None:
    assert tier_thresholds(("A", "B", "C"), (0.5, 0.2), {"A": 0.45, "C": 0.0}) == {"A": 0.45, "B": 0.2}
    assert tier_thresholds(("A",), ()) == {}
