"""Numbers as people write them: what a column of text holds, told by all its visible rows, and read alike every night."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from leadline.config.schema import Config
from leadline.errors import DataError
from leadline.tables.attributes import Attribute
from small_crm import Run

ROWS = 200


def config(folder: Path) -> Config:
    return Config.model_validate({
        "version": 1, "name": "flat", "outcome": {"column": "won", "positive": 1}, "snapshots": {"order_by": "row"},
        "tables": {"leads": {"source": str(folder / "leads.csv"), "key": "id", "attributes": "all"}},
    })  # fmt: skip


def write(path: Path, values: list[str]) -> Path:
    cells = [value.replace('"', '""') for value in values]
    lines = [f'L{n},{n % 2},"{cell}"' for n, cell in enumerate(cells)]
    path.write_text("\n".join(["id,won,size", *lines]) + "\n", encoding="utf-8")
    return path


def train(folder: Path, values: list[str]) -> tuple[tuple[Attribute, ...], list[Any], list[str]]:
    """What is made of a column in training: the attribute, its values, and what is said of it."""
    write(folder / "leads.csv", values)
    with Run(config(folder)) as run:
        mine = run.loaded.attributes
        read = [r[0] for r in run.store.rows('SELECT lead_size FROM leads ORDER BY "row"')] if mine else []
        return mine, read, [f"{f.code} {f}" for f in run.loaded.findings if f.code in ("LL141", "LL142", "LL143")]


def night(folder: Path, values: list[str], known: tuple[Attribute, ...]) -> tuple[list[Any], list[str]]:
    source = write(folder / "new.csv", values)
    with Run(config(folder), leads_source=str(source), known=known) as run:
        read = [r[0] for r in run.store.rows('SELECT lead_size FROM leads ORDER BY "row"')]
        return read, [f"{f.code} {f}" for f in run.loaded.findings if f.code in ("LL141", "LL142", "LL143")]


def numbers(*odd: str, rows: int = ROWS) -> list[str]:
    return [*odd, *(f"{n * 7}" for n in range(rows - len(odd)))]


@pytest.mark.parametrize(
    "word",
    ["-", "N/A", "n/a", "None", "NULL", "Unknown", "[not provided]", "[[Unknown]]", "(not set)", "#REF!", "<NA>"],
)
def test_a_word_for_a_gap_among_numbers_is_missing(tmp_path: Path, word: str) -> None:
    mine, read, said = train(tmp_path, numbers("3", word))
    assert mine[0].kind == "number" and read[:2] == [3.0, None]
    assert "199 of 200 values are numbers, 1 stands for a gap and is read as missing" in said[0] and len(said) == 1


@pytest.mark.parametrize(
    ("odd", "value"),
    [
        ("12.3K", 12300.0), ("1,234", 1234.0), ("1,234,567.5", 1234567.5), ("€ 5", 5.0), ("5 €", 5.0), ("US$ 1,000", 1000.0), ("45%", 45.0),
        ("2M", 2e6), ("1.5bn", 1.5e9), ("(1,000)", -1000.0), ("-$4", -4.0), ("1 234", 1234.0), ("1\u202f234", 1234.0), ("3e4", 3e4),
    ],
)  # fmt: skip
def test_a_number_is_read_as_people_write_it(tmp_path: Path, odd: str, value: float) -> None:
    mine, read, said = train(tmp_path, numbers(odd, "12.5"))
    assert mine[0].kind == "number" and read[:2] == [value, 12.5] and not any("LL141" in line for line in said)


def test_decimal_commas_are_told_by_the_whole_column_and_kept(tmp_path: Path) -> None:
    mine, read, said = train(tmp_path, ["1.234,5", "1.234", "7", *(f"{n},25" for n in range(ROWS))])
    assert mine[0].reading == "comma" and read[:3] == [1234.5, 1234.0, 7.0]
    assert [line[:5] for line in said] == ["LL142"] and "201 of 203 numbers are written with decimal commas" in said[0]
    assert night(tmp_path, ["1.234", "0,5"], mine) == ([1234.0, 0.5], [])


def test_yes_and_one_are_the_same_where_a_column_has_both(tmp_path: Path) -> None:
    mine, read, said = train(tmp_path, ["Yes", "1", "no", "0", "TRUE", "n", *["yes", "0"] * 50])
    assert mine[0].reading == "yes_no" and read[:6] == [1.0, 1.0, 0.0, 0.0, 1.0, 0.0] and said[0].startswith("LL142")
    assert night(tmp_path, ["y", "false"], mine)[0] == [1.0, 0.0]


def test_few_words_among_numbers_are_counted_and_missing(tmp_path: Path) -> None:
    mine, read, said = train(tmp_path, numbers("3", "see notes"))
    assert mine[0].kind == "number" and read[:2] == [3.0, None]
    assert "leads.size: 199 of 200 values are numbers, 1 is not (row 2) and is read as missing" in said[0]
    assert "notes" not in "".join(said)


def test_a_column_that_is_nearly_numbers_is_words_and_says_so(tmp_path: Path) -> None:
    mine, _, said = train(tmp_path, numbers(*["unlisted"] * 30))
    assert (
        mine[0].kind == "category"
        and "170 of 200 values are numbers, 30 are not (first: row 1) and are taken as words" in said[0]
    )


@pytest.mark.parametrize(
    "values",
    [
        ["02134", "10115", "94105"] * 70, ["1", "2", "3", "10+"] * 50, ["Yes", "No"] * 100, ["yes", "no", "unknown"] * 70, ["A1", "B2"] * 100,
        ["10-50", "51-200"] * 100, ["ann", "-", "unknown"] * 70, [f"{n}_x" for n in range(200)], ["1", "2", "3"] * 60 + ["4+"] * 20,
    ],
)  # fmt: skip
def test_honest_words_stay_words_without_a_word(tmp_path: Path, values: list[str]) -> None:
    mine, read, said = train(tmp_path, values)
    assert mine[0].kind == "category" and read == values and said == []


@pytest.mark.parametrize(
    "values", [numbers(), [f"{n}.5" for n in range(ROWS)], [f"{n / 8}" for n in range(ROWS)], ["0", "1"] * 100]
)
def test_plain_numbers_are_numbers_without_a_word(tmp_path: Path, values: list[str]) -> None:
    mine, read, said = train(tmp_path, values)
    assert (
        mine == (Attribute("leads", "size", "lead_size", "number"),)
        and read == [float(v) for v in values]
        and said == []
    )


def test_a_mark_that_may_be_either_is_asked_about(tmp_path: Path) -> None:
    _, read, said = train(tmp_path, ["1,234", "5678", *["2,500", "7"] * 50])
    assert read[0] == 1234.0 and "LL143" in [line[:5] for line in said]
    _, read, said = train(tmp_path, ["1.234", *["2.500", "7"] * 50])
    assert read[0] == 1.234 and "may be thousands (1234)" in said[0]


def test_thousands_beside_smaller_numbers_are_clear(tmp_path: Path) -> None:
    assert [line[:5] for line in train(tmp_path, ["1,234", "999", *["2,500", "7"] * 50])[2]] == ["LL142"]


def test_a_night_reads_a_plain_number_however_it_is_written(tmp_path: Path) -> None:
    mine, _, _ = train(tmp_path, numbers())
    assert night(tmp_path, ["12.3K", "$1,234", "-", ""], mine) == ([12300.0, 1234.0, None, None], [])


def test_a_night_counts_text_that_no_number_can_be_made_of(tmp_path: Path) -> None:
    mine, _, _ = train(tmp_path, numbers())
    read, said = night(tmp_path, numbers("about ten"), mine)
    assert read[0] is None and said == [
        "LL141 leads.size: 199 of 200 values are numbers, 1 is not (row 1) and is read as missing; expected numbers alone; "
        "mend the export, or make a number of it in a {query: …} source"
    ]
    with pytest.raises(DataError, match="170 of 200 values are numbers, 30 are not"):
        night(tmp_path, numbers(*["n. b."] * 30), mine)


def test_nothing_is_said_at_night_of_a_column_that_the_model_does_not_know(tmp_path: Path) -> None:
    train(tmp_path, numbers())
    assert night(tmp_path, numbers("3", "see notes"), ())[1] == []
