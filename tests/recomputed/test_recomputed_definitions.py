"""The audit of a definition is what plain pandas makes of the tables and the kept predictions."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import definitions_from_tables as tables
import pandas as pd
import pytest

import leadline
import projects
from leadline import demo

DEFINITION = """
icp: {industry: [software, fintech]}
definitions:
  mql:
    all:
      - {asset: any, at_least: 2, distinct: true, within: 90d}
      - {icp: 1}
      - {behaviour: pricing_page_view, within: 30d}
"""


def test_the_recomputation_imports_nothing_of_leadline() -> None:
    tree = ast.parse(Path(tables.__file__).read_text(encoding="utf-8"))
    names = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    names += [alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names]
    assert names and not [n for n in names if n.split(".")[0] in ("leadline", "projects")]


def test_the_audit_of_a_definition_is_made_again_from_the_tables(tmp_path: Path) -> None:
    text = projects.quick(projects.config_text()) + DEFINITION
    config = projects.settle(tmp_path, dict(demo.make_world(1500, 3).tables), text)
    with projects.inside(tmp_path):
        trained = leadline.train(config, projects.KNOWN_AT, quick=True)
        (told,) = json.loads((trained.folder / "record.json").read_text(encoding="utf-8"))["definitions"]["definitions"]
        kept = pd.read_parquet(trained.out_of_fold)
    rows = kept[kept["judged"]].reset_index(drop=True)
    held = tables.clauses(tmp_path / "data", projects.KNOWN_AT, rows)
    met = held.all(axis=1)
    mine = tables.once(rows, met)
    assert 20 <= mine["leads"] < rows["lead_id"].nunique() and 0 < mine["found"] < 1
    assert told["leads"] == mine["leads"] and told["per_week"] == pytest.approx(mine["leads"] / tables.weeks(rows))
    for key in ("share", "converted", "edge"):
        figure = told[key] if key == "share" else told[key]["value"]
        assert figure == pytest.approx(mine[key]), key
    assert told["beside"]["found"]["value"] == pytest.approx(mine["found"])
    assert told["beside"]["model"]["value"] == pytest.approx(tables.found_by_model(rows, met), abs=0.01)
    for clause, name in zip(told["clauses"], held, strict=True):
        alone, without = tables.once(rows, held[name]), tables.once(rows, held.drop(columns=name).all(axis=1))
        assert clause["alone"]["leads"] == alone["leads"]
        assert clause["alone"]["converted"]["value"] == pytest.approx(alone["converted"])
        assert clause["without"]["leads"] == without["leads"]
        assert clause["without"]["gain"]["value"] == pytest.approx(without["edge"] - mine["edge"])
    known = kept[kept["won"].notna()].drop_duplicates(["lead_id", "as_of"]).reset_index(drop=True)
    won = known.assign(y=known["won"])
    ever = tables.once(won, tables.clauses(tmp_path / "data", projects.KNOWN_AT, won).all(axis=1))
    assert (told["won"]["leads"], told["won"]["rate"]["value"]) == (ever["leads"], pytest.approx(ever["converted"]))
    for levels in told["who"].values():
        assert sum(leads for _, leads, _ in levels) <= told["leads"]
