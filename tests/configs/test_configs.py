"""Every config in configs/ is a config; those of real data run check, train and score where the data are there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import leadline
from leadline.config.load import parse_config
from leadline.config.schema import Tracking
from leadline.demo import config_text
from leadline.errors import ConfigError
from leadline.scoring.ranking import COLUMNS

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))


@dataclass(frozen=True)
class Real:
    """A config of real data: what was known when it trains, the night it scores, and where an honest AUC lies."""

    name: str
    known_at: str
    night: str
    low: float
    high: float
    open_leads: int


REAL = (
    Real("olist", "2018-05-15", "2018-05-20", 0.60, 0.80, 6_000),
    Real("bpi2012", "2011-12-15", "2011-12-20", 0.68, 0.82, 50),
    Real("xeducation", "640000", "640000", 0.83, 0.92, 2_000),
    Real("bank", "36000", "36000", 0.58, 0.80, 5_189),
)
WRITTEN_AFTER = ("Tags", "Lead Quality", "Asymmetrique", "Last Activity", "duration")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Work in a folder of its own, which all real configs share, as they share a tracking store."""
    if not os.environ.get("LEADLINE_DATA"):
        pytest.skip("set LEADLINE_DATA to the folder of real data")
    place = tmp_path_factory.mktemp("real")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEADLINE_DATA", str(Path(os.environ["LEADLINE_DATA"]).resolve()))
        patch.chdir(place)
        yield place


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_it_is_a_config(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    config = parse_config(text, path.name, {"LEADLINE_DATA": "data"})
    assert config.text == text
    assert text.startswith("#"), "a config begins by saying whom it is for"
    assert config.tracking.uri.startswith("sqlite:///")


@pytest.mark.parametrize("path", [p for p in CONFIGS if p.stem != "demo"], ids=lambda p: p.stem)
def test_without_the_variable_it_says_which(path: Path) -> None:
    with pytest.raises(ConfigError, match="environment variable LEADLINE_DATA isn't set"):
        parse_config(path.read_text(encoding="utf-8"), path.name, {})


def test_no_real_config_is_forgotten() -> None:
    assert {p.stem for p in CONFIGS} == {"demo"} | {r.name for r in REAL}


def test_the_demos_config_is_the_one_that_the_demo_writes() -> None:
    assert (ROOT / "configs" / "demo.yaml").read_text(encoding="utf-8") == config_text("demo/")


def test_commands_in_the_comments_are_those_that_run_here() -> None:
    for real in REAL:
        text = (ROOT / "configs" / f"{real.name}.yaml").read_text(encoding="utf-8")
        told = dict(re.findall(rf"leadline (train|score) configs/{real.name}\.yaml --as-of (\S+)", text))
        assert told == {"train": real.known_at, "score": real.night}


@pytest.mark.parametrize("real", REAL, ids=lambda r: r.name)
def test_it_runs_on_real_data(real: Real, folder: Path) -> None:
    given = leadline.load_config(ROOT / "configs" / f"{real.name}.yaml")
    # An absolute place: MLflow keeps a relative store's connection for as long as a process lives.
    config = given.model_copy(update={"tracking": Tracking(uri=f"sqlite:///{folder}/mlflow.db")})
    checked = leadline.check(config, real.known_at)
    assert checked.ok, [str(f) for f in checked.findings]

    trained = leadline.train(config, real.known_at)
    newest = trained.evaluation.newest
    assert real.low < newest.figures["model"].auc < real.high
    assert newest.figures["model"].auc >= newest.figures["logistic"].auc - 0.02
    assert newest.judged and not any(f.judged for f in trained.evaluation.folds[:-1])
    assert not [d.words for d in trained.drivers if any(d.words.startswith(w) for w in WRITTEN_AFTER)]
    page = (ROOT / "docs" / "explanation" / "numbers.md").read_text("utf-8")
    told = re.search(rf"train configs/{real.name}\.yaml [^|]*\| (\.\d+) \| (\.\d+) \|", page)
    assert told, "the page tells this config's figures"
    assert float(told[1]) == pytest.approx(newest.figures["model"].auc, abs=0.0051)
    assert float(told[2]) == pytest.approx(newest.figures["logistic"].auc, abs=0.0051)

    night = leadline.score(config, real.night)
    table = night.scores.to_arrow()
    intent = any(b.intent != "unknown" for b in config.behaviours.values())
    graded = bool({"behaviour", "recency"} & {spec.family for spec in trained.prepared.features.specs})
    axes = ["fit_score", "engagement_score", "grade"] if graded and trained.fitted.grading.fit else []
    wanted = ["score", *axes, *([] if config.is_flat else ["change"]), *(["intent_stage"] if intent else [])]
    assert tuple(table.column_names) == (*COLUMNS, *wanted)
    p = table.column("probability").to_numpy()
    leads = table.column("lead_id").to_pylist()
    assert len(leads) == len(set(leads)) >= real.open_leads
    assert table.column("rank").to_pylist() == list(range(1, len(leads) + 1))
    assert np.all(np.diff(p) <= 0) and 0 < p[-1] <= p[0] < 1
    assert {*table.column("model_name").to_pylist()} == {trained.name}
    assert all(table.column("reason_1").to_pylist())
    assert list(folder.glob(f"scores/{trained.name}/as_of=*/night.json"))


def test_columns_are_those_of_the_design() -> None:
    reasons = [f"reason_{n}" for n in range(1, 6)]
    first = ["lead_id", "account_id", "as_of", "probability", "rank", "tier", "previous_probability"]
    assert list(COLUMNS)[:14] == [*first, *reasons, "model_name", "model_version"]
