"""The record of past nights: its lines fit a terminal, its JSON is plain, and a score that finds what never closes is told."""

from __future__ import annotations

import json
from dataclasses import replace

from leadline.core.checks import Severity, run_checks
from leadline.evaluation.baselines import SAYERS
from leadline.evaluation.topk_backtest import (
    AFTER_TRAINING,
    BacktestTerms,
    TopKBacktest,
    TopKDifference,
    TopKResult,
    topk_lines,
)

NAN = float("nan")


def worked(by: str, sqls: float, won: float = 12.0, amount: float = 34_000.0, spread: float = 10.0) -> TopKResult:
    return TopKResult(
        by, 400.0, sqls, sqls - spread, sqls + spread, min(sqls / 400, 1.0), sqls / 3, sqls / 390, won, won - 3, won + 3, amount,
        amount / 2, amount * 2,
    )  # fmt: skip


def nights(sqls: float = 5.0, won: float = -4.0, high: float = -1.0, won_nights: int = 9) -> TopKBacktest:
    sayers = tuple(worked(by, 60.0 - n) for n, by in enumerate(SAYERS))
    gap = TopKDifference("points", sqls, sqls - 3, sqls + 3, won, won - 3, high, -1000.0, -2000.0, 10.0)
    return TopKBacktest(16, 8, won_nights, 40.0, 0, 1, False, sayers, (gap,), BacktestTerms())


def test_more_that_get_there_and_fewer_that_close_is_warned_of() -> None:
    (found,) = run_checks(AFTER_TRAINING, nights())
    assert (found.code, found.severity, found.subject) == ("LL309", Severity.WARNING, "top-N backtest, against points")
    assert found.seen == "5 more SQLs, but 4 fewer closed-won (95%: 1 to 7)" and found.fix and found.why


def test_noise_or_fewer_of_both_is_not() -> None:
    assert len(run_checks(AFTER_TRAINING, nights(high=0.5))) == 0  # the interval holds 0
    assert len(run_checks(AFTER_TRAINING, nights(sqls=-2.0))) == 0  # worse on both: other figures tell that
    assert len(run_checks(AFTER_TRAINING, nights(won=3.0, high=6.0))) == 0


def test_without_ripe_wins_or_nights_it_says_why_it_cannot_look() -> None:
    (unripe,) = run_checks(AFTER_TRAINING, nights(won_nights=0))
    assert unripe.severity is Severity.NOT_APPLICABLE and "90d" in unripe.seen
    (thinned,) = run_checks(AFTER_TRAINING, replace(nights(), thinned=True))
    assert thinned.severity is Severity.NOT_APPLICABLE and "snapshots.max" in thinned.seen
    (flat,) = run_checks(AFTER_TRAINING, TopKBacktest(reason="a flat file has no nights"))
    assert flat.severity is Severity.NOT_APPLICABLE and flat.seen == "a flat file has no nights"


def test_lines_fit_eighty_columns_and_give_up_what_is_least_needed() -> None:
    usual = topk_lines(nights())
    assert all(len(line) <= 80 for line in usual)
    assert usual[2].split()[0] == "model" and len([line for line in usual if line.startswith(SAYERS)]) == len(SAYERS)
    assert "12 (9–15)" in usual[2]
    big = tuple(worked(by, 61_234.0, 12_345.0, 1.5e8, 1_100.0) for by in SAYERS)
    wide = topk_lines(replace(nights(sqls=10_000.0), rankers=big, thinned=True))
    assert (
        all(len(line) <= 80 for line in wide)
        and "thinned" in " ".join(wide[:2])
        and any("snapshots.max" in line for line in wide)
    )
    assert any("61,234 (60,134–62,334)" in line and "12,345" in line for line in wide)


def test_what_is_not_known_is_a_dash_and_no_zero_has_a_sign() -> None:
    unknown = replace(worked("model", 5.0), won=NAN, won_low=NAN, won_high=NAN, amount=NAN)
    even = replace(nights().model_minus_baseline[0], sqls=-0.2, sqls_low=-0.4, sqls_high=0.3)
    told = topk_lines(replace(nights(), rankers=(unknown, worked("points", 5.2)), model_minus_baseline=(even,)))
    assert told[2].split()[-2:] == ["–", "–"] and "0 (0 to 0)" in told[3]


def test_the_record_is_plain_json_and_none_where_there_are_no_nights() -> None:
    made = replace(nights(), rankers=(replace(worked("model", 5.0), amount=NAN),))
    record = json.loads(json.dumps(made.to_record(), allow_nan=False))
    assert record["rankers"][0]["amount"] is None and record["terms"]["won_within"] == "90d"
    assert record["model_minus_baseline"][0]["by"] == "points"
    assert TopKBacktest(reason="no fold could be judged").to_record() is None
