"""The bench of the night's scoring half says what it measured, and its exit code when values differ."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # the benches are no part of the installed package

from benchmarks import scoring  # noqa: E402

OWN = {"whole": 6.0, "spot check": 0.1, "pass": 3.0, "texts": 1.0, "before_mb": 100.0, "peak_mb": 200.0}
PEER = {
    "trees": 3, "columns": 4, "predict": 4.0, "margin": 1.0, "both": 3.0, "pred_contrib": 100.0, "equal_margins": 1000,
    "furthest": 1e-9, "same_top_five": 1.0, "peak_mb": 300.0,
}  # fmt: skip


def test_attribution_is_what_contributions_cost_beyond_margins(capsys: pytest.CaptureFixture[str]) -> None:
    assert scoring.show(1000, 10, OWN, PEER)
    said = capsys.readouterr().out
    assert "pred_contrib / tables' attribution: 50 (with margins: 33)" in said
    assert "| night: all but attribution | 4.00 | 250 | 1.00 |" in said


@pytest.mark.parametrize("wrong", [{"equal_margins": 999}, {"furthest": 2e-4}, {"same_top_five": 0.99}])
def test_values_that_differ_fail_the_bench(wrong: dict[str, float], capsys: pytest.CaptureFixture[str]) -> None:
    assert not scoring.show(1000, 10, OWN, {**PEER, **wrong})
    assert capsys.readouterr().out
