"""The words that guesses go by: how exports name their columns, rungs and behaviours; and writing a word as YAML."""

from __future__ import annotations

import re
from collections.abc import Iterable

import yaml

__all__ = ["bare", "inline", "named", "rank", "scalar"]


def bare(name: str) -> str:
    """Spell a name in lower case with underscores.

    Examples
    --------
    >>> bare("Lead Source"), bare("createdAt"), bare("Prospect ID")
    ('lead_source', 'created_at', 'prospect_id')
    """
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", split.lower()).strip("_")


def rank(name: str, patterns: Iterable[str]) -> int | None:
    """Return the place of the first pattern that a name fits as a whole; None where it fits none.

    Examples
    --------
    >>> rank("Created At", [r"created_at", r".*date"]), rank("Signup Date", [r"created_at", r".*date"]), rank("x", ["y"])
    (0, 1, None)
    """
    spelt = bare(name)
    return next((n for n, pattern in enumerate(patterns) if re.fullmatch(pattern, spelt)), None)


def named(names: Iterable[str], patterns: Iterable[str]) -> list[str]:
    """List the names that fit a pattern, those of the earliest pattern first.

    Examples
    --------
    >>> named(["name", "lead_id", "id"], ["id", ".*_id"])
    ['id', 'lead_id']
    """
    asked = list(patterns)
    found = [(place, n, name) for n, name in enumerate(names) if (place := rank(name, asked)) is not None]
    return [name for _, _, name in sorted(found)]


def scalar(text: str) -> str:
    """Write a text as a YAML scalar: plain where that reads back as the same text, else in quotes.

    Examples
    --------
    >>> scalar("Lead Source"), scalar("yes"), scalar("a: b"), scalar("emp.var.rate")
    ('Lead Source', '"yes"', '"a: b"', 'emp.var.rate')
    """
    if re.fullmatch(r"[A-Za-z_][\w ./()&-]*(?<! )", text) and yaml.safe_load(text) == text:
        return text
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted) + '"'


def inline(words: Iterable[str]) -> str:
    """Write words as a YAML list in one line.

    Examples
    --------
    >>> inline(["mql", "Marketing, qualified"])
    '[mql, "Marketing, qualified"]'
    """
    return f"[{', '.join(scalar(w) for w in words)}]"
