"""What became known between two nights, held against a walk over all rows one by one."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from examples import examples
from leadline.core.point_in_time import Horizon
from leadline.dataset.lead_news import NewsTables, fetch_news
from leadline.errors import DataError
from oracle import DAY, Rules
from small_crm import BEHAVIOURS, HALF, LAST, START, WORDS, Run, World, config_of, put, worlds

ASKED = Rules(
    "won", 7 * DAY, every=7 * DAY, words=WORDS, intents={b: i for b, i in BEHAVIOURS.items() if i != "unknown"}
)
WINDOWS = [Horizon.parse(text) for text in ("12h", "7d")]


def read(world: World, then: int, now: int, shuffle: random.Random | None = None) -> tuple[NewsTables, Run]:
    with tempfile.TemporaryDirectory() as place:
        put(world, Path(place), shuffle)
        run = Run(config_of(ASKED, Path(place)), now)
        with run:
            run.events = run.store.rows("SELECT lead_id, behaviour, occurred_at, recorded_at FROM events")
            run.homes = dict(run.store.rows("SELECT lead_id, account_id FROM leads"))
            return fetch_news(run.loaded, then, now, WINDOWS), run


def walked(events: list[tuple[Any, ...]], lead: str, then: int, now: int) -> Counter[tuple[Any, ...]]:
    """Count a lead's acts that are seen at one night and not at the other, an act and a window at a time."""
    found: Counter[tuple[Any, ...]] = Counter()
    for who, kind, occurred, recorded in events:
        before, after = (max(occurred, recorded) < night for night in (then, now))
        if who == lead and after and not before:
            found[kind, None] += 1
        for window in WINDOWS:
            held = [seen and occurred >= night - window.micros for seen, night in ((before, then), (after, now))]
            if who == lead and held == [True, False]:
                found[kind, str(window)] += 1
    return found


@given(worlds(), st.integers(1, LAST), st.integers(1, 20), st.randoms(use_true_random=False))
@settings(max_examples=examples(60), deadline=None)
def test_what_came_and_what_aged_out_are_those_of_a_walk_whatever_the_order(
    world: World, first: int, gap: int, shuffle: random.Random
) -> None:
    then, now = START + first * HALF, START + (first + gap) * HALF
    try:
        news, run = read(world, then, now)
    except DataError:  # worlds that aren't tables are refused before anything is asked
        assume(False)
    leads = sorted(run.homes)
    told = news.about(leads, [run.homes[lead] for lead in leads])
    for lead in leads:
        mine = Counter({(a.behaviour, a.window and str(a.window)): a.times for a in told[lead].acts})
        assert mine == walked(run.events, lead, then, now)
        others = Counter()
        for colleague in leads:
            if colleague != lead and run.homes[lead] is not None and run.homes[colleague] == run.homes[lead]:
                others += walked(run.events, colleague, then, now)
        acts = Counter()
        for act in told[lead].others:
            acts[act.behaviour, act.window and str(act.window)] += act.times
        assert acts == others
    again = read(world, then, now, shuffle)[0]
    assert again.about(leads, [run.homes[lead] for lead in leads]) == told
