"""Tiers from the newest fold: capacity told apart by a field, a record that says what is held, and nights that keep it."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

import leadline
from leadline.config.modeling import Capacity
from leadline.config.schema import Config
from leadline.model.encoding.encoder import Matrix
from leadline.model.tiers import capacity_key
from leadline.report.text import capacity_rows, capacity_sentences
from leadline.workflows.training import tiers
from leadline.workflows.training.fit import TrainedModel, training_matrix
from leadline.workflows.training.train import TrainResult
from projects import NIGHT

REGIONS = ["emea", "Americas", None]


@pytest.fixture(scope="module")
def fitted(trained_home: tuple[Path, TrainResult]) -> TrainedModel:
    return trained_home[1].fitted


def asking(fitted: TrainedModel, **capacity: Any) -> TrainedModel:
    """The same model with another capacity; every third lead has no region, the others have one of two."""
    config = fitted.config.model_copy(update={"capacity": Capacity.model_validate(capacity)})
    number = np.unique(fitted.matrix.lead, return_inverse=True)[1] % 3
    made = replace(fitted.made, by=np.array(REGIONS, dtype=object)[number] if "by" in capacity else None)
    return replace(fitted, config=config, made=made)


def test_what_is_said_of_the_trained_tiers_is_what_they_hold(trained_home: tuple[Path, TrainResult]) -> None:
    result = trained_home[1]
    told, bands = result.judgement.capacity, result.scorer.bands
    assert bands == told.bands.moved(result.fitted.honest.rescaled)  # the exported scorer has learnt from that fold too
    assert bands.mode == "top_n" and bands.volume[0] == 40.0 and bands.band > 0
    assert [round(c.leads_per_week) for c in told.cuts] == [20, 30, 40, 60, 80]
    assert told.cuts[2].probability == told.bands.cuts[0]
    assert told.held["banded"].near < told.held["plain"].near
    assert told.held["plain"].mean == told.held["banded"].mean == 40.0
    assert told.held["top_n"].spread < told.held["threshold"].spread


def test_the_record_holds_it_and_is_told_in_words(trained_home: tuple[Path, TrainResult]) -> None:
    folder, result = trained_home
    record = json.loads((folder / result.folder / "record.json").read_text())
    assert (
        record["tier_stability"] == result.judgement.capacity.to_record() and record["tier_stability"]["night"] == 40.0
    )
    assert record["capacity"][2] in record["curve"] and record["capacity"][2]["marginal"] is not None
    assert len(capacity_rows(record["capacity"])) == 5
    (worked,) = [sayer for sayer in record["nights"]["rankers"] if sayer["by"] == "model"]
    weeks = worked["newest_sqls"] / record["capacity"][2]["expected"]  # the same work as in the backtest
    assert weeks == pytest.approx(round(weeks)) and 4 <= weeks <= 8
    first, _, last = capacity_sentences(record["tier_stability"])
    assert "best 40 leads of a night" in first and "flip from one night to the next" in last


def test_each_value_has_its_own_volume_and_all_others_share_the_rest(fitted: TrainedModel) -> None:
    asked = asking(fitted, leads_per_week=30, by="region", of={"EMEA": 8, "Americas": 12})
    bands = tiers.fit_tiers(asked)[0].scorer.bands
    assert {word: own.volume[0] for word, own in bands.own.items()} == {"emea": 8.0, "americas": 12.0}
    assert (bands.volume[0], bands.by) == (10.0, "region")
    newest = asked.matrix.as_of == asked.matrix.as_of.max()
    values = fitted.made.features.values[list(fitted.scorer.names)].iloc[np.flatnonzero(newest)]
    value = asked.made.by[newest]
    tier = bands.tonight(fitted.scorer.probability(values), value=value)
    best = [capacity_key(v) for v in value[tier == "A"]]
    assert [best.count(word) for word in ("emea", "americas", "")] == [8, 12, 10]


def test_what_each_value_would_have_brought_is_told_by_its_name(fitted: TrainedModel) -> None:
    told = tiers.fit_tiers(asking(fitted, leads_per_week=20, by="region", of={"EMEA": 8, "Nowhere": 12}))[1]
    assert list(told.own) == ["EMEA"] and told.unused == ("Nowhere",)  # nothing is left for all others
    assert told.own["EMEA"].leads_per_week == pytest.approx(8.0, abs=0.5)
    record = told.to_record()
    assert capacity_rows(record["own"], "name")[0][0] == "EMEA" and record["night"] == 20.0
    assert any("Nowhere" in line for line in capacity_sentences(record))


def test_who_has_no_capacity_left_is_in_the_last_tier(fitted: TrainedModel) -> None:
    asked = asking(fitted, leads_per_week=8, by="region", of={"EMEA": 8})
    bands = tiers.fit_tiers(asked)[0].scorer.bands
    assert set(bands.tonight(np.array([0.9, 0.8]), value=["americas", None]).tolist()) == {"D"}


def test_the_cut_can_be_held_instead(fitted: TrainedModel) -> None:
    laid, told = tiers.fit_tiers(asking(fitted, leads_per_week=40, mode="threshold"))
    bands = laid.scorer.bands
    assert bands.mode == "threshold" and 0 < bands.rise < bands.band and told.to_record()["night"] == 0
    assert told.held["banded"].mean <= told.held["plain"].mean * 1.02
    assert not any("best" in line for line in capacity_sentences(told.to_record()))


def test_the_order_of_rows_changes_nothing(fitted: TrainedModel) -> None:
    order = np.random.default_rng(1).permutation(len(fitted.honest.row))
    parts = {
        name: getattr(fitted.honest, name)[order]
        for name in ("fold", "row", "judged", "margin", "probability", "lr_probability")
    }
    mixed = tiers.fit_tiers(replace(fitted, honest=replace(fitted.honest, **parts)))[0].scorer.bands
    assert mixed == tiers.fit_tiers(fitted)[0].scorer.bands


def test_without_a_judged_fold_the_newest_rows_lay_the_tiers(fitted: TrainedModel) -> None:
    parts = {
        name: getattr(fitted.honest, name)[:0]
        for name in ("fold", "row", "judged", "margin", "probability", "lr_probability")
    }
    laid, told = tiers.fit_tiers(replace(fitted, folds=(), honest=replace(fitted.honest, **parts)))
    assert told.cuts == [] and told.held == {} and laid.scorer.bands.volume[0] == 40.0
    assert isinstance(training_matrix(fitted.made), Matrix) and capacity_sentences(told.to_record())[0].startswith(
        "Tier A takes the best 40"
    )


@pytest.mark.parametrize(
    ("capacity", "sentence"),
    [
        ({"by": "region"}, "expected `by` and `of` together"),
        ({"of": {"a": 1}}, "expected `by` and `of` together"),
        ({"by": "region", "of": {"A": 1, " a": 2}}, "names a value twice"),
        ({"by": "region", "of": {"a": 30, "b": 20}}, "adds up to 50, more than `leads_per_week`, 40"),
        ({"mode": "rank"}, "top_n"),
        ({"leads_per_week": float("inf")}, "finite"),
    ],
)
def test_capacities_that_cant_be_shared_out_are_refused(capacity: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Capacity.model_validate(capacity)


def test_a_flat_file_has_no_capacity_to_share_out() -> None:
    with pytest.raises(ValidationError, match=r"capacity\.by: a flat file has no weeks"):
        Config.model_validate({
            "version": 1, "name": "flat", "tables": {"leads": {"source": "a.csv"}}, "outcome": {"column": "won", "positive": 1},
            "snapshots": {"order_by": "row"}, "capacity": {"by": "x", "of": {"a": 1}},
        })  # fmt: skip


def test_nights_hold_the_volume_and_keep_leads_on_the_line(home: Path) -> None:
    nights = [leadline.score("demo.yaml", f"2025-06-{day:02}T00:00:00Z").scores for day in (9, 10, 11)]
    assert [int(np.sum(night.tier == "A")) for night in nights] == [40, 40, 40]
    bundle = json.loads((home / "models/demo/1/tiers.json").read_text())
    for last, night in pairwise(nights):
        before = dict(zip(last.lead_id, last.tier, strict=True))
        odds = np.log(night.probability / (1 - night.probability))
        stood = np.array([before.get(lead) for lead in night.lead_id])
        came, went = odds[(night.tier == "A") & (stood != "A")], odds[(night.tier != "A") & (stood == "A")]
        if len(came) and len(went):
            assert came.min() >= went.max() + bundle["band"] - 1e-9
    again = leadline.score("demo.yaml", "2025-06-10T00:00:00Z", again=True).scores
    assert again.tier.tolist() == nights[1].tier.tolist() and again.lead_id.tolist() == nights[1].lead_id.tolist()
    assert json.loads((home / "models/demo/1/tiers.json").read_text()) == bundle


def test_an_explanation_tells_the_tier_of_the_night_as_written(home: Path) -> None:
    night = leadline.score("demo.yaml", NIGHT).scores
    for place in (39, 40):  # the last in, and the first out
        told = leadline.explain("demo.yaml", str(night.lead_id[place]), NIGHT)
        assert told.tier == night.tier[place]
