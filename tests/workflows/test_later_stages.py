"""Two questions in one config: trained, exported, scored and explained; the first one's model is as it is without the second."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import projects
from leadline import Config, explain, load_config, report, score, train
from leadline.config.load import parse_config
from leadline.errors import ConfigError, DataError
from leadline.registry.bundle import Bundle, read_bundle
from leadline.workflows.scoring.explain import require_matching
from leadline.workflows.training.train import TrainResult

ONE = "outcome: {reaches: sql, within: 30d}"
TWO = "outcome: [{reaches: sql, within: 30d}, {reaches: won, within: 120d}]"
LATER = ["p_won_given_sql", "expected_amount", "expected_value"]
FIRST = ("model.txt", "encoder.json", "linear.json", "calibrator.json", "recipe.json")


def two(text: str) -> str:
    """Ask both questions, and leave out what costs time and is tested elsewhere."""
    assert ONE in text
    return projects.quick(text.replace(ONE, TWO))


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory, demo_tables: projects.Tables) -> tuple[Path, TrainResult]:
    folder = tmp_path_factory.mktemp("staged")
    projects.settle(folder, demo_tables, two(projects.config_text()))
    with projects.inside(folder):
        return folder, train("demo.yaml", projects.KNOWN_AT)


@pytest.fixture
def bundle(staged: tuple[Path, TrainResult]) -> Bundle:
    folder, result = staged
    return read_bundle(folder / result.folder)


@pytest.fixture
def home(staged: tuple[Path, TrainResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(staged[0], tmp_path / "home")
    monkeypatch.chdir(tmp_path / "home")
    return tmp_path / "home"


def test_the_first_questions_model_is_bit_equal_without_the_second(
    staged: tuple[Path, TrainResult], trained_home: tuple[Path, TrainResult]
) -> None:
    for name in FIRST:
        alone = (trained_home[0] / trained_home[1].folder / name).read_bytes()
        assert (staged[0] / staged[1].folder / name).read_bytes() == alone, name
    assert "then" not in read_bundle(trained_home[0] / trained_home[1].folder).manifest


def test_the_second_model_is_judged_and_exported_beside_the_first(
    staged: tuple[Path, TrainResult], bundle: Bundle
) -> None:
    told = json.loads(bundle.files["record.json"])["stages"]
    assert [s["column"] for s in told["steps"]] == LATER[:1]
    assert told["steps"][0]["why"] and told["steps"][0]["evaluation"]["folds"]
    made = told["chain"]
    assert 0 < made["predicted"] < 0.1 and made["observed_low"] <= made["predicted"] <= made["observed_high"]
    assert told["value"]["deals"] >= 20
    (later,) = bundle.then
    assert (later.given, later.reaches, later.column) == ("sql", "won", "p_won_given_sql")
    stages = staged[1].judgement.stages
    assert stages is not None
    rows = staged[1].prepared.features.values.iloc[-50:]
    mine = stages.stages[0].fitted.scorer
    exported = later.scorer.probability(rows[list(later.scorer.names)])
    assert exported.tobytes() == mine.probability(rows[list(mine.names)]).tobytes()
    assert {f.name for f in bundle.specs} >= set(later.scorer.names)


def test_a_night_adds_columns_behind_all_others_and_keeps_the_rank(home: Path) -> None:
    night = score("demo.yaml", projects.NIGHT)
    table = pq.read_table(Path(night.place) / "scores.parquet")
    assert table.column_names[-4:] == [*LATER, "intent_stage"] and table.column_names[0] == "lead_id"
    rows = table.to_pandas()
    assert rows["probability"].is_monotonic_decreasing
    product = rows["probability"] * rows["p_won_given_sql"] * rows["expected_amount"]
    np.testing.assert_allclose(rows["expected_value"], product, rtol=1e-12)
    again = score("demo.yaml", projects.NIGHT)  # the night stands already: its rows are read, later columns too
    assert again.scores.to_arrow().equals(table)
    best = rows.iloc[0]
    told = explain("demo.yaml", best["lead_id"], projects.NIGHT)
    assert list(told.later) == LATER
    np.testing.assert_allclose([told.later[name] for name in LATER], [best[name] for name in LATER], rtol=1e-9)
    page = report("demo.yaml").page.read_text(encoding="utf-8")
    assert "Multi-stage conversion and deal value" in page


def test_a_model_of_other_questions_is_refused_in_both_directions(home: Path, bundle: Bundle) -> None:
    text = (home / "demo.yaml").read_text(encoding="utf-8")
    assert require_matching(load_config("demo.yaml"), bundle) is bundle
    for other in (ONE, TWO.replace("120d", "90d"), TWO.replace("won,", "opportunity,")):
        with pytest.raises(DataError, match="another `outcome`"):
            require_matching(parse_config(text.replace(TWO, other)), bundle)


def test_a_damaged_file_of_the_second_model_is_refused(home: Path, staged: tuple[Path, TrainResult]) -> None:
    folder = home / staged[1].folder
    place = folder / "then_won_given_sql" / "linear.json"
    place.write_text(place.read_text(encoding="utf-8").replace("0", "1", 1), encoding="utf-8")
    with pytest.raises(DataError, match=r"then_won_given_sql/linear\.json"):
        read_bundle(folder)


def asked(outcome: str) -> Config:
    return parse_config(projects.config_text().replace(ONE, f"outcome: {outcome}"))


def test_a_list_of_one_question_is_that_question() -> None:
    assert asked("[{reaches: sql, within: 30d}]").outcome == asked("{reaches: sql, within: 30d}").outcome
    assert asked("[{reaches: sql, within: 30d}]").outcome.then == ()
    both = asked("[{reaches: sql, within: 30d}, {reaches: won, within: 120d, delay: 2d}]").outcome
    assert (both.reaches, [(t.reaches, str(t.within), str(t.delay)) for t in both.then]) == (
        "sql",
        [("won", "120d", "2d")],
    )


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("[]", ["outcome: an empty list"]),
        ("[{reaches: sql, within: 30d}, {reaches: sql, within: 9d, won_within: 9d}]", ["outcome.1.reaches: sql isn't above sql", "outcome.1.won_within: belongs to the first"]),
        ("[{reaches: won, within: 30d}, {reaches: opportunity, within: 9d}, {column: a, positive: 1}]", ["outcome.1.reaches: opportunity isn't above won", "outcome.2: `column` is for flat files"]),
        ("[{reaches: sql, withn: 30d}, {reaches: wonn, within: x}]", ["outcome.0.withn: unknown key; did you mean `within`?", "outcome.1.reaches: unknown word", "outcome.1.within: duration 'x'"]),
    ],
)  # fmt: skip
def test_all_that_is_wrong_with_the_questions_is_told_at_once(outcome: str, said: list[str]) -> None:
    with pytest.raises(ConfigError) as told:
        asked(outcome)
    for line in said:
        assert line in str(told.value)


def test_a_flat_file_has_one_question() -> None:
    text = "version: 1\nname: flat\ntables: {leads: {source: a.csv}}\nsnapshots: {order_by: row}\n"
    one = "{column: won, positive: 1}"
    with pytest.raises(ConfigError, match="a flat file has one outcome"):
        parse_config(f"{text}outcome: [{one}, {one}]")
    assert parse_config(f"{text}outcome: [{one}]").outcome.column == "won"
