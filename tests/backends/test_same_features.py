"""The same tables through every kind of source give equal snapshots, labels and features: one body for all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import crm
from leadline.dataset import labels
from leadline.features import build
from small_crm import Run, same

Result = tuple[labels.LabelCounts, build.FeatureTable, dict[str, int]]


def run(sources: dict[str, Any]) -> Result:
    with Run(crm.config(sources)) as it:
        counts, _, built = it.train()
        assert not [f for f in it.loaded.findings if f.severity == "error"]
        return counts, built, it.loaded.rows


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run(crm.write_parquet(crm.rows(), tmp_path_factory.mktemp("expected")))


def test_the_little_crm_has_what_there_is_to_compare(expected: Result) -> None:
    counts, built, _ = expected
    assert counts.positive > 5 and counts.negative > 50
    assert built.values["n_pricing_view_7d"].sum() > 0 and built.values["lead_score"].notna().any()
    assert "0007" in set(built.lead_id)


@pytest.mark.parametrize("kind", sorted(crm.KINDS))
def test_every_kind_of_file_gives_equal_features(kind: str, expected: Result, tmp_path: Path) -> None:
    counts, built, rows = run(crm.KINDS[kind](crm.rows(), tmp_path))
    assert counts == expected[0] and rows == expected[2]
    same(built, expected[1])


def test_postgresql_gives_equal_features(
    expected: Result, postgres_tables: Callable[[crm.Rows], dict[str, str]]
) -> None:
    counts, built, rows = run(postgres_tables(crm.rows()))
    assert counts == expected[0] and rows == expected[2]
    same(built, expected[1])


def test_a_glob_of_parts_gives_equal_features(expected: Result, tmp_path: Path) -> None:
    content = crm.rows()
    sources = crm.write_parquet(content, tmp_path)
    for part in range(3):
        crm.write_parquet({"events": content["events"][part::3]}, _made(tmp_path / f"part{part}"))
    counts, built, _ = run({**sources, "events": str(tmp_path / "part*" / "events.parquet")})
    assert counts == expected[0]
    same(built, expected[1])


def test_queries_over_files_give_equal_features(expected: Result, tmp_path: Path) -> None:
    sources: dict[str, Any] = crm.write_parquet(crm.rows(), tmp_path)
    (tmp_path / "stages.sql").write_text(f"-- every stage\nselect * from '{sources['stages']}';\n")
    sources["leads"] = {"query": f"with l as (select * from '{sources['leads']}') select * from l"}
    sources["stages"] = {"sql": str(tmp_path / "stages.sql")}
    counts, built, _ = run(sources)
    assert counts == expected[0]
    same(built, expected[1])


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
