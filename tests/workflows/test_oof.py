"""Out-of-fold predictions: a file of its own, whole, and in no place that others see."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

import projects
from leadline.errors import OutputError
from leadline.workflows.training.predictions import predictions_path, write_predictions

COLUMNS = ["lead_id", "account_id", "as_of", "fold", "judged", "y", "weight", "probability", "logistic", "won"]


def test_the_file_holds_what_was_judged_row_by_row(trained_home) -> None:
    folder, result = trained_home
    assert result.out_of_fold == predictions_path("demo", result.version)
    table, fitted = pq.read_table(folder / result.out_of_fold), result.fitted
    assert table.column_names == COLUMNS and str(table.schema.field("as_of").type) == "timestamp[us, tz=UTC]"
    told = {
        (lead, as_of.timestamp(), fold): (y, p)
        for lead, as_of, fold, y, p in zip(
            *(table[c].to_pylist() for c in ("lead_id", "as_of", "fold", "y", "probability")), strict=True
        )
    }
    honest, data = fitted.honest, fitted.made.features
    assert len(told) == table.num_rows == len(honest.row) > 100
    for row, fold, p in zip(honest.row, honest.fold, honest.probability, strict=True):
        assert told[data.lead_id[row], data.as_of[row] / 1e6, fold + 1] == (fitted.matrix.y[row], p)
    newest = table.filter(table["judged"])
    assert set(newest["fold"].to_pylist()) == {len(result.evaluation.folds)}
    assert newest.num_rows == result.evaluation.newest.rows


def test_no_lead_of_it_stands_in_a_bundle_or_in_mlflow(trained_home) -> None:
    folder, result = trained_home
    name = pq.read_table(folder / result.out_of_fold)["lead_id"][0].as_py().encode()
    kept = [p for kind in ("models", "mlruns") for p in (folder / kind).rglob("*") if p.is_file()]
    assert len(kept) > 20 and not any(name in p.read_bytes() for p in kept)


def test_it_is_ignored_by_git() -> None:
    root = Path(projects.SOURCE).parent
    done = subprocess.run(
        ["git", "check-ignore", predictions_path("demo", "1").as_posix()], cwd=root, capture_output=True, check=False
    )
    assert done.returncode == 0


def test_a_place_that_cannot_be_written_is_told_and_nothing_stands_there(trained_home, tmp_path) -> None:
    _, result = trained_home
    (tmp_path / "backtests").write_text("in the way")
    with projects.inside(tmp_path):
        try:
            write_predictions(result.fitted, "1")
        except OutputError as error:
            assert "backtests" in str(error)
        else:
            raise AssertionError("written into a file")
    assert (tmp_path / "backtests").read_text() == "in the way"


def test_it_is_the_same_bytes_each_time(trained_home, tmp_path) -> None:
    folder, result = trained_home
    with projects.inside(tmp_path):
        place = write_predictions(result.fitted, result.version)
    assert place is not None
    one, two = pq.read_table(tmp_path / place), pq.read_table(folder / result.out_of_fold)
    assert one.equals(two) and np.all(np.diff(one["fold"].to_numpy()) >= 0)
