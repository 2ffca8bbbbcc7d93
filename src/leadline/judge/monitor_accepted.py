"""What sales made of the leads that it saw: accepted, rejected and why, or nothing yet; by tier and by source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.judge.monitor import Past
from leadline.privacy import MIN_GROUP_SIZE

__all__ = ["accepted"]


OTHER = "other"


def accepted(
    past: Past, word: npt.NDArray[np.object_], reason: npt.NDArray[np.object_], words: Sequence[str]
) -> dict[str, Any]:
    """Count what became of leads within the horizon, each once for a tier: from the first night that it stood there.

    Parameters
    ----------
    word, reason : object arrays
        Of each row: the stage word with which it was rejected first after the night, within the horizon, and the reason that
        stands beside; None where it wasn't.
    words : sequence of str
        The config's words for rejected: where there are several, they tell kinds of rejection apart.

    Returns
    -------
    dict
        `tiers` and `sources`, lists of counts by level; `words`, counts of rejections by the config's words ({} where there is
        one word only); and `reasons`, counts by reason, those that few leads share together.
    """
    first = _first(past)
    mine, word, reason = past.take(first), word[first], reason[first]
    lost = np.array([value is not None for value in word], dtype=bool) & (mine.y == 0)
    each = Counter(str(value) for value in word[lost])
    shared = _shared(mine.lead[lost], reason[lost])
    return {
        "tiers": _by(mine.tier, mine.y, lost),
        "sources": _by(_few(mine.source, mine.lead), mine.y, lost),
        "words": dict(sorted(each.items())) if len(words) > 1 else {},
        "reasons": shared,
    }


def _first(past: Past) -> npt.NDArray[np.int64]:
    """Return the row of each lead's first night in each tier."""
    order = np.lexsort((past.as_of, past.tier.astype(str), past.lead.astype(str)))
    keys = np.char.add(np.char.add(past.lead[order].astype(str), "\x1f"), past.tier[order].astype(str))
    _, place = np.unique(keys, return_index=True)
    return np.asarray(np.sort(order[place]), dtype=np.int64)


def _by(
    level: npt.NDArray[np.object_], y: npt.NDArray[np.float64], lost: npt.NDArray[np.bool_]
) -> list[dict[str, Any]]:
    names = sorted({str(value) for value in level if value is not None})
    told = []
    for name in names:
        mine = level == name
        count, good, bad = int(mine.sum()), int(y[mine].sum()), int(lost[mine].sum())
        told.append({"level": name, "leads": count, "accepted": good, "rejected": bad, "neither": count - good - bad})
    return told


def _few(level: npt.NDArray[np.object_], lead: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Put levels that few leads share together."""
    sizes = Counter(value for value, _ in {(value, who) for value, who in zip(level, lead, strict=True)})
    return np.array([v if v is None or sizes[v] >= MIN_GROUP_SIZE else "(other)" for v in level], dtype=object)


def _shared(lead: npt.NDArray[np.object_], reason: npt.NDArray[np.object_]) -> dict[str, int]:
    """Count leads by reason; those that few share are together, and those without are left out.

    Examples
    --------
    >>> lead = np.array([f"L{n}" for n in range(22)], dtype=object)
    >>> _shared(lead, np.array(["no budget"] * 20 + ["Ann left", None], dtype=object))
    {'no budget': 20, 'other': 1}
    """
    pairs = {
        (str(who), str(why).strip())
        for who, why in zip(lead, reason, strict=True)
        if why is not None and str(why).strip()
    }
    sizes = Counter(why for _, why in pairs)
    told = Counter({why: n for why, n in sizes.items() if n >= MIN_GROUP_SIZE})
    rest = sum(n for n in sizes.values() if n < MIN_GROUP_SIZE)
    return {**dict(told.most_common()), **({OTHER: rest} if rest else {})}
