"""Rows of the feature statement come in batches and in any order, and stand in columns by (as_of, lead_id)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from leadline.config.schema import Engine
from leadline.dataset.feature_spec import Feature
from leadline.errors import DataError
from leadline.features import collect
from leadline.features.collect import collect_rows
from leadline.storage.duckdb import DuckStore

SPECS = (
    Feature("visits", "behaviour", "visits", "count", "count", "visited"),
    Feature("country", "attribute", "country", "category", "value", "country", "leads"),
    Feature("age", "age", "age", "days", "age", "created", "leads"),
)
ROWS = 1000


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[DuckStore]:
    monkeypatch.setattr(collect, "ROWS", 64)
    with DuckStore(Engine()) as made:
        made.run(
            "CREATE TABLE told AS SELECT 'L' || (n * 7919) % 500 AS lead_id, CASE WHEN n % 5 > 0 THEN 'A' || n % 9 END AS account_id, "
            "CAST(n // 500 AS BIGINT) AS as_of, CAST(n AS DOUBLE) AS visits, CASE WHEN n % 3 > 0 THEN 'é' || n END AS country, "
            f"CASE WHEN n % 4 > 0 THEN n / 8 END AS age FROM range({ROWS}) AS t(n) ORDER BY hash(n)"
        )
        yield made


def test_columns_stand_by_as_of_and_lead_whatever_the_rows_order(store: DuckStore) -> None:
    made = collect_rows(store, "SELECT * FROM told", SPECS, ROWS, wide=True)
    expected = store.rows("SELECT lead_id, account_id, as_of, visits, country, age FROM told ORDER BY as_of, lead_id")
    assert list(zip(made.lead_id, made.account_id, made.as_of.tolist(), strict=True)) == [row[:3] for row in expected]
    assert list(made.values.columns) == ["visits", "country", "age"]
    assert [str(kind) for kind in made.values.dtypes] == ["float64", "object", "float64"]
    for row, values in zip(expected, made.values.itertuples(index=False), strict=True):
        assert (values.visits, values.country) == (row[3], row[4])
        assert values.age == row[5] or (row[5] is None and np.isnan(values.age))


def test_sorted_rows_are_left_as_they_come(store: DuckStore) -> None:
    text = "SELECT * FROM told ORDER BY as_of, lead_id"
    one, two = (collect_rows(store, text, SPECS, ROWS, wide) for wide in (False, True))
    assert one.values.equals(two.values) and one.lead_id.tolist() == two.lead_id.tolist()


def test_a_column_is_taken_without_copying_the_others(store: DuckStore) -> None:
    made = collect_rows(store, "SELECT * FROM told", SPECS, ROWS, wide=True)
    some = made.values[["age", "visits"]]
    assert np.shares_memory(some["age"].to_numpy(), made.values["age"].to_numpy())


@pytest.mark.parametrize("expected", [0, ROWS - 1, ROWS + 1])
def test_fewer_or_more_rows_than_snapshots_are_refused(store: DuckStore, expected: int) -> None:
    with pytest.raises(DataError, match=f"{ROWS} rows came of {expected} snapshots"):
        collect_rows(store, "SELECT * FROM told", SPECS, expected, wide=True)


def test_no_snapshot_gives_no_row(store: DuckStore) -> None:
    made = collect_rows(store, "SELECT * FROM told WHERE FALSE", SPECS, 0)
    assert made.values.shape == (0, 3) and len(made.lead_id) == len(made.as_of) == 0
