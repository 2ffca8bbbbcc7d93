"""`leadline retrain`: one job whose record and exit code say what it came to, and which makes no champion that the contest wouldn't."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

import leadline
from leadline.cli.app import main
from leadline.errors import DataError, PromotionRefused
from leadline.registry import tracking
from leadline.workflows import retrain as module

URI = "sqlite:///mlflow.db"
CONFIG = """
version: 1
name: flat
tables: {leads: {source: leads.csv, key: id, attributes: all}}
outcome: {column: won, positive: "yes"}
snapshots: {order_by: number}
backtest: {folds: 2, test: 0.25, ablation: false, stability: false}
leaks: {experiments: false}
engine: {threads: 1}
tracking: {uri: "sqlite:///mlflow.db"}
"""


def world(told: bool = True, n: int = 2_500) -> pa.Table:
    draw = np.random.default_rng(11)
    visits = draw.poisson(4, n)
    odds = -2.4 + (0.35 * visits if told else 0.35 * 4)
    won = np.where(draw.uniform(size=n) < 1 / (1 + np.exp(-odds)), "yes", "no")
    return pa.table({"id": [f"P{k}" for k in range(n)], "number": np.arange(n), "visits": visits, "won": won})


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pacsv.write_csv(world(), tmp_path / "leads.csv")
    (tmp_path / "flat.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ran(*words: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["retrain", "flat.yaml", "--quick", "--quiet", *words])
    return int(stopped.value.code or 0)


def records() -> list[dict[str, str]]:
    return [json.loads(path.read_text()) for path in sorted(Path("models/flat/retrainings").glob("*.json"))]


def test_the_first_run_makes_a_champion_and_the_next_holds_a_contest(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ran("--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["outcome"], told["version"], told["champion"]) == ("first champion", "1", "1")
    assert Path(told["page"]).is_file() and records()[0]["outcome"] == "first champion"
    code = ran()
    champion = tracking.aliases(URI, "flat")["champion"]
    assert (code, records()[1]["outcome"], champion) in {(0, "promoted", "2"), (79, "kept", "1")}
    assert records()[1]["champion"] == champion and records()[1]["reason"]


def test_a_worse_version_is_kept_out_and_the_code_says_so(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert leadline.retrain("flat.yaml", quick=True).outcome == "first champion"
    refusal = PromotionRefused("flat 2: log loss is higher; expected one that is no worse")
    refusal.decision = {"reason": "log loss is higher"}

    def refuse(*_: object) -> None:
        raise refusal

    monkeypatch.setattr(module, "promote", refuse)  # the contest has tests of its own: test_promote.py
    assert ran() == 79
    err = capsys.readouterr().err
    assert "flat 1 stays the champion" in err and (records()[-1]["outcome"], records()[-1]["reason"]) == (
        "kept",
        "log loss is higher",
    )
    assert tracking.aliases(URI, "flat")["champion"] == "1"


def test_what_is_no_better_than_the_base_rate_is_withheld(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pacsv.write_csv(world(told=False), here / "leads.csv")
    assert ran() == 79
    assert records()[-1]["outcome"] == "withheld" and "there is no champion" in capsys.readouterr().err


def test_a_retraining_that_fails_leaves_its_record_and_the_champion(here: Path) -> None:
    leadline.retrain("flat.yaml", quick=True)
    pacsv.write_csv(world().slice(0, 8), here / "leads.csv")
    with pytest.raises(DataError):
        leadline.retrain("flat.yaml", quick=True)
    assert records()[-1]["outcome"] == "failed" and tracking.aliases(URI, "flat")["champion"] == "1"


@pytest.mark.parametrize(
    ("action", "trains"), [("retrain", True), ("recalibrate", True), ("look", True), ("wait", False), ("keep", False)]
)
def test_where_it_is_due_by_the_monitor_it_is_tried(
    home: Path, monkeypatch: pytest.MonkeyPatch, action: str, trains: bool
) -> None:
    from types import SimpleNamespace

    tried: list[str] = []
    monkeypatch.setattr(
        module, "monitor", lambda *_: SimpleNamespace(told={"action": action}, advice=f"advice: {action}")
    )

    def train(*_: object, **__: object) -> None:
        tried.append("trained")
        raise DataError("stop here")

    monkeypatch.setattr(module, "train", train)
    if trains:
        with pytest.raises(DataError):
            leadline.retrain("demo.yaml", if_due=True)
    else:
        told = leadline.retrain("demo.yaml", if_due=True)
        assert told.outcome == "not due" and told.reason == f"advice: {action}" and told.champion == "1"
    assert bool(tried) is trains


def test_an_old_champion_is_worth_a_try_and_a_young_one_without_nights_is_not(home: Path) -> None:
    config = leadline.load_config("demo.yaml")
    known = json.loads((Path("models/demo/1") / "manifest.json").read_text())["known_at"]
    year = int(known[:4])
    assert module._is_due(config, f"{year + 1}{known[4:]}", lambda _: None)[0]
    due, why = module._is_due(config, known, lambda _: None)
    assert not due and "no night can be judged yet" in why
