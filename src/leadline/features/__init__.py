"""Features: the catalogue, the SQL statement that computes them as of each snapshot, and its compiled stand-ins."""

from __future__ import annotations

from leadline.dataset.feature_spec import Feature

__all__ = ["Feature"]
