"""A model that is no better than the base rate is exported, is no champion by itself, and is one for a reason that is given."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

import leadline
from leadline.cli.app import main
from leadline.errors import MissingError, PromotionRefused, UsageError
from leadline.registry import tracking
from leadline.registry.bundle import read_bundle

URI = "sqlite:///mlflow.db"
CONFIG = """
version: 1
name: noise
tables: {leads: {source: noise.csv, key: id, attributes: all}}
outcome: {column: won, positive: "yes"}
snapshots: {order_by: number}
backtest: {folds: 2, test: 0.25, ablation: false}
leaks: {experiments: false}
engine: {threads: 1}
tracking: {uri: "sqlite:///mlflow.db"}
"""


@pytest.fixture
def noise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file whose columns say nothing of the outcome."""
    draw, n = np.random.default_rng(5), 1_500
    rows = {"id": np.arange(n).astype(str), "number": np.arange(n), "visits": draw.poisson(4, n), "won": np.where(draw.random(n) < 0.2, "yes", "no")}  # fmt: skip
    pacsv.write_csv(pa.table(rows), tmp_path / "noise.csv")
    (tmp_path / "noise.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return "noise.yaml"


def test_what_is_no_better_than_the_base_rate_is_exported_and_no_champion(
    noise: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["train", noise, "--quick", "--quiet"])
    told = capsys.readouterr()
    assert stopped.value.code == 79
    assert "base rate" in told.out and "noise 1 is the challenger" in told.out
    assert "noise 1 isn't made the champion: LL310 newest fold" in told.err
    assert tracking.aliases(URI, "noise") == {"challenger": "1"}
    record = read_bundle(Path("models/noise/1")).record("record.json")
    assert [f["severity"] for f in record["findings"] if f["code"] == "LL310"] == ["error"]
    with pytest.raises(MissingError, match=r"no version is the champion; .* promote 1, the challenger"):
        leadline.score(noise, leads="noise.csv", out="scores.csv")
    with pytest.raises(PromotionRefused, match="LL310"):
        leadline.promote(noise)
    assert tracking.aliases(URI, "noise") == {"challenger": "1"}


def test_a_reason_makes_a_champion_of_it_and_stands_in_the_record(
    noise: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["train", noise, "--quick", "--quiet", "--accept", "LL310", "a list in any order is wanted", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert not stopped.value.code and told["alias"] == "champion"
    (finding,) = (f for f in told["findings"] if f["code"] == "LL310")
    assert (finding["severity"], finding["accepted"]) == ("warning", "a list in any order is wanted")


def test_a_challenger_that_training_withheld_may_be_promoted_once_the_config_accepts_it(noise: str) -> None:
    trained = leadline.train(noise, quick=True)
    assert trained.alias == "challenger" and [f.code for f in trained.withheld] == ["LL310"]
    config = Path(noise)
    config.write_text(
        config.read_text().replace("{experiments: false}", '{experiments: false, accept: {LL310: "a trial"}}')
    )
    assert leadline.promote(noise).version == "1"
    again = leadline.train(noise, quick=True)
    assert again.alias == "challenger" and not again.withheld, "the contest decides, once there is a champion"


@pytest.mark.parametrize(
    ("accept", "said"), [({"LL110": "why"}, "'LL110' is no code"), ({"LL310": " "}, "LL310 has no reason")]
)
def test_only_a_code_of_the_gate_with_a_reason_is_accepted(noise: str, accept: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        leadline.train(noise, accept=accept)
