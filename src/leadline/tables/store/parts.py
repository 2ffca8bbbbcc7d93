"""A statement taken apart: its WITH clause, part by part, for an engine that would compute a part anew at each mention."""

from __future__ import annotations

import re

__all__ = ["needed", "often", "split", "whole"]

Part = tuple[str, str]
"""(name, query)"""

SKIPPED = re.compile(r"'(?:[^'\\]|\\.|'')*'|`(?:[^`]|``)*`|\"(?:[^\"]|\"\")*\"|--[^\n]*|[()]", re.DOTALL)
HEAD = re.compile(r"\s*(\w+) AS \(")
COMMA = re.compile(r"\s*,")


def split(sql: str) -> tuple[list[Part], str]:
    """Take a statement apart into the parts of its WITH clause, in order, and the query that reads them.

    Examples
    --------
    >>> split("WITH a AS (SELECT ')' AS x),\\nb AS (SELECT (1) AS y FROM a)\\nSELECT y FROM b")
    ([('a', "SELECT ')' AS x"), ('b', 'SELECT (1) AS y FROM a')], '\\nSELECT y FROM b')
    >>> split("SELECT 1")
    ([], 'SELECT 1')
    """
    parts: list[Part] = []
    if not sql.startswith("WITH "):
        return parts, sql
    at = len("WITH")
    while True:
        head = HEAD.match(sql, at)
        if head is None:
            raise ValueError(f"the statement's part {len(parts) + 1} isn't `name AS (query)`")
        end = _closing(sql, head.end())
        parts.append((head[1], sql[head.end() : end]))
        comma = COMMA.match(sql, end + 1)
        if comma is None:
            return parts, sql[end + 1 :]
        at = comma.end()


def _closing(sql: str, at: int) -> int:
    """Find the parenthesis that closes the one before `at`."""
    depth = 1
    for token in SKIPPED.finditer(sql, at):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if depth == 0:
            return token.start()
    raise ValueError("the statement ends within a part")


def whole(parts: list[Part], query: str) -> str:
    """Put a statement together again.

    Examples
    --------
    >>> whole([("a", "SELECT 1 AS x")], "SELECT x FROM a")
    'WITH a AS (SELECT 1 AS x)\\nSELECT x FROM a'
    """
    listed = ",\n".join(f"{name} AS ({text})" for name, text in parts)
    return f"WITH {listed}\n{query}" if parts else query


def often(parts: list[Part], query: str) -> set[str]:
    """Name the parts that more than one place reads.

    Examples
    --------
    >>> often([("a", "SELECT 1 AS x"), ("b", "SELECT x FROM a")], "SELECT * FROM b JOIN a ON a.x = b.x")
    {'a'}
    """
    texts = " ".join([*(text for _, text in parts), query])
    return {name for name, _ in parts if len(re.findall(rf"\b(?:FROM|JOIN)\s+{name}\b", texts)) > 1}


def needed(parts: list[Part], query: str) -> list[Part]:
    """Keep the parts that a query reads, itself or through others.

    Examples
    --------
    >>> needed([("a", "SELECT 1 AS x"), ("b", "SELECT x FROM a"), ("c", "SELECT 2 AS x")], "SELECT * FROM b")
    [('a', 'SELECT 1 AS x'), ('b', 'SELECT x FROM a')]
    """
    kept: list[Part] = []
    texts = query
    for name, text in reversed(parts):
        if re.search(rf"\b{name}\b", texts):
            kept.insert(0, (name, text))
            texts += f" {text}"
    return kept
