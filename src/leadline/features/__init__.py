"""History: snapshots, labels, features and folds, as SQL text that the store runs."""

from __future__ import annotations

from leadline.dataset.feature_spec import Feature

__all__ = ["Feature"]
