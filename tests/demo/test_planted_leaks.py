"""Planted leaks: off they change nothing, on they change one thing, and each is what it says."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc
import pytest
import yaml

from leadline.config.schema import Config
from leadline.demo import config_text, make_world
from leadline.demo.calendar import END_US, WEEK
from leadline.demo.planted_leaks import CHOSEN, KEPT, MOVED_IN, PLANTS, TIMES, plant

LEADS, SEED = 900, 4
TOUCHED = {
    "L1.1": {*TIMES}, "L1.2": {"leads"}, "L1.3": {"leads"}, "L1.4": {"leads", "events", "stages", "opportunities", "history", "touches"}, "L2": {"leads"},
    "L3.1": {"events"}, "L3.1-field": {"leads"}, "L3.2": {"accounts"}, "L3.3": {"leads", "events", "stages", "history", "merges", "touches"},
}  # fmt: skip


@pytest.fixture(scope="module")
def honest():
    return make_world(LEADS, SEED).tables


@pytest.fixture(scope="module")
def planted(honest):
    return {name: plant(honest, name, SEED) for name in PLANTS}


def micros(table, column):
    return table[column].cast("int64").to_numpy(zero_copy_only=False)


def reached(tables):
    words = tables["stages"].filter(
        pc.is_in(tables["stages"]["stage"], pc.cast(["sql", "opportunity", "closed_won"], "string"))
    )
    return pc.is_in(tables["leads"]["lead_id"], words["lead_id"].combine_chunks()).to_numpy(zero_copy_only=False)


def test_there_are_eight_kinds() -> None:
    assert {p.kind for p in PLANTS.values()} == {"L1.1", "L1.2", "L1.3", "L1.4", "L2", "L3.1", "L3.2", "L3.3"}
    assert all(p.make.__doc__ and p.kind in p.make.__doc__ for p in PLANTS.values())


@pytest.mark.parametrize("name", PLANTS)
def test_a_plant_touches_its_own_tables_alone(name: str, honest, planted) -> None:
    changed = {t for t in honest if not planted[name][t].equals(honest[t])}
    assert changed == TOUCHED[name]


@pytest.mark.parametrize("name", PLANTS)
def test_the_switch_of_make_plants_the_same_and_the_same_again(name: str, planted) -> None:
    world = make_world(LEADS, SEED, name)
    assert all(world.tables[t].equals(planted[name][t]) for t in world.tables)


@pytest.mark.parametrize("name", [None, *PLANTS])
def test_the_config_names_what_was_planted_and_nothing_else(name: str | None) -> None:
    raw, before = yaml.safe_load(config_text("", name)), yaml.safe_load(config_text(""))
    Config.model_validate(raw)
    attribute = PLANTS[name].attribute if name else None
    for table in ("leads", "accounts"):
        more = set(raw["tables"][table]["attributes"]) - set(before["tables"][table]["attributes"])
        assert more == ({attribute[1]} if attribute and attribute[0] == table else set())


def test_an_unknown_plant_is_refused(honest) -> None:
    with pytest.raises(ValueError, match="unknown"):
        make_world(300, 1, "L9")


def test_a_migrated_crm_knows_nothing_of_before(planted) -> None:
    tables = planted["L1.1"]
    assert all(
        np.nanmin(micros(tables[t].filter(tables[t][c].is_valid()), c)) >= END_US - MOVED_IN
        for t, columns in TIMES.items()
        for c in columns
    )


def test_a_segments_score_is_the_rate_of_its_own_leads(planted) -> None:
    leads = planted["L1.2"]["leads"]
    rate, hit = leads["segment_pct"].to_numpy(), reached(planted["L1.2"])
    assert rate.mean() == pytest.approx(100 * hit.mean(), abs=0.1)
    assert (rate[hit] > 0).all()


def test_the_chosen_fields_separate_what_they_know_nothing_of(planted) -> None:
    hit, index = reached(planted["L1.3"]), planted["L1.3"]["leads"]["enrichment"].to_numpy()
    assert CHOSEN == 30 and index[hit].mean() - index[~hit].mean() > 5


def test_copies_have_new_ids_and_the_same_story_moved(honest, planted) -> None:
    tables = planted["L1.4"]
    ids = tables["leads"]["lead_id"].to_pylist()
    copies = [i for i in ids if i.startswith("R")]
    assert 0.1 * LEADS < len(copies) < 0.3 * LEADS and len(set(ids)) == len(ids)
    created = dict(zip(ids, micros(tables["leads"], "created_at").tolist(), strict=True))
    shift = {i: created[i] - created[i[1:]] for i in copies}
    assert all(s % WEEK == 0 and 8 * WEEK <= s <= 26 * WEEK for s in shift.values())
    who, at = tables["events"]["lead_id"].to_pylist(), micros(tables["events"], "occurred_at").tolist()
    stories: dict[str, list[int]] = {}
    for lead, when in zip(who, at, strict=True):
        stories.setdefault(lead, []).append(when)
    for copy in copies[:50]:
        theirs = {t + shift[copy] for t in stories.get(copy[1:], [])}
        assert set(stories.get(copy, [])) <= theirs and max(at) < END_US


def test_sales_note_what_they_talked_of(planted) -> None:
    hit, filled = reached(planted["L2"]), planted["L2"]["leads"]["pain_point"].is_valid().to_numpy()
    assert filled[hit].mean() > 0.8 and filled[~hit].mean() < 0.3


def test_filled_in_touches_are_recorded_after_the_outcome(honest, planted) -> None:
    events = planted["L3.1"]["events"]
    more = events.filter(pc.starts_with(events["event_id"], "T"))
    assert more.num_rows > 50 and events.num_rows - more.num_rows == honest["events"].num_rows
    late = micros(more, "recorded_at") - micros(more, "occurred_at")
    assert (late > 0).all() and np.unique(micros(more, "recorded_at") // (24 * 3_600_000_000)).size < 20


def test_a_roll_up_counts_calls_after_the_outcome_too(planted) -> None:
    hit, calls = reached(planted["L3.1-field"]), planted["L3.1-field"]["leads"]["calls"].to_numpy()
    assert calls[hit].mean() > 3 * calls[~hit].mean()


def test_an_accounts_word_lies_on_every_lead_that_made_it_key(planted) -> None:
    tables = planted["L3.2"]
    word = dict(
        zip(tables["accounts"]["account_id"].to_pylist(), tables["accounts"]["segment"].to_pylist(), strict=True)
    )
    accounts = np.array(tables["leads"]["account_id"].to_pylist(), dtype=object)[reached(tables)]
    assert {word[a] for a in accounts if a is not None} == {"key"} and "standard" in word.values()


def test_old_leads_that_stay_are_winners(planted) -> None:
    tables = planted["L3.3"]
    old = micros(tables["leads"], "created_at") < END_US - KEPT
    assert old.any() and reached(tables)[old].all() and not reached(tables)[~old].all()
