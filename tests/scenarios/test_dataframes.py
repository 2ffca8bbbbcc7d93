"""DataFrames in the place of files: the same model, scores and features to the bit, from training to a night."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import leadline
from leadline.errors import DataError, MissingError, UsageError
from leadline.workflows.common import parse_as_of
from leadline.workflows.training.prepare import prepare_training
from projects import KNOWN_AT, cut, inside, quick, settle, tables

QUICK = ("backtest: { folds: 4, test: 0.2 }", "backtest: { folds: 1, test: 0.2 }\nleaks: { experiments: false }")


def leads(size: int = 400, seed: int = 5) -> pd.DataFrame:
    """Leads whose visits drive the outcome; keys with leading zeros, and a column of yes and no."""
    draw = random.Random(seed)
    rows = []
    for n in range(size):
        visits, source = draw.randrange(6), draw.choice(["ads", "fair", None])
        won = draw.random() < (0.08 + 0.09 * visits) * (1.5 if source == "fair" else 1)
        rows.append({"lead_id": f"{n:05d}", "source": source, "visits": visits, "size": draw.choice([1.5, 20, None]),
                     "member": draw.random() < 0.4, "status": "won" if won else "lost"})  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a model was trained on leads.csv, whose config leaves out what only adds figures."""
    folder = tmp_path_factory.mktemp("frames")
    with inside(folder):
        leads().to_csv("leads.csv", index=False)
        leads(60, seed=6).drop(columns="status").to_csv("new.csv", index=False)
        leadline.check("leads.csv", outcome="status", positive="won")
        text = Path("leads.yaml").read_text(encoding="utf-8")
        assert QUICK[0] in text
        Path("leads.yaml").write_text(text.replace(*QUICK), encoding="utf-8")
        leadline.train("leads.csv", outcome="status", positive="won", quick=True)
    return folder


@pytest.fixture
def work(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)


@pytest.mark.usefixtures("work")
def test_a_frame_gives_the_model_and_the_scores_of_its_file() -> None:
    made = leadline.train("leads.yaml", tables={"leads": leads()}, quick=True)
    filed = leadline.train("leads.yaml", quick=True)
    assert made.scorer.to_files() == filed.scorer.to_files()
    new = leads(60, seed=6).drop(columns="status")
    by_file = leadline.score("leads.yaml", leads="new.csv").scores
    for config in ("leads.yaml", made):
        scores = leadline.score(config, leads=new, again=True).scores
        assert scores.lead_id.tolist() == by_file.lead_id.tolist()
        assert scores.probability.tolist() == by_file.probability.tolist()


@pytest.mark.usefixtures("work")
def test_a_frame_alone_is_trained_and_scored_and_its_config_can_be_kept() -> None:
    rows = leads()
    made = leadline.train(rows, outcome="status", positive="won", quick=True, config_out="kept.yaml")
    assert made.name == "status" and made.config.tables.leads.key == "lead_id"
    night = leadline.score(made, leads=rows.head(20).drop(columns="status"))
    assert len(night.scores) == 20 and Path(night.place).is_file()
    assert leadline.check("kept.yaml", tables={"leads": rows}).ok
    assert leadline.check(rows, outcome="status", positive="won").counts == made.prepared.counts


@pytest.mark.usefixtures("work")
def test_a_new_lead_is_explained_as_it_is_scored() -> None:
    new = leads(60, seed=6).drop(columns="status")
    scores = leadline.score("leads.yaml", model="models/leads/1", leads=new, again=True).scores
    for rows in (new, "new.csv"):
        told = leadline.explain("leads.yaml", lead="00007", model="models/leads/1", leads=rows)
        assert told.probability == scores.probability[scores.lead_id.tolist().index("00007")]
        assert told.causes and told.lead_id == "00007"
    page = leadline.explain_page("leads.yaml", "00007", None, "lead.html", "models/leads/1", leads=new)
    assert page.told.probability == told.probability and page.page.is_file()
    with pytest.raises(MissingError, match="not among the given leads"):
        leadline.explain("leads.yaml", lead="L7", model="models/leads/1", leads=new)
    with pytest.raises(MissingError, match=r"not among the rows from --as-of on; .* --leads FILE"):
        leadline.explain("leads.yaml", lead="00001", as_of=900, model="models/leads/1")
    with pytest.raises(UsageError, match="--as-of: missing"):
        leadline.explain("leads.yaml", lead="00001", model="models/leads/1")


@pytest.mark.usefixtures("work")
def test_a_refused_frame_says_how_it_is_mended() -> None:
    rows = leads().assign(verdict=lambda f: f.status.map({"won": "Will revert", "lost": "Ringing"}))
    with pytest.raises(DataError) as refused:
        leadline.train(rows, outcome="status", positive="won")
    note = "".join(refused.value.__notes__)
    assert "frame.drop(columns=['verdict'])" in note and 'tables={"leads": frame}' in note


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda f: leadline.train(f), "name it, as in outcome="),
        (lambda f: leadline.train("leads.csv"), "--outcome Converted"),
        (lambda f: leadline.train({"leads": f}), "found a dict"),
        (lambda f: leadline.check(f, outcome="status", tables={"leads": f}), "tables: not beside data"),
        (lambda f: leadline.train("leads.yaml", outcome="status"), "outcome: not beside a config"),
        (lambda f: leadline.score(f), "found a DataFrame"),
        (lambda f: leadline.score("leads.csv", leads=f), "a data file, not a config"),
        (lambda f: leadline.score("leads.yaml", leads={"leads": f}), "found a dict"),
        (lambda f: leadline.explain(f, lead="00001", as_of="1"), "found a DataFrame"),
    ],
)
def test_anything_else_is_one_sentence(call: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told) as refused:
        call(leads(20))
    assert "\n" not in str(refused.value)


def test_dated_tables_give_the_features_of_their_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    world = cut(tables(), KNOWN_AT)
    place = settle(tmp_path, world)
    place.write_text(quick(place.read_text(encoding="utf-8")), encoding="utf-8")
    filed = leadline.load_config(place)
    given = {
        name: world[name].to_pandas() if name != "events" else world[name] for name in ("leads", "events", "stages")
    }
    for name in given:  # nothing is read of what a frame stands for
        for part in (tmp_path / "data").glob(f"{name}.parquet"):
            part.rename(part.with_suffix(".away"))
    framed = leadline.load_config(place, tables=given)
    made = prepare_training(framed, parse_as_of(framed, KNOWN_AT))
    for part in (tmp_path / "data").glob("*.away"):
        part.rename(part.with_suffix(".parquet"))
    expected = prepare_training(filed, parse_as_of(filed, KNOWN_AT))
    assert made.features.lead_id.tolist() == expected.features.lead_id.tolist()
    pd.testing.assert_frame_equal(made.features.values, expected.features.values, check_exact=True)
    assert made.findings.records() == expected.findings.records()
    assert made.loaded.fingerprints == expected.loaded.fingerprints
