"""Scores, ranked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from leadline.features.build import FeatureTable
from leadline.scoring.previous_scores import PreviousScores
from leadline.scoring.ranking import COLUMNS, Scores, rank_leads
from leadline.workflows.training.train import TrainResult


@pytest.fixture(scope="module")
def tonight(trained_home: tuple[object, TrainResult]) -> tuple[TrainResult, FeatureTable]:
    result = trained_home[1]
    made = result.prepared.features
    newest = made.as_of == made.as_of.max()
    return result, taken(made, np.flatnonzero(newest))


def taken(made: FeatureTable, rows: np.ndarray) -> FeatureTable:
    values = made.values.iloc[rows].reset_index(drop=True)
    return FeatureTable(made.specs, made.lead_id[rows], made.account_id[rows], made.as_of[rows], values)


def ranked(result: TrainResult, made: FeatureTable) -> Scores:
    return rank_leads(result.scorer, made, int(made.as_of[0]) if len(made) else 0, True, "demo", "1")


def test_ranks_run_from_one_and_follow_the_probability(tonight: tuple[TrainResult, FeatureTable]) -> None:
    table = ranked(*tonight).to_arrow()
    assert table["rank"].to_pylist() == list(range(1, table.num_rows + 1))
    p = table["probability"].to_pylist()
    assert p == sorted(p, reverse=True) and 0 < p[-1] < p[0] < 1
    assert len(set(table["lead_id"].to_pylist())) == table.num_rows


def test_ties_go_by_lead_id(tonight: tuple[TrainResult, FeatureTable]) -> None:
    result, made = tonight
    same = taken(made, np.zeros(12, dtype=int))
    ids = np.array([f"L{n}" for n in (5, 3, 11, 9, 1, 2, 10, 4, 8, 7, 6, 0)], dtype=object)
    alike = FeatureTable(same.specs, ids, same.account_id, same.as_of, same.values)
    assert ranked(result, alike).lead_id.tolist() == sorted(ids.tolist())


def test_the_order_of_rows_changes_nothing(tonight: tuple[TrainResult, FeatureTable]) -> None:
    result, made = tonight
    mixed = taken(made, np.random.default_rng(1).permutation(len(made)))
    assert ranked(result, mixed).to_arrow().equals(ranked(result, made).to_arrow())


def test_a_row_scores_the_same_alone_as_among_others(tonight: tuple[TrainResult, FeatureTable]) -> None:
    result, made = tonight
    whole = ranked(result, made)
    alone = ranked(result, taken(made, np.array([7])))
    place = whole.lead_id.tolist().index(alone.lead_id[0])
    assert whole.probability[place] == alone.probability[0]
    assert whole.reasons[place].tolist() == alone.reasons[0].tolist()


def test_tiers_follow_the_ranks(tonight: tuple[TrainResult, FeatureTable]) -> None:
    scores = ranked(*tonight)
    bands = tonight[0].scorer.bands
    assert scores.tier.tolist() == sorted(scores.tier.tolist())
    assert int(np.sum(scores.tier == "A")) == bands.volume[0]
    assert int(np.sum(np.isin(scores.tier, ["A", "B"]))) == bands.volume[1]


def test_leads_on_the_line_keep_the_tier_of_the_night_before(tonight: tuple[TrainResult, FeatureTable]) -> None:
    result, made = tonight
    first = ranked(result, made)
    last_in = int(np.flatnonzero(first.tier == "A")[-1])
    before = {str(lead): str(tier) for lead, tier in zip(first.lead_id, first.tier, strict=True)}
    before[str(first.lead_id[last_in])], before[str(first.lead_id[last_in + 1])] = (
        "B",
        "A",
    )  # as if they had changed ranks
    probability = dict(zip(first.lead_id.tolist(), first.probability.tolist(), strict=True))
    again = rank_leads(
        result.scorer, made, first.as_of, True, "demo", "1", before=PreviousScores(1, probability, before)
    )
    assert again.lead_id.tolist() == first.lead_id.tolist()
    assert again.tier[last_in : last_in + 2].tolist() == ["B", "A"]
    assert int(np.sum(again.tier == "A")) == int(np.sum(first.tier == "A"))
    assert (
        rank_leads(result.scorer, made, first.as_of, True, "demo", "1", before=PreviousScores()).tier.tolist()
        == first.tier.tolist()
    )


def test_columns_are_the_contracts_with_their_types(tonight: tuple[TrainResult, FeatureTable]) -> None:
    table = ranked(*tonight).to_arrow()
    assert tuple(table.column_names) == COLUMNS == (
        "lead_id", "account_id", "as_of", "probability", "rank", "tier", "previous_probability", "reason_1", "reason_2",
        "reason_3", "reason_4", "reason_5", "model_name", "model_version",
    )  # fmt: skip
    assert table.schema.field("as_of").type == pa.timestamp("us", "UTC")
    assert table["previous_probability"].null_count == table.num_rows


def test_what_lightgbm_contradicts_is_said_and_mended(tonight: tuple[TrainResult, FeatureTable]) -> None:
    result, made = tonight
    scorer = replace(result.scorer)
    if result.scorer._bare:
        pytest.skip("the model has no trees")
    forest = result.scorer._forest
    scorer.__dict__["_forest"] = replace(forest, tables=(*forest.tables[:-1], forest.tables[-1] + 0.1))
    scores = rank_leads(scorer, made, int(made.as_of[0]), True, "demo", "1")
    assert len(scores.said) == 1 and ranked(result, made).said == ()
    assert scores.to_arrow().equals(ranked(result, made).to_arrow())


def test_a_night_without_open_leads_is_an_empty_table_of_the_same_shape(
    tonight: tuple[TrainResult, FeatureTable],
) -> None:
    result, made = tonight
    none = ranked(result, taken(made, np.empty(0, dtype=int)))
    assert len(none) == 0 and none.to_arrow().schema.equals(ranked(result, made).to_arrow().schema)
    assert "tiers: none" in repr(none)


def test_the_night_before_is_joined_by_lead(tonight: tuple[TrainResult, FeatureTable]) -> None:
    scores = ranked(*tonight)
    best = str(scores.lead_id[0])
    column = scores.with_previous({best: 0.25, "gone": 0.5}).to_arrow()["previous_probability"].to_pylist()
    assert column[0] == 0.25 and set(column[1:]) == {None}
