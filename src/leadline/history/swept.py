"""What the compiled loops found, as tables of the statement's own parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.history import acts, colleagues
from leadline.history.kernels import NEVER, compiled
from leadline.history.spec import Feature

__all__ = ["Block", "Kinds", "members", "own"]

FOREVER = 2**62
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """The events of some leads, by lead and time."""

    offsets: Ints
    events: tuple[Any, Any, Any]


@dataclass(frozen=True)
class Kinds:
    """The behaviours by number: those asked for, and one number for each intent's others and for all the rest."""

    codes: dict[str, int]
    intents: dict[str, str]

    @property
    def size(self) -> int:
        """How many numbers there are; the last is for behaviours that nobody asks for."""
        return len(self.codes) + 1

    def of_intent(self, intent: str) -> npt.NDArray[np.bool_]:
        """Tell which numbers are of an intent."""
        told = np.zeros(self.size, np.bool_)
        told[[n for b, n in self.codes.items() if self.intents.get(b) == intent]] = True
        return told

    def about(self, spec: Feature) -> npt.NDArray[np.bool_]:
        """Tell which numbers a spec is about."""
        return self.of_intent(spec.field) if spec.by == "intent" else np.ones(self.size, np.bool_)


def own(specs: Sequence[Feature], kinds: Kinds, block: Block, number: Ints, asked: tuple[Ints, Ints]) -> dict[str, Any]:
    """Sweep the leads' own acts into the tables of `acts.parts`."""
    tables: dict[str, Any] = {}
    wanted = acts.parts(specs, swept=True)
    if {"acts", "recent", "by_kind"} & set(wanted):
        told = _Told(kinds, block, asked, acts.windows(specs), any(s.aggregate == "heat" for s in specs))
        tables["each_kind"] = told.by_intent(number)
        tables["by_kind"] = told.by_behaviour(number, [s for s in specs if acts.part(s, swept=True) == "by_kind"])
    days_of = [s for s in specs if s.aggregate == "active_days"]
    if days_of:
        active = np.zeros((len(number), len(days_of)), np.int32)
        compiled("distinct_days")(
            block.offsets, block.events, asked, _lengths(days_of), _counted(days_of, kinds), active
        )
        tables["active"] = _table(number, {s.name: active[:, c] for c, s in enumerate(days_of)})
    scans = [s for s in specs if s.aggregate == "scanned"]
    if scans:
        scanned = np.zeros((len(number), len(scans)), np.int64)
        compiled("bursts")(block.offsets, block.events, asked, _lengths(scans), acts.SCAN_CELL, acts.SCAN_ACTS, scanned)
        tables["scanned"] = _table(number, {s.name: scanned[:, c] for c, s in enumerate(scans)})
    return tables


def _lengths(specs: Sequence[Feature]) -> Ints:
    return np.array([s.window.micros if s.window else FOREVER for s in specs], np.int64)


def _counted(specs: Sequence[Feature], kinds: Kinds) -> npt.NDArray[np.bool_]:
    return np.array([kinds.about(s) for s in specs])


def _table(number: Ints, columns: Mapping[str, Any]) -> Any:
    import pyarrow as pa

    return pa.table({"number": number, **columns})


class _Told:
    """What each question's lead did by kind."""

    def __init__(
        self, kinds: Kinds, block: Block, asked: tuple[Ints, Ints], windows: Sequence[Any], heat: bool
    ) -> None:
        shape = (len(asked[0]), kinds.size)
        self.kinds, self.windows, self.has_heat = kinds, windows, heat
        self.within = np.zeros((*shape, len(windows)), np.int32)
        self.ever, self.heat = np.zeros(shape, np.int32), np.zeros(shape if heat else (1, 1), np.int32)
        self.first, self.last = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        lengths = np.array([w.micros for w in windows], np.int64)
        out = (self.within, self.ever, self.first, self.last, self.heat)
        compiled("count")(block.offsets, block.events, asked, lengths, acts.HALVINGS if heat else 0, out)

    def by_behaviour(self, number: Ints, specs: Sequence[Feature]) -> Any:
        """Return a column for each spec about one behaviour."""
        import pyarrow as pa

        columns: dict[str, Any] = {}
        for s in specs:
            k = self.kinds.codes[s.field]
            if s.aggregate in ("since_last", "since_first"):
                times = self.last if s.aggregate == "since_last" else self.first
                columns[s.name] = pa.array(times[:, k], mask=self.ever[:, k] == 0)
            elif s.aggregate == "heat":
                columns[s.name] = self.heat[:, k]
            else:
                columns[s.name] = self.within[:, k, self.windows.index(s.window)] if s.window else self.ever[:, k]
        return _table(number, columns)

    def by_intent(self, number: Ints) -> Any:
        """Return rows like those of ``each_kind``, with one behaviour standing for all of its intent."""
        import pyarrow as pa

        groups = [(i, self.kinds.of_intent(i)) for i in sorted(set(self.kinds.intents.values()))]
        rest = ~np.logical_or.reduce([m for _, m in groups]) if groups else np.ones(self.kinds.size, np.bool_)
        parts = []
        for intent, mine in [*groups, (None, rest)]:
            if not mine.any():
                continue
            ever = self.ever[:, mine].sum(axis=1)
            some = ever > 0
            stands = (
                next((b for b in self.kinds.codes if self.kinds.intents.get(b) == intent), None) if intent else None
            )
            first = np.where(self.ever[:, mine] > 0, self.first[:, mine], FOREVER).min(axis=1)
            last = np.where(self.ever[:, mine] > 0, self.last[:, mine], NEVER).max(axis=1)
            columns = {f"n_{w}": self.within[:, mine, n].sum(axis=1)[some] for n, w in enumerate(self.windows)}
            columns |= {"n_ever": ever[some], "first_at": first[some], "last_at": last[some]}
            columns |= {"heat": self.heat[:, mine].sum(axis=1)[some]} if self.has_heat else {}
            behaviour = pa.array([stands] * int(some.sum()), pa.string())
            parts.append(pa.table({"number": number[some], "behaviour": behaviour, **columns}))
        return pa.concat_tables(parts)


def members(
    specs: Sequence[Feature], kinds: Kinds, block: Block, number: Ints, asked: tuple[Ints, Ints]
) -> dict[str, Any]:
    """Sweep the members' acts into ``did`` and, where a spec asks how many, ``acted``."""
    import pyarrow as pa

    counts = colleagues.member_counts(specs)
    picked = list(counts.values())
    first, last = np.full(len(number), NEVER, np.int64), np.full(len(number), NEVER, np.int64)
    acts_of = np.zeros((len(number), len(picked)), np.int32)
    counted = _counted(picked, kinds) if picked else np.zeros((0, kinds.size), np.bool_)
    compiled("sums")(block.offsets, block.events, asked, _lengths(picked), counted, (first, last, acts_of))
    none = first == NEVER
    tables = {"did": _table(number, {"first_at": pa.array(first, mask=none), "last_at": pa.array(last, mask=none)})}
    if picked:
        tables["acted"] = _table(number, {name: acts_of[:, c] for c, name in enumerate(counts)})
    return tables
