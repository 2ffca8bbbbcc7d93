"""LL213: rows that were recorded long after they happened, many at a time; or all dated on one day."""

from __future__ import annotations

import numpy as np
import pytest

from suspects import DAY, START, dated, instants, outcomes

N = 4_000


def events(late: np.ndarray, recorded: np.ndarray) -> dict[str, object]:
    rng = np.random.default_rng(3)
    at = START + rng.integers(0, 290, N) * DAY
    return {
        "lead_id": [f"L{i}" for i in rng.integers(0, 2_000, N)], "event_type": ["view", "call"] * (N // 2),
        "occurred_at": instants(at), "recorded_at": instants(np.where(late, np.maximum(recorded, at + 1), at + 3_600_000_000)),
    }  # fmt: skip


def told_of(folder, table) -> list[str]:
    _, y = outcomes()
    return [f.seen for f in dated(folder, y, {}, {"events": table}) if f.code == "LL213"]


@pytest.mark.parametrize(("share", "expected"), [(0.10, 1), (0.01, 0), (0.0, 0)])
def test_a_load_of_one_type_is_told(tmp_path, share, expected) -> None:
    calls = np.arange(N) % 2 == 1
    late = calls & (np.random.default_rng(1).random(N) < share)
    seen = told_of(tmp_path, events(late, np.full(N, START + 299 * DAY)))
    assert len(seen) == expected
    assert all("of type call" in s and "more than a week" in s for s in seen)


def test_rows_that_come_late_one_by_one_are_left_alone(tmp_path) -> None:
    late = np.random.default_rng(1).random(N) < 0.3
    at = START + np.random.default_rng(3).integers(0, 290, N) * DAY
    assert told_of(tmp_path, events(late, at + np.random.default_rng(2).integers(8 * DAY, 12 * DAY, N))) == []


@pytest.mark.parametrize(("share", "expected"), [(0.5, ["leads.created_at"]), (0.05, [])])
def test_leads_that_all_came_on_the_day_of_a_migration_are_told(tmp_path, share, expected) -> None:
    rng, y = outcomes()
    at = np.where(rng.random(len(y)) < share, START + 40 * DAY, START + rng.integers(0, 290, len(y)) * DAY)
    found = dated(tmp_path, y, {"came": instants(at)}, created_at="came", attributes=[])
    assert [f.subject.replace("came", "created_at") for f in found if f.code == "LL213"] == expected
