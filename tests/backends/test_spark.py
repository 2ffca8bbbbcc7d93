"""A config with `engine: {kind: spark}` does the whole job, and gives what DuckDB gives."""

from __future__ import annotations

import json
import re
import stat
import sys
from pathlib import Path

import mlflow
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import projects
from leadline import demo, load_config, score, train
from leadline.config.schema import Engine
from leadline.errors import DataError, UsageError
from leadline.storage.spark import join_statement, split_statement
from leadline.tables import open_store
from leadline.workflows.common import behaviour_intents, parse_as_of
from leadline.workflows.scoring.explain import find_model
from leadline.workflows.scoring.inputs import scoring_features

LEADS = 350
MASTER = 'engine: {kind: spark, master: "local[2]", threads: 1, memory: 1GB}'
PAGE = Path(__file__).parents[2] / "docs" / "nightly.md"
ENGINE = Engine(kind="spark", master="local[2]", memory="1GB", threads=1)


def trained(engine: str, home: Path) -> Path:
    """Settle the small demo world with a config for an engine; train a champion and score a night."""
    text = projects.quick(projects.config_text())
    assert "[7d, 30d]" in text
    text = text.replace("[7d, 30d]", "[30d]")  # every feature is held on every engine elsewhere
    told = re.sub(r"^engine: .*$", MASTER, text, flags=re.MULTILINE) if engine == "spark" else text
    with projects.inside(home):
        projects.settle(home, dict(demo.make_world(LEADS, 7).tables), told)
        train("demo.yaml", projects.KNOWN_AT)
        score("demo.yaml", projects.NIGHT, out="night.parquet")
    return home


@pytest.fixture(scope="module")
def by_duckdb(spark: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained("duckdb", tmp_path_factory.mktemp("duckdb"))


@pytest.fixture(scope="module")
def by_spark(spark: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained("spark", tmp_path_factory.mktemp("spark"))


@pytest.mark.timeout(900)  # the fixtures are most of it: two trainings and two nights
def test_training_and_a_night_on_spark_give_equal_models_and_scores(by_duckdb: Path, by_spark: Path) -> None:
    models = [next(home.glob("models/*/*/model.txt")).read_bytes() for home in (by_duckdb, by_spark)]
    assert models[0] == models[1]
    nights = [pq.read_table(home / "night.parquet") for home in (by_duckdb, by_spark)]
    assert nights[0].num_rows > 50 and nights[0].equals(nights[1])


def test_the_funnel_told_by_spark_is_duckdb_s(by_duckdb: Path, by_spark: Path) -> None:
    told = [json.loads(next(home.glob("models/*/*/record.json")).read_text()) for home in (by_duckdb, by_spark)]
    assert told[0]["funnel"]["leads"] > 300
    assert all(told[0][key] == told[1][key] for key in ("funnel", "diagnosis", "rejected"))


def test_nothing_is_left_in_the_working_directory(by_duckdb: Path, by_spark: Path) -> None:
    assert {p.name for p in by_spark.iterdir()} == {p.name for p in by_duckdb.iterdir()}


@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
def test_the_model_in_mlflow_scores_on_spark_as_the_docs_say(by_duckdb: Path) -> None:
    block = PAGE.read_text(encoding="utf-8").split("## Scoring on Spark")[1].split("```python\n")[1].split("```")[0]
    with projects.inside(by_duckdb), pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        config = load_config("demo.yaml")
        bundle = find_model(config, None)
        as_of = parse_as_of(config, projects.NIGHT)
        made, _, _ = scoring_features(config, bundle.specs, behaviour_intents(config), config.roles, as_of)
        rows = pa.table({
            "lead_id": list(made.lead_id), "as_of": made.as_of,
            **{s.name: pa.array(made.values[s.name], pa.string() if s.kind == "category" else pa.float64(), from_pandas=s.kind == "category") for s in made.specs},
        })  # fmt: skip
        names: dict[str, object] = {}
        mlflow.set_registry_uri("")  # that of the home before it: a user's process has none
        patch.delenv("MLFLOW_REGISTRY_URI", raising=False)
        exec(block.split("scores = ")[0], names)
        names["spark"].createDataFrame(rows).createOrReplaceTempView("features")  # type: ignore[attr-defined]
        exec("scores = " + block.split("scores = ")[1], names)
        told = names["scores"].toArrow()  # type: ignore[attr-defined]
        night = pq.read_table("night.parquet")
    theirs = dict(zip(night["lead_id"].to_pylist(), night["probability"].to_pylist(), strict=True))
    assert dict(zip(told["lead_id"].to_pylist(), told["probability"].to_pylist(), strict=True)) == theirs


def test_the_store_makes_puts_and_drops_tables(spark: None) -> None:
    store = open_store(ENGINE)
    try:
        store.put("t", pa.table({"a": [1, 2], "word": ["it's", "a\\b"]}))
        assert store.dialect.name == "duckdb" and store.rows("SELECT SUM(a) FROM t") == [(3,)]
        store.hand_over()
        assert store.dialect.name == "spark" and store.rows('SELECT SUM(a), MAX("word") FROM t') == [(3, "it's")]
        store.run("CREATE OR REPLACE TABLE t AS SELECT a + 1 AS a FROM t")
        store.put("u", pa.table({"a": [3]}))
        assert store.arrow("SELECT t.a FROM t JOIN u ON u.a = t.a").to_pydict() == {"a": [3]}
        store.run("DROP TABLE u")
        with pytest.raises(DataError, match="TABLE_OR_VIEW_NOT_FOUND"):
            store.rows("SELECT * FROM u")
        with pytest.raises(ValueError, match="handed over"):
            store.read("raw_leads", "leads.csv", [])
        with pytest.raises(ValueError, match="made whole"):
            store.run("UPDATE t SET a = 1")
    finally:
        store.close()


def test_what_fails_in_spark_is_one_sentence_without_a_cell(spark: None, capfd: pytest.CaptureFixture[str]) -> None:
    store = open_store(ENGINE)
    try:
        store.put("t", pa.table({"word": ["Canary Zq17"]}))
        store.hand_over()
        with pytest.raises(DataError, match="CAST_INVALID_INPUT") as caught:
            store.arrow("SELECT CAST(word AS BIGINT) AS number FROM t")
        assert "Canary" not in str(caught.value) and "\n" not in str(caught.value)
    finally:
        store.close()
    assert "Canary" not in "".join(capfd.readouterr())


def test_without_pyspark_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(UsageError, match=re.escape("pip install leadline[spark]")):
        open_store(ENGINE)


@pytest.mark.parametrize(
    ("said", "match"), [("", "there is no Java"), ("1.8.0_392", "older than 17"), ("11.0.2", "older than 17")]
)
def test_without_a_java_of_17_the_line_that_installs_it_is_named(
    said: str, match: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyspark", reason="pip install leadline[spark]")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    if said:
        java = tmp_path / "bin" / "java"
        java.parent.mkdir()
        java.write_text(f"#!/bin/sh\necho 'openjdk version \"{said}\"' >&2\n")
        java.chmod(java.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(UsageError, match=match) as caught:
        open_store(ENGINE)
    assert "apt install openjdk-17-jre-headless" in str(caught.value)


def test_a_statement_taken_apart_and_put_together_is_the_same(spark: None) -> None:
    sql = "WITH a AS (SELECT '(' AS x, \"(\" FROM t), -- (\nb AS (\n  SELECT `)` FROM a\n)\nSELECT * FROM b"
    with pytest.raises(ValueError, match="part 2"):
        split_statement(sql)
    parts, query = split_statement(sql.replace("-- (", ""))
    assert [name for name, _ in parts] == ["a", "b"] and query == "\nSELECT * FROM b"
    assert split_statement(join_statement(parts, query.strip())) == (parts, query)
    with pytest.raises(ValueError, match="ends within"):
        split_statement("WITH a AS (SELECT (1)")
