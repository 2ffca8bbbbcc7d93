"""Joining: past nights' rows with what came of them by now, as labels are made in training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.config import Config
from leadline.history import labels
from leadline.history.origins import origin
from leadline.judge.monitor import Past
from leadline.tables import Loaded
from leadline.tables.store.dialect import literal
from leadline.times import label_known_at, within_sql

__all__ = ["Ripe", "ripe_rows"]


@dataclass(frozen=True)
class Ripe:
    """Past rows whose outcomes are ripe, and the others.

    Attributes
    ----------
    past : Past
        The ripe rows.
    word, reason : object arrays
        With which stage word, and for what reason, each was rejected within the horizon; None where it wasn't.
    censored : int
        How many rows aren't ripe yet; their
    unripe_p, ripens_at, unripe_lead : arrays
        probability, the instant at which they will be, and whose they are.
    """

    past: Past
    word: npt.NDArray[np.object_]
    reason: npt.NDArray[np.object_]
    censored: int
    unripe_p: npt.NDArray[np.float64]
    ripens_at: npt.NDArray[np.int64]
    unripe_lead: npt.NDArray[np.object_]


def ripe_rows(config: Config, loaded: Loaded, nights: Any) -> Ripe:
    """Join nights with outcomes as known at T.

    Parameters
    ----------
    nights : pyarrow.Table
        As `leadline.ops.past.read_past` gives it.
    """
    store = loaded.store
    store.put("snapshots", nights.select(["lead_id", "account_id", "as_of"]))
    store.put("nights", nights)
    labels.label_dated(config, loaded)
    _rejected(config, loaded)
    attribute = origin(config, loaded, "source")
    source = "CAST(NULL AS VARCHAR)" if attribute is None else f"CAST(l.{attribute.name} AS {store.dialect.text})"
    rows = store.arrow(
        f"SELECT n.*, COALESCE(n.account_id, n.lead_id) AS whose, s.state, r.word, r.reason, {source} AS source "
        "FROM labelled AS s JOIN nights AS n ON n.lead_id = s.lead_id AND n.as_of = s.as_of "
        "LEFT JOIN lost AS r ON r.lead_id = s.lead_id AND r.as_of = s.as_of "
        "LEFT JOIN leads AS l ON l.lead_id = s.lead_id ORDER BY n.as_of, n.lead_id"
    )

    def texts(name: str) -> npt.NDArray[np.object_]:
        column = np.empty(rows.num_rows, dtype=object)
        column[:] = rows.column(name).to_pylist()
        return column

    state, lead, p = texts("state"), texts("lead_id"), rows.column("probability").to_numpy(zero_copy_only=False)
    as_of = rows.column("as_of").to_numpy(zero_copy_only=False).astype(np.int64)
    known, waits = (state == "positive") | (state == "negative"), state == "censored"
    past = Past(
        lead, texts("whose"), as_of, p, (state == "positive").astype(np.float64), texts("tier"), texts("model_version"),
        texts("source"), texts("is_holdout").astype(bool),
    ).take(known)  # fmt: skip
    ripens = label_known_at(as_of[waits], config.horizon, config.outcome.delay)
    return Ripe(past, texts("word")[known], texts("reason")[known], int(waits.sum()), p[waits], ripens, lead[waits])


def _rejected(config: Config, loaded: Loaded) -> None:
    """Make ``lost(lead_id, as_of, word, reason)``: of each past row, the first rejection within the horizon."""
    store, words = loaded.store, config.words("rejected")
    text, stages = store.dialect.text, config.tables.stages
    if stages is None or not words:
        nothing = f"CAST(NULL AS {text}) AS word, CAST(NULL AS {text}) AS reason"
        store.run(
            f"CREATE OR REPLACE TABLE lost AS SELECT lead_id, as_of, {nothing} FROM snapshots WHERE lead_id IS NULL"
        )
        return
    reason = "t.reason" if stages.reason else f"CAST(NULL AS {text})"
    one_of = ", ".join(literal(word) for word in words)
    within = within_sql("t.changed_at", "s.as_of", config.horizon)
    store.run(
        "CREATE OR REPLACE TABLE lost AS SELECT lead_id, as_of, word, reason FROM ("
        f"SELECT s.lead_id, s.as_of, LOWER(t.stage) AS word, {reason} AS reason, "
        "ROW_NUMBER() OVER (PARTITION BY s.lead_id, s.as_of ORDER BY t.changed_at, t.recorded_at, t.stage) AS nth "
        f"FROM snapshots AS s JOIN stages AS t ON t.lead_id = s.lead_id WHERE LOWER(t.stage) IN ({one_of}) AND {within}) AS r WHERE nth = 1"
    )
