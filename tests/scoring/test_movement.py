"""What moved: the sentences of accounts, and the counts, on rows made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leadline.explanation.change_text import MANY
from leadline.scoring.movement import COLUMN, account_sentences, count_causes
from leadline.scoring.previous_scores import PreviousScores
from leadline.scoring.ranking import Scores

BEFORE = PreviousScores(1, {"L1": 0.04, "L2": 0.05, "L3": 0.2}, version="3")


def scores(version: str = "3") -> Scores:
    who, homes = (np.array(x, dtype=object) for x in (["L1", "L2", "L3", "L4"], ["A", "A", "B", "C"]))
    change = np.array(["up from 4% to 11%: asked for a demo on 11 Jun", None, None, None], dtype=object)
    tiers, reasons = np.full(4, "A", dtype=object), np.full((4, 5), None, dtype=object)
    p = np.array([0.11, 0.051, 0.2, 0.3])
    return Scores(who, homes, 2, True, p, tiers, reasons, "demo", version, np.full(4, np.nan), {COLUMN: change})


def told(account: str, then: float, now: float, version: str = "3") -> str | None:
    return account_sentences([account], [now], {account: then}, scores(version), BEFORE, 0.01)[0]


def test_an_account_is_told_by_the_lead_that_moved_most_its_way() -> None:
    assert told("A", 0.1, 0.2) == "up from 10% to 20%: lead L1 asked for a demo on 11 Jun"
    assert told("C", 0.1, 0.3) == "up from 10% to 30%: lead L4 wasn't open before"


@pytest.mark.parametrize("account", ["A", "B", "D"])
def test_a_fall_that_no_open_lead_shares_is_told_as_such(account: str) -> None:
    assert told(account, 0.4, 0.2) == "down from 40% to 20%: none of its open leads fell"


def test_what_didnt_move_or_is_new_has_no_sentence_and_another_model_is_named() -> None:
    assert told("A", 0.2, 0.205) is None
    assert account_sentences(["A"], [0.2], {}, scores(), BEFORE, 0.01).tolist() == [None]
    assert told("A", 0.1, 0.2, "4") == "up from 10% to 20%: scored by model 4 instead of 3"


def test_a_lead_of_the_holdout_explains_no_account() -> None:
    night = scores()
    hidden = replace(night, later={**night.later, "is_holdout": np.array([True, False, False, False])})
    (text,) = account_sentences(["A"], [0.2], {"A": 0.1}, hidden, BEFORE, 0.01)
    assert text == f"up from 10% to 20%: {MANY} explains it"


def test_counts_of_nobody_are_none() -> None:
    import pyarrow as pa

    empty = pa.table({"moved": pa.array([], pa.int8()), "cause": pa.array([], pa.string())})
    assert count_causes(empty) == {"up": 0, "down": 0, "causes": []}
