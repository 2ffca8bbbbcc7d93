"""What sales did, as the CRM logs it: the first touch of most MQLs after hours to days, some more, and of some none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leadline.tables.demo import clock
from leadline.tables.demo.catalogue import SOURCES
from leadline.tables.demo.clock import DAY, END_US, HOUR, Ints
from leadline.tables.demo.funnel import STAGES, Stages
from leadline.tables.demo.leads import Leads

KINDS = ("call", "mail", "meeting")
USUAL = 9 * HOUR  # the median until the first touch
SPREAD = 1.2  # of its logarithm
SLOW = {"trade_fair": 5.0, "content_syndication": 2.0}
"""Sources whose leads wait longer: a fair's list is typed in when the stand is back home."""

NEVER = 0.07
EARLY = 0.04
LATE = 0.05
MOST_MORE = 4


@dataclass(frozen=True)
class Touches:
    """Sales' acts, one array each, ordered by touched_at; ``kind`` is a number of the words above."""

    lead: Ints
    kind: Ints
    touched_at: Ints
    recorded_at: Ints


def touches(rng: np.random.Generator, leads: Leads, stages: Stages) -> Touches:
    """Touch most MQLs, and those touched a few times more until sales rejects them.

    Parameters
    ----------
    rng
        The generator to draw from; no other part of the world draws from it.
    leads, stages
        Who came in, and the stage log.

    Returns
    -------
    Touches
        All before the end of the world; a late one is recorded by then at the latest.
    """
    mql = stages.stage == STAGES.index("mql")
    lead, handed = stages.lead[mql], stages.changed_at[mql]
    rejected = np.full(len(leads), END_US)
    dropped = stages.stage == STAGES.index("disqualified")
    rejected[stages.lead[dropped]] = stages.changed_at[dropped]
    slow = np.array([SLOW.get(source.name, 1.0) for source in SOURCES])[leads.source[lead]]
    wait = (USUAL * slow * np.exp(rng.normal(0.0, SPREAD, lead.size))).astype(np.int64)
    luck = rng.random((2, lead.size))
    wait = np.where(luck[0] < EARLY, -(luck[0] / EARLY * 5 * DAY).astype(np.int64), wait)
    first = np.where(luck[1] < NEVER, END_US, np.maximum(handed + wait, leads.created_at[lead]))
    later = first[:, None] + np.cumsum(rng.exponential(4.0 * DAY, (lead.size, MOST_MORE)), axis=1).astype(np.int64)
    more = np.arange(MOST_MORE) < rng.integers(0, MOST_MORE + 1, lead.size)[:, None]
    at = np.concatenate([first[:, None], np.where(more, later, END_US)], axis=1)
    alive = at < np.minimum(rejected[lead], END_US)[:, None]
    who, when = np.broadcast_to(lead[:, None], at.shape)[alive], at[alive]
    order = np.lexsort((who, when))
    recorded = np.minimum(when[order] + clock.delays(rng, order.size, LATE), END_US - 1)
    return Touches(who[order], rng.choice(len(KINDS), order.size, p=[0.5, 0.4, 0.1]), when[order], recorded)
