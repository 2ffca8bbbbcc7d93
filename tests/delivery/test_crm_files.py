"""CRM files: shaped for who takes them, split where they must be, and never run by a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
import sys

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.delivery.crm_files import FORMATS, crm_files
from leadline.delivery.formats import FORMULA
from leadline.errors import ConfigError


def scores(n: int, reason: str | None = "viewed the pricing page", **more: list[str | None]) -> pa.Table:
    return pa.table({
        "lead_id": [f"00Q{i:06d}" for i in range(n)], "as_of": pa.array([0] * n, pa.timestamp("us", "UTC")),
        "probability": [1 / 3] * n, "rank": list(range(1, n + 1)), "tier": ["B"] * n,
        "reason_1": pa.array([reason] * n, pa.string()), "reason_2": pa.array([None] * n, pa.string()),
        "reason_3": pa.array([None] * n, pa.string()), "model_version": ["3"] * n,
        **{name: pa.array(values, pa.string()) for name, values in more.items()},
    })  # fmt: skip


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")))


@pytest.mark.parametrize(
    ("to", "key", "tier", "end", "nothing"),
    [
        ("salesforce", "Id", "Leadline_Tier__c", b"\n", "#N/A"),
        ("hubspot", "Record ID", "Leadline tier", b"\r\n", ""),
        ("dynamics", "leadid", "new_leadline_tier", b"\r\n", ""),
    ],
)
def test_each_crm_gets_its_own_names_lines_and_nothing(to: str, key: str, tier: str, end: bytes, nothing: str) -> None:
    files, count = crm_files(to, scores(2))
    (data,) = files.values()
    assert count == 2 and data.endswith(end) and data.count(b"\n") == 3 and (b"\r" in data) == (end == b"\r\n")
    first = rows(data)[0]
    assert (first[key], first[tier]) == ("00Q000000", "B")
    told = {name.lower().replace("_", " "): value for name, value in first.items()}
    assert next(v for k, v in told.items() if "probability" in k) == "0.333333"
    assert next(v for k, v in told.items() if "scored at" in k) == "1970-01-01T00:00:00Z"
    assert next(v for k, v in told.items() if "reason 2" in k) == nothing


@pytest.mark.parametrize("to", FORMATS)
def test_files_stay_within_what_the_crm_takes_and_no_row_is_lost(to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    small = dataclasses.replace(FORMATS[to], most_rows=7, most_bytes=900)
    monkeypatch.setitem(FORMATS, to, small)
    files, count = crm_files(to, scores(40))
    assert count == 40 and len(files) > 40 // 7
    seen = []
    for name, data in files.items():
        part = rows(data)
        assert len(data) <= 900 and 0 < len(part) <= 7, name
        seen += [row[small.id_column] for row in part]
    assert seen == [f"00Q{i:06d}" for i in range(40)]
    assert list(files) == sorted(files)


def test_salesforce_takes_ten_thousand_rows_a_file() -> None:
    files, _ = crm_files("salesforce", scores(20_001))
    assert [data.count(b"\n") - 1 for data in files.values()] == [10_000, 10_000, 1]
    assert all(len(data) <= 10_000_000 for data in files.values())


def test_nobody_is_a_file_with_a_header() -> None:
    files, count = crm_files("hubspot", scores(0))
    assert count == 0 and [data.count(b"\n") for data in files.values()] == [1]


def test_a_tier_set_by_hand_is_the_one_that_the_crm_gets() -> None:
    files, _ = crm_files("salesforce", scores(2, tier_override=["A", None]))
    assert [row["Leadline_Tier__c"] for row in rows(files["leads-001.csv"])] == ["A", "B"]


def test_probabilities_go_in_percent_where_the_config_asks_and_nothing_else_does() -> None:
    table = scores(2, grade=["A1", "D4"]).append_column("score", pa.array([91, 7], pa.int64()))
    asked = {"probability": "P__c", "score": "S__c", "grade": "G__c", "p_30d": "M__c"}
    table = table.append_column("p_30d", pa.array([0.25, None], pa.float64()))
    told = [rows(crm_files("salesforce", table, None, asked, percent)[0]["leads-001.csv"]) for percent in (True, False)]
    assert told[0][0] == {"Id": "00Q000000", "P__c": "33.333333", "S__c": "91", "G__c": "A1", "M__c": "25.0"}
    assert told[1][0] == {"Id": "00Q000000", "P__c": "0.333333", "S__c": "91", "G__c": "A1", "M__c": "0.25"}
    assert told[0][1]["M__c"] == told[1][1]["M__c"] == "#N/A"


def test_the_configs_own_names_are_used() -> None:
    files, _ = crm_files("salesforce", scores(1), "Ext_Id__c", {"probability": "P__c"})
    assert files["leads-001.csv"] == b"Ext_Id__c,P__c\n00Q000000,0.333333\n"
    files, _ = crm_files(
        "salesforce", scores(1, tier_override=["A"]), "Ext_Id__c", {"override": "Hand__c"}
    )  # its old name
    assert files["leads-001.csv"] == b"Ext_Id__c,Hand__c\n00Q000000,A\n"
    with pytest.raises(ConfigError, match="no column colour"):
        crm_files("salesforce", scores(1), fields={"colour": "X__c"})


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300))
def test_no_cell_is_a_formula_and_texts_fit_the_field(text: str) -> None:
    (data,) = crm_files("hubspot", scores(1, reason=text))[0].values()
    (row,) = rows(data)
    cell = row["Leadline reason 1"]
    assert len(cell) <= 255 and not cell.lstrip().startswith(("=", "+", "-", "@"))
    assert (text if cell[:1] != "'" else "'" + text).startswith(cell) or cell == text[:255]


def test_every_blank_before_a_formula_is_seen_through_by_both_engines() -> None:
    blanks = [chr(n) for n in range(sys.maxunicode + 1) if chr(n).isspace() or n < 32 or n in (0x200B, 0xFEFF)]
    texts = [f"{blank}=1+1" for blank in blanks]
    assert len(blanks) > 40 and all(re.match(FORMULA, text) for text in texts)
    assert all(pc.match_substring_regex(pa.array(texts), FORMULA).to_pylist())
    assert not any(pc.match_substring_regex(pa.array(["a=1", " a", "é=1", ""]), FORMULA).to_pylist())


def test_a_lead_whose_id_is_a_formula_is_left_out_rather_than_named_wrongly() -> None:
    table = scores(2).set_column(0, "lead_id", pa.array(["=cmd", "00Q1"]))
    files, count = crm_files("salesforce", table)
    assert count == 1 and [row["Id"] for row in rows(files["leads-001.csv"])] == ["00Q1"]
