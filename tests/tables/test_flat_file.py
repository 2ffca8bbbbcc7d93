"""The flat file: outcomes in every spelling, three ways to order, rows to score without an outcome."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leadline.config.schema import Config
from leadline.core.point_in_time import parse_instant
from leadline.dataset import labels, snapshots
from leadline.errors import DataError
from leadline.tables.attributes import Attribute
from small_crm import Run, same


def config(source: str, **changes: Any) -> Config:
    leads = {"source": source, "key": "id", "attributes": ["size"], **changes.pop("leads", {})}
    flat = {
        "version": 1,
        "name": "flat",
        "tables": {"leads": leads},
        "outcome": {"column": "won", "positive": 1},
        "snapshots": {"order_by": "nr"},
    }
    return Config.model_validate({**flat, "engine": {"threads": 1, "memory": "500MB"}, **changes})


def csv(folder: Path, *rows: str, header: str = "id,nr,won,size") -> str:
    (folder / "flat.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return str(folder / "flat.csv")


def outcomes(run: Run) -> list[Any]:
    return [r[0] for r in run.store.rows('SELECT outcome FROM leads ORDER BY "row"')]


@pytest.mark.parametrize(
    ("positive", "values", "expected"),
    [
        (1, ["1", "0", "", "1.0", "2"], [1, 0, None, 1, 0]), (0, ["1", "0"], [0, 1]), ("1", ["1", "1.0", "0"], [1, 1, 0]),
        (True, ["yes", "No", "Y", "true", "0", "1", ""], [1, 0, 1, 1, 0, 1, None]), (False, ["yes", "no", "False", "0"], [0, 1, 1, 1]),
        ("yes", ["Yes", " yes ", "no", "TRUE"], [1, 1, 0, 1]), ("Yes", ["Yes", "No"], [1, 0]), ("converted", ["Converted", "lost", "yes"], [1, 0, 0]),
        ("no", ["No", "yes"], [1, 0]), (1, ["True", "False"], [1, 0]), (1, ["yes", "no"], [1, 0]), (2.5, ["2.5", "2.50", "3"], [1, 1, 0]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("typed", [False, True])
def test_an_outcome_means_yes_in_every_usual_spelling(
    tmp_path: Path, positive: Any, values: list[str], expected: list[Any], typed: bool
) -> None:
    source = csv(tmp_path, *(f"{n},{n},{v},5" for n, v in enumerate(values)))
    if typed:
        table = pa.table(
            {
                "id": [str(n) for n in range(len(values))],
                "nr": list(range(len(values))),
                "won": values,
                "size": [5] * len(values),
            }
        )
        source = str(tmp_path / "flat.parquet")
        pq.write_table(table, source)
    with Run(config(source, outcome={"column": "won", "positive": positive})) as run:
        assert outcomes(run) == expected


@pytest.mark.parametrize(
    ("type_", "values"),
    [(pa.bool_(), [True, False, None]), (pa.int8(), [1, 0, None]), (pa.float64(), [1.0, 0.0, None])],
)
@pytest.mark.parametrize("positive", [1, True, "1", "yes"])
def test_typed_outcomes_mean_the_same(tmp_path: Path, type_: pa.DataType, values: list[Any], positive: Any) -> None:
    pq.write_table(
        pa.table({"id": ["a", "b", "c"], "nr": [1, 2, 3], "won": pa.array(values, type_), "size": [1, 2, 3]}),
        tmp_path / "f.parquet",
    )
    with Run(config(str(tmp_path / "f.parquet"), outcome={"column": "won", "positive": positive})) as run:
        assert outcomes(run) == [1, 0, None]


def order(run: Run) -> list[int]:
    return [r[0] for r in run.store.rows('SELECT order_at FROM leads ORDER BY "row"')]


def test_rows_are_ordered_by_row_number_or_date(tmp_path: Path) -> None:
    rows = ["a,30,1,5,2024-05-01", "b,7,0,5,2024-04-01"]
    source = csv(tmp_path, *rows, header="id,nr,won,size,day")
    with Run(config(source)) as run:
        assert order(run) == [30, 7]
    with Run(config(source, snapshots={"order_by": "row"})) as run:
        assert order(run) == [1, 2]
    with Run(config(source, snapshots={"order_by": "day"})) as run:
        assert order(run) == [parse_instant("2024-05-01"), parse_instant("2024-04-01")]


@pytest.mark.parametrize("bad", ["1.5", "", "x"])
def test_an_order_that_says_nothing_of_time_is_refused(tmp_path: Path, bad: str) -> None:
    source = csv(tmp_path, "a,1,1,5", f"b,{bad},0,5")
    with (
        pytest.raises(DataError, match=r"LL105 leads.nr: 1 rows hold no whole number or date \(first: row 2\)"),
        Run(config(source)),
    ):
        pass


def test_an_order_of_words_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match="text, which says nothing of time"),
        Run(config(csv(tmp_path, "a,x,1,5", "b,y,0,5"))),
    ):
        pass


def test_training_takes_the_rows_before_t_and_a_night_the_rows_from_it(tmp_path: Path) -> None:
    source = csv(tmp_path, *(f"L{n:02d},{n},{n % 2},5" for n in range(20)))
    with Run(config(source), 12) as run:
        assert snapshots.for_training(run.config, run.loaded) == 12
        counts = labels.attach_labels(run.config, run.loaded)
        assert (counts.positive, counts.negative) == (6, 6)
        assert list(run.night(12).lead_id) == [f"L{n:02d}" for n in range(12, 20)]
        assert len(run.night(None)) == 20


def test_rows_without_an_outcome_are_censored(tmp_path: Path) -> None:
    with Run(config(csv(tmp_path, "a,1,1,5", "b,2,,5", "c,3,0,5"))) as run:
        snapshots.for_training(run.config, run.loaded)
        counts = labels.attach_labels(run.config, run.loaded)
        assert (counts.positive, counts.negative, counts.censored) == (1, 1, 1)


def test_new_rows_are_scored_without_outcome_or_order(tmp_path: Path) -> None:
    source = csv(tmp_path, "a,1,1,5", "b,2,0,7")
    (tmp_path / "new.csv").write_text("id,size\n007,5\n008,x\n")
    with Run(
        config(source),
        leads_source=str(tmp_path / "new.csv"),
        known=[Attribute("leads", "size", "lead_size", "number")],
    ) as run:
        built = run.night(None)
        assert list(built.lead_id) == ["007", "008"]
        assert built.values["lead_size"].tolist()[0] == 5.0 and built.values["lead_size"].isna().tolist() == [
            False,
            True,
        ]


def test_the_same_row_is_read_the_same_in_training_and_in_a_new_file(tmp_path: Path) -> None:
    source = csv(tmp_path, "a,1,1,1.50", "b,2,0,large")
    (tmp_path / "new.csv").write_text("id,size\nz,1.50\n")
    with Run(config(source)) as run:
        known = run.loaded.attributes
        trained = run.night(None).values["lead_size"].tolist()
    with Run(config(source), leads_source=str(tmp_path / "new.csv"), known=known) as run:
        assert run.night(None).values["lead_size"].tolist() == trained[:1] == ["1.50"]


def test_a_flat_file_says_that_the_laws_of_time_do_not_apply(tmp_path: Path) -> None:
    with Run(config(csv(tmp_path, "a,1,1,5"))) as run:
        assert [(f.code, str(f.severity)) for f in run.loaded.findings] == [("LL121", "note"), ("LL152", "note")]


@pytest.mark.parametrize("ordered", ["nr", "row"])
def test_a_row_that_stands_twice_counts_once_and_another_of_its_key_is_an_error(tmp_path: Path, ordered: str) -> None:
    with Run(config(csv(tmp_path, "a,1,1,5", "b,2,0,5", "a,1,1,5"), snapshots={"order_by": ordered})) as run:
        assert run.loaded.rows == {"leads": 2} and "LL103" in {f.code for f in run.loaded.findings}
        assert "LL102" not in {f.code for f in run.loaded.findings}
    with Run(config(csv(tmp_path, "a,1,1,5", "a,1,0,5"), snapshots={"order_by": ordered})) as run:
        assert "LL102" in {f.code for f in run.loaded.findings}


@pytest.mark.parametrize(("rows", "code"), [([], "LL110"), ([",1,1,5"], "LL112")])
def test_no_row_and_no_key_are_errors(tmp_path: Path, rows: list[str], code: str) -> None:
    with Run(config(csv(tmp_path, *rows), leads={"attributes": []})) as run:
        assert code in {f.code for f in run.loaded.findings if f.severity == "error"}


def test_missing_columns_are_told_together(tmp_path: Path) -> None:
    source = csv(tmp_path, "a,1,1,5")
    with (
        pytest.raises(DataError) as caught,
        Run(config(source, leads={"key": "idd", "attributes": ["sise"]}, outcome={"column": "one", "positive": 1})),
    ):
        pass
    lines = str(caught.value).splitlines()
    assert len(lines) == 3 and all("LL101" in line for line in lines) and "did you mean `size`?" in lines[2]


def test_without_a_key_the_rows_are_numbered(tmp_path: Path) -> None:
    with Run(config(csv(tmp_path, "a,1,1,5", "a,2,0,5"), leads={"key": "row"})) as run:
        assert list(run.night(None).lead_id) == ["1", "2"]


def test_two_threads_and_one_give_equal_rows(tmp_path: Path) -> None:
    source = csv(tmp_path, *(f"L{n},{n},{n % 3 == 0:d},{n}" for n in range(5000)))
    built = []
    for threads in (1, 2):
        with Run(config(source, snapshots={"order_by": "row"}, engine={"threads": threads, "memory": "500MB"})) as run:
            built.append(run.night(None))
    same(*built)


def test_an_order_of_dates_in_another_format_is_read_or_asked_about(tmp_path: Path) -> None:
    rows = ["a,25/12/2024,1,5", "b,04/03/2024,0,5"]
    with Run(config(csv(tmp_path, *rows), timezone="UTC")) as run:
        assert [f.code for f in run.loaded.findings if f.code.startswith("LL13")] == ["LL131"]
        assert run.store.rows("SELECT lead_id, order_at, is_dated FROM leads ORDER BY order_at") == [
            ("b", parse_instant("2024-03-04"), True),
            ("a", parse_instant("2024-12-25"), True),
        ]
    with pytest.raises(DataError, match="LL132"), Run(config(csv(tmp_path, rows[1]), timezone="UTC")):
        pass
    settled = config(csv(tmp_path, rows[1]), timezone="UTC", leads={"times": "%d/%m/%Y"})
    with Run(settled) as run:
        assert run.store.rows("SELECT order_at FROM leads") == [(parse_instant("2024-03-04"),)]
