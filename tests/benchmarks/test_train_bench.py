"""The bench of whole commands: it counts what a process used, and its exit code says whether budgets hold."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # the benches are no part of the installed package

from benchmarks.train import Used, rows_of, run, stage_lines  # noqa: E402

from benchmarks import train  # noqa: E402

STAGES = (
    ("reading tables", 2.0),
    ("computing features of 9 snapshots", 3.0),
    ("fitting 3 folds", 30.0),
    ("judging", 0.01),
)


def test_features_and_checks_are_what_comes_before_fitting() -> None:
    assert Used(40.0, 20.0, 1.0, STAGES).preparing == 5.0


def test_stages_add_up_to_the_command() -> None:
    lines = stage_lines(Used(40.0, 20.0, 1.0, STAGES))
    assert sum(float(line.split()[0]) for line in lines) == pytest.approx(40.0) and "judging" not in "".join(lines)


def test_a_budget_is_missed_where_more_was_used() -> None:
    fine, heavy = Used(79.0, 1.0, 2.9, STAGES), Used(81.0, 1.0, 3.1, STAGES)
    assert [holds for *_, holds in rows_of(fine, 10.0, [Used(4.0, 1, 1), Used(1.9, 1, 1)], Used(9.0, 39.0, 1))] == [
        True
    ] * 6
    assert [holds for *_, holds in rows_of(heavy, 10.0, [Used(4.1, 1, 1), Used(2.1, 1, 1)], Used(9.0, 41.0, 1))] == [
        False, True, False, False, False, False
    ]  # fmt: skip


def test_a_command_that_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"train no-such.yaml: exit 66: .*no such file"):
        run(["train", "no-such.yaml"], tmp_path)


@pytest.mark.long
def test_all_of_it_on_a_small_world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train.main(["--leads", "1000", "--demo", "1000", "--data", str(tmp_path)])
    said = capsys.readouterr().out
    assert said.count("\nscore: ") == 4 and "tracking and exporting" in said
    for what in ("train: CPU over one fit", "score: CPU s, first night", "demo: seconds from command to report"):
        assert what in said
