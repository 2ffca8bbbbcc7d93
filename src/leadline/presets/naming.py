"""The words that guesses go by: how exports name their columns, rungs and behaviours."""

from __future__ import annotations

import re
from collections.abc import Iterable

from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.presets.proposal import Guess

__all__ = ["first_match", "guess_stage", "guess_stages", "matching_names", "snake_name"]


def snake_name(name: str) -> str:
    """Spell a name in lower case with underscores.

    Examples
    --------
    >>> snake_name("Lead Source"), snake_name("createdAt"), snake_name("Prospect ID")
    ('lead_source', 'created_at', 'prospect_id')
    """
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", split.lower()).strip("_")


def first_match(name: str, patterns: Iterable[str]) -> int | None:
    """Return the place of the first pattern that a name fits as a whole; None where it fits none.

    Examples
    --------
    >>> first_match("Created At", [r"created_at", r".*date"]), first_match("Signup Date", [r"created_at", r".*date"]), first_match("x", ["y"])
    (0, 1, None)
    """
    spelt = snake_name(name)
    return next((n for n, pattern in enumerate(patterns) if re.fullmatch(pattern, spelt)), None)


def matching_names(names: Iterable[str], patterns: Iterable[str]) -> list[str]:
    """List the names that fit a pattern, those of the earliest pattern first.

    Examples
    --------
    >>> matching_names(["name", "lead_id", "id"], ["id", ".*_id"])
    ['id', 'lead_id']
    """
    asked = list(patterns)
    found = [(place, n, name) for n, name in enumerate(names) if (place := first_match(name, asked)) is not None]
    return [name for _, _, name in sorted(found)]


# Stage words: which of our rungs a source's word means, by what it says.


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


def guess_stage(word: str) -> str | None:
    """Guess the rung that a stage word means.

    Examples
    --------
    >>> [guess_stage(w) for w in ("Working - Contacted", "Closed - Not Converted", "Open - Not Contacted", "SQL", "Blue")]
    ['mql', 'rejected', 'lead', 'sql', None]
    """
    bare = word.strip().lower()
    return next((rung for rung, pattern in PATTERNS if re.search(pattern, bare)), None)


def guess_stages(
    counts: Iterable[tuple[str, int]], known: Iterable[str] = ()
) -> tuple[dict[str, list[str]], list[Guess]]:
    """Map a source's stage words to rungs, and say how.

    Parameters
    ----------
    counts : iterable of (word, leads)
        The words that enough leads share.
    known : iterable of str
        Words that are mapped already.

    Examples
    --------
    >>> guess_stages([("Nurture", 40), ("Working", 30)])[0]
    {'mql': ['Working']}
    """
    taken = {w.lower() for w in known}
    found: dict[str, list[str]] = {}
    guesses = []
    for word, leads in counts:
        if word.lower() in taken or leads < MIN_GROUP_SIZE or "${" in word or not word.isprintable():
            continue
        taken.add(word.lower())
        rung, told = guess_stage(word), word[:40]
        if rung is None:
            guesses.append(
                Guess("stages", "", f"'{told}' of {leads} leads is in no stage; map it, or it is ignored", False)
            )
        else:
            found.setdefault(rung, []).append(word)
            guesses.append(Guess(f"stages.{rung}", told, f"by what the word says; {leads} leads had it", False))
    return found, guesses
