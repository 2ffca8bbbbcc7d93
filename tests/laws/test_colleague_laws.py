"""What colleagues do, by the SQL and by the oracle: equal exactly; and laws 2, 3 and 7 for these families."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import oracle
from crowded_accounts import Crowd, compare, crowd_config, crowds, large_crowd, placed, put
from examples import examples
from leadline.config.schema import Engine
from leadline.dataset import snapshots
from leadline.features import catalog
from leadline.tables import Store, open_store
from oracle import DAY, Rules
from small_crm import BEHAVIOURS, HALF, LAST, START, WORDS, World, later_than, rules, same

when = st.integers(12, LAST).map(lambda k: START + k * HALF)
FAMILIES = ("account", "committee", "history")


def fields_of(world: World) -> set[str]:
    return {r["field"] for r in world["history"]}


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """One store for all worlds, each placed over the one before it."""
    with open_store(Engine(threads=1, memory="500MB")) as opened:
        yield opened


@settings(max_examples=examples(120))
@given(world=crowds(), asked=rules())
def test_every_colleague_feature_equals_the_oracles(folder: Path, store: Store, world: World, asked: Rules) -> None:
    until = oracle.observed_until(world, asked, None)
    visible = oracle.cut(world, until)
    assume(visible["leads"])
    run = placed(visible, crowd_config(asked, folder), store, until)
    persons = oracle.people(visible, asked)
    assert snapshots.for_training(run.config, run.loaded) == len(oracle.snapshots(persons, asked, until))
    built = run.features()
    assert {s.family for s in built.specs} == set(FAMILIES)
    assert list(built.account_id) == [
        oracle.account(persons[i], a, "account_id" in fields_of(visible))
        for i, a in zip(built.lead_id, built.as_of, strict=True)
    ]
    compare(asked, built, persons, fields_of(visible))


@pytest.mark.parametrize("seed", range(3))
def test_a_large_crowds_features_equal_the_oracles_from_its_files(folder: Path, seed: int) -> None:
    world = large_crowd(seed)
    put(world, folder)
    with Crowd(crowd_config(ASKED, folder)) as run:
        snapshots.for_training(run.config, run.loaded)
        visible = oracle.cut(world, run.loaded.known_at)
        assert compare(ASKED, run.features(), oracle.people(visible, ASKED), fields_of(visible)) > 500


@settings(max_examples=8)
@given(world=crowds(), asked=rules(), as_of=when, poison=st.data())
def test_later_rows_cut_or_poisoned_change_nothing(
    folder: Path, world: World, asked: Rules, as_of: int, poison: st.DataObject
) -> None:
    seen, later = later_than(world, as_of)
    assume(oracle.observed_until(world, asked, as_of) is not None and seen["leads"])
    leads = [r["lead_id"] for r in world["leads"]]
    poisoned = {t: list(rows) for t, rows in seen.items()}
    for table, rows in later.items():
        for row in rows:
            changed = {k: "poison" for k in ("type", "stage", "value", "job_title") if k in row}
            if table != "leads" and "lead_id" in row:
                changed["lead_id"] = poison.draw(st.sampled_from(leads))
            poisoned[table].append({**row, **changed})
    after = {"changed_at": as_of, "recorded_at": None}
    poisoned["history"] += [
        {"lead_id": i, "field": f, "value": "A0", **after} for i in leads for f in ("account_id", "job_title")
    ]
    poisoned["events"] += [
        {"event_id": f"P{i}", "lead_id": i, "type": "pricing view", "occurred_at": as_of, "recorded_at": None}
        for i in leads
    ]
    poisoned["stages"] += [{"lead_id": i, "stage": "closed_won", **after} for i in leads]
    poisoned["merges"] += [{"from_id": leads[0], "into_id": leads[1], "merged_at": as_of, "recorded_at": None}]
    poisoned["leads"] += [
        {**world["leads"][0], "lead_id": "L-new", "account_id": "A0", "created_at": as_of, "recorded_at": None}
    ]
    results = []
    for log in (seen, poisoned):
        put(log, folder)
        with Crowd(crowd_config(asked, folder), as_of) as run:
            results.append(run.night(as_of))
    same(*results)


@settings(max_examples=8)
@given(world=crowds(), asked=rules(), seed=st.integers(0, 2**16))
def test_shuffled_rows_give_equal_features(folder: Path, world: World, asked: Rules, seed: int) -> None:
    assume(oracle.cut(world, oracle.observed_until(world, asked, None))["leads"])
    results = []
    for shuffle, threads in ((None, 1), (random.Random(seed), 2)):
        put(world, folder, shuffle)
        with Crowd(crowd_config(asked, folder, engine={"threads": threads, "memory": "500MB"})) as run:
            snapshots.for_training(run.config, run.loaded)
            results.append(run.features())
    same(*results)


AS_OF = START + 14 * DAY
ASKED = Rules(
    "sql", 7 * DAY, every=7 * DAY, words=WORDS, intents={b: i for b, i in BEHAVIOURS.items() if i != "unknown"}
)


def crowd(*leads: dict[str, Any], **tables: list[dict[str, Any]]) -> World:
    """A world of these leads, created at START in A0 if not told otherwise, and tables of which each row is recorded at once."""
    blank = {
        "account_id": "A0",
        "created_at": START,
        "country": None,
        "size": None,
        "job_title": None,
        "recorded_at": None,
    }
    alive = {"lead_id": "L-unknown", "stage": "mql", "changed_at": START + DAY}
    given = {"accounts": [], "events": [], "opportunities": [], "history": [], "merges": [], **tables}
    given["stages"] = [alive, *tables.get("stages", [])]
    events = [{"event_id": f"E{n}", "type": "blog", **r} for n, r in enumerate(given.pop("events"))]
    return {
        "leads": [{**blank, "lead_id": f"L{n}", **r} for n, r in enumerate(leads)],
        **{t: [{"recorded_at": None, **r} for r in rows] for t, rows in {**given, "events": events}.items()},
    }


def night(folder: Path, world: World, as_of: int = AS_OF, **more: Any) -> dict[str, dict[str, float]]:
    """The features of each open lead at as_of."""
    put(world, folder)
    with Crowd(crowd_config(ASKED, folder, **more), as_of + DAY) as run:
        built = run.night(as_of)
        persons = oracle.people(oracle.cut(world, as_of + DAY), ASKED)
        compare(ASKED, built, persons, fields_of(oracle.cut(world, as_of + DAY)))
        return dict(zip(built.lead_id, built.values.to_dict("records"), strict=True))


def event(lead: str, at: int) -> dict[str, Any]:
    return {"lead_id": lead, "occurred_at": at}


@pytest.mark.parametrize(("offset", "inside"), [(-1, 0.0), (0, 1.0), (1, 1.0)])
def test_a_colleagues_act_counts_from_the_windows_first_instant(folder: Path, offset: int, inside: float) -> None:
    told = night(folder, crowd({}, {}, events=[event("L1", AS_OF - 7 * DAY + offset)]))
    names = ("n_colleague_acts_7d", "engaged_colleagues_7d", "new_colleagues_7d", "share_engaged_7d")
    assert [told["L0"][n] for n in names] == [inside] * 4
    assert [told["L1"][n] for n in names] == [0.0] * 4  # its own act is no colleague's


@pytest.mark.parametrize(("offset", "seen"), [(-1, 1.0), (0, 0.0)])
def test_a_colleagues_act_at_as_of_is_not_known(folder: Path, offset: int, seen: float) -> None:
    told = night(folder, crowd({}, {}, events=[event("L1", AS_OF + offset)]))
    assert told["L0"]["n_colleague_acts_12h"] == seen


def test_a_lead_without_account_or_without_colleagues_has_zeros_and_no_share(folder: Path) -> None:
    told = night(
        folder,
        crowd(
            {"account_id": None},
            {"account_id": None},
            {"account_id": "A1"},
            events=[event(f"L{n}", AS_OF - 1) for n in range(3)],
        ),
    )
    for lead in told.values():
        assert lead["n_colleague_acts_7d"] == lead["known_colleagues"] == lead["colleagues_sql"] == 0.0
        assert (
            lead["share_engaged_7d"] != lead["share_engaged_7d"]
            and lead["since_colleague_act"] != lead["since_colleague_act"]
        )


def test_the_committee_includes_the_lead_itself_and_colleagues_who_are_closed(folder: Path) -> None:
    world = crowd(
        {"job_title": "Head of Data"}, {"job_title": "engineer"}, {"job_title": "CEO", "account_id": "A1"},
        events=[event(f"L{n}", AS_OF - 2 * DAY + n) for n in range(3)],
        stages=[{"lead_id": "L1", "stage": "closed_won", "changed_at": AS_OF - DAY}],
    )  # fmt: skip
    told = night(folder, world)
    assert list(told) == ["L0", "L2"]
    assert (told["L0"]["roles_engaged_7d"], told["L0"]["evaluator_and_buyer_7d"], told["L0"]["decision_maker_7d"]) == (
        2.0,
        1.0,
        1.0,
    )
    assert told["L0"]["colleagues_won"] == told["L0"]["colleagues_sql"] == 1.0
    assert told["L0"]["since_new_role"] == (2 * DAY - 1) / DAY
    assert (told["L2"]["roles_engaged_7d"], told["L2"]["role_executive_sponsor_7d"], told["L2"]["colleagues_won"]) == (
        1.0,
        1.0,
        0.0,
    )


@pytest.mark.parametrize(("offset", "seen"), [(-1, (1.0, 2.0)), (0, (2.0, 1.0))])
def test_a_record_merged_away_is_no_colleague_and_the_survivor_has_its_acts(
    folder: Path, offset: int, seen: tuple[float, float]
) -> None:
    merges = [{"from_id": "L1", "into_id": "L2", "merged_at": AS_OF + offset}]
    world = crowd(
        {}, {}, {}, events=[event("L1", AS_OF - 2), event("L2", AS_OF - 3), event("L1", AS_OF - DAY)], merges=merges
    )
    told = night(folder, world)["L0"]
    assert (told["known_colleagues"], told["n_colleague_acts_7d"]) == (seen[0], 3.0)
    assert told["engaged_colleagues_7d"] == seen[0]


def test_two_records_that_bring_the_same_account_change_bring_one_member(folder: Path) -> None:
    """A repeat made by a merge must not count the survivor's acts twice."""
    change = {"field": "account_id", "value": "A0", "changed_at": START + DAY}
    merges = [{"from_id": f"L{n}", "into_id": "L2", "merged_at": START + 5 * DAY} for n in (0, 1)]
    history = [{"lead_id": i, **change} for i in ("L0", "L1", "L3")]
    told = night(folder, crowd({}, {}, {}, {}, history=history, merges=merges, events=[event("L2", AS_OF - 1)]))
    assert (told["L3"]["known_colleagues"], told["L3"]["n_colleague_acts_7d"]) == (1.0, 1.0)


def test_a_colleague_who_changed_accounts_takes_all_acts_along_once_it_is_known(folder: Path) -> None:
    rows = [
        {"lead_id": "L0", "value": "A0", "changed_at": START},
        {"lead_id": "L1", "value": "A1", "changed_at": START},
    ]
    rows.append({"lead_id": "L1", "value": "A0", "changed_at": AS_OF - DAY, "recorded_at": AS_OF})
    world = crowd({}, {}, history=[{"field": "account_id", **r} for r in rows], events=[event("L1", AS_OF - 3 * DAY)])
    assert night(folder, world)["L0"]["known_colleagues"] == 0.0
    later = night(folder, world, AS_OF + 1)["L0"]
    assert (later["known_colleagues"], later["n_colleague_acts_7d"]) == (1.0, 1.0)


def test_a_role_comes_from_the_titles_history_where_history_has_it(folder: Path) -> None:
    """Law 3: the title that stands in the leads table may be of later."""
    rows = [{"lead_id": "L1", "field": "job_title", "value": "CEO", "changed_at": AS_OF}]
    world = crowd({}, {"job_title": "CEO"}, history=rows, events=[event("L1", AS_OF - 1)])
    assert night(folder, world)["L0"]["role_executive_sponsor_7d"] == 0.0
    assert night(folder, world, AS_OF + 1)["L0"]["role_executive_sponsor_7d"] == 1.0


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(("late", "early", "seen"), [(True, False, 1.0), (False, True, 0.0)])
def test_of_two_changes_at_one_instant_the_one_recorded_later_counts(
    folder: Path, late: bool, early: bool, seen: float, order: int
) -> None:
    home = {"lead_id": "L0", "field": "account_id", "value": "A0", "changed_at": START}
    rows = [{**home, "lead_id": "L2"}]
    for known, is_so in ((START + 2 * DAY, late), (START + DAY, early)):
        rows.append({**home, "lead_id": "L1", "value": "A0" if is_so else "A1", "recorded_at": known})
        rows.append({**rows[0], "field": "job_title", "value": "CEO" if is_so else "Zoologist", "recorded_at": known})
    told = night(folder, crowd({}, {}, {}, history=[home, *rows][::order], events=[event("L2", AS_OF - 1)]))["L0"]
    assert (told["known_colleagues"], told["role_executive_sponsor_7d"]) == (1.0 + seen, seen)


@pytest.mark.parametrize(("value", "seen"), [("", 1.0), (None, 1.0), ("A1", 0.0)])
def test_of_two_changes_in_one_instant_the_greater_value_counts_and_none_is_least(
    folder: Path, value: str | None, seen: float
) -> None:
    row = {"field": "account_id", "changed_at": START, "recorded_at": START + DAY}
    history = [{**row, "lead_id": i, "value": v} for i, v in (("L1", value), ("L0", "A0"), ("L1", "A0"))]
    assert night(folder, crowd({}, {}, history=history))["L0"]["known_colleagues"] == seen


@pytest.mark.parametrize("without", [(), ("account",), ("committee",), ("history",), FAMILIES])
def test_without_switches_families_off(folder: Path, without: tuple[str, ...]) -> None:
    put(crowd({"job_title": "CEO"}, {}), folder)
    with Crowd(crowd_config(ASKED, folder, features={"windows": ["7d"], "without": list(without)}), AS_OF) as run:
        specs = catalog.list_features(run.config, run.loaded)
        assert {s.family for s in specs if s.table == "colleagues"} == set(FAMILIES) - set(without)
        assert len(run.night(AS_OF, specs)) == 2
