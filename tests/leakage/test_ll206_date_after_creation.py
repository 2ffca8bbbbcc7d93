"""LL206: attributes that hold dates after their lead's creation."""

from __future__ import annotations

import numpy as np
import pytest

from suspects import DAY, created, dated, outcomes, told

RNG = np.random.default_rng(6)
CREATED = created()
LATER = CREATED + RNG.integers(2, 90, len(CREATED)) * DAY
EARLIER = CREATED - RNG.integers(0, 900, len(CREATED)) * DAY


def spelled(micros: np.ndarray, how: str) -> list[object]:
    days = micros.astype("datetime64[us]").astype("datetime64[D]").astype(str)
    if how == "text":
        return days.tolist()
    if how == "yyyymmdd":
        return [int(d.replace("-", "")) for d in days]
    return (micros // {"seconds": 1_000_000, "milliseconds": 1_000, "microseconds": 1}[how]).tolist()


@pytest.mark.parametrize("how", ["text", "seconds", "milliseconds", "microseconds", "yyyymmdd"])
def test_a_date_after_creation_is_refused_however_it_is_spelled(tmp_path, how) -> None:
    _, y = outcomes()
    columns = {"touched": spelled(LATER, how), "signed_up": spelled(EARLIER, how)}
    assert told(dated(tmp_path, y, columns), "LL206") == ["touched"]


def test_amounts_and_gaps_are_no_dates(tmp_path) -> None:
    rng, y = outcomes()
    columns = {
        "revenue": rng.lognormal(20, 2, len(y)),
        "phone": rng.integers(6_000_000_000, 7_000_000_000, len(y)),
        "visits": rng.integers(0, 9, len(y)),
    }
    assert told(dated(tmp_path, y, columns), "LL206") == []


def test_a_few_wrong_clocks_are_left_alone(tmp_path) -> None:
    _, y = outcomes()
    at = np.where(np.arange(len(CREATED)) < 15, LATER, EARLIER)
    assert told(dated(tmp_path, y, {"signed_up": spelled(at, "seconds")}), "LL206") == []
