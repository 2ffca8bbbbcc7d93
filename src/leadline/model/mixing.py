"""Trees of several boosted models as one LightGBM text, each model's margin taken with its share.

The margin of a mean of models is a mean of margins, and trees add up: one text with every leaf scaled holds them all,
so that what reads it (prediction, contributions) needs to know nothing of the mixing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from leadline.model.train import END

__all__ = ["mixed"]

SCALED = ("leaf_value", "internal_value")


def mixed(parts: Sequence[tuple[float, str]]) -> str:
    """Return one text whose margin is ``Σ share · margin`` of the parts; shares that are powers of two keep every bit.

    Parameters
    ----------
    parts : sequence of (share, text)
        Models of the same columns, as `boost` returns them.

    Examples
    --------
    >>> import numpy as np
    >>> from leadline.model.train import Recipe, boost, tree_margin
    >>> x = np.arange(200.0)[:, None]
    >>> one, two = (boost(x, (x[:, 0] > cut) * 1.0, np.ones(200), 7, 3, Recipe(min_hessian=1.0)) for cut in (60, 140))
    >>> both = tree_margin(mixed([(0.5, one), (0.5, two)]), x)
    >>> bool(np.allclose(both, (tree_margin(one, x) + tree_margin(two, x)) / 2, rtol=0, atol=1e-15))
    True
    """
    head = parts[0][1].split("Tree=", 1)[0].removesuffix(END)
    trees: list[str] = []
    for share, text in parts:
        for block in re.split(r"(?m)^(?=Tree=)", text.removesuffix(END))[1:]:
            trees.append(_scaled(re.sub(r"^Tree=\d+", f"Tree={len(trees)}", block), share))
    sizes = " ".join(str(len(tree.encode())) for tree in trees)
    return re.sub(r"(?m)^tree_sizes=.*$", f"tree_sizes={sizes}", head) + "".join(trees) + END


def _scaled(block: str, share: float) -> str:
    """Scale a tree's values; numbers are written so that reading gives the same bits."""
    lines = []
    for line in block.split("\n"):
        name, _, values = line.partition("=")
        if name in SCALED and share != 1.0:
            line = f"{name}={' '.join(repr(share * float(value)) for value in values.split())}"
        lines.append(line)
    return "\n".join(lines)
