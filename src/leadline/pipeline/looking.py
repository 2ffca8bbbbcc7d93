"""Looking at a night: the features of its open leads, without those whom the outputs leave out, and how fresh the data are."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.checks import Findings
from leadline.config import Config, Source
from leadline.history import features, named
from leadline.history.features import Features
from leadline.history.intent import IntentRule
from leadline.judge.refusals import NEVER
from leadline.ops.registry import Bundle
from leadline.pipeline.asking import Progress, silent
from leadline.pipeline.night_input import night_of
from leadline.tables import Loaded
from leadline.tables.lists import Lists, read_lists

__all__ = ["Look", "look_up", "who_is_open"]


@dataclass(frozen=True)
class Look:
    """A night's leads.

    Attributes
    ----------
    made : Features
        Those that the outputs may have.
    value, stage : object array or None
        Each row's value of the field that capacity is told by, and its intent stage, where the bundle has a rule for it.
    open_leads : int
        How many are open, those left out among them.
    suppressed : mapping
        How many are left out, and why.
    tiers : mapping of str to str, or None
        The tiers that somebody set by hand.
    newest : int or None
        The newest event's instant; None where there is no clock.
    findings : Findings
        What the checks saw.
    seconds : mapping of str to float
        How long each stage took.
    """

    made: Features
    value: npt.NDArray[np.object_] | None
    open_leads: int
    suppressed: Mapping[str, Any]
    tiers: Mapping[str, str] | None
    newest: int | None
    findings: Findings
    seconds: Mapping[str, float]
    stage: npt.NDArray[np.object_] | None = None

    def __repr__(self) -> str:
        return f"Look({self.open_leads:,} open leads, {self.suppressed['leads']:,} of them left out)"


def look_up(
    config: Config, bundle: Bundle, as_of: int | None, leads: Source | None = None, progress: Progress = silent
) -> Look:
    """Compute the features of a night's leads, by the same path as in training."""
    began = time.monotonic()
    with night_of(config, bundle.specs, as_of, leads, progress) as loaded:
        read = time.monotonic()
        progress("computing features")
        rule = IntentRule.from_record(bundle.manifest["intent_stages"])
        asked = (*bundle.specs, *(rule.specs() if rule else ()))
        told = features.build(loaded, asked, bundle.manifest["intents"], bundle.manifest["roles"])
        made, stage = told.keep(s.name for s in bundle.specs), rule.stages(told.values) if rule else None
        value = named.values(loaded, bundle.scorer.bands.by, known=True)
        newest = None if config.is_flat else _newest(loaded)
        lists = read_lists(config, None if config.is_flat else as_of, _survivors(config, loaded))
    why = [lists.reason(lead, account) for lead, account in zip(made.lead_id, made.account_id, strict=True)]
    kept = np.array([reason is None for reason in why], dtype=bool)
    seconds = {"reading": round(read - began, 3), "features": round(time.monotonic() - read, 3)}
    left_out = lists.counted(reason for reason in why if reason is not None)
    rest = made if kept.all() else _take(made, kept)
    return Look(
        rest, None if value is None else value[kept], len(made), left_out, lists.tiers, newest, loaded.findings, seconds,
        None if stage is None else stage[kept],
    )  # fmt: skip


def who_is_open(
    config: Config, bundle: Bundle, as_of: int | None, leads: Source | None, progress: Progress
) -> tuple[int, int]:
    """Count a night's open leads, and those of them whom the outputs leave out; no feature is computed."""
    with night_of(config, bundle.specs, as_of, leads, progress) as loaded:
        rows = loaded.store.rows("SELECT lead_id, account_id FROM snapshots")
        lists: Lists = read_lists(config, None if config.is_flat else as_of, _survivors(config, loaded))
    return len(rows), sum(lists.reason(str(lead), account) is not None for lead, account in rows)


def _take(made: Features, kept: npt.NDArray[np.bool_]) -> Features:
    values = made.values.loc[kept].reset_index(drop=True)
    return Features(made.specs, made.lead_id[kept], made.account_id[kept], made.as_of[kept], values)


def _newest(loaded: Loaded) -> int | None:
    """Find the newest act: an event, or a change of stage or a deal where there are no events."""
    clocks = {"events": "occurred_at", "stages": "changed_at", "opportunities": "created_at"}
    table = next((name for name in clocks if name in loaded.rows), None)
    if table is None:
        return None
    value = loaded.store.rows(f"SELECT MAX({clocks[table]}) FROM {table}")[0][0]
    return NEVER if value is None else int(value)


def _survivors(config: Config, loaded: Loaded) -> dict[str, list[str]]:
    """Say into whom leads were merged, as known by now."""
    found: dict[str, list[str]] = {}
    if config.tables.merges is not None:
        for lead, into in loaded.store.rows("SELECT lead_id, into_id FROM survivors"):
            found.setdefault(str(lead), []).append(str(into))
    return found
