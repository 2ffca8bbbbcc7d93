"""Probabilities that are true multiply to ones that come true; ones that aren't are told apart."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.evaluation import later_stages
from leadline.evaluation.later_stages import ChainEvaluation


def judged(flatter: float = 1.0, seed: int = 2, rows: int = 4000) -> ChainEvaluation:
    draw = np.random.default_rng([31, seed])
    sql, won = draw.beta(1, 12, rows), draw.beta(3, 6, rows)
    y = ((draw.random(rows) < sql) & (draw.random(rows) < won)).astype(float)
    said = np.minimum(sql * won * flatter, 1.0)
    return later_stages.evaluate_stage_chain(y, sql, said, np.ones(rows), np.arange(rows) // 4, (0, 10), seed=7)


def test_true_probabilities_are_in_line_with_what_came() -> None:
    verdicts = [judged(seed=seed).verdict for seed in range(8)]
    assert verdicts.count("in line with what was observed") >= 7


@pytest.mark.parametrize(("flatter", "verdict"), [(2.0, "predicted too much"), (0.4, "predicted too little")])
def test_a_product_that_is_off_is_told(flatter: float, verdict: str) -> None:
    assert judged(flatter).verdict == verdict


def test_knowing_who_closes_ranks_better_than_the_first_stage_alone() -> None:
    made = judged(rows=20_000)
    assert made.auc > made.first_auc + 0.01
    assert made.observed_low < made.observed < made.observed_high
    record = made.to_record()
    assert record["rows"] == 20_000 and sum(b["count"] for b in record["calibration"]) == 20_000
