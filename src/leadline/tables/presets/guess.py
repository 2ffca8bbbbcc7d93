"""A guess: what was chosen for the user, what speaks for it, and what else it might have been."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Guess", "percent", "plain"]


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
        return plain(f"{'' if self.sure else 'not sure: '}{self.what}: {self.choice or 'nothing'} ({self.reason})")

    @property
    def reason(self) -> str:
        """What speaks for it, and what else it might have been."""
        return "; or ".join([self.why, *([", ".join(self.others)] if self.others else [])])

    @property
    def remark(self) -> str:
        """The comment that stands beside it in the config, marked where somebody should look."""
        return plain(f"# {'' if self.sure else '<— not sure: '}{self.reason}")


def plain(text: str) -> str:
    """Put a space where something doesn't print: a column's name may hold a line's end, which would end a comment.

    Examples
    --------
    >>> plain("a\\nversion: 2")
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
