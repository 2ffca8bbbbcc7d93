"""What sales rejected: kinds of reasons, only shared reasons by name, acceptance by the tier before the decision."""

from __future__ import annotations

import json

import numpy as np
import pytest

from leadline.core.point_in_time import DAY
from leadline.insights import rejections
from leadline.insights.rejections import rejection_kind, tier_before_decision
from made_journeys import START, climbers

KINDS = {"bad_fit": "fit", "Not now": "timing", "duplicate": "data", "moved to the moon": "other", None: "none"}


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        *KINDS.items(), ("NO BUDGET", "timing"), ("wrong number", "data"), ("wrong industry", "fit"), ("no-fit", "fit"), ("student", "fit"),
        ("invalid e-mail", "data"), ("call me later", "timing"), ("[a-z]", "other"),
    ],
)  # fmt: skip
def test_leadline_s_own_words(reason: str | None, kind: str) -> None:
    assert rejection_kind(reason, {}) == kind


def test_the_config_s_words_come_first_and_take_the_place_of_their_kind_s() -> None:
    given = {"fit": ("no budget", "moved*")}
    assert [rejection_kind(r, given) for r in ("No_Budget", "moved to the moon", "bad fit", "Not now")] == [
        "fit",
        "fit",
        "other",
        "timing",
    ]


def test_counts_equal_a_loop_and_rare_reasons_have_no_name() -> None:
    seen = climbers()
    every = np.flatnonzero(np.isfinite(seen.rejected))
    lost = every[seen.reached[every, 1] <= seen.rejected[every]]  # sales rejects what it was handed
    seen.reason[lost[:19]] = "Ann Canary said so"
    told = rejections.rejection_record(seen, {})
    wanted = {kind: sum(KINDS.get(why, "other") == kind for why in seen.reason[lost]) for kind in rejections.KINDS}
    assert told["kinds"] == wanted and (told["leads"], told["handed"]) == (len(every), len(lost))
    assert sum(r["leads"] for r in told["reasons"]) + wanted["none"] == len(lost)
    assert {"reason": "(other)", "kind": "other", "leads": 19} in told["reasons"]
    text = json.dumps(told, allow_nan=False)
    assert "Canary" not in text and '"L0' not in text
    for by in ("source", "months"):
        assert sum(level["leads"] for level in told[by]) == len(lost)


def test_the_tier_is_the_newest_before_the_decision_and_no_older_than_the_horizon() -> None:
    seen = climbers(4)
    at = START + 50 * DAY
    seen.reached[:, 2:] = np.nan
    seen.rejected[:] = [at, at, np.nan, at]
    lead = np.array(["L0000", "L0000", "L0000", "L0001", "L0002", "stranger"], dtype=object)
    as_of = np.array([at - 7 * DAY, at - 14 * DAY, at + 1, at - 31 * DAY, at, at], dtype=np.int64)
    tier = np.array(["A", "B", "C", "A", "A", "A"], dtype=object)
    assert tier_before_decision(seen, lead, as_of, tier, 30 * DAY).tolist() == ["A", None, None, None]


def test_acceptance_by_tier_counts_decided_leads_alone() -> None:
    seen = climbers()
    tier = np.full(600, None, dtype=object)
    decided = np.isfinite(seen.reached[:, 2]) | (seen.reached[:, 1] <= seen.rejected)
    tier[decided] = np.where(np.arange(600) % 2 == 0, "A", "B")[decided]
    told = rejections.rejection_record(seen, {}, tier)["tiers"]
    assert [t["level"] for t in told] == ["A", "B"] and sum(t["leads"] for t in told) == decided.sum()
    good = seen.reached[:, 2] <= np.fmin(seen.rejected, np.inf)
    assert [t["accepted"] for t in told] == [int(good[tier == name].sum()) for name in ("A", "B")]
    assert all(t["rejected"] == sum(t["kinds"].values()) and t["low"] <= t["rate"] <= t["high"] for t in told)


def test_nobody_rejected_is_told_too() -> None:
    told = rejections.rejection_record(climbers(20, rejected=np.full(20, np.nan)), {})
    assert told["leads"] == 0 and told["reasons"] == told["months"] == told["source"] == []
