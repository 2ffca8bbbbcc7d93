"""Made-up climbs for tests: people with rungs, touches, reasons and spend, drawn from a seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from leadline.core.point_in_time import DAY
from leadline.dataset.lead_journeys import CampaignSpend, LeadJourneys
from leadline.insights.stage_conversion import FunnelSettings

START = 1_704_067_200_000_000  # 2024-01-01
UNTIL = START + 400 * DAY
TERMS = FunnelSettings(within=90 * DAY, won_within=180 * DAY, sla=DAY)
REASONS = np.array(["bad_fit", "Not now", "duplicate", "moved to the moon", None], dtype=object)


def climbers(n: int = 600, seed: int = 3, **changed: Any) -> LeadJourneys:
    """Draw people who climb: of source web a third of MQLs become SQL, of source fair one in twenty."""
    rng = np.random.default_rng(seed)
    created = START + rng.integers(0, 390 * DAY, n).astype(np.float64)
    source = np.array(["web", "fair", None], dtype=object)[rng.choice(3, n, p=[0.6, 0.35, 0.05])]
    chance = np.array([[0.7, np.where(s == "web", 0.33, 0.05), 0.8, 0.4] for s in source])
    gone = np.cumprod(rng.random((n, 4)) < chance, axis=1).astype(bool)
    wait = rng.exponential([12 * DAY, 20 * DAY, 10 * DAY, 40 * DAY], (n, 4))
    reached = np.column_stack([created, np.where(gone, created[:, None] + np.cumsum(wait, axis=1), np.nan)])
    reached[:, 1:][reached[:, 1:] >= UNTIL] = np.nan
    told = reached.copy()
    told[rng.random(n) < 0.1, 1] = np.nan
    rejected = np.where(rng.random(n) < 0.4, np.nanmax(reached, axis=1) + rng.exponential(30 * DAY, n), np.nan)
    rejected[rejected >= UNTIL] = np.nan
    reason = np.where(np.isfinite(rejected), REASONS[rng.integers(0, 5, n)], None)
    touched = np.where(rng.random(n) < 0.85, reached[:, 1] + rng.exponential(DAY, n), np.nan)
    campaign = np.array(
        [
            None if s is None else f"{s}-{'a' if c < START + 200 * DAY else 'b'}"
            for s, c in zip(source, created, strict=True)
        ],
        dtype=object,
    )
    months = [START + d * DAY for d in (0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305)]
    spent = CampaignSpend(
        np.array(["web-a", "fair-a"] * 11, dtype=object), np.repeat(months, 2).astype(float), np.full(22, 500.0)
    )
    made: dict[str, Any] = {
        "lead": np.array([f"L{k:04d}" for k in range(n)], dtype=object), "account": np.array([f"A{k // 2}" for k in range(n)], dtype=object),
        "reached": reached, "told": told, "lost": np.full(n, np.nan), "rejected": rejected, "reason": reason, "first_act": created,
        "touched": touched, "ever": touched, "kind": np.where(np.isfinite(touched), "call", None), "source": source, "campaign": campaign,
        "names": ("source", "campaign"), "until": float(UNTIL), "touched_from": float(START), "touched_until": float(UNTIL), "spent": spent,
    }  # fmt: skip
    return LeadJourneys(**{**made, **changed})
