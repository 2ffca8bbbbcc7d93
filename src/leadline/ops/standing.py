"""Where a lead stands in a night that is written: the tier that sales saw, which one lead's score alone doesn't tell."""

from __future__ import annotations

from leadline.ops.sink_urls import open_sink
from leadline.ops.sinks import Key

__all__ = ["tier_on"]


def tier_on(key: Key, lead: str) -> str | None:
    """Return a lead's tier in a finished night of the default place, ``scores/NAME/``; None where there is none.

    Examples
    --------
    >>> tier_on(Key(0, True, "no-such-model", "1"), "L1") is None
    True
    """
    sink = open_sink(None, key.model)
    if sink.done(key) is None:
        return None
    import pyarrow.compute as pc

    rows = sink.rows(key)
    found = rows.filter(pc.equal(rows.column("lead_id"), lead)).column("tier").to_pylist()
    return str(found[0]) if found else None
