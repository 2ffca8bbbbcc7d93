"""The privacy bound: how many leads must share something before it is shown or kept by name."""

from __future__ import annotations

__all__ = ["MIN_GROUP_SIZE"]

MIN_GROUP_SIZE = 20
"""Leads below which nothing is shown of a group, and no level, word or reason by its name: fewer might point at a person."""
