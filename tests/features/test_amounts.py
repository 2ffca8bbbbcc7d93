"""What closed-won deals brought: within the span, once a deal, also through merges, and only where that is ripe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadline.config.schema import Config
from oracle import DAY, Rules
from small_crm import START, WORDS, Run, World, config_of, put

Told = dict[tuple[str, int], float]
ASKED = Rules("sql", DAY, every=7 * DAY, words=WORDS)


def day(number: float) -> int:
    return START + round(number * DAY)


def deal(key: str, lead: str, opened: float, closed: float | None, stage: str, amount: float | None) -> dict[str, Any]:
    ended = None if closed is None else day(closed)
    return {
        "opportunity_id": key, "lead_id": lead, "created_at": day(opened), "closed_at": ended, "stage": stage,
        "amount": amount, "recorded_at": day(opened),
    }  # fmt: skip


def world(deals: list[dict[str, Any]], merges: list[dict[str, Any]] = []) -> World:  # noqa: B006
    """Four leads of day 0; the stage that L3 reaches on day 50 is the newest row."""
    return {
        "leads": [
            {"lead_id": f"L{n}", "account_id": None, "created_at": START, "country": None, "size": None, "recorded_at": START}
            for n in range(4)
        ],
        "accounts": [], "events": [], "history": [], "opportunities": deals, "merges": merges,
        "stages": [{"lead_id": "L3", "stage": "mql", "changed_at": day(50), "recorded_at": day(50)}],
    }  # fmt: skip


def amounts(made: World, folder: Path, won_within: str = "30d", without: str = "") -> tuple[Told, Told]:
    """Amounts and closed-won, by lead and day."""
    put(made, folder)
    config = config_of(ASKED, folder)
    outcome = {**config.outcome.model_dump(mode="json"), "won_within": won_within}
    raw = config.model_dump(mode="json", by_alias=True)
    if without:
        raw["tables"]["opportunities"][without] = None
        raw["tables"]["merges"] = None
    asked = Config.model_validate({**raw, "outcome": {k: v for k, v in outcome.items() if v is not None}})
    with Run(asked) as run:
        _, found, data = run.train()
    keys = [(str(lead), round((at - START) / DAY)) for lead, at in zip(data.lead_id, data.as_of, strict=True)]
    assert found.created_at is not None and set(found.created_at) == {float(START)}
    if found.amount is None:
        return {}, dict(zip(keys, found.won.tolist(), strict=True))
    return dict(zip(keys, found.amount.tolist(), strict=True)), dict(zip(keys, found.won.tolist(), strict=True))


DEALS = [
    deal("D0", "L0", 10, 20, "closed_won", 100.0),
    deal("D1", "L0", 10, 24, "closed_won", 50.5),
    deal("D2", "L0", 10, 22, "closed_lost", 999.0),
    deal("D6", "L0", 10, None, "opportunity", 888.0),
]


def test_deals_that_close_within_the_span_add_up_in_cents(tmp_path: Path) -> None:
    told, won = amounts(world(DEALS), tmp_path)
    assert told["L0", 7] == 15_050 and won["L0", 7] == 1
    assert told["L1", 7] == told["L1", 14] == 0 and won["L1", 14] == 0
    shorter, _ = amounts(world(DEALS), tmp_path, "14d")
    assert shorter["L0", 7] == 10_000  # day 24 lies beyond
    edge, _ = amounts(world(DEALS), tmp_path, "13d")
    assert edge["L0", 7] == 0  # day 20 is where the span ends


def test_what_is_not_ripe_is_not_known_and_not_nothing(tmp_path: Path) -> None:
    told, won = amounts(world(DEALS), tmp_path)
    assert {lead_day[1] for lead_day, amount in told.items() if np.isnan(amount)} == {21, 28, 35, 42, 49}
    assert all(np.isnan(won[key]) == np.isnan(amount) for key, amount in told.items())


def test_a_deal_counts_once_for_a_lead_that_was_merged_and_once_for_its_survivor(tmp_path: Path) -> None:
    merge = {"from_id": "L1", "into_id": "L2", "merged_at": day(15), "recorded_at": day(15)}
    deals = [deal("D4", "L2", 29, 30, "closed_won", 10.0), deal("D5", "L1", 14.5, 16, "closed_won", 7.0)]
    told, _ = amounts(world(deals, [merge]), tmp_path)
    assert told["L1", 7] == told["L1", 14] == 1_700
    assert told["L2", 7] == told["L2", 14] == 1_700


def test_before_the_merge_the_survivors_deals_are_its_own(tmp_path: Path) -> None:
    merge = {"from_id": "L1", "into_id": "L2", "merged_at": day(28), "recorded_at": day(28)}
    told, _ = amounts(world([deal("D4", "L2", 9, 12, "closed_won", 10.0)], [merge]), tmp_path)
    assert told["L2", 7] == 1_000 and told["L1", 7] == 0


def test_a_won_deal_without_an_amount_brings_nothing_that_is_known(tmp_path: Path) -> None:
    told, won = amounts(world([deal("D0", "L0", 10, 20, "closed_won", None)]), tmp_path)
    assert told["L0", 7] == 0 and won["L0", 7] == 1


@pytest.mark.parametrize("without", ["amount", "closed_at", "lead"])
def test_without_the_columns_that_tell_amounts_there_are_none(tmp_path: Path, without: str) -> None:
    told, _ = amounts(world([]), tmp_path, without=without)
    assert told == {}
