"""A guess: what was chosen for the user, what speaks for it, and what else it might have been."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

__all__ = ["Guess", "MissingTable", "Proposal", "percent", "printable"]


@dataclass(frozen=True)
class Guess:
    """One choice made for the user.

    Attributes
    ----------
    what : str
        The config's key, such as `tables.leads.key`.
    choice : str
        What was put there; "" where nothing fits.
    why : str
        What speaks for it, with shares; never a row's value.
    sure : bool
        False where somebody should look: little speaks for it, or others come close.
    others : tuple of str
        What else it might have been, the likeliest first; they stand in the config as comments.
    """

    what: str
    choice: str
    why: str
    sure: bool = True
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Say it in a line.

        Examples
        --------
        >>> print(Guess("tables.leads.key", "id", "unique in 100% of rows", True, ("email",)))
        tables.leads.key: id (unique in 100% of rows; or email)
        >>> print(Guess("tables.events", "", "no file looks like dated acts", False))
        not sure: tables.events: nothing (no file looks like dated acts)
        """
        return printable(f"{'' if self.sure else 'not sure: '}{self.what}: {self.choice or 'nothing'} ({self.reason})")

    @property
    def reason(self) -> str:
        """What speaks for it, and what else it might have been."""
        return "; or ".join([self.why, *([", ".join(self.others)] if self.others else [])])

    @property
    def remark(self) -> str:
        """The comment that stands beside it in the config, marked where somebody should look."""
        return printable(f"# {'' if self.sure else '<— not sure: '}{self.reason}")


def printable(text: str) -> str:
    """Put a space where something doesn't print: a column's name may hold a line's end, which would end a comment.

    Examples
    --------
    >>> printable("a\\nversion: 2")
    'a version: 2'
    """
    return "".join(c if c.isprintable() else " " for c in text)


def percent(share: float) -> str:
    """Say a share; only what is whole is 100%.

    Examples
    --------
    >>> percent(1.0), percent(0.9996), percent(0.42), percent(0.0001), percent(0.0)
    ('100%', '99%', '42%', '0.01%', '0%')
    """
    if 0 < share < 0.01:
        return f"{100 * share:.2g}%"
    return "100%" if share == 1 else f"{min(round(100 * share), 99)}%"


# What a source lacks: said on the terminal, and in the config where one of our tables is left out for it.


@dataclass(frozen=True)
class MissingTable:
    """Something that isn't in the source.

    Attributes
    ----------
    table : str
        Our table that is left out for it; "" where none is.
    told : str
        What isn't there: what that costs; how to get it.
    """

    table: str
    told: str

    @property
    def comment(self) -> tuple[str, ...]:
        """The lines of a comment in the config.

        Examples
        --------
        >>> MissingTable("merges", "x isn't there: y; do z").comment, MissingTable("", "x").comment
        (("merges: left out, as x isn't there: y; do z",), ())
        """
        if not self.table:
            return ()
        return tuple(textwrap.wrap(f"{self.table}: left out, as {self.told}", 110))


# What a preset proposes for a source that it has looked at: a config, the SQL beside it, and how sure each guess is.


@dataclass(frozen=True)
class Proposal:
    """What a preset proposes.

    Attributes
    ----------
    preset, source : str
        Which preset looked at what; the source without secrets.
    config : str
        The text of `leadline.yaml`.
    files : mapping of str to str
        SQL that the config reads, by a name relative to the config's folder; empty where none is needed.
    guesses : tuple of Guess
        What was chosen, and how sure.
    warnings : tuple of str
        What is missing or can't be known from this source, what that costs, and how to get it; a sentence each.
    found : tuple of str
        What is there; a line each.
    """

    preset: str
    source: str
    config: str
    files: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    guesses: tuple[Guess, ...] = ()
    warnings: tuple[str, ...] = ()
    found: tuple[str, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values, the texts of the files left out.

        Examples
        --------
        >>> Proposal("csv", "data", "version: 1", {"sql/leads.sql": "SELECT 1"}).to_record()
        {'preset': 'csv', 'source': 'data', 'found': [], 'files': ['sql/leads.sql'], 'guesses': [], 'warnings': []}
        """
        return {
            "preset": self.preset,
            "source": self.source,
            "found": list(self.found),
            "files": list(self.files),
            "guesses": [{**asdict(g), "others": list(g.others)} for g in self.guesses],
            "warnings": list(self.warnings),
        }
