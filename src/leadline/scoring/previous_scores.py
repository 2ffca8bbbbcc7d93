"""The night before: what the newest finished night before tonight said of each lead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from leadline.scoring.contributions import LeadContributions

__all__ = ["PreviousScores"]


@dataclass(frozen=True)
class PreviousScores:
    """The newest finished night before tonight, of the same model's name.

    Attributes
    ----------
    as_of : int or None
        When it was; None where there is none.
    probability : mapping of str to float
        What each lead had.
    tier, override : mapping of str to str
        The tier that the model gave each lead, and the one that somebody had set by hand.
    version : str or None
        Which version of the model scored it, where that is known.
    contributions : LeadContributions or None
        What each group of features added to each lead's log odds, where the place keeps it.
    accounts : mapping of str to float
        What each account's chance was.

    Examples
    --------
    >>> len(PreviousScores()), len(PreviousScores(5, {"L1": 0.5}, {"L1": "A"}))
    (0, 1)
    """

    as_of: int | None = None
    probability: Mapping[str, float] = field(default_factory=dict)
    tier: Mapping[str, str] = field(default_factory=dict)
    override: Mapping[str, str] = field(default_factory=dict)
    version: str | None = None
    contributions: LeadContributions | None = field(default=None, compare=False, repr=False)
    accounts: Mapping[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.probability)

    def worked_as(self, lead: str) -> str | None:
        """Return the tier that sales saw: the one set by hand, else the model's; None for a lead that wasn't there.

        Examples
        --------
        >>> before = PreviousScores(5, {"L1": 0.5}, {"L1": "A"}, {"L1": "C"})
        >>> before.worked_as("L1"), before.worked_as("L2")
        ('C', None)
        """
        return self.override.get(lead) or self.tier.get(lead)

    def __repr__(self) -> str:
        return f"PreviousScores({len(self)} leads)"
