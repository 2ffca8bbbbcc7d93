"""A night as it is ordered, computed and written: the records that pass between the pipeline and the place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leadline.config.scoring import Nightly
from leadline.delivery.sink import RunKey, Sink
from leadline.registry.bundle import Bundle
from leadline.scoring.ranking import Scores, trailing_columns

__all__ = ["ScoredBatch", "ScoringRequest", "ScoringRun", "read_stored_scores"]

TOLD = ("as_of", "leads", "tiers", "suppressed", "handoffs", "changes", "delivered", "run_id")
"""What a command tells of a night's record."""


@dataclass(frozen=True)
class ScoringRequest:
    """A night that is to be.

    Attributes
    ----------
    bundle : Bundle
        By whom it is scored.
    as_of, is_dated
        When, and whether that is an instant.
    sink : Sink
        Where the rows go.
    plan : Nightly
        What the config says of nights.
    config_hash, run_id : str
        The config, by its content; and this run, by the id that stands in its log.
    wait : float
        Seconds to wait for the place's lock.
    again : bool
        Whether a finished night is scored once more.
    """

    bundle: Bundle
    as_of: int
    is_dated: bool
    sink: Sink
    plan: Nightly = field(default_factory=Nightly)
    config_hash: str = ""
    run_id: str = ""
    wait: float = 0.0
    again: bool = False

    @property
    def key(self) -> RunKey:
        """Which night it is."""
        return RunKey(self.as_of, self.is_dated, self.bundle.name, self.bundle.version)


@dataclass(frozen=True)
class ScoredBatch:
    """Tonight's scores as computed, and what there is to be said of them.

    Attributes
    ----------
    scores : Scores
        A row for each lead that the outputs may have.
    tier_override : list or None
        The tier that somebody set by hand, row by row; None where the config has no such table.
    facts : mapping
        For the night's record: counts, drift, findings; never a lead's data.
    warnings : sequence of str
        What the reader of these scores must know.
    contributions : pyarrow.Table or None
        What each group of features adds to each row's log odds, for the next night.
    accounts : pyarrow Table or None
        The night's accounts; None where there are none.
    """

    scores: Scores
    tier_override: list[str | None] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    contributions: Any = None
    accounts: Any = None


@dataclass(frozen=True)
class ScoringRun:
    """A night.

    Attributes
    ----------
    record : mapping
        What ``night.json`` says of it.
    place : str
        Where the rows are.
    seconds : float
        How long it took.
    state : str
        written, or done where it was finished before this run.
    warnings : tuple of str
        What the reader of these scores must know.
    scores : Scores
        What was written, or what stands there.
    """

    record: Mapping[str, Any]
    place: str
    seconds: float
    state: str
    scores: Scores
    warnings: tuple[str, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values: where the rows are, how many, and what is to be known of them."""
        told = {name: self.record.get(name) for name in TOLD}
        model = f"{self.record['model_name']} {self.record['model_version']}"
        rest = {"place": self.place, "state": self.state, "model": model, "warnings": list(self.warnings)}
        return {**told, **rest, "seconds": round(self.seconds, 3)}

    def lines(self) -> list[str]:
        """Say the night in a few lines."""
        record = self.record
        model = f"{record['model_name']} {record['model_version']}"
        number = f"{record['leads']:,} lead{'' if record['leads'] == 1 else 's'}"
        if self.state == "done":
            return [f"already done: {number} scored by {model} stand in {self.place}; --force scores them once more"]
        shown = ", ".join(f"{n:,} in tier {t}" for t, n in record["tiers"].items()) or "no lead is open"
        more = [f"{record[name]:,} {word}" for name, word in (("handoffs", "handed over"),) if record.get(name)]
        firms = (record.get("accounts") or {}).get("accounts")
        more += [f"{firms:,} account{'' if firms == 1 else 's'} ranked"] if firms else []
        left_out = record.get("suppressed", {}).get("leads")
        more += [f"{left_out:,} left out by tables.suppress"] if left_out else []
        more += [f"{n:,} {change}" for change, n in (record.get("changes") or {}).items()]
        lines = [f"{number} scored by {model}: {shown}", *([", ".join(more)] if more else [])]
        lines += [f"{d['rows']:,} rows for {d['to']}: {d['place']}" for d in record.get("delivered", ())]
        return [*lines, f"written to {self.place}"]

    def __repr__(self) -> str:
        return f"ScoringRun({len(self.scores)} leads {'→' if self.state == 'written' else 'already in'} {self.place})"


def read_stored_scores(rows: Any, key: RunKey) -> Scores:
    """Read scores from the rows that were written."""
    import numpy as np

    def texts(name: str) -> Any:
        column = np.empty(rows.num_rows, dtype=object)
        column[:] = rows.column(name).to_pylist()
        return column

    def numbers(name: str) -> Any:
        return rows.column(name).to_numpy(zero_copy_only=False).astype(np.float64)

    def told(name: str) -> Any:
        kind = str(rows.schema.field(name).type)  # as `Scores.to_arrow` gave it
        if kind in ("bool", "int64"):
            return rows.column(name).to_numpy(zero_copy_only=False).astype(kind)
        return texts(name) if kind in ("string", "null") else numbers(name)

    why = [texts(name) for name in rows.column_names if name.startswith("reason_")]
    return Scores(
        texts("lead_id"), texts("account_id"), key.as_of, key.is_dated, numbers("probability"), texts("tier"),
        np.stack(why, axis=1) if why else np.empty((rows.num_rows, 0), dtype=object), key.model, key.version,
        numbers("previous_probability"), {name: told(name) for name in trailing_columns(rows.column_names)},
    )  # fmt: skip
