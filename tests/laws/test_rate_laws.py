"""As-of rates, the stage now and the fit, by the SQL and by the oracle: equal exactly; and laws 2, 3, 4 and 7 for them."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import oracle
import oracle_rates
from cohorts import LADDER, SOURCES, Cohort, cohort_config, cohorts, compare, large_cohort, put, questions, split
from examples import examples
from leadline.dataset import snapshots
from leadline.features import build, catalog
from oracle import DAY, Rules
from small_crm import HALF, LAST, START, World, same

when = st.integers(12, LAST).map(lambda k: START + k * HALF)
ASKED = Rules("sql", 7 * DAY, every=7 * DAY, words=LADDER)


@settings(max_examples=examples(80))
@given(world=cohorts(), asked=questions())
def test_every_rate_stage_and_fit_equals_the_oracles(folder: Path, world: World, asked: Rules) -> None:
    until = oracle.observed_until(world, asked, None)
    assume(until is not None and oracle.cut(world, until)["leads"])
    put(world, folder)
    with Cohort(cohort_config(asked, folder)) as run:
        snapshots.for_training(run.config, run.loaded)
        built = run.features()
        assert {"history", "fit", "funnel"} <= {s.family for s in built.specs}
        compare(asked, built, world, until)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("bounds", [{}, {"observed_from": START + 5 * DAY, "observed_until": START + 30 * DAY}])
def test_a_large_cohorts_features_equal_the_oracles(folder: Path, seed: int, bounds: dict[str, int]) -> None:
    world, asked = large_cohort(seed), replace(ASKED, **bounds, delay=DAY)
    put(world, folder)
    config = cohort_config(asked, folder)
    if bounds:
        config = config.model_copy(update={"outcome": config.outcome.model_copy(update=bounds)})
    with Cohort(config, START + 41 * DAY) as run:
        snapshots.for_training(run.config, run.loaded)
        told = compare(asked, run.features(), world, START + 41 * DAY)
    assert set(told) == {
        "rate_lead_source", "rate_account_industry", "rate_role", "stage_now", "days_in_stage", "times_recycled",
        "icp_lead_country", "icp_lead_size", "icp_lead_source", "icp_account_industry", "icp_account_employees", "icp_match",
        "engaged_per_employee_7d",
    }  # fmt: skip
    assert all(told.values()), told


@settings(max_examples=15)
@given(world=cohorts(), asked=questions(), as_of=when, poison=st.data())
def test_later_rows_cut_or_poisoned_change_nothing(
    folder: Path, world: World, asked: Rules, as_of: int, poison: st.DataObject
) -> None:
    seen, later = split(world, as_of)
    assume(oracle.observed_until(world, asked, as_of) is not None and seen["leads"])
    leads = [r["lead_id"] for r in world["leads"]]
    poisoned = {t: list(rows) for t, rows in seen.items()}
    for table, rows in later.items():
        for row in rows:
            changed: dict[str, Any] = {k: "mql" for k in ("stage", "value") if k in row}
            if "source" in row:
                changed["source"] = poison.draw(st.sampled_from(SOURCES))
            if table not in ("leads", "accounts") and "lead_id" in row:
                changed["lead_id"] = poison.draw(st.sampled_from(leads))
            poisoned[table].append({**row, **changed})
    after = {"changed_at": as_of, "recorded_at": None}
    before = {"changed_at": as_of - 2 * DAY, "recorded_at": as_of}  # happened before, known later
    poisoned["stages"] += [{"lead_id": i, "stage": w, **at} for i in leads for w in WON for at in (after, before)]
    poisoned["merges"] += [{"from_id": leads[0], "into_id": leads[-1], "merged_at": as_of, "recorded_at": None}]
    twin = {**world["leads"][0], "lead_id": "L-new", "created_at": as_of - 20 * DAY, "recorded_at": as_of}
    poisoned["leads"] += [twin]
    results = []
    for log in (seen, poisoned):
        put(log, folder)
        with Cohort(cohort_config(asked, folder), as_of) as run:
            results.append(run.night(as_of))
    put(poisoned, folder)
    # Once more with all of it loaded, as in training on what came later: now the statement alone keeps from looking.
    with Cohort(cohort_config(asked, folder), as_of + 30 * DAY) as run:
        specs = tuple(s for s in run.ours() if s in results[0].specs)
        snapshots.for_night(run.config, run.loaded, as_of)
        run.store.run("DELETE FROM snapshots")
        for lead, account in zip(results[0].lead_id, results[0].account_id, strict=True):
            told = "NULL" if account is None else f"'{account}'"
            run.store.run(f"INSERT INTO snapshots VALUES ('{lead}', {told}, {as_of})")
        same(results[0].keep(s.name for s in specs), run.features(specs))
    same(*results)


WON = ("closed_won", "sql", "mql")


@settings(max_examples=10)
@given(world=cohorts(), asked=questions(), seed=st.integers(0, 2**16))
def test_shuffled_rows_give_equal_features(folder: Path, world: World, asked: Rules, seed: int) -> None:
    until = oracle.observed_until(world, asked, None)
    assume(until is not None and oracle.cut(world, until)["leads"])
    results = []
    for shuffle, threads in ((None, 1), (random.Random(seed), 2)):
        put(world, folder, shuffle)
        with Cohort(cohort_config(asked, folder, engine={"threads": threads, "memory": "500MB"})) as run:
            snapshots.for_training(run.config, run.loaded)
            results.append(run.features())
    same(*results)


AS_OF = START + 21 * DAY


def crowd(*leads: dict[str, Any], **tables: list[dict[str, Any]]) -> World:
    """A world of these leads, created at START from the web if not told otherwise; each row is recorded at once."""
    blank = {"account_id": None, "created_at": START, "country": None, "size": None, "job_title": None, "source": "web"}
    alive = {"lead_id": "L-unknown", "stage": "mql", "changed_at": START + DAY}
    given = {"accounts": [], "events": [], "opportunities": [], "history": [], "merges": [], **tables}
    given["stages"] = [alive, *tables.get("stages", [])]
    return {
        "leads": [{**blank, "lead_id": f"L{n}", "recorded_at": None, **r} for n, r in enumerate(leads)],
        **{t: [{"recorded_at": None, **r} for r in rows] for t, rows in given.items()},
    }


def night(folder: Path, world: World, as_of: int = AS_OF, asked: Rules = ASKED) -> dict[str, dict[str, float]]:
    """The features of each open lead at as_of, held against the oracle."""
    put(world, folder)
    with Cohort(cohort_config(asked, folder), as_of + DAY) as run:
        built = run.night(as_of)
        compare(asked, built, world, as_of + DAY)
        return dict(zip(built.lead_id, built.values.to_dict("records"), strict=True))


def reached(lead: str, at: int, stage: str = "sql", **more: Any) -> dict[str, Any]:
    return {"lead_id": lead, "stage": stage, "changed_at": at, **more}


def shrunk(k: int, n: int, all_k: int, all_n: int) -> float:
    m = oracle_rates.STRENGTH
    return (k + m * all_k / all_n) / (n + m)


def test_a_rate_is_of_other_leads_only(folder: Path) -> None:
    """L0 is ripe and open: its own failure is no part of its rate, and is part of the others'."""
    told = night(folder, crowd({}, {}, {"source": "event"}, stages=[reached("L1", START + DAY)]))
    assert told["L0"]["rate_lead_source"] == pytest.approx(shrunk(1, 1, 1, 2))
    assert told["L2"]["rate_lead_source"] == pytest.approx(shrunk(0, 0, 1, 2))
    alone = night(folder, crowd({}))
    assert alone["L0"]["rate_lead_source"] != alone["L0"]["rate_lead_source"]


@pytest.mark.parametrize(("offset", "counts"), [(0, True), (1, False)])
def test_a_lead_counts_from_the_instant_at_which_it_is_ripe(folder: Path, offset: int, counts: bool) -> None:
    world = crowd({}, {}, {"created_at": AS_OF - 8 * DAY + offset}, stages=[reached("L1", START + DAY)])
    told = night(folder, world, asked=replace(ASKED, delay=DAY))
    assert told["L0"]["rate_lead_source"] == pytest.approx(shrunk(1, 2, 1, 2) if counts else shrunk(1, 1, 1, 1))


@pytest.mark.parametrize(("offset", "hits"), [(-1, 1), (0, 0)])
def test_an_outcome_counts_strictly_within_the_horizon(folder: Path, offset: int, hits: int) -> None:
    told = night(folder, crowd({}, {}, {}, stages=[reached("L1", START + 7 * DAY + offset)]))
    assert told["L0"]["rate_lead_source"] == pytest.approx(shrunk(hits, 2, hits, 2))


@pytest.mark.parametrize(("known", "hits"), [(AS_OF - 1, 1), (AS_OF, 0)])
def test_an_outcome_recorded_late_counts_once_it_is_known(folder: Path, known: int, hits: int) -> None:
    told = night(folder, crowd({}, {}, {}, stages=[reached("L1", START + DAY, recorded_at=known)]))
    assert told["L0"]["rate_lead_source"] == pytest.approx(shrunk(hits, 2, hits, 2))


def test_an_early_outcome_of_an_unripe_lead_does_not_count_yet(folder: Path) -> None:
    """Law 4: early positives are censored too, or young cohorts would look better than they are."""
    world = crowd({}, {}, {"created_at": AS_OF - 2 * DAY}, stages=[reached("L2", AS_OF - DAY)])
    assert night(folder, world)["L0"]["rate_lead_source"] == pytest.approx(shrunk(0, 1, 0, 1))


def test_an_outcome_before_creation_tells_nothing_of_open_leads(folder: Path) -> None:
    world = crowd({}, {"created_at": START + 2 * DAY}, {}, stages=[reached("L1", START + DAY)])
    assert night(folder, world)["L0"]["rate_lead_source"] == pytest.approx(shrunk(0, 1, 0, 1))


def test_one_person_in_two_records_counts_once(folder: Path) -> None:
    merges = [{"from_id": "L1", "into_id": "L2", "merged_at": START + 10 * DAY}]
    told = night(folder, crowd({}, {}, {}, {}, merges=merges, stages=[reached("L3", START + DAY)]))
    assert told["L0"]["rate_lead_source"] == pytest.approx(shrunk(1, 2, 1, 2))


def test_a_lead_of_no_source_has_no_rate_and_an_unseen_source_has_everybodys(folder: Path) -> None:
    told = night(folder, crowd({"source": None}, {}, {"source": "fair"}, {}, stages=[reached("L1", START + DAY)]))
    assert told["L0"]["rate_lead_source"] != told["L0"]["rate_lead_source"]
    assert told["L2"]["rate_lead_source"] == pytest.approx(1 / 3)


def test_a_field_that_history_has_gives_no_rate(folder: Path) -> None:
    """Law 3: what it was at another lead's as_of would have to be asked for each pair."""
    rows = [{"lead_id": "L0", "field": f, "value": "x", "changed_at": START} for f in ("source", "job_title")]
    told = night(folder, crowd({}, {}, history=rows))
    assert not {"rate_lead_source", "rate_role"} & set(told["L0"]) and "rate_account_industry" in told["L0"]
    account = [{"lead_id": "L0", "field": "account_id", "value": "A0", "changed_at": START}]
    assert "rate_account_industry" not in night(folder, crowd({}, {}, history=account))["L0"]


def test_a_lead_that_came_back_stands_where_it_got_to_since(folder: Path) -> None:
    rows = [("mql", 1), ("disqualified", 3), ("closed_lost", 4), ("nurture", 6), ("closed_lost", 9), ("nurture", 10)]
    world = crowd({}, {}, stages=[reached("L0", START + n * DAY, word) for word, n in rows])
    told = night(folder, world)
    assert [told["L0"][n] for n in ("stage_now", "days_in_stage", "times_recycled")] == [0.0, 11.0, 2.0]
    assert [told["L1"][n] for n in ("stage_now", "days_in_stage", "times_recycled")] == [0.0, 21.0, 0.0]
    again = crowd({}, stages=[*world["stages"][1:], reached("L0", START + 15 * DAY, "mql")])
    assert [night(folder, again)["L0"][n] for n in ("stage_now", "days_in_stage")] == [1.0, 6.0]


@pytest.mark.parametrize(("size", "met"), [(1.999, 0.0), (2.0, 1.0), (5.0, 1.0), (5.001, 0.0)])
def test_the_icps_bounds_are_included(folder: Path, size: float, met: float) -> None:
    told = night(folder, crowd({"size": size, "source": None}))["L0"]
    assert (told["icp_lead_size"], told["icp_match"]) == (met, met)


def test_words_of_the_icp_match_whatever_their_case_and_blanks(folder: Path) -> None:
    told = night(
        folder, crowd({"country": "Nl", "source": " web "}, {"country": "é", "source": "webs"}, {"country": "NL x"})
    )
    assert [(r["icp_lead_country"], r["icp_lead_source"]) for r in told.values()] == [(1, 1), (1, 0), (0, 1)]


def test_what_is_unknown_is_neither_met_nor_failed(folder: Path) -> None:
    told = night(folder, crowd({"source": None}, {"size": 3.0, "source": "x"}))
    assert (
        told["L0"]["icp_lead_size"] != told["L0"]["icp_lead_size"]
        and told["L0"]["icp_match"] != told["L0"]["icp_match"]
    )
    assert told["L1"]["icp_match"] == 0.5


@pytest.mark.parametrize("without", ["history", "funnel", "fit", "account"])
def test_without_switches_families_off(folder: Path, without: str) -> None:
    put(crowd({"job_title": "CEO"}, {}, accounts=[{"account_id": "A0", "industry": "x", "employees": 3}]), folder)
    given = {"windows": ["7d"], "without": [without]}
    with Cohort(cohort_config(ASKED, folder, features=given), AS_OF) as run:
        specs = catalog.list_features(run.config, run.loaded)
        assert without not in {s.family for s in specs} and {s.family for s in specs} >= {"behaviour", "age"}
        snapshots.for_night(run.config, run.loaded, AS_OF)
        assert len(build.compute_features(run.loaded, specs, run.intents, run.config.roles)) == 2
