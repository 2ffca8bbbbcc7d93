"""A night's accounts: their columns, whom they are made of, what is said of them, and what they never tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from leadline.model.account_model import AccountModel
from leadline.model.tiers import Tiers
from leadline.scoring.accounts import COLUMNS, AccountPeople, score_accounts
from leadline.scoring.ranking import Scores

MODEL = AccountModel(0.0, 0.0, 1.0, 0.0, Tiers(("A", "B"), (0.3,), (1.0,)), (0.1, 0.4, 0.7))
"""What independence would say, one account in tier A."""


def leads(account: list[str | None], p: list[float], later: dict[str, Any] | None = None, said: Any = None) -> Scores:
    n = len(p)
    reasons = np.full((n, 5), None, dtype=object)
    for row, texts in enumerate(said or []):
        reasons[row, : len(texts)] = texts
    return Scores(
        np.array([f"L{i}" for i in range(n)], dtype=object), np.array(account, dtype=object), 0, True, np.array(p),
        np.full(n, "A", dtype=object), reasons, "demo", "1", np.full(n, np.nan), later or {},
    )  # fmt: skip


def texts(values: list[str | None]) -> Any:
    return np.array(values, dtype=object)


def test_columns_are_those_that_others_read_in_their_order_and_types() -> None:
    told = score_accounts(leads(["a", "b"], [0.5, 0.2]), MODEL, AccountPeople())
    assert told.column_names == [*COLUMNS, "trend"]
    assert COLUMNS == (
        "account_id", "as_of", "probability", "score", "rank", "tier", "grade", "open_leads", "engaged_people", "roles_engaged",
        "roles_missing", "completeness", "best_lead_id", "intent_stage", "reason_1", "reason_2", "reason_3", "model_name", "model_version",
    )  # fmt: skip
    kinds = {name: str(told.schema.field(name).type) for name in told.column_names}
    whole = {"score", "rank", "open_leads", "engaged_people", "completeness"}
    assert {name for name, kind in kinds.items() if kind == "int64"} == whole
    assert {name for name, kind in kinds.items() if kind == "double"} == {"probability", "trend"}
    assert kinds["as_of"] == "timestamp[us, tz=UTC]"


def test_accounts_are_ranked_by_their_chance_and_ties_by_name() -> None:
    told = score_accounts(leads(["b", "c", "a", "c", None], [0.5, 0.5, 0.5, 0.1, 0.9]), MODEL, AccountPeople())
    assert told.column("account_id").to_pylist() == ["c", "a", "b"]
    assert told.column("rank").to_pylist() == [1, 2, 3]
    assert told.column("open_leads").to_pylist() == [2, 1, 1]
    assert told.column("tier").to_pylist() == ["A", "B", "B"]
    assert told.column("score").to_pylist() == [2, 2, 2]
    assert told.column("best_lead_id").to_pylist() == ["L1", "L2", "L0"]


def test_without_an_account_there_is_nothing() -> None:
    assert score_accounts(leads([None, None], [0.5, 0.2]), MODEL, AccountPeople()) is None
    assert score_accounts(leads([], []), MODEL, AccountPeople()) is None


def test_the_committee_is_told_in_the_configs_order_and_only_where_roles_are_known() -> None:
    scores = leads(["a", "b", "a"], [0.5, 0.4, 0.2])
    roles = {
        "buyer": np.array([True, False, True]), "sponsor": np.array([False, False, False]), "user": np.array([True, False, True]),
    }  # fmt: skip
    told = score_accounts(scores, MODEL, AccountPeople(np.array([3.0, 0.0, 3.0]), roles, " in 30 days"))
    assert told.column("roles_engaged").to_pylist() == ["buyer;user", ""]
    assert told.column("roles_missing").to_pylist() == ["sponsor", "buyer;sponsor;user"]
    assert told.column("completeness").to_pylist() == [67, 0]
    assert told.column("engaged_people").to_pylist() == [3, 0]
    assert told.column("reason_1").to_pylist() == ["3 people engaged in 30 days: buyer, user", None]
    none = score_accounts(scores, MODEL, AccountPeople(np.array([3.0, 0.0, 3.0])))
    for name in ("roles_engaged", "roles_missing", "completeness"):
        assert none.column(name).to_pylist() == [None, None]
    assert score_accounts(scores, MODEL, AccountPeople()).column("engaged_people").to_pylist() == [None, None]


def test_the_stage_is_that_of_whichever_lead_is_nearest_and_the_grade_the_best_on_each_axis() -> None:
    stage = texts(["early_researcher", "no_recent_intent", "active_evaluator"])
    told = score_accounts(
        leads(["a", "b", "a"], [0.5, 0.4, 0.2], {"intent_stage": stage, "grade": texts(["B4", "D1", "C2"])}),
        MODEL,
        AccountPeople(),
    )
    assert told.column("intent_stage").to_pylist() == ["active_evaluator", "no_recent_intent"]
    assert told.column("grade").to_pylist() == ["B2", "D1"]
    bare = score_accounts(leads(["a"], [0.5]), MODEL, AccountPeople())
    assert bare.column("intent_stage").to_pylist() == bare.column("grade").to_pylist() == [None]


def test_reasons_are_the_leads_own_words_each_once_and_raising_ones_first() -> None:
    down = "no events (lowers the score)"
    said = [["asked for a demo", down, "role is CFO"], ["asked for a demo", "opened an email"], [down]]
    told = score_accounts(leads(["a", "a", "b"], [0.5, 0.4, 0.2], said=said), MODEL, AccountPeople()).to_pylist()
    assert [told[0][f"reason_{n}"] for n in (1, 2, 3)] == [
        "best lead: asked for a demo", "next lead: opened an email", "best lead: role is CFO",
    ]  # fmt: skip
    assert [told[1][f"reason_{n}"] for n in (1, 2, 3)] == [f"best lead: {down}", None, None]


def test_one_deal_is_expected_of_an_account_by_its_best_lead() -> None:
    value = np.array([100.0, 900.0, 50.0])
    told = score_accounts(leads(["a", "a", "b"], [0.5, 0.4, 0.2], {"expected_value": value}), MODEL, AccountPeople())
    assert told.column_names[-2:] == ["expected_value", "trend"]
    assert np.allclose(told.column("expected_value").to_pylist(), [0.7 * 200, 50.0])


def test_the_trend_is_the_change_since_the_night_before_and_null_for_a_new_account() -> None:
    told = score_accounts(leads(["a", "b"], [0.5, 0.2]), MODEL, AccountPeople(), {"a": 0.4, "gone": 0.9})
    (moved, new) = told.column("trend").to_pylist()
    assert abs(moved - 0.1) < 1e-9 and new is None


def test_the_holdout_is_in_no_accounts_row() -> None:
    scores = leads(["a", "a", "b"], [0.9, 0.2, 0.4], said=[["secret"], ["seen"], ["secret"]])
    blind = replace(scores, later={"is_holdout": np.array([True, False, True])})
    people = AccountPeople(np.array([9.0, 1.0, 5.0]))
    told = score_accounts(blind, MODEL, people)
    alone = score_accounts(leads(["a"], [0.2], said=[["seen"]]), MODEL, AccountPeople(np.array([1.0])))
    both = [t.drop_columns(["best_lead_id"]) for t in (told, alone)]
    assert both[0].equals(both[1]) and told.column("best_lead_id").to_pylist() == ["L1"]
    every = replace(scores, later={"is_holdout": np.ones(3, dtype=bool)})
    assert score_accounts(every, MODEL, people) is None


def test_a_flat_files_as_of_is_a_number() -> None:
    told = score_accounts(replace(leads(["a"], [0.5]), is_dated=False, as_of=7), MODEL, AccountPeople())
    assert told.schema.field("as_of").type == pa.int64() and told.column("as_of").to_pylist() == [7]
