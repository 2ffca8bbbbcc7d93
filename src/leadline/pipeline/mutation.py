"""LL303 as an experiment: the sources are read again as they stood at an as_of, and features must not have moved."""

from __future__ import annotations

import numpy as np

from leadline.checks import Findings, run
from leadline.config import Config, Query, Source, SqlFile
from leadline.history import features, snapshots
from leadline.history.features import Features
from leadline.history.spec import Feature, kinds_of
from leadline.judge.mutation import MUTATION, Cut
from leadline.pipeline.asking import intents
from leadline.pipeline.reading import reading
from leadline.tables import Loaded

__all__ = ["OFF", "future_moves"]

SAMPLE = 400  # snapshots whose features are computed again from the cut sources
WHEN = 0.7  # how far into the snapshots the sources are cut: late enough to have a past, early enough to have a future
OFF = "leaks.experiments is false"


def future_moves(config: Config, loaded: Loaded, specs: tuple[Feature, ...]) -> Findings:
    """Compute features of a sample of snapshots from everything and from sources cut at an as_of, and compare (LL303).

    The table ``snapshots`` is left holding the sample: ask last.
    """
    if not config.leaks.experiments:
        return run(MUTATION, Cut(None, None, reason=OFF))
    if config.is_flat or not loaded.is_dated:
        return run(MUTATION, Cut(None, None, reason="a flat file has no future to cut off"))
    as_of = _middle(loaded)
    if as_of is None:
        return run(MUTATION, Cut(None, None, reason="there is no snapshot"))
    _sample(loaded, as_of)
    whole = features.build(loaded, specs, intents(config), config.roles)
    cut = _cut(config, specs, as_of, whole)
    opaque = tuple(name for name, section in config.tables.given().items() if _is_query(section.source))
    both, gone = _aligned(whole, cut)
    return run(MUTATION, Cut(*both, gone, opaque))


def _is_query(source: Source) -> bool:
    return isinstance(source, (Query, SqlFile)) or "?query=" in source


def _middle(loaded: Loaded) -> int | None:
    rows = loaded.store.rows("SELECT as_of, COUNT(*) FROM snapshots GROUP BY as_of ORDER BY as_of")
    if not rows:
        return None
    upto = np.cumsum([int(n) for _, n in rows])
    return int(rows[int(np.searchsorted(upto, WHEN * upto[-1]))][0])


def _sample(loaded: Loaded, as_of: int) -> None:
    """Keep the newest snapshots up to as_of in the table ``snapshots``."""
    loaded.store.run(
        "CREATE OR REPLACE TABLE snapshots AS SELECT lead_id, account_id, as_of FROM (SELECT lead_id, account_id, as_of, "
        "ROW_NUMBER() OVER (ORDER BY as_of DESC, lead_id) AS nth FROM snapshots "
        f"WHERE as_of <= {as_of}) AS s WHERE nth <= {SAMPLE}"
    )


def _cut(config: Config, specs: tuple[Feature, ...], as_of: int, wanted: Features) -> Features:
    """Compute the same snapshots' features from what was known at as_of alone, as a night would have."""
    import pyarrow as pa

    with reading(config, as_of, kinds=kinds_of(specs)) as loaded:
        snapshots.for_training(config, loaded)
        store = loaded.store
        store.put("wanted", pa.table({"lead_id": list(wanted.lead_id), "as_of": pa.array(wanted.as_of)}))
        store.run(
            "CREATE OR REPLACE TABLE snapshots AS SELECT s.lead_id, s.account_id, s.as_of FROM snapshots AS s "
            "JOIN wanted AS w ON w.lead_id = s.lead_id AND w.as_of = s.as_of"
        )
        return features.build(loaded, specs, intents(config), config.roles)


def _aligned(whole: Features, cut: Features) -> tuple[tuple[Features, Features], int]:
    """Return both with the rows that both have, and how many of the whole's the cut lacks; both are sorted by key."""
    there = set(zip(cut.as_of.tolist(), cut.lead_id.tolist(), strict=True))
    keep = np.array(
        [key in there for key in zip(whole.as_of.tolist(), whole.lead_id.tolist(), strict=True)], dtype=bool
    )
    kept = Features(
        whole.specs,
        whole.lead_id[keep],
        whole.account_id[keep],
        whole.as_of[keep],
        whole.values[keep].reset_index(drop=True),
    )
    return (kept, cut), int((~keep).sum())
