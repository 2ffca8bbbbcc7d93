"""The closest of some known words to one that isn't known: what every "did you mean" asks."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["DIALECTS", "PRESETS", "closest", "suggestion"]


def closest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known word that is closest to a word, whatever its case; None where none is close.

    Examples
    --------
    >>> closest("created_on", ["created_at", "country"]), closest("Trane", ["train", "score"]), closest("x", ["score"])
    ('created_at', 'train', None)
    """
    folded: dict[str, str] = {}
    for name in known:
        folded.setdefault(name.lower(), name)
    near = difflib.get_close_matches(word.lower(), list(folded), n=1, cutoff=cutoff)
    return folded[near[0]] if near else None


def suggestion(word: str, known: Iterable[str]) -> str:
    """Say what to write instead of an unknown word: the closest known one, else all of them.

    Examples
    --------
    >>> suggestion("hubspt", ["csv", "hubspot"]), suggestion("sap", ["csv", "hubspot"]), suggestion("sap", [])
    ('; did you mean `hubspot`?', '; expected one of csv, hubspot', '')
    """
    there = list(known)
    near = closest(word, there)
    if near is not None:
        return f"; did you mean `{near}`?"
    return f"; expected one of {', '.join(there)}" if there else ""


# What an option may be: short lists that commands, completion and the code behind them share.


PRESETS = ("csv", "hubspot", "salesforce")

"""Whose export `init` writes a config for."""

DIALECTS = ("duckdb", "postgres", "snowflake", "bigquery", "databricks", "redshift", "trino", "spark")

"""The engines whose spelling `sql` prints."""
