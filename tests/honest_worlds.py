"""Honest changes of the demo world: growth, a season, a new source, weekends, a holiday and a campaign's burst."""

from __future__ import annotations

import numpy as np
import pandas as pd

from quiet_faults import CLOCK, Frames

__all__ = ["CHANGES", "honest"]


def cloned(frames: Frames, leads: pd.Series, mark: str, by: pd.Timedelta) -> None:
    """Add leads who do much as others did, some time later: not every act, and not at the same distances."""
    ids, draw = set(leads), np.random.default_rng(len(frames["events"]))
    for name in ("leads", "events", "stages", "touches", "history", "opportunities"):
        frame = frames[name]
        mine = frame[frame["lead_id"].isin(ids)].copy()
        mine["lead_id"] = mark + mine["lead_id"]
        jitter = pd.Series(pd.to_timedelta(np.zeros(len(mine)), unit="s"), index=mine.index)
        if name == "events":
            mine = mine.drop_duplicates("event_id")
            mine = mine[draw.random(len(mine)) < 0.8]
            jitter = pd.Series(pd.to_timedelta(draw.integers(0, 72_000, len(mine)), unit="s"), index=mine.index)
        for key in ("event_id", "opportunity_id"):
            if key in mine:
                mine[key] = mark + mine[key].astype(str)
        for column in ("created_at", "occurred_at", "recorded_at", "changed_at", "touched_at", "closed_at"):
            if column in mine:
                mine[column] = mine[column] + by + jitter
        frames[name] = pd.concat([frame, mine], ignore_index=True)


def drawn(count: int, share: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(count) < share


def thin(frames: Frames, names: tuple[str, ...], when: dict[str, pd.Series], share: float, seed: int) -> None:
    for name in names:
        frame = frames[name]
        frames[name] = frame[~(when[name] & drawn(len(frame), share, seed))]


def growth(frames: Frames, at: pd.Timestamp, seed: int) -> None:
    """Of the newest six weeks' leads, a third has a double who came some days later."""
    leads = frames["leads"]
    new = leads[leads["created_at"] > at - pd.Timedelta(days=42)]["lead_id"]
    cloned(frames, new[drawn(len(new), 0.33, seed)], "G", pd.Timedelta(days=5, hours=3))


def season(frames: Frames, at: pd.Timestamp, seed: int) -> None:
    """For ten days, a third less happens."""
    when = {
        n: (frames[n][CLOCK[n]] >= at + pd.Timedelta(days=6)) & (frames[n][CLOCK[n]] < at + pd.Timedelta(days=16))
        for n in ("events", "touches")
    }
    thin(frames, ("events", "touches"), when, 0.33, seed)


def new_source(frames: Frames, at: pd.Timestamp, seed: int) -> None:
    """From a day on, one lead in five comes from a source that the model never saw, without a campaign."""
    leads = frames["leads"].copy()
    theirs = (leads["created_at"] > at + pd.Timedelta(days=3)) & drawn(len(leads), 0.2, seed)
    leads["source"] = leads["source"].astype(object).mask(theirs, "podcast")
    leads["campaign"] = leads["campaign"].astype(object).mask(theirs, None)
    frames["leads"] = leads


def weekend(frames: Frames, at: pd.Timestamp, seed: int) -> None:
    """On Saturdays and Sundays next to nothing happens, in all years."""
    when = {n: frames[n][CLOCK[n]].dt.day_of_week >= 5 for n in ("events", "touches")}
    thin(frames, ("events", "touches"), when, 0.85, seed)


def holiday(frames: Frames, at: pd.Timestamp, seed: int) -> None:
    """For three days before a weekend nearly nothing happens."""
    first = at + pd.Timedelta(days=9)
    names = ("events", "touches", "stages")
    when = {n: (frames[n][CLOCK[n]] >= first) & (frames[n][CLOCK[n]] < first + pd.Timedelta(days=4)) for n in names}
    thin(frames, names[:2], when, 0.9, seed)


def burst(frames: Frames, at: pd.Timestamp, seed: int) -> None:
    """A campaign brings a month's leads in two days."""
    leads = frames["leads"]
    old = leads[
        (leads["created_at"] > at - pd.Timedelta(days=150)) & (leads["created_at"] < at - pd.Timedelta(days=90))
    ]
    some = old["lead_id"].head(40)
    days = (at + pd.Timedelta(days=7) - old["created_at"].head(40)).dt.floor("h")
    for lead, by in zip(some, days, strict=True):
        cloned(frames, pd.Series([lead]), "B", by)
    mask = frames["leads"]["lead_id"].str.startswith("B")
    frames["leads"]["campaign"] = frames["leads"]["campaign"].astype(object).mask(mask, "summer-burst")


CHANGES = (weekend, growth, season, new_source, holiday, burst)


def honest(frames: Frames, at: pd.Timestamp, seed: int, weekends: bool = True) -> Frames:
    """Return a world in which all of it happens, `at` being when the model is trained."""
    changed = dict(frames)
    for change in CHANGES if weekends else CHANGES[1:]:
        change(changed, at, seed)
    for name, frame in changed.items():
        if "recorded_at" in frame:
            late = frame["recorded_at"] < frame[CLOCK[name]]
            assert not late.any(), name
    return changed
