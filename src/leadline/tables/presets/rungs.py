"""Stage words: which of our rungs a source's word means, by what it says."""

from __future__ import annotations

import re
from collections.abc import Iterable

from leadline.privacy import MIN_GROUP_SIZE
from leadline.tables.presets.guess import Guess

__all__ = ["guessed", "rung_of_word"]


PATTERNS = (
    ("rejected", r"not.?converted|un.?qualif|dis.?qualif|not.?qualif|reject|junk|dead|bad.?fit|bad.?data|spam|recycl"),
    ("lost", r"lost"),
    ("won", r"won$|^customer|evangelist"),
    ("lead", r"not.?contacted|^new|^open|^lead|subscriber|unassigned|untouched"),
    ("mql", r"mql|marketing.?(qualified|accepted)|working|contacted|engaged|connected|in.?progress|attempt"),
    ("sql", r"sql|sales.?(qualified|accepted)|^qualified|converted|meeting.?(set|booked)"),
    ("opportunity", r"opportunity|deal"),
)
"""Of these the first that fits."""


def rung_of_word(word: str) -> str | None:
    """Guess the rung that a stage word means.

    Examples
    --------
    >>> [rung_of_word(w) for w in ("Working - Contacted", "Closed - Not Converted", "Open - Not Contacted", "SQL", "Blue")]
    ['mql', 'rejected', 'lead', 'sql', None]
    """
    bare = word.strip().lower()
    return next((rung for rung, pattern in PATTERNS if re.search(pattern, bare)), None)


def guessed(counts: Iterable[tuple[str, int]], known: Iterable[str] = ()) -> tuple[dict[str, list[str]], list[Guess]]:
    """Map a source's stage words to rungs, and say how.

    Parameters
    ----------
    counts : iterable of (word, leads)
        The words that enough leads share.
    known : iterable of str
        Words that are mapped already.

    Examples
    --------
    >>> guessed([("Nurture", 40), ("Working", 30)])[0]
    {'mql': ['Working']}
    """
    taken = {w.lower() for w in known}
    found: dict[str, list[str]] = {}
    guesses = []
    for word, leads in counts:
        if word.lower() in taken or leads < MIN_GROUP_SIZE or "${" in word or not word.isprintable():
            continue
        taken.add(word.lower())
        rung, told = rung_of_word(word), word[:40]
        if rung is None:
            guesses.append(
                Guess("stages", "", f"'{told}' of {leads} leads is in no stage; map it, or it is ignored", False)
            )
        else:
            found.setdefault(rung, []).append(word)
            guesses.append(Guess(f"stages.{rung}", told, f"by what the word says; {leads} leads had it", False))
    return found, guesses
