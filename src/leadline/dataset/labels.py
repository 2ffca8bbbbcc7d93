"""Labels: what became of each snapshot within the horizon, as far as it was known at T. Unripe is not negative.

After `attach_labels`, the table ``snapshots`` has only labelled rows, with ``outcome_at``, ``outcome_recorded_at``,
``won_at``, ``label`` (1 or 0) and ``weight``; the others were counted and left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadline.config.schema import Config
from leadline.core.point_in_time import has_label, label_known_at, reached_within, state_sql, within_sql
from leadline.tables import LoadedTables
from leadline.tables.stages import stage_index

__all__ = ["LabelCounts", "Labels", "attach_labels", "fetch_labels", "label_dated"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
STATES = ("positive", "negative", "censored", "late", "before")
BITS = 2**28  # the sample's resolution: seven hexadecimal digits of a hash
MIN_INSTANT = -(2**60)


@dataclass(frozen=True)
class LabelCounts:
    """How many snapshots there were of each kind, and how many negatives stayed after thinning.

    Attributes
    ----------
    positive, negative, censored : int
        By their label; censored ones aren't ripe yet.
    late : int
        The outcome had happened before as_of but was recorded later: left out of training and judging.
    before : int
        Before the outcome began to be observed.
    kept_negative : int
        Negatives that train; fewer than `negative` where there were more than `snapshots.max`.
    positive_leads : int
        Distinct leads among the positives.
    """

    positive: int = 0
    negative: int = 0
    censored: int = 0
    late: int = 0
    before: int = 0
    kept_negative: int = 0
    positive_leads: int = 0

    @property
    def thinned(self) -> bool:
        """Whether negatives were sampled."""
        return self.kept_negative < self.negative


@dataclass(frozen=True)
class Labels:
    """Labels of the snapshots, sorted by (as_of, lead_id).

    Attributes
    ----------
    y, weight : float64 arrays
        1 or 0; and how many snapshots a row stands for.
    known_at : int64 array
        When the label was known: as_of + horizon + delay, or later where the outcome was recorded later than that.
    outcome_at, outcome_recorded_at : float64 arrays
        In microseconds, NaN for never.
    won : float64 array
        1 or 0 for closed-won within `outcome.won_within`; NaN where that isn't ripe or not known.
    amount : float64 array or None
        What the deals that closed as won within `outcome.won_within` brought, in cents, all deals of the lead added up;
        0 where there are none, NaN where that isn't ripe. None where the config gives no amounts of leads' deals.
    created_at : float64 array or None
        When the lead was created, in microseconds; None for a flat file.
    """

    y: Floats
    weight: Floats
    known_at: Ints
    outcome_at: Floats
    outcome_recorded_at: Floats
    won: Floats
    amount: Floats | None = None
    created_at: Floats | None = None


def attach_labels(config: Config, loaded: LoadedTables) -> LabelCounts:
    """Label the snapshots, leave out what has no label, and thin the negatives beyond `snapshots.max`."""
    store, double = loaded.store, loaded.store.dialect.double
    if config.is_flat:
        store.run(
            "CREATE OR REPLACE TABLE labelled AS SELECT s.*, CAST(NULL AS BIGINT) AS outcome_at, CAST(NULL AS BIGINT) AS outcome_recorded_at, "
            "CAST(NULL AS BIGINT) AS won_at, CASE WHEN l.outcome IS NULL THEN 'censored' WHEN l.outcome = 1 THEN 'positive' ELSE 'negative' END AS state "
            "FROM snapshots AS s JOIN leads AS l ON l.lead_id = s.lead_id"
        )
    else:
        label_dated(config, loaded)
    found = {
        state: (int(n), int(leads))
        for state, n, leads in store.rows(
            "SELECT state, COUNT(*), COUNT(DISTINCT lead_id) FROM labelled GROUP BY state"
        )
    }
    counts = {state: found.get(state, (0, 0))[0] for state in STATES}
    room = max(config.snapshots.max - counts["positive"], counts["positive"])
    kept, keep = counts["negative"], "TRUE"
    if counts["positive"] + counts["negative"] > config.snapshots.max and room < counts["negative"]:
        # A hash of the key, not a draw: the same snapshots stay whatever the rows' order, engine or threads.
        share = int(BITS * room / counts["negative"])
        keep = f"SUBSTR(MD5(CAST(as_of AS {store.dialect.text}) || ':' || lead_id || ':{config.seed}'), 1, 7) < '{share:07x}'"
        kept = int(store.rows(f"SELECT COUNT(*) FROM labelled WHERE state = 'negative' AND {keep}")[0][0])
    weight = counts["negative"] / kept if kept else 1.0
    store.run(
        "CREATE OR REPLACE TABLE snapshots AS SELECT lead_id, account_id, as_of, outcome_at, outcome_recorded_at, won_at, "
        f"CAST(CASE WHEN state = 'positive' THEN 1 ELSE 0 END AS {double}) AS label, "
        f"CASE WHEN state = 'positive' THEN CAST(1 AS {double}) ELSE CAST({weight!r} AS {double}) END AS weight "
        f"FROM labelled WHERE state = 'positive' OR (state = 'negative' AND {keep})"
    )
    return LabelCounts(**counts, kept_negative=kept, positive_leads=found.get("positive", (0, 0))[1])


def label_dated(config: Config, loaded: LoadedTables) -> None:
    """Make the table ``labelled``: the rows of ``snapshots`` with their outcomes and states."""
    store, outcome = loaded.store, config.outcome
    for name, stage in (("first_outcome", str(outcome.reaches)), ("first_won", "won")):
        store.run(
            f"CREATE OR REPLACE TABLE {name} AS SELECT lead_id, reached_at, recorded_at FROM (SELECT lead_id, reached_at, recorded_at, "
            f"ROW_NUMBER() OVER (PARTITION BY lead_id ORDER BY reached_at, recorded_at) AS nth FROM reached WHERE rung >= {stage_index(stage)}) AS r WHERE nth = 1"
        )
    state = state_sql(
        "s.as_of", "o.reached_at", config.horizon, outcome.delay, known_until(loaded),
        outcome.observed_from if outcome.observed_from is not None else MIN_INSTANT,
    )  # fmt: skip
    store.run(
        f"CREATE OR REPLACE TABLE labelled AS SELECT s.*, o.reached_at AS outcome_at, o.recorded_at AS outcome_recorded_at, w.reached_at AS won_at, {state} AS state "
        "FROM snapshots AS s LEFT JOIN first_outcome AS o ON o.lead_id = s.lead_id LEFT JOIN first_won AS w ON w.lead_id = s.lead_id"
    )


def known_until(loaded: LoadedTables) -> int:
    """Return ``min(T, observed_until)``: labels are known up to here."""
    if loaded.known_at is None or loaded.observed_until is None:
        raise ValueError("a flat file has no known_until")
    return min(loaded.known_at, loaded.observed_until)


def fetch_labels(config: Config, loaded: LoadedTables) -> Labels:
    """Fetch the labels of the table ``snapshots``, sorted by (as_of, lead_id)."""
    paid = has_amounts(config)
    if paid:
        _put_amounts(config, loaded)
    born = "CAST(NULL AS DOUBLE)" if config.is_flat else "CAST(l.created_at AS DOUBLE)"
    rows = loaded.store.arrow(
        "SELECT s.as_of, s.label, s.weight, CAST(s.outcome_at AS DOUBLE) AS outcome_at, CAST(s.outcome_recorded_at AS DOUBLE) AS recorded, "
        f"CAST(s.won_at AS DOUBLE) AS won_at, {born} AS created_at{', CAST(d.amount AS DOUBLE) AS amount' if paid else ''} FROM snapshots AS s "
        f"{'' if config.is_flat else 'LEFT JOIN leads AS l ON l.lead_id = s.lead_id '}"
        f"{'LEFT JOIN brought AS d ON d.lead_id = s.lead_id AND d.as_of = s.as_of ' if paid else ''}ORDER BY s.as_of, s.lead_id"
    )

    def column(name: str) -> Floats:
        values: Floats = rows.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
        return values

    as_of: Ints = rows.column("as_of").to_numpy(zero_copy_only=False).astype(np.int64)
    won, amount = np.full(len(as_of), np.nan), None
    if not config.is_flat:
        ripe = has_label(as_of, config.outcome.won_within, config.outcome.delay, known_until(loaded))
        won = np.where(ripe, reached_within(column("won_at"), as_of, config.outcome.won_within), np.nan)
        amount = np.where(ripe, np.nan_to_num(column("amount")), np.nan) if paid else None
    known_at = as_of if config.is_flat else label_known_at(as_of, config.horizon, config.outcome.delay)
    # A positive that was recorded later than its delay was known only then: until then nobody could train on it.
    recorded = np.where(column("label") == 1, np.nan_to_num(column("recorded"), nan=-np.inf), -np.inf)
    known_at = np.maximum(known_at, np.where(np.isfinite(recorded), recorded + 1, known_at)).astype(np.int64)
    created = None if config.is_flat else column("created_at")
    return Labels(
        column("label"), column("weight"), known_at, column("outcome_at"), column("recorded"), won, amount, created
    )


def has_amounts(config: Config) -> bool:
    """Tell whether the config says what leads' deals brought, and when: a deal's lead, stage, closed_at and amount."""
    deals = config.tables.opportunities
    return deals is not None and bool(deals.lead and deals.stage and deals.closed_at and deals.amount)


def _put_amounts(config: Config, loaded: LoadedTables) -> None:
    """Make ``brought(lead_id, as_of, amount)``: what deals that closed as won in the snapshot's span brought, in cents.

    A deal counts once for a lead, also where a merge gave it to the survivor too; from the merge on, the survivor's deals
    are those of the record that vanished.
    """
    store = loaded.store
    won = "JOIN stage_words AS w ON w.word = LOWER(o.stage)"
    also = f"w.rung = {stage_index('won')} AND o.closed_at IS NOT NULL AND o.amount IS NOT NULL"
    deals = (
        f"SELECT o.lead_id, o.opportunity_id, o.closed_at, o.amount FROM opportunities AS o {won} WHERE o.lead_id IS NOT NULL AND {also} "
        f"UNION SELECT m.lead_id, o.opportunity_id, o.closed_at, o.amount FROM opportunities AS o {won} "
        f"JOIN survivors AS m ON m.into_id = o.lead_id WHERE o.closed_at >= m.since AND {also}"
    )
    within = within_sql("o.closed_at", "s.as_of", config.outcome.won_within)
    store.run(
        f"CREATE OR REPLACE TABLE brought AS SELECT s.lead_id, s.as_of, SUM(o.amount) AS amount FROM snapshots AS s JOIN ({deals}) AS o "
        f"ON o.lead_id = s.lead_id WHERE {within} GROUP BY s.lead_id, s.as_of"
    )
