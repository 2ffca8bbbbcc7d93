"""A season on one small world: train, score, explain, monitor, report, a challenger, promotions won and refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

import leadline
from leadline.errors import DataError, MissingError, OutputError, PromotionRefused, UsageError
from leadline.metrics import classification
from leadline.registry import tracking
from leadline.registry.bundle import read_bundle
from leadline.scoring.ranking import COLUMNS
from projects import KNOWN_AT, NIGHT, Tables, inside, quick, settle

URI = "sqlite:///mlflow.db"

TRAILING = ("score", "fit_score", "engagement_score", "grade", "change", "intent_stage")


def test_a_trained_model_finds_the_leads_that_convert(trained_home) -> None:
    newest = trained_home[1].evaluation.newest
    assert newest.judged and newest.figures["model"].auc > 0.65
    assert newest.figures["model"].lift_10 > 2


def test_an_explanation_agrees_with_the_night(home: Path) -> None:
    night = leadline.score("demo.yaml", NIGHT)
    best = str(night.scores.lead_id[0])
    told = leadline.explain("demo.yaml", best, NIGHT)
    assert (told.probability, told.tier) == (night.scores.probability[0], night.scores.tier[0])
    reasons = [text for text in night.scores.reasons[0] if text]
    strongest = [fact if effect > 0 else f"{fact} (lowers the score)" for fact, effect in told.causes]
    assert strongest[: len(reasons)] == reasons
    scorer = read_bundle(home / "models/demo/1").scorer
    margin = told.base + sum(effect for _, effect in told.causes)
    assert scorer.calibrator.probability(np.array([margin]))[0] == pytest.approx(told.probability)


def test_an_unknown_and_a_closed_lead_are_told_apart(home: Path, demo_tables: Tables) -> None:
    with pytest.raises(MissingError, match="no such lead"):
        leadline.explain("demo.yaml", "nobody", NIGHT)
    stages = demo_tables["stages"].to_pylist()
    closed = next(row["lead_id"] for row in stages if row["stage"] == "sql")
    with pytest.raises(MissingError, match="not open at that time"):
        leadline.explain("demo.yaml", closed, NIGHT)


def test_the_monitor_compares_ripe_nights_with_what_came(home: Path) -> None:
    for night in ("2025-04-07", "2025-04-14", "2025-05-26", NIGHT):
        leadline.score("demo.yaml", night)
    told = leadline.monitor("demo.yaml", "2025-06-02")
    assert told.nights == 2 and told.censored > 0
    assert 0 < told.positives < told.rows and 0.5 < told.auc <= 1
    assert sum(tier.rows for tier in told.tiers) == told.rows
    assert told.observed == pytest.approx(told.positives / told.rows)
    assert all(tier.low <= tier.observed <= tier.high for tier in told.tiers)
    rates = {tier.tier: tier.observed for tier in told.tiers}
    assert rates["A"] > rates[max(rates)]  # so few leads may all be within reach: then there is no D


def test_a_monitor_without_nights_says_to_score_first(home: Path) -> None:
    with pytest.raises(MissingError, match="score first"):
        leadline.monitor("demo.yaml", NIGHT)


def test_tonight_remembers_last_night(home: Path) -> None:
    before = leadline.score("demo.yaml", NIGHT).scores
    after = leadline.score("demo.yaml", "2025-06-16").scores
    known = dict(zip(before.lead_id, before.probability, strict=True))
    both = [n for n, lead in enumerate(after.lead_id) if lead in known]
    assert len(both) > 100
    assert after.previous_probability[both].tolist() == [known[after.lead_id[n]] for n in both]
    rest = np.setdiff1d(np.arange(len(after)), both)
    assert np.isnan(after.previous_probability[rest]).all()


def test_a_report_is_a_page_and_its_figures(home: Path, trained_home) -> None:
    told = leadline.report("demo.yaml")
    assert told.page == Path("reports/demo.html") and told.page.read_text().lstrip().lower().startswith(
        "<!doctype html>"
    )
    record = json.loads(told.data.read_text())
    assert record["version"] == "1"
    assert (
        record["evaluation"]["folds"][-1]["figures"]["model"]["auc"]
        == trained_home[1].evaluation.newest.figures["model"].auc
    )


def test_a_second_model_is_the_challenger_and_wins_only_by_a_contest(home: Path) -> None:
    (home / "demo.yaml").write_text(quick((home / "demo.yaml").read_text()))
    second = leadline.train("demo.yaml", NIGHT)
    assert (second.version, second.alias) == ("2", "challenger")
    assert tracking.aliases(URI, "demo") == {"champion": "1", "challenger": "2"}
    assert leadline.score("demo.yaml", "2025-06-16").scores.model_version == "1"
    won = leadline.promote("demo.yaml")
    assert (won.version, won.former) == ("2", "1") and won.verdict is not None and won.verdict.promoted
    assert tracking.version_of(URI, "demo", "champion") == "2"
    with pytest.raises(PromotionRefused, match="champion already"):
        leadline.promote("demo.yaml")


def test_without_a_challenger_there_is_no_contest(home: Path) -> None:
    with pytest.raises(MissingError, match="no challenger"):
        leadline.promote("demo.yaml")


def without_sense(world: Tables) -> Tables:
    """Give every lead's outcome to another lead, at random."""
    leads = world["leads"]["lead_id"].to_pylist()
    order = np.random.default_rng(5).permutation(len(leads))
    other = {lead: leads[n] for lead, n in zip(leads, order, strict=True)}
    result = dict(world)
    for name in ("stages", "opportunities"):
        table = world[name]
        place = table.schema.get_field_index("lead_id")
        result[name] = table.set_column(place, "lead_id", pa.array([other[x] for x in table["lead_id"].to_pylist()]))
    return result


@pytest.mark.long  # the short form is in tests/workflows/test_promote.py
def test_a_challenger_trained_on_shuffled_labels_is_refused_though_its_recipe_is_sound(
    home: Path, tmp_path: Path, demo_tables: Tables
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    text = (home / "demo.yaml").read_text().replace("data/", f"{broken.as_posix()}/data/")
    config = settle(broken, without_sense(demo_tables), text)
    (home / "broken.yaml").write_text(config.read_text())
    second = leadline.train("broken.yaml", KNOWN_AT)
    assert second.alias == "challenger"
    with pytest.raises(PromotionRefused, match="demo 1 stays the champion"):
        leadline.promote("demo.yaml")
    assert tracking.version_of(URI, "demo", "champion") == "1"
    decisions = [json.loads(p.read_text()) for p in Path(trained_artifacts()).rglob("decision.json")]
    assert [d["promoted"] for d in decisions] == [False]


def trained_artifacts() -> str:
    with tracking._client(URI) as (_, client):
        experiment = client.get_experiment_by_name("demo")
        (run,) = [r for r in client.search_runs([experiment.experiment_id]) if r.info.run_name.startswith("contest")]
        return str(run.info.artifact_uri).removeprefix("file://")


def test_a_model_that_answers_another_question_is_refused(home: Path) -> None:
    config = home / "demo.yaml"
    config.write_text(config.read_text().replace("within: 30d}\n", "within: 60d}\n"))
    with pytest.raises(DataError, match="another `outcome`"):
        leadline.score("demo.yaml", NIGHT)
    assert not Path("scores").exists() or not list(Path("scores").rglob("*.parquet"))


def test_a_config_without_the_models_attributes_is_refused(home: Path) -> None:
    config = home / "demo.yaml"
    config.write_text(
        config.read_text().replace("attributes: [source, campaign, job_title, country]", "attributes: [source]")
    )
    with pytest.raises(DataError, match="the model needs"):
        leadline.score("demo.yaml", NIGHT)


def test_a_bundle_of_another_registry_is_never_overwritten(home: Path) -> None:
    Path("mlflow.db").unlink()
    before = {p: p.read_bytes() for p in Path("models").rglob("*.json")}
    with pytest.raises(OutputError, match="doesn't know"):
        leadline.train("demo.yaml", KNOWN_AT)
    assert {p: p.read_bytes() for p in Path("models").rglob("*.json")} == before


def flat(folder: Path, n: int = 3_000) -> Path:
    draw = np.random.default_rng(11)
    visits = draw.poisson(4, n)
    source = draw.choice(["web", "fair", "referral"], n)
    p = 1 / (1 + np.exp(-(-2.5 + 0.35 * visits + 1.2 * (source == "referral"))))
    rows = {
        "id": [f"P{i}" for i in range(n)], "number": np.arange(1_000, 1_000 + n), "visits": visits, "source": source,
        "noise": draw.normal(size=n), "won": np.where(draw.uniform(size=n) < p, "yes", "no"),
    }  # fmt: skip
    (folder / "flat.yaml").write_text(
        "version: 1\nname: flat\ntables:\n  leads: {source: flat.csv, key: id, attributes: all}\n"
        'outcome: {column: won, positive: "yes"}\nsnapshots: {order_by: number}\nbacktest: {folds: 3, test: 0.2}\n'
        "tracking: {uri: 'sqlite:///mlflow.db'}\n"
    )
    table = pa.table(rows)
    pacsv.write_csv(table, folder / "flat.csv")
    pacsv.write_csv(table.slice(n - 50).drop_columns(["won", "number"]), folder / "new.csv")
    return folder / "flat.yaml"


@pytest.fixture(scope="module")
def flat_home(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("flat")
    flat(folder)
    with inside(folder):
        yield folder, leadline.train("flat.yaml", "3500")


def test_a_flat_file_is_trained_on_its_older_rows_and_scored_on_its_newer(flat_home) -> None:
    folder, trained = flat_home
    assert trained.prepared.counts.positive + trained.prepared.counts.negative == 2_500
    night = leadline.score("flat.yaml", "3500")
    assert len(night.scores) == 500
    assert set(night.scores.lead_id) == {f"P{i}" for i in range(2_500, 3_000)}
    rows = {row["id"]: row["won"] for row in pacsv.read_csv(folder / "flat.csv").to_pylist()}
    assert classification.auc([rows[x] == "yes" for x in night.scores.lead_id], night.scores.probability) > 0.65


def test_new_rows_without_outcome_or_order_score_as_they_do_in_the_file(flat_home) -> None:
    whole = leadline.score("flat.yaml", "3500", out="whole.parquet").scores
    fresh = leadline.score("flat.yaml", leads="new.csv", out="fresh.csv").scores
    assert len(fresh) == 50
    known = dict(zip(whole.lead_id, whole.probability, strict=True))
    assert [known[lead] for lead in fresh.lead_id] == fresh.probability.tolist()
    assert Path("fresh.csv").read_text().count("\n") == 51


def test_a_flat_files_newer_outcomes_do_not_reach_its_model(flat_home, tmp_path: Path) -> None:
    folder, trained = flat_home
    text = (folder / "flat.csv").read_text().splitlines()
    turned = [line if n <= 2_500 else line.replace('"no"', '"yes"') for n, line in enumerate(text)]
    assert turned != text
    other = tmp_path / "turned"
    shutil.copytree(folder, other, ignore=shutil.ignore_patterns("ml*", "models", "scores"))
    (other / "flat.csv").write_text("\n".join(turned) + "\n")
    with inside(other):
        again = leadline.train("flat.yaml", "3500")
    assert again.scorer.to_files() == trained.scorer.to_files()


def test_one_flat_row_is_explained(flat_home) -> None:
    told = leadline.explain("flat.yaml", "P2999", "3500")
    assert any(fact.startswith("visits is") for fact, _ in told.causes)
    with pytest.raises(MissingError):
        leadline.explain("flat.yaml", "P1", "3500")


def test_a_flat_files_outcomes_have_no_dates_to_monitor(flat_home) -> None:
    with pytest.raises(UsageError, match="no dates"):
        leadline.monitor("flat.yaml", "3500")


def test_the_scores_of_a_night_hold_the_contracts_columns_on_disk(home: Path) -> None:
    night = leadline.score("demo.yaml", NIGHT)
    rows = pq.ParquetFile(Path(night.place) / "scores.parquet").read()
    assert tuple(rows.column_names) == (*COLUMNS, *TRAILING) and rows.num_rows == len(night.scores)
    record = json.loads((Path(night.place) / "night.json").read_text())
    assert record["leads"] == rows.num_rows and record["model_version"] == "1" and record["as_of"] == NIGHT
    assert sum(record["tiers"].values()) == rows.num_rows
