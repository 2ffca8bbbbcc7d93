"""The next best action: of single acts that were tried on the scorer, which would bring a lead into a better tier.

It says what the model would have said, had the lead's log held one act more. That is association: whoever is asked to do
so isn't, for that, like those who did so of themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["NextBestAction", "TriedAction", "find_next_action", "tier_thresholds"]


@dataclass(frozen=True)
class TriedAction:
    """One act that was tried.

    Attributes
    ----------
    who : str or None
        A colleague's role; None for the lead itself.
    words : str
        What is done.
    probability : float
        What the scorer says then.
    tier : str or None
        The better tier that this is enough for, None where it isn't.
    """

    who: str | None
    words: str
    probability: float
    tier: str | None = None

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"who": self.who, "words": self.words, "probability": self.probability, "tier": self.tier}


@dataclass(frozen=True)
class NextBestAction:
    """What single acts would do.

    Attributes
    ----------
    tier, bar : str and float, or None
        The next better tier, and the least probability in it; None for a lead in the best one.
    act : Act or None
        The commonest act that would be enough for a better tier; None where none is.
    acts : tuple of Act
        All that were tried, the one that raises the score most first.
    """

    tier: str | None
    bar: float | None
    act: TriedAction | None
    acts: tuple[TriedAction, ...]

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "tier": self.tier, "bar": self.bar, "act": self.act.to_record() if self.act else None,
            "acts": [act.to_record() for act in self.acts],
        }  # fmt: skip


def tier_thresholds(
    names: Sequence[str], cuts: Sequence[float], tonight: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Return the least probability of each tier but the last: tonight's, where the night is known, or the trained cut.

    Examples
    --------
    >>> tier_thresholds(["A", "B", "C"], [0.5, 0.2]), tier_thresholds(["A", "B", "C"], [0.5, 0.2], {"A": 0.4, "C": 0.01})
    ({'A': 0.5, 'B': 0.2}, {'A': 0.4, 'B': 0.2})
    """
    trained = dict(zip(names, cuts, strict=False))
    return {name: (tonight or {}).get(name, cut) for name, cut in trained.items()}


def find_next_action(
    tier: str, lines: Mapping[str, float], tried: Sequence[tuple[str | None, str, float]]
) -> NextBestAction:
    """Tell which single act would be enough for a better tier.

    Parameters
    ----------
    tier : str
        The lead's tier.
    lines : mapping of str to float
        The least probability of each tier but the last, the best tier first.
    tried : sequence of (who, words, probability)
        The acts, the commonest first.

    Examples
    --------
    >>> told = find_next_action("C", {"A": 0.5, "B": 0.2}, [(None, "opened an e-mail", 0.1), (None, "asked for a demo", 0.3)])
    >>> told.tier, told.bar, told.act.words, told.act.tier
    ('B', 0.2, 'asked for a demo', 'B')
    >>> find_next_action("A", {"A": 0.5, "B": 0.2}, []).tier is None
    True
    """
    names = list(lines)
    better = names[: names.index(tier)] if tier in lines else names

    def reached(p: float) -> str | None:
        return next((name for name in better if p >= lines[name]), None)

    acts = tuple(TriedAction(who, words, p, reached(p)) for who, words, p in tried)
    first = next((act for act in acts if act.tier is not None), None)
    ranked = tuple(sorted(acts, key=lambda act: -act.probability))
    return NextBestAction(better[-1] if better else None, lines[better[-1]] if better else None, first, ranked)
