"""Quietly broken inputs: what an export does to a night without any error, each as a change of the demo world's tables."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leadline.tables.tombstones import FILE

Frames = dict[str, pd.DataFrame]

CLOCK = {
    "leads": "created_at", "events": "occurred_at", "stages": "changed_at", "opportunities": "created_at",
    "history": "changed_at", "touches": "touched_at", "merges": "merged_at",
}  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """What goes wrong, whether it goes outward, and how it is done to tables, to the config, or to the lists.

    `fine` says why nobody needs to be told; "" where somebody does.
    """

    name: str
    do: Callable[[Frames, pd.Timestamp], None] = lambda frames, at: None
    outward: bool = False
    config: Callable[[str], str] = lambda text: text
    fine: str = ""
    files: Callable[[Path], None] = lambda folder: None


def before(days: int, *tables: str) -> Callable[[Frames, pd.Timestamp], None]:
    """Keep what is older than some days."""

    def do(frames: Frames, at: pd.Timestamp) -> None:
        for name in tables:
            frames[name] = frames[name][frames[name][CLOCK[name]] < at - pd.Timedelta(days=days)]

    return do


def without(name: str, first: int, last: int) -> Callable[[Frames, pd.Timestamp], None]:
    """Drop what happened between two ages in days, as of a file that is missing."""

    def do(frames: Frames, at: pd.Timestamp) -> None:
        age = (at - frames[name][CLOCK[name]]).dt.days
        frames[name] = frames[name][~((age >= last) & (age < first))]

    return do


def thinned(name: str, share: float) -> Callable[[Frames, pd.Timestamp], None]:
    def do(frames: Frames, at: pd.Timestamp) -> None:
        kept = np.random.default_rng(3).random(len(frames[name])) >= share
        frames[name] = frames[name][kept]

    return do


def none(*tables: str) -> Callable[[Frames, pd.Timestamp], None]:
    def do(frames: Frames, at: pd.Timestamp) -> None:
        for name in tables:
            frames[name] = frames[name].iloc[:0]

    return do


def twice(name: str, key: str, days: int = 9_999) -> Callable[[Frames, pd.Timestamp], None]:
    def do(frames: Frames, at: pd.Timestamp) -> None:
        frame = frames[name]
        again = frame[frame[CLOCK[name]] >= at - pd.Timedelta(days=days)].copy()
        again[key] = "again-" + again[key].astype(str)
        frames[name] = pd.concat([frame, again], ignore_index=True)

    return do


def first(name: str, rows: int) -> Callable[[Frames, pd.Timestamp], None]:
    def do(frames: Frames, at: pd.Timestamp) -> None:
        frames[name] = frames[name].iloc[:rows]

    return do


def told(
    name: str, column: str, change: Callable[[pd.Series], Any], days: int | None = None
) -> Callable[[Frames, pd.Timestamp], None]:
    """Change a column, of all rows or of the newest."""

    def do(frames: Frames, at: pd.Timestamp) -> None:
        frame = frames[name].copy()
        mask = (
            pd.Series(True, index=frame.index) if days is None else frame[CLOCK[name]] >= at - pd.Timedelta(days=days)
        )
        values = frame[column].astype(object) if frame[column].dtype.kind not in "M" else frame[column]
        frame[column] = values.where(~mask, change(frame[column]))
        frames[name] = frame

    return do


def renamed(words: dict[str, str]) -> Callable[[pd.Series], pd.Series]:
    return lambda column: column.replace(words)


def many(*parts: Callable[[Frames, pd.Timestamp], None]) -> Callable[[Frames, pd.Timestamp], None]:
    def do(frames: Frames, at: pd.Timestamp) -> None:
        for part in parts:
            part(frames, at)

    return do


def lower(column: pd.Series) -> pd.Series:
    return column.str.lower()


def prefixed(column: pd.Series) -> pd.Series:
    return "CRM-" + column.astype("string").astype(object)


def swapped(name: str, a: str, b: str) -> Callable[[Frames, pd.Timestamp], None]:
    def do(frames: Frames, at: pd.Timestamp) -> None:
        frames[name] = frames[name].rename(columns={a: b, b: a})

    return do


def dropped(name: str, words: tuple[str, ...], days: int = 9_999) -> Callable[[Frames, pd.Timestamp], None]:
    """Drop rows with some words, of the newest days."""

    def do(frames: Frames, at: pd.Timestamp) -> None:
        frame = frames[name]
        column = {"stages": "stage", "events": "event_type"}[name]
        gone = frame[column].isin(words) & (frame[CLOCK[name]] >= at - pd.Timedelta(days=days))
        frames[name] = frame[~gone]

    return do


def everywhere(
    change: Callable[[pd.Series], pd.Series], column: str = "lead_id"
) -> Callable[[Frames, pd.Timestamp], None]:
    def do(frames: Frames, at: pd.Timestamp) -> None:
        for name, frame in frames.items():
            for place in [c for c in (column, "from_id", "into_id") if c in frame.columns and column == "lead_id"]:
                frames[name] = frames[name].assign(**{place: change(frames[name][place])})

    return do


def shifted(name: str, column: str, by: pd.Timedelta) -> Callable[[Frames, pd.Timestamp], None]:
    return told(name, column, lambda values: values + by)


def empty(column: pd.Series) -> pd.Series:
    return pd.Series([None] * len(column), index=column.index, dtype="string").astype(object)


def half_empty(column: pd.Series) -> pd.Series:
    return column.where(np.random.default_rng(4).random(len(column)) < 0.5, None)


TITLES = {
    "sql": "Sales Qualified",
    "disqualified": "Disqualified (new)",
    "closed_won": "Won!",
    "mql": "Marketing Qualified",
}
KINDS = ("email_open", "product_page_view", "docs_view", "email_click", "blog_view", "pricing_page_view")
NAMES = {name: name.replace("_", " ").title() for name in (
    "roi_calculator", "email_open", "blog_view", "procurement_pack", "sales_call", "email_click", "evaluation_template",
    "product_page_view", "pricing_page_view", "security_questionnaire", "implementation_plan", "docs_view", "whitepaper_download",
    "demo_request", "webinar_attended",
)}  # fmt: skip
NOW = pd.Timestamp("2025-06-08T20:00:00Z")

FAULTS: tuple[Fault, ...] = (
    # Age, and rows through time
    Fault("events stopped nine days ago", before(9, "events")),
    Fault("leads and stages are three weeks old", before(21, "leads", "stages"), outward=True),
    Fault("stages alone are three weeks old", before(21, "stages"), outward=True),
    Fault("touches are six weeks old", before(42, "touches")),
    Fault("the field history is six weeks old", before(42, "history")),
    Fault("half of the events are gone", thinned("events", 0.5)),
    Fault("a month of events is missing, half a year ago", without("events", 210, 180)),
    Fault("eight days of events are missing, lately", without("events", 20, 12)),
    Fault("only thirty days of events were exported", without("events", 9_999, 30)),
    Fault("a third of the stages is gone", thinned("stages", 0.33), outward=True),
    Fault("a month of stages is missing", without("stages", 120, 90), outward=True),
    Fault("a third of the leads is gone", thinned("leads", 0.33), outward=True),
    Fault("a month of leads is missing", without("leads", 60, 30), outward=True),
    Fault("half of the accounts are gone", thinned("accounts", 0.5)),
    Fault("no merge was exported", none("merges"), outward=True),
    Fault("no opportunity was exported", none("opportunities"), outward=True),
    Fault("no field history was exported", none("history")),
    Fault("no touch was exported", none("touches")),
    Fault("every event came twice, under new ids", twice("events", "event_id")),
    Fault("the events of two weeks came twice", twice("events", "event_id", 14)),
    Fault("every lead came twice, under new ids", twice("leads", "lead_id"), outward=True),
    Fault("every opportunity came twice", twice("opportunities", "opportunity_id")),
    # Ids that don't join
    Fault("event ids are in lower case", told("events", "lead_id", lower), outward=True),
    Fault("event ids of two weeks have a prefix", told("events", "lead_id", prefixed, 14)),
    Fault("stage ids are in lower case", told("stages", "lead_id", lower), outward=True),
    Fault("leads name their accounts by another id", told("leads", "account_id", prefixed)),
    Fault("opportunities name their leads by another id", told("opportunities", "lead_id", lower), outward=True),
    Fault("the field history names leads by another id", told("history", "lead_id", prefixed)),
    Fault("touches name leads by another id", told("touches", "lead_id", prefixed)),
    Fault("every lead has a new id, in every table", everywhere(prefixed), outward=True),
    Fault("ids have a blank behind them in one table", told("events", "lead_id", lambda c: c + " "), fine="ids are trimmed everywhere"),
    # Values
    Fault("half of the events have no type", told("events", "event_type", half_empty)),
    Fault("no lead has a country", told("leads", "country", empty)),
    Fault("the new leads have no source", told("leads", "source", empty, 28)),
    Fault("no account has an industry", told("accounts", "industry", empty)),
    Fault("country codes became names", told("leads", "country", lambda c: "Land " + c.astype("string").astype(object))),
    Fault("job titles are in another language", told("leads", "job_title", lambda c: "Titel " + c.astype("string").astype(object))),
    Fault("sources are in upper case", told("leads", "source", lambda c: c.str.upper())),
    Fault("employees times 1000", told("accounts", "employees", lambda c: c * 1000)),
    Fault("employees divided by 100", told("accounts", "employees", lambda c: c / 100)),
    Fault("amounts in cents", told("opportunities", "amount", lambda c: c * 100)),
    Fault("industry and region changed places", swapped("accounts", "industry", "region")),
    # Words
    Fault("every event type has a new name", told("events", "event_type", renamed(NAMES)), outward=True),
    Fault("six event types have new names since four weeks", told("events", "event_type", renamed({k: NAMES[k] for k in KINDS}), 29)),
    Fault("one event type has a new name", told("events", "event_type", renamed({"docs_view": "Docs"}))),
    Fault("`sql` has a new word", told("stages", "stage", renamed({"sql": TITLES["sql"]})), outward=True),
    Fault("`rejected` has a new word", told("stages", "stage", renamed({"disqualified": TITLES["disqualified"]})), outward=True),
    Fault("`rejected` has a new word since four weeks", told("stages", "stage", renamed({"disqualified": TITLES["disqualified"]}), 29), outward=True),
    Fault("`mql` has a new word", told("stages", "stage", renamed({"mql": TITLES["mql"]}))),
    # Times
    Fault("events lie a month too early", shifted("events", "occurred_at", -pd.Timedelta(days=30))),
    Fault("every lead was created at the export", told("leads", "created_at", lambda c: NOW), outward=True),
    Fault("every event was recorded at the export", told("events", "recorded_at", lambda c: NOW)),
    # Outcomes
    Fault("rejections of sixty days are gone", dropped("stages", ("disqualified",), 60), outward=True),
    Fault("no conversion is left", many(dropped("stages", ("sql", "opportunity", "closed_won")), none("opportunities")), outward=True),
    Fault("nobody was ever lost or rejected", dropped("stages", ("disqualified", "closed_lost")), outward=True),
    # The config
    Fault(
        "a rule names an event type that there isn't", config=lambda t: t.replace("{when: {behaviour: webinar_attended", "{when: {behaviour: webinar_seen"),
        fine="rules score nothing at night; `check` and `train` tell of it (LL127)",
    ),
    Fault("`sql` is read from another word", config=lambda t: t.replace("sql: [sql]", "sql: [sales_ready]"), outward=True),
    # Lists that protect people
    Fault("the list of the suppressed is empty", none("suppress"), outward=True),
    Fault("suppressed ids are in lower case", told("suppress", "who", lower), outward=True),
    Fault("suppressed ids have a prefix", told("suppress", "who", prefixed), outward=True),
    Fault("two thirds of the suppressed are gone", first("suppress", 8), outward=True),
    Fault("a third of the suppressed is gone", first("suppress", 16), outward=True),
    Fault("the suppressed are so from tomorrow on", told("suppress", "since", lambda c: c + pd.Timedelta(days=400)), outward=True),
    Fault("the config lost its list of the suppressed", config=lambda t: re.sub(r"  suppress: .*\n", "", t), outward=True),
    Fault("suppressed ids have a blank behind them", told("suppress", "who", lambda c: c + "  "), outward=True, fine="ids are trimmed everywhere: all are left out as before"),
    Fault("the list of the forgotten is gone", files=lambda folder: (folder / FILE).unlink(), outward=True),
    Fault("the tiers set by hand are gone", none("overrides")),
    # What nobody needs to be told
    Fault("one or two in a hundred events are gone", thinned("events", 0.015), fine="within what a source may purge or lose; features hardly move"),
    Fault("a few leads have another country", told("leads", "country", lambda c: c.where(np.arange(len(c)) % 40 > 0, "Atlantis")), fine="2% of unknown levels is no more than growth brings"),
)  # fmt: skip
