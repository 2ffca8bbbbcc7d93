"""The input checks by the figures alone: what makes a night worse than none, and what may be chance."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from leadline.config.scoring import Nightly
from leadline.core.checks import Severity
from leadline.core.point_in_time import DAY, HOUR
from leadline.metrics.drift import bin_shares, decile_edges, psi, psi_by_chance
from leadline.monitoring.reference import TrainingReference
from leadline.scoring.input_checks import CATALOG, NightInputs, Outgoing, check_night
from leadline.scoring.input_checks.outgoing_checks import score_drift
from leadline.scoring.previous_scores import PreviousScores
from leadline.tables.summary import InputSummary, TableSummary

GOOD = TrainingReference(
    1_000, {"title": 0.1, "visits": 0.0, "last": 0.6}, {"visits": 0.7}, {"country": 0.05}, [0.5], [0.5, 0.5]
)
NIGHT = NightInputs(
    100 * DAY, 100 * DAY - HOUR, GOOD, GOOD, PreviousScores(99 * DAY, {str(i): 0.5 for i in range(1_000)})
)


KEYS = {check.code: check.key for check in CATALOG}
THEN = {"error": "fail", "warning": "warn"}


def items(seen: NightInputs, **plan: object) -> list[tuple[str, str]]:
    """List the checks that speak, by the config's key, and what follows."""
    found = check_night(dataclasses.replace(seen, plan=Nightly.model_validate(plan)))
    return [(KEYS[f.code], THEN[f.severity.value]) for f in found]


def tonight(**values: object) -> NightInputs:
    return dataclasses.replace(NIGHT, features=dataclasses.replace(GOOD, **values))


def test_an_ordinary_night_raises_no_doubt() -> None:
    assert items(NIGHT) == []


@pytest.mark.parametrize(
    ("seen", "item"),
    [
        (dataclasses.replace(NIGHT, newest=92 * DAY), "stale"),
        (tonight(rows=499), "volume"),
        (tonight(rows=2_001), "volume"),
        (tonight(nulls={"title": 0.9}), "nulls"),
        (tonight(nulls={"last": 1.0}), "nulls"),
        (tonight(unseen={"country": 0.98}), "levels"),
        (tonight(silent={"visits": 1.0}), "zero_rate"),
        (tonight(scores=[0.95, 0.05]), "drift"),
    ],
)  # fmt: skip
def test_each_fault_raises_its_own_doubt_and_the_config_says_what_follows(seen: NightInputs, item: str) -> None:
    default = {"zero_rate": "warn", "drift": "warn"}.get(item, "fail")
    assert items(seen) == [(item, default)]
    for word in ("warn", "fail"):
        assert items(seen, **{item: word}) == [(item, word)]
    assert items(seen, **{item: "ignore"}) == []
    (doubt,) = check_night(seen)
    assert str(doubt).count("; ") == 2 and "expected" in str(doubt) and f"nightly.{item}: warn" in str(doubt)


@pytest.mark.parametrize("seen", [
    dataclasses.replace(NIGHT, newest=NIGHT.as_of - 7 * DAY),  # as old as may be
    dataclasses.replace(NIGHT, newest=None),
    tonight(rows=500), tonight(rows=2_000),
    tonight(nulls={"title": 0.2}),
    tonight(silent={"visits": 0.999}),
    dataclasses.replace(tonight(rows=1), before=PreviousScores(10 * DAY, NIGHT.before.probability)),  # that night is too long ago
    dataclasses.replace(tonight(rows=40, nulls={"title": 1.0}), before=PreviousScores()),  # too few leads to tell
    dataclasses.replace(tonight(nulls={"title": 1.0}), model=None),  # a bundle of an older leadline
    dataclasses.replace(tonight(scores=[0.95, 0.05]), alike=False),  # landmarks look at other ages than a night
])  # fmt: skip
def test_what_may_be_chance_or_cannot_be_told_raises_none(seen: NightInputs) -> None:
    assert items(seen) == []


def test_all_doubts_are_told_at_once() -> None:
    seen = dataclasses.replace(tonight(rows=10), newest=1)
    assert [item for item, _ in items(seen)] == ["stale", "volume"]


def test_drift_against_last_night_needs_one() -> None:
    seen = dataclasses.replace(NIGHT, last=([0.5, 0.5], [0.9, 0.1]))
    assert score_drift(seen)["last night"] == pytest.approx(0.8789, abs=1e-4)
    assert "last night" not in score_drift(dataclasses.replace(seen, before=PreviousScores()))


def test_two_samples_of_one_spread_seldom_drift_beyond_chance() -> None:
    draw = np.random.default_rng(7)
    beyond = 0
    for _ in range(300):
        a, b = draw.beta(1, 20, 400), draw.beta(1, 20, 300)
        cuts = decile_edges(a)
        beyond += psi(bin_shares(a, cuts), bin_shares(b, cuts)) > psi_by_chance(10, 300, 400)
    assert beyond <= 15  # one in twenty, where one in forty or so is promised


def test_the_index_is_zero_for_the_same_and_grows_with_the_shift() -> None:
    draw = np.random.default_rng(7)
    base = draw.normal(size=20_000)
    cuts = decile_edges(base)
    found = [psi(bin_shares(base, cuts), bin_shares(base + shift, cuts)) for shift in (0, 0.2, 0.5, 1)]
    assert found[0] == 0 and found == sorted(found) and found[-1] > 0.5


def test_weighted_deciles_hold_equal_weight() -> None:
    values, weight = np.arange(1_000.0), np.where(np.arange(1_000) < 500, 1.0, 3.0)
    assert np.allclose(bin_shares(values, decile_edges(values, weight), weight), 0.1, atol=0.01)


def test_a_rise_of_empty_values_warns_before_it_refuses() -> None:
    verdicts = [items(tonight(nulls={"title": share})) for share in (0.2, 0.3, 0.5, 0.7)]
    assert verdicts == [[], [("nulls", "warn")], [("nulls", "warn")], [("nulls", "fail")]]


def test_any_check_may_be_set_and_one_may_be_accepted_with_a_reason() -> None:
    odd = dataclasses.replace(NIGHT, outgoing=Outgoing(top=3, capacity=40))
    (refused,) = check_night(odd)
    assert (refused.code, refused.severity.value) == ("LL451", "error")
    (accepted,) = check_night(odd, {"LL451": "a quiet month"})
    assert (accepted.severity.value, accepted.accepted) == ("warning", "a quiet month")
    for act, said in (("warn", ["warning"]), ("ignore", [])):
        plan = Nightly.model_validate({"checks": {"LL451": act}})
        assert [f.severity.value for f in check_night(dataclasses.replace(odd, plan=plan))] == said


def then(as_of: int, rows: int, listed: int = 20) -> InputSummary:
    lists = {
        "suppress": {"listed": listed, "known": listed, "known_leads": listed, "known_accounts": 0, "matched": listed}
    }
    weeks = dict.fromkeys(range(10), rows // 10)
    return InputSummary(as_of, {"events": TableSummary(rows, weeks=weeks)}, {}, 1_000, lists)


def codes(seen: NightInputs, **more: object) -> list[str]:
    return [f.code for f in check_night(dataclasses.replace(seen, **more)) if f.severity.value == "error"]


def test_what_was_before_an_acceptance_is_not_held_against_tonight() -> None:
    past = [then(99 * DAY, 400), then(98 * DAY, 1_000)]
    assert codes(NIGHT, tonight=then(100 * DAY, 400), past=past) == ["LL402"]
    assert codes(NIGHT, tonight=then(100 * DAY, 400), past=past, accepted={"LL402": 99 * DAY}) == []
    assert codes(NIGHT, tonight=then(100 * DAY, 100), past=past, accepted={"LL402": 99 * DAY}) == ["LL402"]


def test_a_log_that_drops_its_oldest_weeks_lost_nothing_and_one_that_lost_others_did() -> None:
    def log(as_of: int, weeks: range) -> InputSummary:
        return InputSummary(as_of, {"events": TableSummary(100 * len(weeks), weeks=dict.fromkeys(weeks, 100))})

    last = log(99 * DAY, range(-90, 14))
    assert codes(NIGHT, tonight=log(100 * DAY, range(-86, 14)), past=[last]) == []  # a month's file
    holed = dataclasses.replace(last.tables["events"], weeks={w: 100 for w in range(-90, 14) if w % 3})
    assert codes(NIGHT, tonight=InputSummary(100 * DAY, {"events": holed}), past=[last]) == ["LL402"]


def test_a_first_night_is_held_against_training_alone() -> None:
    assert codes(NIGHT, tonight=then(100 * DAY, 400), training=then(90 * DAY, 1_000)) == ["LL402"]
    assert codes(NIGHT, tonight=then(100 * DAY, 400)) == []
    assert codes(NIGHT, tonight=then(100 * DAY, 1_000, 0), past=[then(99 * DAY, 1_000)]) == ["LL441"]


@pytest.mark.parametrize(
    ("days", "changes", "said"), [(1, 290, []), (1, 310, ["LL452"]), (7, 490, []), (7, 510, ["LL452"])]
)
def test_more_leads_may_change_their_tier_in_a_week_than_in_a_day(days: int, changes: int, said: list[str]) -> None:
    before = PreviousScores(NIGHT.as_of - days * DAY, NIGHT.before.probability)
    seen = dataclasses.replace(NIGHT, before=before, outgoing=Outgoing(stayed=1_000, tier_changes=changes))
    assert [f.code for f in check_night(seen)] == said


@pytest.mark.parametrize(("delivers", "severity"), [(True, Severity.ERROR), (False, Severity.WARNING)])
def test_a_thin_best_tier_on_a_first_night_is_refused_only_where_it_goes_out(
    delivers: bool, severity: Severity
) -> None:
    first = dataclasses.replace(
        NIGHT, before=PreviousScores(), outgoing=Outgoing(top=3, capacity=40, delivers=delivers)
    )
    assert [(f.code, f.severity) for f in check_night(first)] == [("LL451", severity)]
