"""Everybody's climb: equal to plain Python's on small worlds, whatever repeats, ties, merges and late rows; never of the future."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import oracle
from leadline.config.schema import Config
from leadline.core.files import write_json
from leadline.dataset import lead_journeys
from leadline.dataset.lead_journeys import LeadJourneys
from leadline.errors import ConfigError, DataError
from leadline.features import catalog
from leadline.tables.tombstones import FILE, Tombstones
from oracle import DAY, RUNGS, Rules
from small_crm import HALF, LAST, START, TYPES, WORDS, Run, World, config_of, delays, instants, later_than, put, worlds
from small_crm import _late as late

ASKED = Rules(
    reaches="sql", horizon=7 * DAY, delay=0, every=7 * DAY, landmarks=(), observed_from=None, intents={}, words=WORDS
)
ENDS = ("lost", "rejected")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("climbs")


@st.composite
def touched(draw: st.DrawFn) -> World:
    """A little world in which sales touches leads, now and then twice at once, or before they are anything."""
    world = draw(worlds())
    ids = [r["lead_id"] for r in world["leads"]]
    shape = st.fixed_dictionaries({
        "lead_id": st.sampled_from([*ids, "L-unknown"]), "touched_at": instants(), "kind": st.sampled_from(["call", "mail", None]),
    })  # fmt: skip
    rows = draw(st.lists(st.builds(lambda r, d: late(r, "touched_at", d), shape, delays()), max_size=8))
    return {**world, "touches": [*rows, *rows[:1]]}


def config(folder: Path, **more: Any) -> Config:
    told = config_of(ASKED, folder).model_dump(mode="json", by_alias=True, exclude_none=True)
    table = {"source": str(folder / "touches.parquet"), "lead": "lead_id", "touched_at": "touched_at", "kind": "kind"}
    told["tables"]["touches"] = {**table, "recorded_at": "recorded_at"}
    return Config.model_validate({**told, **more})


def climb(folder: Path, world: World, known_at: int | None, **more: Any) -> LeadJourneys:
    put(world, folder)
    with Run(config(folder, **more), known_at) as run:
        return lead_journeys.fetch_journeys(run.config, run.loaded)


def plain(seen: LeadJourneys) -> dict[str, list[Any]]:
    """Each person's figures as a list, NaN as None."""
    rows = {}
    for n, lead in enumerate(seen.lead):
        numbers = [
            *seen.reached[n],
            *seen.told[n, 1:],
            seen.lost[n],
            seen.rejected[n],
            seen.first_act[n],
            seen.touched[n],
            seen.ever[n],
        ]
        rows[lead] = [None if math.isnan(x) else int(x) for x in numbers]
        rows[lead].append(seen.kind[n])
    return rows


def expected(world: World, known_at: int) -> dict[str, list[Any]]:
    """The same, row by row."""
    known = oracle.cut(world, known_at)
    chains = oracle.survivors(known["merges"], known["leads"])
    persons = oracle.people(known, ASKED)
    rows = {}
    for lead, person in persons.items():
        if any(into in persons for into, _ in chains.get(lead, [])):
            continue
        same = [other for other, chain in chains.items() if lead in [into for into, _ in chain]]
        born = min(persons[who].lead["created_at"] for who in [lead, *(s for s in same if s in persons)])
        firsts = [min((a for a, _ in oracle.climbed(person, rung)), default=None) for rung in [*RUNGS][1:]]
        own = [min((a for a, _, s in person.reached if s == rung), default=None) for rung in [*RUNGS][1:]]
        ends = [min((a for a, _, s in person.reached if s == end), default=None) for end in ENDS]
        acts = [a for a, _, _ in person.events]
        mine = [t for t in known["touches"] if lead in [who for who, _ in oracle.owners(t["lead_id"], chains)]]
        after = [t for t in mine if firsts[0] is not None and t["touched_at"] >= firsts[0]]
        first = min((t["touched_at"] for t in after), default=None)
        kinds = [t["kind"] for t in after if t["touched_at"] == first and t["kind"]]
        ever = min((t["touched_at"] for t in mine), default=None)
        rows[lead] = [born, *firsts, *own, *ends, min(acts, default=None), first, ever, min(kinds, default=None)]
    return rows


@settings(max_examples=20)
@given(world=touched())
def test_every_climb_equals_the_oracles(folder: Path, world: World) -> None:
    until = oracle.observed_until(world, ASKED, None)
    assume(until is not None and oracle.cut(world, until)["leads"])
    seen = climb(folder, world, None)
    assert plain(seen) == expected(world, until)
    assert seen.until == until


@settings(max_examples=5)
@given(world=touched(), as_of=st.integers(20, LAST).map(lambda k: START + k * HALF), poison=st.data())
def test_what_is_known_later_changes_nobodys_climb(
    folder: Path, world: World, as_of: int, poison: st.DataObject
) -> None:
    seen, later = later_than(world, as_of)
    assume(oracle.observed_until(world, ASKED, as_of) is not None and seen["leads"])
    lead = poison.draw(st.sampled_from([r["lead_id"] for r in world["leads"]]))
    poisoned = {t: [*rows, *later[t]] for t, rows in seen.items()}
    poisoned["stages"] = [
        *poisoned["stages"],
        {"lead_id": lead, "stage": "closed_won", "changed_at": as_of, "recorded_at": None},
    ]
    touch = {"lead_id": lead, "kind": "mail", "touched_at": as_of - 1, "recorded_at": as_of}
    poisoned["touches"] = [*poisoned["touches"], touch, {**touch, "touched_at": as_of, "recorded_at": None}]
    one, two = (climb(folder, log, as_of) for log in (seen, poisoned))
    assert list(one.lead) == list(two.lead) and plain(one) == plain(two)
    assert str(one.touched_until) == str(two.touched_until) and one.until == two.until


def world(**more: list[dict[str, Any]]) -> World:
    lead = {"account_id": None, "country": "NL", "size": 1.0, "created_at": START, "recorded_at": None}
    blank: World = {t: [] for t in ("accounts", "events", "opportunities", "history", "merges", "touches")}
    mql = {"lead_id": "L0", "stage": "mql", "changed_at": START + DAY, "recorded_at": None}
    alive = {"lead_id": "L1", "stage": "mql", "changed_at": START + LAST * HALF, "recorded_at": None}
    return {**blank, "leads": [{**lead, "lead_id": f"L{n}"} for n in range(3)], "stages": [mql, alive], **more}


def touch(lead: str, days: float, recorded: float | None = None) -> dict[str, Any]:
    late = None if recorded is None else START + int(recorded * DAY)
    return {"lead_id": lead, "kind": "call", "touched_at": START + int(days * DAY), "recorded_at": late}


def test_touches_are_no_features(folder: Path) -> None:
    put(world(touches=[touch("L0", 2)]), folder)
    with Run(config(folder)) as run:
        named = catalog.list_features(run.config, run.loaded)
        assert named and not [s for s in named if "touch" in f"{s.table}{s.name}{s.words}"]


def test_a_touch_recorded_before_it_happened_is_an_error(folder: Path) -> None:
    put(world(touches=[touch("L0", 2, 1)]), folder)
    with Run(config(folder)) as run:
        found = {(f.code, f.subject) for f in run.loaded.findings if str(f.severity) == "error"}
    assert ("LL106", "touches.touched_at") in found


def test_touches_of_nobody_known_and_without_a_time_are_told(folder: Path) -> None:
    rows = [touch("nobody", 2), {**touch("L0", 3), "touched_at": None}, {**touch("L1", 3), "lead_id": None}]
    put(world(touches=rows), folder)
    with Run(config(folder)) as run:
        told = {(f.code, f.subject) for f in run.loaded.findings if f.subject.startswith("touches.")}
        assert run.loaded.rows["touches"] == 2 and run.loaded.fingerprints["touches"]
    assert {subject for _, subject in told} == {"touches.lead_id", "touches.touched_at"} and len(told) == 3


def test_a_forgotten_lead_is_left_out_with_its_touches(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    stone = Tombstones("s").hash("L0")
    write_json(folder / FILE, {"salt": "s", "leads": {stone: {}}})
    put(world(touches=[touch("L0", 2), touch("L1", 30)]), folder)
    with Run(config(folder)) as run:
        seen = lead_journeys.fetch_journeys(run.config, run.loaded)
        assert run.loaded.rows["touches"] == 1 and list(seen.lead) == ["L1", "L2"]
    (folder / FILE).unlink()


def test_the_reason_is_that_of_the_first_rejection(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TYPES, "stages", {**TYPES["stages"], "reason": pa.string()})
    out = {"stage": "disqualified", "recorded_at": None}
    rows = [
        {**out, "lead_id": "L0", "changed_at": START + 3 * DAY, "reason": "no budget"},
        {**out, "lead_id": "L0", "changed_at": START + 2 * DAY, "reason": "bad fit"},
        {**out, "lead_id": "L2", "changed_at": START + 2 * DAY, "reason": None},
    ]
    made = world()
    made["stages"] = [{**row, "reason": "won't do"} for row in made["stages"]] + rows
    put(made, folder)
    told = config(folder).model_dump(mode="json", by_alias=True, exclude_none=True)
    told["tables"]["stages"]["reason"] = "reason"
    with Run(Config.model_validate(told)) as run:
        seen = lead_journeys.fetch_journeys(run.config, run.loaded)
    assert seen.reason.tolist() == ["bad fit", None, None]
    assert np.isfinite(seen.rejected).tolist() == [True, False, True]


def test_source_and_campaign_are_found_or_named_and_a_wrong_name_is_an_error(folder: Path) -> None:
    seen = climb(folder, world(), None, funnel={"source": "Country"})
    assert seen.source.tolist() == ["NL"] * 3 and seen.names == ("country", "") and seen.campaign.tolist() == [None] * 3
    with pytest.raises(DataError, match=r"funnel\.campaign: 'Camp' is no attribute of leads in use"):
        climb(folder, world(), None, funnel={"campaign": "Camp"})


@pytest.mark.parametrize(
    "bad",
    [{"sla": {"first_touch": "0h"}}, {"funnel": {"within": "0d"}}, {"rejections": {"fit": ["A b"], "data": ["a_B"]}}],
)
def test_senseless_terms_are_errors_of_the_config(folder: Path, bad: dict[str, Any]) -> None:
    with pytest.raises((ConfigError, ValueError)):
        config(folder, **bad)
