"""The config's `model`: what it sets is what the trees are fitted with, and what no one could fit is refused."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest

import leadline
from leadline.config.load import parse_config
from leadline.config.schema import Config
from leadline.errors import ConfigError, PromotionRefused, UsageError
from leadline.workflows.training.fit import fit_model
from leadline.workflows.training.prepare import make_folds, prepare_training

FLAT = """
version: 1
name: flat
tables: {leads: {source: dataframe, key: row, attributes: all, known_at_creation: [visits]}}
outcome: {column: won, positive: 1}
snapshots: {order_by: row}
backtest: {folds: 2, test: 0.2}
"""


def leads(size: int = 900, seed: int = 5) -> pd.DataFrame:
    draw = random.Random(seed)
    rows = []
    for _ in range(size):
        visits, source = draw.randrange(6), draw.choice(["ads", "fair", None])
        won = draw.random() < (0.1 + 0.08 * visits) * (1.5 if source == "fair" else 1)
        rows.append({"source": source, "visits": visits, "size": draw.choice([1.5, 20, None]), "won": int(won)})
    return pd.DataFrame(rows)


def config(tmp_path: Path, model: str) -> Config:
    (tmp_path / "flat.yaml").write_text(f"{FLAT}model: {model}\n", encoding="utf-8")
    return leadline.load_config(tmp_path / "flat.yaml", tables={"leads": leads()})


def test_the_trees_are_fitted_as_the_config_says(tmp_path: Path) -> None:
    asked = config(tmp_path, "{max_depth: 2, l2: 3, max_rounds: 8}")
    made = prepare_training(asked, None)
    fitted = fit_model(asked, made, make_folds(asked, made)[0], 0, lambda _: None)
    recipe = fitted.scorer.recipe
    assert (recipe.max_depth, recipe.l2, recipe.max_rounds, recipe.learning_rate) == (2, 3.0, 8, 0.05)
    assert max(recipe.rounds or 0, recipe.plain_rounds or 0) <= 8


def test_what_is_set_is_not_searched(tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="pip install leadline[tune]")
    with pytest.raises(UsageError, match="the config sets l2 in `model`"):
        leadline.train(config(tmp_path, "{l2: 3}"), tune=2)


@pytest.mark.parametrize("model", ["{max_depth: 9}", "{l2: -1}", "{learning_rate: 0}", "{leaves: 4}"])
def test_what_cannot_be_fitted_is_an_error_of_the_config(model: str) -> None:
    with pytest.raises(ConfigError, match=r"model\."):
        parse_config(f"{FLAT}model: {model}\n")


BROUGHT = "{use: 'sklearn.ensemble:RandomForestClassifier', params: {n_estimators: 25, min_samples_leaf: 10}}"


def test_a_brought_estimator_goes_all_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trained, judged, exported, scored with reasons, and beaten or not in a contest."""
    monkeypatch.chdir(tmp_path)
    asked = config(tmp_path, BROUGHT)
    trained = leadline.train(asked)
    assert trained.families == () and trained.judgement.stability is None
    record = trained.folder / "record.json"
    assert "sklearn.ensemble:RandomForestClassifier, as `model.use`" in record.read_text(encoding="utf-8")
    assert {p.name for p in trained.folder.iterdir()} >= {"own.skops", "own.json"}
    assert not [p for p in trained.folder.rglob("*") if p.suffix in (".pkl", ".pickle", ".joblib")]
    new = leads(40, seed=6).drop(columns="won")
    scores = leadline.score(trained, leads=new).scores
    by_row = dict(zip(scores.lead_id.tolist(), scores.probability.tolist(), strict=True))
    made = leadline.features(leads(), outcome="won", order_by="row")
    assert len(by_row) == 40 and 0.02 < min(by_row.values()) < made["label"].mean() < max(by_row.values())
    told = scores.to_arrow().to_pandas()
    assert told["reason_1"].notna().mean() > 0.9 and told["reason_1"].str.contains("visits").any()
    again = leadline.train(config(tmp_path, "{}"), quick=True)
    with suppress(PromotionRefused):  # either may win; both were fitted again on the same folds
        leadline.promote(again.config, version=again.version)
    decision = json.loads((trained.folder.parent / "decisions" / "0001.json").read_text(encoding="utf-8"))
    assert decision["cohort"] and "its recipe fitted again" in json.dumps(decision)


@pytest.mark.parametrize(
    "model", ["{params: {a: 1}}", "{use: 'sklearn.svm', params: {}}", "{use: 'sklearn.svm:SVC', l2: 3}"]
)
def test_what_goes_together_is_told(model: str) -> None:
    with pytest.raises(ConfigError, match="model"):
        parse_config(f"{FLAT}model: {model}\n")
