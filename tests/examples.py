"""How many examples a costly law is tried on: half in `make test`, all in `make test-long`."""

from __future__ import annotations

import os

LONG = "LEADLINE_LONG"


def examples(many: int) -> int:
    """Return how many of so many examples are tried here."""
    return many if os.environ.get(LONG) else many // 2
