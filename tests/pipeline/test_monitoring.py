"""What past nights say of a model: a lead that is scored night after night tells no more than once."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.pipeline.monitoring import judge


def test_the_same_leads_on_more_nights_make_no_interval_narrower() -> None:
    draw = np.random.default_rng(3)
    p = draw.uniform(0.1, 0.5, 300)
    y, tier = (draw.random(300) < p) * 1.0, np.where(p > 0.3, "A", "B").astype(object)
    once = judge("2025-06-02", 1, y, p, tier, 0, np.arange(300))
    rows = np.tile(np.arange(300), 6)
    six = judge("2025-06-02", 6, y[rows], p[rows], tier[rows], 0, rows)
    for a, b in zip(once.tiers, six.tiers, strict=True):
        assert (a.low, a.high) == pytest.approx((b.low, b.high)) and 6 * a.rows == b.rows
    alone = judge("2025-06-02", 6, y[rows], p[rows], tier[rows], 0)
    assert all(b.high - b.low > 2 * (c.high - c.low) for b, c in zip(six.tiers, alone.tiers, strict=True))
