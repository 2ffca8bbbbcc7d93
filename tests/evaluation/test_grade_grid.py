"""The fit × engagement grid: people once, by a model that saw nothing of the fold, the figures those of plain pandas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from leadline.evaluation.grade_grid import GradedRows, grade_grid
from leadline.report.pages.page import report_page
from leadline.workflows.training.tiers import honest_grades
from leadline.workflows.training.train import TrainResult


@pytest.fixture(scope="module")
def told(trained_home: tuple[Path, TrainResult]) -> tuple[dict[str, Any], pd.DataFrame]:
    """The grid as training recorded it, and the newest fold's rows with their grades."""
    folder, result = trained_home
    record = json.loads((folder / "models/demo/1/record.json").read_text())["grades"]
    honest = result.fitted.honest
    rows = pd.read_parquet(folder / "backtests/demo/1.parquet")
    frame = pd.DataFrame({"row": honest.row[honest.judged], **honest_grades(result.fitted, honest.judged)})
    made = result.prepared.features
    keys = pd.DataFrame({"row": frame.row, "lead_id": made.lead_id[frame.row], "stamp": made.as_of[frame.row]})
    newest = rows[rows.judged].assign(stamp=rows.as_of.astype("int64"))
    unit = 1000 if newest.stamp.max() > 1e17 else 1
    newest = newest.assign(stamp=newest.stamp // unit)
    return record, newest.merge(frame.merge(keys, on="row"), on=["lead_id", "stamp"], validate="one_to_one")


def test_each_lead_counts_once_in_its_first_cell(told: tuple[dict[str, Any], pd.DataFrame]) -> None:
    record, rows = told
    first = rows.sort_values("as_of").drop_duplicates("lead_id")
    assert sum(one["leads"] for one in record["cells"]) == pytest.approx(first.weight.sum()) == first.lead_id.nunique()
    for kind, key in (("cells", first.grade), ("fit", first.grade.str[0]), ("engagement", first.grade.str[1])):
        for one in record[kind]:
            mine = first[key == one["name"]]
            assert one["leads"] == len(mine) and one["reached"] == mine.y.sum()
            if len(mine):
                assert one["predicted"] == pytest.approx(mine.probability.mean())
            if len(mine) >= 20:
                assert one["rate"]["value"] == pytest.approx(mine.y.mean())
            else:
                assert one["rate"]["value"] is None


def test_what_each_axis_adds_is_a_difference_of_aucs(told: tuple[dict[str, Any], pd.DataFrame]) -> None:
    record, rows = told
    for who, column in (("fit", "fit_score"), ("engagement", "engagement_score"), ("model", "probability")):
        found = roc_auc_score(rows.y, rows[column], sample_weight=rows.weight)
        assert record["auc"][who]["value"] == pytest.approx(found)
        assert record["auc"][who]["low"] < found < record["auc"][who]["high"]
    assert record["adds"]["fit"]["value"] == pytest.approx(
        record["auc"]["model"]["value"] - record["auc"]["engagement"]["value"]
    )


def test_grades_of_the_fold_come_of_a_model_that_never_saw_it(trained_home: tuple[Path, TrainResult]) -> None:
    fitted = trained_home[1].fitted
    judge = fitted.honest.judge
    assert judge is not None and judge.trees != fitted.scorer.trees
    values = fitted.made.features.values[list(judge.names)].iloc[fitted.honest.row[fitted.honest.judged]]
    assert np.array_equal(judge.margin(values), fitted.honest.margin[fitted.honest.judged])


def rows_of(rates: dict[str, float], leads: int = 400) -> GradedRows:
    n = np.arange(leads * 16)
    grade = np.array([f"{'ABCD'[k % 4]}{k // 4 % 4 + 1}" for k in n], dtype=object)
    y = np.array([(k // 16 % 100) < 100 * rates[g[0]] for k, g in zip(n, grade, strict=True)], dtype=float)
    return GradedRows(y, np.ones(len(n)), y, n, n, n, grade, n, n)


def test_a_worse_letter_that_converts_more_is_told() -> None:
    assert grade_grid(rows_of({"A": 0.1, "B": 0.3, "C": 0.05, "D": 0.01}), 7).rises == ("B over A",)
    assert grade_grid(rows_of({"A": 0.3, "B": 0.3, "C": 0.05, "D": 0.01}), 7).rises == ()


def test_a_cell_in_which_nobody_got_there_has_an_interval_all_the_same() -> None:
    grid = grade_grid(rows_of({"A": 0.1, "B": 0.3, "C": 0.05, "D": 0.0}, leads=5), 7)
    nobody = next(one for one in grid.fit if one.name == "D")
    assert nobody.rate.value == 0 and 0.02 < nobody.rate.high < 0.25


def test_the_page_has_the_grid_and_the_open_leads_by_it(trained_home: tuple[Path, TrainResult]) -> None:
    folder, _ = trained_home
    record = json.loads((folder / "models/demo/1/record.json").read_text())
    page = report_page(record)
    assert (
        "Became SQLs, of the leads of each grade" in page
        and "Open leads by fit (A is best) and engagement (1 is best)" in page
    )
    assert sum(record["open_leads"]["grades"].values()) == record["open_leads"]["leads"]
    lists = pd.read_parquet(folder / "backtests/demo/1_open_leads.parquet")
    assert lists.grade.str.fullmatch("[A-D][1-4]").all()
