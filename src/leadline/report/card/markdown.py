"""Markdown: tables and paragraphs, in which whatever text a record holds stays text."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["code", "paragraph", "table", "text"]

SPECIAL = re.compile(r"([\\`*_\[\]|~#$]|:(?=//))")


def text(value: object) -> str:
    """Write a value so that it is read as these letters: one line, no markup, no link, no HTML.

    Examples
    --------
    >>> print(text("a|b <script>\\n# *x* `y` [z](http://e.example)"))
    a\\|b &lt;script&gt; \\# \\*x\\* \\`y\\` \\[z\\](http\\://e.example)
    """
    line = "".join(letter for letter in " ".join(str(value).split()) if letter.isprintable())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return SPECIAL.sub(r"\\\1", line).replace("www.", "www\\.")


def code(command: str) -> str:
    """Write a command as code, on one line.

    Examples
    --------
    >>> code("leadline train\\n`CONFIG`")
    '`leadline train CONFIG`'
    """
    line = "".join(letter for letter in " ".join(command.split()) if letter.isprintable())
    return f"`{line.replace('`', '')}`"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], ways: str = "") -> str:
    """Write a table; its heads are ours, its cells are made text here.

    Parameters
    ----------
    ways : str, optional
        For each column, whether it stands to the left (``<``) or to the right (``>``); by default all but the first do.

    Examples
    --------
    >>> print(table(["who", "n"], [["a|b", "1"]]))
    | who | n |
    | :-- | --: |
    | a\\|b | 1 |
    """
    marks = [":--" if way == "<" else "--:" for way in ways or "<".ljust(len(head), ">")]
    lines = [list(head), marks, *([text(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def paragraph(*sentences: str) -> str:
    """Join sentences that are already text; empty ones are left out.

    Examples
    --------
    >>> paragraph("One.", "", "Two.")
    'One. Two.'
    """
    return " ".join(sentence for sentence in sentences if sentence)
