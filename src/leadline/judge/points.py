"""Current scoring rules, as the config's rules state it: what leadline has to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from leadline.config import Config
from leadline.history.catalog import RULE
from leadline.tables.attributes import slug

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["fires", "points"]


def points(config: Config, values: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Add up the points of every rule that holds; a rule whose attribute isn't a feature counts for nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> from leadline.config import Config
    >>> from leadline.plans import Rule
    >>> asked = Rule.model_validate({"when": {"behaviour": "demo_request", "within": "30d"}, "points": 25})
    >>> points(Config.model_construct(rules=(asked,)), pd.DataFrame({"rule_0": [0.0, 2.0]})).tolist()
    [0.0, 25.0]
    """
    total = np.zeros(len(values))
    for rule, holds in zip(config.rules, fires(config, values).T, strict=True):
        total += rule.points * holds
    return total


def fires(config: Config, values: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Tell which rules hold, row by rule; one whose attribute isn't a feature never does.

    Examples
    --------
    >>> import pandas as pd
    >>> from leadline.config import Config
    >>> from leadline.plans import Rule
    >>> told = [Rule.model_validate({"when": {"attribute": "Country", "equals": c}, "points": 5}) for c in ("NL", "BE")]
    >>> fires(Config.model_construct(rules=told), pd.DataFrame({"lead_country": ["NL", None]})).tolist()
    [[True, False], [False, False]]
    """
    held = np.zeros((len(values), len(config.rules)), dtype=bool)
    for number, rule in enumerate(config.rules):
        when = rule.when
        if when.behaviour is not None:
            holds = values[f"{RULE}{number}"] > 0 if f"{RULE}{number}" in values else None
        else:
            name = slug(str(when.attribute))
            column = next((c for c in (f"lead_{name}", f"account_{name}") if c in values), None)
            holds = _equals(values[column], when.equals) if column else None
        if holds is not None:
            held[:, number] = holds.to_numpy()
    return held


def _equals(column: pd.Series[Any], wanted: object) -> pd.Series[bool]:
    """Compare numbers as numbers, so that 5 is 5.0, and all else as text."""
    if column.dtype.kind != "f":
        return column.astype(str) == str(wanted)
    try:
        return column == (float(wanted) if isinstance(wanted, bool) else float(str(wanted)))
    except ValueError:
        return column.isna() & False
