"""`features` and `splits`: the rows, values and folds of a training, for scikit-learn."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import cross_val_score, cross_validate

import leadline
from leadline.errors import DataError
from leadline.features.catalog import list_features
from leadline.workflows.common import open_tables, parse_as_of
from leadline.workflows.training.prepare import make_folds, prepare_training
from projects import KNOWN_AT, configured, cut, inside, quick, tables


def test_they_are_a_trainings_rows_values_and_folds(tmp_path: Path) -> None:
    config = configured(tmp_path, cut(tables(), KNOWN_AT), quick)
    with inside(tmp_path):
        made = prepare_training(config, parse_as_of(config, KNOWN_AT))
        folds, _ = make_folds(config, made)
        frame, cv = leadline.features(config, as_of=KNOWN_AT), leadline.splits(config, as_of=KNOWN_AT)
    names = frame.attrs["features"]
    assert list(frame.columns) == ["lead_id", "account_id", "as_of", "label", "weight", *names]
    assert names == [spec.name for spec in made.features.specs]
    assert frame["lead_id"].tolist() == made.features.lead_id.tolist()
    assert frame["as_of"].astype("int64").tolist() == made.features.as_of.tolist() and frame["as_of"].dt.tz is not None
    assert frame["label"].tolist() == made.labels.y.tolist() and frame["weight"].tolist() == made.labels.weight.tolist()
    for spec in made.features.specs:
        mine, theirs = frame[spec.name], made.features.values[spec.name]
        assert (mine.dtype == "category") is (spec.kind == "category")
        pd.testing.assert_series_equal(mine.astype(theirs.dtype), theirs, check_exact=True)
    for (train, test), fold in zip(cv.split(frame), folds, strict=True):
        np.testing.assert_array_equal(train, fold.train)
        np.testing.assert_array_equal(test, fold.test)
        assert frame["as_of"].iloc[train].max() < frame["as_of"].iloc[test].min()


def test_a_log_of_one_kind_is_told_without_kinds(tmp_path: Path) -> None:
    world = cut(tables(), KNOWN_AT)
    events = world["events"]
    one = events.set_column(events.column_names.index("event_type"), "event_type", pa.array(["visit"] * len(events)))
    for name, log, told in (("many", events, "events of any kind"), ("one", one, "events")):
        (tmp_path / name).mkdir()
        config = configured(tmp_path / name, {**world, "events": log})
        with inside(tmp_path / name), open_tables(config, parse_as_of(config, KNOWN_AT)) as loaded:
            words = {
                s.words
                for s in list_features(config, loaded)
                if s.name in ("n_any_7d", "since_any", "trend_any_7d_30d")
            }
        assert words == {told}


def leads(size: int = 600) -> pd.DataFrame:
    draw = random.Random(5)
    rows = []
    for n in range(size):
        visits, source = draw.randrange(6), draw.choice(["ads", "fair", None])
        won = draw.random() < (0.1 + 0.08 * visits) * (1.5 if source == "fair" else 1)
        rows.append({"number": n, "source": source, "visits": visits, "size": draw.choice([1.5, 20, None]), "won": won})
    return pd.DataFrame(rows)


def test_any_model_is_judged_by_them() -> None:
    rows = leads()
    frame, cv = leadline.features(rows, outcome="won"), leadline.splits(rows, outcome="won")
    assert frame["as_of"].tolist() == sorted(frame["as_of"]) and len(frame) == len(rows)
    x, y = frame[frame.attrs["features"]], frame["label"]
    for model in (leadline.LeadlineClassifier(), HistGradientBoostingClassifier(max_iter=20)):
        scores = cross_val_score(model, x, y, cv=cv, scoring="roc_auc")
        assert len(scores) == cv.get_n_splits() and scores.mean() > 0.6
    assert cross_validate(leadline.LeadlineClassifier(), x, y, cv=cv, params={"sample_weight": frame["weight"]})
    with pytest.raises(DataError, match=r"599 rows; expected the 600 rows"):
        list(cv.split(x.iloc[1:]))


def test_what_a_training_refuses_is_refused() -> None:
    rows = leads().assign(verdict=lambda f: f.won.map({True: "Will revert", False: "Ringing"}))
    for call in (leadline.features, leadline.splits):
        with pytest.raises(DataError, match="verdict"):
            call(rows, outcome="won")
    with pytest.raises(DataError, match="backtest"):
        leadline.splits(leads(60), outcome="won")
