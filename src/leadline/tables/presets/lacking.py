"""What a source lacks: said on the terminal, and in the config where one of our tables is left out for it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

__all__ = ["Lack"]


@dataclass(frozen=True)
class Lack:
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
        >>> Lack("merges", "x isn't there: y; do z").comment, Lack("", "x").comment
        (("merges: left out, as x isn't there: y; do z",), ())
        """
        if not self.table:
            return ()
        return tuple(textwrap.wrap(f"{self.table}: left out, as {self.told}", 110))
