"""Leaks in who is there: the same people under two ids (LL307), and cohorts from which the others vanished (LL308)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from leadline.config.schema import Config
from leadline.core.checks import Check, Finding, Severity
from leadline.core.point_in_time import DAY
from leadline.dataset.labels import known_until
from leadline.tables import LoadedTables
from leadline.tables.stages import stage_index

__all__ = ["OF_SAMPLES", "steepest_rate_change"]

Context = tuple[Config, LoadedTables]
Cohort = tuple[int, int, int]
"""When its leads came in, how many they are, and how many of them reached the outcome in time."""

ACTS = 20  # first acts of a lead that are compared
ALIKE = 3  # acts at the same distance from the first, which at most as many leads share by chance
PAIRS, SHARE = 10, 0.01  # from so many pairs, and such a share of leads, duplicates are refused
FEWEST_LEADS, FEWEST_POSITIVES = 20, 10
STEEP, TOO_STEEP = 4.0, 8.0  # times that the odds of the outcome may be higher in old cohorts
SURE = 5.0  # standard errors
SPAN = 28 * DAY


def duplicate_people(context: Context) -> Iterator[Finding]:
    """Tell leads that did the same things at the same distances in time, under two ids.

    Looked at are acts by their time after the lead's first one. An act that two or three leads share to the microsecond
    is rare; a pair that shares three of them, and half of all it did, is one person. Records that merges tell of are
    known to be one, and aren't looked at.
    """
    config, loaded = context
    pairs, apart = loaded.store.rows(_pairs_sql(config.horizon.micros))[0]
    pairs, apart = int(pairs), int(apart or 0)
    if not pairs:
        return
    leads = loaded.rows["leads"]
    many = pairs >= PAIRS and pairs >= SHARE * leads
    yield Finding(
        "LL307", Severity.ERROR if many else Severity.WARNING, "leads",
        f"{pairs:,} pairs of {leads:,} leads did the same things at the same distances in time; of {apart:,} the two came in more than a horizon apart",
        "each person once", "merge them under tables.merges, or leave the later ids out of the export", pairs,
    )  # fmt: skip


def _pairs_sql(horizon: int) -> str:
    return (
        "WITH first_act AS (SELECT lead_id, MIN(occurred_at) AS first_at FROM events "
        "WHERE lead_id NOT IN (SELECT lead_id FROM merged) GROUP BY lead_id), "
        "acts AS (SELECT DISTINCT e.lead_id, e.behaviour, e.occurred_at - f.first_at AS after FROM events AS e "
        "JOIN first_act AS f ON f.lead_id = e.lead_id WHERE e.occurred_at > f.first_at AND e.lead_id IS NOT NULL), "
        "early AS (SELECT lead_id, behaviour, after FROM (SELECT lead_id, behaviour, after, ROW_NUMBER() OVER "
        f"(PARTITION BY lead_id ORDER BY after, behaviour) AS nth FROM acts) AS a WHERE nth <= {ACTS}), "
        "sizes AS (SELECT lead_id, COUNT(*) AS size FROM early GROUP BY lead_id), "
        "rare AS (SELECT MIN(lead_id) AS one, MAX(lead_id) AS two FROM early GROUP BY behaviour, after "
        f"HAVING COUNT(*) BETWEEN 2 AND {ALIKE}), "
        f"pairs AS (SELECT one, two, COUNT(*) AS shared FROM rare GROUP BY one, two HAVING COUNT(*) >= {ALIKE}) "
        "SELECT COUNT(*), SUM(CASE WHEN ABS(a.first_at - b.first_at) > "
        f"{horizon} THEN 1 ELSE 0 END) FROM pairs AS p JOIN sizes AS s ON s.lead_id = p.one JOIN sizes AS t ON t.lead_id = p.two "
        "JOIN first_act AS a ON a.lead_id = p.one JOIN first_act AS b ON b.lead_id = p.two "
        "WHERE 2 * p.shared >= CASE WHEN s.size < t.size THEN s.size ELSE t.size END"
    )


def vanished_cohorts(context: Context) -> Iterator[Finding]:
    """Tell old cohorts that are mostly winners, as if those who came to nothing had been deleted.

    Cohorts are compared at the same age: by the share that reached the outcome within one horizon of coming in.
    """
    config, loaded = context
    cut = steepest_rate_change(_cohorts(config, loaded))
    if cut is None:
        return
    times, old, new, leads = cut
    yield Finding(
        "LL308", Severity.ERROR if times >= TOO_STEEP else Severity.WARNING, "leads",
        f"of the {leads:,} oldest leads {old:.1%} reached the outcome within {config.horizon} of coming in, of the newer ones {new:.1%}: the odds are {times:.0f} times as high",
        f"odds within {STEEP:.0f} times of each other", "export leads that came to nothing too, deleted and archived ones included; or set outcome.observed_from after the gap", leads,
    )  # fmt: skip


def _cohorts(config: Config, loaded: LoadedTables) -> list[Cohort]:
    """Count leads old enough to have ripened, by four weeks of coming in."""
    ripe = known_until(loaded) - config.horizon.micros - config.outcome.delay.micros
    since = f"AND l.created_at >= {config.outcome.observed_from}" if config.outcome.observed_from is not None else ""
    rows = loaded.store.rows(
        "WITH first_outcome_at AS (SELECT lead_id, MIN(reached_at) AS reached_at FROM reached "
        f"WHERE rung >= {stage_index(str(config.outcome.reaches))} GROUP BY lead_id), "
        f"aged AS (SELECT CAST(FLOOR(l.created_at / {SPAN}.0) AS BIGINT) AS cohort, "
        f"CASE WHEN o.reached_at >= l.created_at AND o.reached_at < l.created_at + {config.horizon.micros} THEN 1 ELSE 0 END AS hit "
        "FROM leads AS l LEFT JOIN first_outcome_at AS o ON o.lead_id = l.lead_id "
        f"WHERE l.created_at < {ripe} {since} AND (o.reached_at IS NULL OR o.reached_at >= l.created_at)) "
        "SELECT cohort, COUNT(*), SUM(hit) FROM aged GROUP BY cohort ORDER BY cohort"
    )
    return [(int(cohort), int(leads), int(hits)) for cohort, leads, hits in rows]


def steepest_rate_change(cohorts: Sequence[Cohort]) -> tuple[float, float, float, int] | None:
    """Find where older cohorts part most surely from newer ones; None where none are steep.

    Returns
    -------
    tuple
        How many times the odds are higher in the older ones, both shares, and how many leads are older.

    Examples
    --------
    >>> steepest_rate_change([(n, 100, 10) for n in range(6)]) is None
    True
    >>> [round(x, 2) for x in steepest_rate_change([(0, 40, 30), (1, 30, 20), (2, 100, 5), (3, 100, 6)])]
    [40.59, 0.71, 0.06, 70]
    """
    counts = np.array([(leads, hits) for _, leads, hits in sorted(cohorts)], dtype=np.float64).reshape(-1, 2)
    upto = np.cumsum(counts, axis=0)
    best: tuple[float, float, float, int] | None = None
    surest = SURE
    for older in upto[:-1]:
        newer = upto[-1] - older
        if min(older[0], newer[0]) < FEWEST_LEADS or older[1] < FEWEST_POSITIVES:
            continue
        # Haldane's half keeps the odds finite where a side has none.
        a, b, c, d = older[1] + 0.5, older[0] - older[1] + 0.5, newer[1] + 0.5, newer[0] - newer[1] + 0.5
        times, error = (a / b) / (c / d), float(np.sqrt(1 / a + 1 / b + 1 / c + 1 / d))
        if times >= STEEP and np.log(times) / error >= surest:
            surest = float(np.log(times) / error)
            best = float(times), float(older[1] / older[0]), float(newer[1] / newer[0]), int(older[0])
    return best


def _no_dates(context: Context) -> str:
    return "a flat file has no dates of leads" if context[0].is_flat else ""


def _no_acts(context: Context) -> str:
    return "" if "events" in context[1].rows else "there are no events that could be the same"


OF_SAMPLES: tuple[Check[Context], ...] = (
    Check(
        "LL307", "the same people twice", Severity.ERROR, duplicate_people,
        "a copy in training gives away its twin in the test, which no new lead has", _no_acts,
    ),
    Check(
        "LL308", "cohorts that vanish", Severity.ERROR, vanished_cohorts,
        "where those who came to nothing were deleted, age alone tells winners, and tonight's leads aren't like the test's", _no_dates,
    ),
)  # fmt: skip
