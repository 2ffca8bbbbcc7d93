"""A night finds the model's columns by their names in the source: order and new columns mean nothing, signs keep names apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadline.config.schema import Config
from leadline.tables.attributes import Attribute
from small_crm import Run

HEADER, ROW = ["id", "won", "Sales (T€)", "Sales [T$]", "売上2023"], ["a", "1", "5", "7", "9"]


def config(folder: Path, attributes: object = "all") -> Config:
    return Config.model_validate({
        "version": 1, "name": "flat", "outcome": {"column": "won", "positive": 1}, "snapshots": {"order_by": "row"},
        "tables": {"leads": {"source": str(folder / "leads.csv"), "key": "id", "attributes": attributes}},
    })  # fmt: skip


def write(path: Path, header: list[str], row: list[str]) -> str:
    path.write_text("\n".join([",".join(header), ",".join(row), ",".join(["b", *row[1:]])]) + "\n", encoding="utf-8")
    return str(path)


def by_column(folder: Path, header: list[str], row: list[str]) -> dict[str, float]:
    """What a night reads as each feature of the model, by the column that the model was trained on."""
    write(folder / "leads.csv", HEADER, ROW)
    with Run(config(folder)) as run:
        known = run.loaded.attributes
    source = write(folder / "new.csv", header, row)
    with Run(config(folder), leads_source=source, known=known) as run:
        there = {a.name for a in run.loaded.attributes}
        kept = [a for a in known if a.name in there]
        values = run.store.rows(f"SELECT {', '.join(a.name for a in kept)} FROM leads")[0]
        return dict(zip([a.column for a in kept], values, strict=True))


@pytest.mark.parametrize("order", [[0, 1, 3, 2, 4], [0, 1, 4, 3, 2], [4, 3, 2, 1, 0]])
def test_the_order_of_columns_means_nothing(tmp_path: Path, order: list[int]) -> None:
    read = by_column(tmp_path, [HEADER[n] for n in order], [ROW[n] for n in order])
    assert read == {"Sales (T€)": 5.0, "Sales [T$]": 7.0, "売上2023": 9.0}


@pytest.mark.parametrize("new", ["従業員2023", "Sales {T£}", "newcol", "lead_sales_t", "Sales T"])
def test_a_new_column_takes_no_other_columns_name(tmp_path: Path, new: str) -> None:
    read = by_column(tmp_path, ["id", new, *HEADER[1:]], ["a", "100", *ROW[1:]])
    assert read == {"Sales (T€)": 5.0, "Sales [T$]": 7.0, "売上2023": 9.0}


def test_a_column_that_is_gone_is_not_replaced_by_one_like_it(tmp_path: Path) -> None:
    assert by_column(tmp_path, ["id", "won", "Sales [T$]", "売上2023"], ["a", "1", "7", "9"]) == {
        "Sales [T$]": 7.0,
        "売上2023": 9.0,
    }


def test_a_columns_letters_may_change(tmp_path: Path) -> None:
    assert by_column(tmp_path, ["ID", "won", "SALES (T€)", "Sales [t$]", "売上2023"], ROW)["Sales (T€)"] == 5.0


def test_the_attributes_of_leads_and_accounts_are_apart(tmp_path: Path) -> None:
    write(tmp_path / "leads.csv", HEADER, ROW)
    known = [Attribute("accounts", "売上2023", "account_x2023", "number")]
    with Run(config(tmp_path, ["売上2023"]), leads_source=str(tmp_path / "leads.csv"), known=known) as run:
        assert [a.name for a in run.loaded.attributes] == ["lead_x2023"]
