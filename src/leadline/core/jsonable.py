"""Records as plain JSON values, and JSON that somebody else may have written, read within bounds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["LARGEST_JSON", "parse_json", "to_jsonable"]


def to_jsonable(value: Any) -> Any:
    """Make plain JSON values of a record: tuples become lists, NaN becomes None.

    Examples
    --------
    >>> to_jsonable({"a": (1, float("nan")), "b": np.float64(0.5)})
    {'a': [1, None], 'b': 0.5}
    """
    if isinstance(value, Mapping):
        return {str(k): to_jsonable(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [to_jsonable(v) for v in value]
    if isinstance(value, (np.integer, np.bool_)):
        return value.item()
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value


LARGEST_JSON = 16_000_000
"""Bytes of a JSON text that is read."""

MOST_VALUES = 1_000_000
"""Values in it: each costs about a hundred bytes once it is read."""


def parse_json(text: str | bytes) -> Any:
    """Read JSON that is neither deep nor huge, so that no text can take the process's stack or memory.

    Raises
    ------
    ValueError
        It isn't JSON, or there is too much of it.

    Examples
    --------
    >>> parse_json('{"a": [1]}')
    {'a': [1]}
    >>> parse_json("[" * 100_000)
    Traceback (most recent call last):
    ...
    ValueError: too deep
    >>> parse_json(b"[" + b"{}," * 2_000_000 + b"{}]")
    Traceback (most recent call last):
    ...
    ValueError: too large
    """
    data = text.encode() if isinstance(text, str) else text
    if len(data) > LARGEST_JSON or sum(data.count(mark) for mark in (b",", b"[", b"{")) > MOST_VALUES:
        raise ValueError("too large")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("too deep") from None
