"""Attributes: what a column holds is told by visible rows alone, names never clash, hostile names are only names."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import crm
from leadline.core.point_in_time import parse_instant
from leadline.features import catalog
from leadline.storage.dialect import Dialect, identifier, literal
from leadline.tables.attributes import Attribute, attribute_sql, slugify, unique
from leadline.tables.schema import find_column
from small_crm import Run, same

NIGHT = parse_instant("2024-03-01")


def loaded(
    folder: Path,
    column: list[Any],
    known_at: int | None = None,
    known: list[Attribute] | None = None,
    ending: str = "csv",
) -> tuple[tuple[Attribute, ...], list[Any], list[str]]:
    """Load a CRM whose leads' `source` holds these values; return the attributes, what was read, the codes found."""
    content = crm.rows(leads=len(column))
    for row, value in zip(content["leads"], column, strict=True):
        row["source"] = value
    write = crm.write_csv if ending == "csv" else crm.write_json
    config = crm.config_dict(write(content, folder))
    config["tables"]["leads"]["attributes"] = ["source"]
    with Run(type(crm.config({"leads": "", "stages": ""})).model_validate(config), known_at, known=known) as run:
        mine = tuple(a for a in run.loaded.attributes if a.table == "leads")
        values = [r[0] for r in run.store.rows("SELECT lead_source FROM leads ORDER BY lead_id")] if mine else []
        return mine, values, [f.code for f in run.loaded.findings]


def fill(*values: Any) -> list[Any]:
    return [*values, *[None] * (20 - len(values))]


@pytest.mark.parametrize(
    ("values", "kind", "first"),
    [
        (["5", "7.5", "-1e3"], "number", 5.0), (["5", "n/a"], "number", 5.0), (["5", "large"], "category", "5"), (["007", "12"], "category", "007"), (["1_0", "2"], "category", "1_0"),
        (["true", "False"], "number", 1.0), (["true", "maybe"], "category", "true"), (["Yes", "No"], "category", "Yes"), ([" web ", "web"], "category", "web"),
        (["2024-05-01", "2024-05-02 10:00:00"], None, None), (["01/02/2024", "2/3/2024"], None, None), (["10:30", "11:00:05"], None, None), ([], "category", None),
        (["inf", "1"], "number", None), (["0", "0.5"], "number", 0.0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_the_kind_of_a_column_without_types_is_told_by_its_values(
    tmp_path: Path, values: list[str], kind: str | None, first: Any, ending: str
) -> None:
    mine, read, codes = loaded(tmp_path, fill(*values), ending=ending)
    if kind is None:
        assert mine == () and "LL119" in codes
    else:
        assert [a.kind for a in mine] == [kind] and read[0] == first


def test_a_later_row_does_not_change_what_a_column_was(tmp_path: Path) -> None:
    content = crm.rows()
    for row in content["leads"]:
        row["source"] = "12"
    results = []
    for poison in ("12", "n/a", "2024-01-01", "true"):
        late = {
            **content["leads"][0],
            "lead_id": "late",
            "created_at": crm.BEGIN + timedelta(days=365),
            "source": poison,
        }
        sources = crm.write_csv({**content, "leads": [*content["leads"], late]}, tmp_path)
        with Run(crm.config(sources), NIGHT) as run:
            results.append(run.night(NIGHT))
    for other in results[1:]:
        same(results[0], other)


@pytest.mark.parametrize(
    ("kind", "values", "read"),
    [("number", ["true", "x", "3"], [1.0, None, 3.0]), ("category", ["1.50", "2", "x"], ["1.50", "2", "x"])],
)
def test_a_trained_models_kind_wins_over_tonights_file(
    tmp_path: Path, kind: Any, values: list[str], read: list[Any]
) -> None:
    mine, got, _ = loaded(tmp_path, fill(*values), known=[Attribute("leads", "source", "lead_source", kind)])
    assert [a.kind for a in mine] == [kind] and got[:3] == read


@pytest.mark.parametrize(
    ("sql", "type_name", "kind", "value"),
    [
        ("CAST('nan' AS DOUBLE)", "DOUBLE", "number", None), ("CAST('inf' AS DOUBLE)", "DOUBLE", "number", None), ("TRUE", "BOOLEAN", "number", 1.0),
        ("CAST(3 AS DOUBLE)", "DOUBLE", "category", "3"), ("CAST(1.25 AS DECIMAL(9,2))", "DECIMAL(9,2)", "number", 1.25), ("'  '", "VARCHAR", "category", None),
    ],
)  # fmt: skip
def test_a_value_that_is_no_number_or_no_word_is_missing(sql: str, type_name: str, kind: Any, value: Any) -> None:
    import duckdb

    expression = attribute_sql(Attribute("leads", "x", "lead_x", kind), type_name)
    assert duckdb.sql(f"SELECT {expression} FROM (SELECT {sql} AS x)").fetchall() == [(value,)]


HOSTILE = [
    "row", "as_of", "recorded_at", "created_at", "lead_id", "id", "ID ", "select", 'quote"d', "semi;colon", "drop table leads; --", "x'y", "naïve 公司", "公司",
    "said_created_at", "value", "label", "weight", "a.b", "$1", "%s", "{x}",
]  # fmt: skip


def test_hostile_column_names_are_only_names(tmp_path: Path) -> None:
    content = crm.rows()
    sources = crm.write_parquet(content, tmp_path)
    table = crm.arrow("leads", content["leads"]).rename_columns(["key", "firm", "born", "source", "score"])
    for n, name in enumerate(HOSTILE):
        table = table.append_column(name, pa.array([f"{n}"] * table.num_rows))
    pq.write_table(table, sources["leads"])
    config = crm.config_dict(sources)
    config["tables"]["leads"].update({"key": "key", "account": "firm", "created_at": "born", "attributes": HOSTILE})
    config["tables"]["leads"]["recorded_at"] = "born"
    config["tables"]["accounts"]["attributes"] = ["industry"]
    with Run(type(crm.config({"leads": "", "stages": ""})).model_validate(config)) as run:
        names = [a.name for a in run.loaded.attributes if a.table == "leads"]
        assert len(set(names)) == len(names) == len(HOSTILE) and "lead_id" not in names
        built = run.train()[2]
        for attribute in run.loaded.attributes:
            if attribute.table == "leads":
                assert set(built.values[attribute.name]) == {str(HOSTILE.index(attribute.column))}


def test_all_takes_every_column_but_the_mapped_and_the_excluded(tmp_path: Path) -> None:
    sources = crm.write_parquet(crm.rows(), tmp_path)
    config = crm.config_dict(sources)
    config["tables"]["leads"].update({"attributes": "all", "exclude": ["SCORE"]})
    with Run(type(crm.config({"leads": "", "stages": ""})).model_validate(config)) as run:
        assert [a.column for a in run.loaded.attributes if a.table == "leads"] == ["source"]


def test_columns_that_differ_in_case_are_found_by_their_exact_name_first() -> None:
    assert find_column("Name", {"name": "VARCHAR", "Name": "VARCHAR"}) == ("Name", "")
    assert find_column("NAME", {"name": "VARCHAR"}) == ("name", "")
    name, hint = find_column("lead", {"a": "VARCHAR", "b": "VARCHAR"})
    assert name is None and hint == "the table has a, b"


def test_an_attribute_named_twice_is_used_once(tmp_path: Path) -> None:
    config = crm.config_dict(crm.write_parquet(crm.rows(), tmp_path))
    config["tables"]["leads"]["attributes"] = ["source", "SOURCE", "source"]
    with Run(type(crm.config({"leads": "", "stages": ""})).model_validate(config)) as run:
        assert [a.name for a in run.loaded.attributes if a.table == "leads"] == ["lead_source"]


@given(st.lists(st.text(max_size=60), max_size=12))
def test_slugs_made_unique_are_names_that_differ(texts: list[str]) -> None:
    names = unique((slugify(t) for t in texts), taken=("any",))
    assert len(set(names)) == len(texts) and "any" not in names
    assert all(n.isascii() and n.replace("_", "").isalnum() and n[0].isalpha() and n == n.lower() for n in names)


@given(st.text(max_size=40), st.booleans())
def test_a_literal_and_an_identifier_can_not_end_early(text: str, backslash: bool) -> None:
    import duckdb

    clean = text.replace("\0", "")
    assert duckdb.execute(f"SELECT {literal(text)}").fetchall() == [(clean,)]
    if clean:
        assert duckdb.sql(f"SELECT 1 AS {identifier(text)}").columns == [clean]
    quoted = literal(text, Dialect("d", backslash_escapes=backslash))
    assert not backslash or quoted.count("\\") == 2 * clean.count("\\")


BEHAVIOURS = [
    "Demo Request",
    "demo-request",
    "demo_request_2",
    "公司",
    "?!",
    "any",
    "intent_purchase",
    "mql",
    "x" * 70,
    "x" * 70 + "y",
    "a\0b",
    "'; drop table events; --",
    "select",
]


def test_behaviours_whose_names_collide_or_are_empty_keep_a_column_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "MIN_GROUP_SIZE", 1)
    content = crm.rows()
    when = crm.BEGIN + timedelta(days=42)
    content["events"] += [
        {"event_id": 10_000 + n, "lead_id": "0001", "event_type": b, "occurred_at": when, "recorded_at": when}
        for n, b in enumerate(BEHAVIOURS)
    ]
    content["events"].append(
        {"event_id": 20_000, "lead_id": "0001", "event_type": "  ", "occurred_at": when, "recorded_at": when}
    )
    with Run(crm.config(crm.write_parquet(content, tmp_path))) as run:
        built = run.night(parse_instant((when + timedelta(days=1)).isoformat()))
        row = list(built.lead_id).index("0001")
        counts = {
            s.field: built.values[s.name].iloc[row]
            for s in built.specs
            if s.by == "behaviour" and s.aggregate == "count" and str(s.window) == "7d"
        }
        assert {b: counts[b] for b in BEHAVIOURS if "\0" not in b} == {b: 1.0 for b in BEHAVIOURS if "\0" not in b}


def test_a_behaviour_of_fewer_than_twenty_leads_has_no_column_of_its_own(tmp_path: Path) -> None:
    content = crm.rows()
    when = crm.BEGIN + timedelta(days=42)
    for name, leads in (("shared", 20), ("ann@example.com", 19)):
        content["events"] += [
            {
                "event_id": 10_000 * leads + n,
                "lead_id": row["lead_id"],
                "event_type": name,
                "occurred_at": when,
                "recorded_at": when,
            }
            for n, row in enumerate(content["leads"][:leads])
        ]
    with Run(crm.config(crm.write_parquet(content, tmp_path))) as run:
        fields = {s.field for s in catalog.list_features(run.config, run.loaded) if s.by == "behaviour"}
        assert "shared" in fields and "ann@example.com" not in fields


def test_a_missing_number_is_nan_and_a_missing_word_is_none(tmp_path: Path) -> None:
    with Run(crm.config(crm.write_parquet(crm.rows(), tmp_path))) as run:
        built = run.train()[2]
        words, numbers = built.values["lead_source"], built.values["lead_score"]
        assert words.dtype == object and numbers.dtype == float
        assert any(w is None for w in words) and not any(isinstance(w, float) for w in words)
        assert any(math.isnan(n) for n in numbers)
