"""How a scorer is fitted: what is set in a recipe isn't chosen."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from leadline.errors import ConfigError

__all__ = ["Recipe"]


@dataclass(frozen=True)
class Recipe:
    """How a scorer is fitted; what is None is chosen on the folds older than the newest.

    Attributes
    ----------
    anchored : bool or None
        Whether boosting starts from the regression's margin; None chooses, and may mix in plain boosting.
    plain_rounds : int or None
        Trees of plain boosting, whose margin is averaged with the anchored one's; 0 for none. Where `anchored` is given,
        None is 0.
    moving : tuple of str, or None
        Features that no tree splits by, since later rows lie beyond what was seen of them; None looks for them.
    learning_rate, max_depth, num_leaves, l2, feature_fraction : float, int, int, float, float
        As LightGBM's; leaves are fewer when positives are few.
    min_leaf : int or None
        The least rows in a leaf; None follows the number of rows.
    min_hessian : float
        The least Σ w·p·(1 − p) in a leaf: about so many conversions are to be expected in it.
    rounds : int or None
        The number of trees; None takes the least log loss, up to `max_rounds`.
    c : float or None
        The regression's inverse penalty; None takes of `c_grid` what is best on the older folds, beside plain boosting
        where that is mixed in; the weakest where features move.

    Examples
    --------
    >>> Recipe.from_record(Recipe(anchored=True, rounds=50).to_record()) == Recipe(anchored=True, rounds=50)
    True
    >>> Recipe(max_depth=9)
    Traceback (most recent call last):
    ...
    leadline.errors.ConfigError: recipe.max_depth: 9; expected 1 to 6; shallow trees score better and explain faster
    """

    anchored: bool | None = None
    plain_rounds: int | None = None
    moving: tuple[str, ...] | None = None
    learning_rate: float = 0.05
    max_depth: int = 6
    num_leaves: int = 31
    min_leaf: int | None = None
    min_hessian: float = 4.0
    l2: float = 30.0
    feature_fraction: float = 0.8
    rounds: int | None = None
    max_rounds: int = 400
    c: float | None = None
    c_grid: tuple[float, ...] = (0.001, 0.01, 0.1)

    def __post_init__(self) -> None:
        if not 1 <= self.max_depth <= 6:
            raise ConfigError(
                f"recipe.max_depth: {self.max_depth}; expected 1 to 6; shallow trees score better and explain faster"
            )
        above = ("learning_rate", "min_hessian", "feature_fraction", "max_rounds", "c")
        wrong = [name for name in above if getattr(self, name) is not None and not getattr(self, name) > 0]
        if wrong or not self.c_grid or min(self.rounds or 0, self.plain_rounds or 0) < 0:
            raise ConfigError(
                f"recipe: {', '.join(wrong) or 'rounds or c_grid'} out of range; expected above 0; mend it"
            )

    @property
    def share(self) -> float:
        """How much of the regression's margin is in the model's: all, half, or none."""
        return (0.5 if self.plain_rounds else 1.0) if self.anchored else 0.0

    def to_record(self) -> dict[str, Any]:
        """Return the recipe as plain JSON values."""
        return {**asdict(self), "c_grid": [*self.c_grid], "moving": None if self.moving is None else [*self.moving]}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Recipe:
        """Read what `to_record` wrote."""
        moving = record["moving"]
        return cls(**{**record, "c_grid": tuple(record["c_grid"]), "moving": None if moving is None else tuple(moving)})
