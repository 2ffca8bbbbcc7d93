"""Laws 9 and 10: a count counts people once, and a headline names the hardest comparison with its interval."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.core.point_in_time import WEEK
from leadline.evaluation.baselines import SAYERS, label
from leadline.evaluation.worklist import build_worklist, people_found
from leadline.report.sections.model.topk_backtest import backtest_sentence

NIGHTS, LEADS = 6, 25


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), room=st.floats(0.5, 30), horizon=st.integers(0, 8))
def test_no_lead_is_found_twice_however_often_it_stands_on_a_list(seed: int, room: float, horizon: int) -> None:
    draw = np.random.default_rng(seed)
    lead = np.tile(np.array([f"L{n}" for n in range(LEADS)], dtype=object), NIGHTS)
    y = (draw.random(len(lead)) < 0.3) * 1.0
    score = np.round(draw.random(len(lead)), 1)  # with ties
    listing = build_worklist(np.repeat(np.arange(NIGHTS) * WEEK, LEADS), lead, np.ones(len(lead)), horizon * WEEK, WEEK)
    worked, found = people_found(listing, score, room, y, np.ones(len(lead), dtype=bool))
    reached = np.unique(listing.lead[y > 0])
    assert found.max(initial=0.0) <= 1 + 1e-9 and set(np.flatnonzero(found > 0)) <= set(reached.tolist())
    assert found.sum() <= worked + 1e-9 and worked <= room * NIGHTS + 1e-9
    everybody = people_found(listing, score, 10.0 * LEADS, y, np.ones(len(lead), dtype=bool))[1]
    assert horizon > 1 or np.isclose(everybody.sum(), len(reached))  # all were worked each night: each outcome is one


gaps = st.tuples(st.floats(-30, 30), st.floats(0, 20), st.floats(0, 20))


@given(told=st.lists(gaps, min_size=1, max_size=len(SAYERS) - 1))
def test_the_headline_names_the_smallest_lead_and_proves_nothing_that_holds_zero(
    told: list[tuple[float, float, float]],
) -> None:
    ahead = [
        {"by": by, "sqls": gap, "sqls_low": gap - down, "sqls_high": gap + up}
        for by, (gap, down, up) in zip(SAYERS[1:], told, strict=False)
    ]
    rankers = [
        {"by": by, "sqls": 50.0 - n, "precision": 0.1, "sqls_low": 40.0, "sqls_high": 60.0}
        for n, by in enumerate(SAYERS)
    ]
    said = backtest_sentence(
        {"nights": 8, "per_night": 40, "terms": {"what": "SQLs"}, "rankers": rankers, "model_minus_baseline": ahead}
    )
    hardest = min(ahead, key=lambda gap: (gap["sqls"], gap["sqls_low"]))
    assert label(hardest["by"]) in said and "95% interval" in said.partition(": ")[2]
    proven = hardest["sqls_low"] > 0 or hardest["sqls_high"] < 0
    assert ("more than chance explains" in said) == proven
