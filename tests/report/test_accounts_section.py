"""The section on accounts: the hardest comparison first, whether chances held, and the reason where there is nothing to tell."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from page_records import flat_record, record

from leadline.core.point_in_time import WEEK
from leadline.evaluation.account_backtest import AccountEvaluation, PastAccounts, evaluate_accounts
from leadline.evaluation.baselines import ACCOUNTS, label
from leadline.evaluation.topk_backtest import BacktestTerms
from leadline.model.account_model import AccountModel, gather_accounts
from leadline.report.card.card import model_card
from leadline.report.parts import Collapsed, PageTable
from leadline.report.sections.model.accounts import accounts_section

KEYS = ["model", *(baseline.key for baseline in ACCOUNTS), "random"]


@cache
def evaluated() -> AccountEvaluation:
    """Sixty accounts at twelve scoring dates, whose best leads tell something and whose people engaged tell nothing."""
    draw = np.random.default_rng(5)
    night, account = (part.ravel() for part in np.meshgrid(np.arange(12), np.repeat(np.arange(60), 2), indexing="ij"))
    p = draw.uniform(0.02, 0.5, size=120)[np.tile(np.arange(120), 12)]
    nights = gather_accounts(
        account.astype(str).astype(object), night * WEEK, p, draw.integers(1, 5, 60).astype(float)[account]
    )
    y = (draw.random(len(nights)) < nights.together) * 1.0
    fold = nights.night // (4 * WEEK)
    past = PastAccounts(nights, y, fold, nights.night, fold == 2)
    told = evaluate_accounts(past, 8, 2 * WEEK, WEEK, BacktestTerms("accounts with SQLs", "7d", "14d"), seed=7)
    return AccountEvaluation(AccountModel(0.0, 0.0, 1.0, 0.0), told.judged, told.calibration, told.backtest)


def with_accounts(told: AccountEvaluation | None = None) -> dict[str, Any]:
    return record() | {"accounts": (told or evaluated()).to_record()}


def tables(made: dict[str, Any]) -> dict[str, PageTable]:
    section = accounts_section(made)
    assert section is not None
    return {part.key: part for part in section.parts if isinstance(part, PageTable)}


def test_every_ranking_stands_in_the_table_and_the_hardest_is_named_first() -> None:
    made = with_accounts()
    section = accounts_section(made)
    assert section is not None and section.found.endswith(".") and len(section.found) <= 300
    told = {w["by"]: w for w in made["accounts"]["backtest"]["rankers"]}
    rows = tables(made)["account-rankings"].rows
    assert [row[0].text for row in rows] == [label(by) for by in KEYS]
    assert [row[1].sort for row in rows] == [told[by]["sqls"] for by in KEYS]
    gaps = {gap["by"]: gap["sqls"] for gap in made["accounts"]["backtest"]["model_minus_baseline"]}
    hardest = min(gaps.values())
    named = [by for by in gaps if gaps[by] == hardest and label(by) in section.found]
    assert len(named) == 1 and "Working the top 8 accounts at each of 8 scoring dates" in section.found


def test_whether_chances_held_is_said_and_stands_in_bins() -> None:
    made = with_accounts()
    section, seen = accounts_section(made), made["accounts"]["judged"]
    assert section is not None and isinstance(section.parts[0], str)
    assert f"{seen['predicted']:.1%} was predicted of 60 accounts" in section.parts[0]
    inside = seen["observed_low"] <= seen["predicted"] <= seen["observed_high"]
    assert ("within its 95% interval" if inside else "outside its 95% interval") in section.parts[0]
    off = made | {"accounts": made["accounts"] | {"judged": seen | {"predicted": 0.99}}}
    assert "outside its 95% interval" in accounts_section(off).parts[0]  # type: ignore[union-attr,operator]
    counted = sum(int(row[3].sort or 0) for row in tables(made)["account-calibration"].rows)
    assert counted == seen["account_nights"] == 240
    assert [row[0].text for row in tables(made)["account-auc"].rows] == [label(by) for by in KEYS[:-1]]
    assert isinstance(section.parts[-1], Collapsed)


def test_what_is_missing_has_its_reason() -> None:
    none = accounts_section(with_accounts(AccountEvaluation(reason="no lead has an account")))
    assert none is not None and (none.found, none.parts) == ("No account is scored: no lead has an account.", ())
    bare = accounts_section(with_accounts(AccountEvaluation(AccountModel(0.0, 0.0, 1.0, 0.0))))
    assert bare is not None and bare.found.startswith("Accounts are scored, but couldn’t be judged")
    assert accounts_section(flat_record()) is None
    assert accounts_section({k: v for k, v in record().items() if k != "accounts"}) is None  # by an older leadline


def test_the_model_card_has_both_sentences() -> None:
    card = model_card(with_accounts())
    section = accounts_section(with_accounts())
    assert section is not None and section.found in card and str(section.parts[0]) in card
    assert "accounts at each" not in model_card(with_accounts(AccountEvaluation(reason="no lead has an account")))


def test_a_peer_that_knows_nothing_is_left_out() -> None:
    assert set(evaluated().judged["peers"]) == {b.key for b in ACCOUNTS}
    nights = gather_accounts(
        np.array(["a", "b"] * 20, dtype=object), np.repeat(np.arange(20), 2) * WEEK, np.full(40, 0.3)
    )
    y, fold = np.arange(len(nights)) % 2 * 1.0, nights.night // (10 * WEEK)
    told = evaluate_accounts(
        PastAccounts(nights, y, fold, nights.night, fold == 1), 1, WEEK, WEEK, BacktestTerms(), seed=7
    )
    assert "engaged_people" not in told.judged["peers"] and "engaged_people" not in {
        w.by for w in told.backtest.rankers
    }
