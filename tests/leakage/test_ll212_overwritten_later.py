"""LL212: an attribute that looks different among leads open tonight, as it is overwritten later."""

from __future__ import annotations

import numpy as np
import pytest

from suspects import DAY, SIZE, START, created, dated, outcomes, told

SIX = 6_000


def test_a_field_written_when_a_lead_is_old_is_told(tmp_path) -> None:
    rng, y = outcomes(size=SIX)
    age = START + 310 * DAY - created(SIX)
    called = np.where(age > 25 * DAY, rng.poisson(6, SIX), rng.poisson(1, SIX))
    found = dated(tmp_path, y, {"calls": called, "size": rng.poisson(6, SIX)})
    assert told(found, "LL212") == ["calls"]
    (said,) = [f for f in found if f.code == "LL212"]
    assert "earlier dates are told apart with at most 0.5" in said.seen


@pytest.mark.parametrize("drift", ["slow", "monthly"])
def test_honest_drift_is_not_told(tmp_path, drift) -> None:
    rng, y = outcomes(size=SIX)
    at = (created(SIX) - START) / DAY
    mean = at / 60 if drift == "slow" else np.floor(at / 30)
    assert told(dated(tmp_path, y, {"price": mean + rng.normal(size=SIX)}), "LL212") == []


def test_few_open_leads_tell_nothing(tmp_path) -> None:
    rng, y = outcomes(size=SIZE // 10)
    age = START + 310 * DAY - created(SIZE // 10)
    assert told(dated(tmp_path, y, {"calls": np.where(age > 25 * DAY, 6, 1) + rng.normal(size=len(y))}), "LL212") == []
