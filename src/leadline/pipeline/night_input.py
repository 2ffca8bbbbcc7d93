"""A night's input: the open leads of one instant and their features, by the same path as in training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from leadline.config import Config, Source
from leadline.history import features, snapshots
from leadline.history.features import Features
from leadline.history.spec import Feature, kinds_of
from leadline.pipeline.asking import Progress, silent
from leadline.pipeline.reading import reading
from leadline.tables import Loaded

__all__ = ["night_of", "only", "tonight"]


def tonight(
    config: Config,
    specs: tuple[Feature, ...],
    intent: Mapping[str, str],
    roles: Mapping[str, Sequence[str]],
    as_of: int | None,
    leads_source: Source | None = None,
    lead: str | None = None,
    progress: Progress = silent,
) -> tuple[Features, Loaded, bool]:
    """Compute the features of tonight's open leads, by the same path as in training.

    Parameters
    ----------
    specs, intent, roles
        The bundle's.
    lead : str, optional
        Only this one.

    Returns
    -------
    tuple
        The features, the tables (their store is closed), and whether `lead` is among the leads at all.
    """
    with night_of(config, specs, as_of, leads_source, progress) as loaded:
        known = lead is None or only(loaded, lead)
        progress("computing features")
        return features.build(loaded, specs, intent, roles), loaded, known


def only(loaded: Loaded, lead: str) -> bool:
    """Leave one lead in ``snapshots``, or none where it isn't open; tell whether it is among the leads at all."""
    import pyarrow as pa

    store = loaded.store
    store.put("wanted", pa.table({"lead_id": [lead]}))
    store.run(
        "CREATE OR REPLACE TABLE snapshots AS SELECT * FROM snapshots WHERE lead_id IN (SELECT lead_id FROM wanted)"
    )
    return bool(store.rows("SELECT COUNT(*) FROM leads WHERE lead_id IN (SELECT lead_id FROM wanted)")[0][0])


@contextmanager
def night_of(
    config: Config,
    specs: tuple[Feature, ...],
    as_of: int | None,
    leads_source: Source | None = None,
    progress: Progress = silent,
) -> Iterator[Loaded]:
    """Read the tables as known at as_of, and take a snapshot of each lead that is open then; the store closes at the end.

    Raises
    ------
    DataError
        The tables can't be read as tables; its `findings` say why.
    """
    known_at = as_of if not config.is_flat else None
    with reading(config, known_at, progress, kinds_of(specs), leads_source) as loaded:
        loaded.findings.accept(config.leaks.accept).raise_errors()
        snapshots.for_night(config, loaded, as_of)
        yield loaded
