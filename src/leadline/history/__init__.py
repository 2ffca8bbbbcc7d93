"""History: snapshots, labels, features and folds, as SQL text that the store runs."""

from __future__ import annotations

from leadline.history.spec import Feature

__all__ = ["Feature"]
