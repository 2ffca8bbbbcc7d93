"""The kept fold: features of a night and of the past, built from what is kept, are those built from the log."""

from __future__ import annotations

from pathlib import Path

import pytest

from cached_logs import asked, config, little, write
from leadline.features import catalog, daily_cache
from oracle import DAY
from small_crm import HALF, START, Run, World, same

EDGE = START + 7 * DAY + HALF + HALF // 24
"""A window of 7 days that begins between two acts of one first day, which lie in two files."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(catalog, "MIN_GROUP_SIZE", 1)
    monkeypatch.setattr(daily_cache, "STEP", DAY)
    return tmp_path


def world() -> World:
    """Days that two files share, a late row, and rows before and after the midnight to which is added up."""
    made = little(40)
    for n, row in enumerate(made["events"]):
        row["type"] = ("blog", "pricing view", "select")[n % 3]
        row["occurred_at"] += n % 5  # several on a day, none of them alike
        if n % 7 == 0:
            row["recorded_at"] = row["occurred_at"] + 3 * DAY
    hour = HALF // 12
    again = [{**r, "event_id": f"F{r['event_id']}", "recorded_at": None} for r in made["events"][1::3]]
    burst = [
        {**again[0], "event_id": f"B{n}", "occurred_at": START + 4 * DAY + n} for n in range(6)
    ]  # as no person acts
    made["events"] += [
        {**r, "occurred_at": r["occurred_at"] + (1 - n % 2 * 2) * hour} for n, r in enumerate(again)
    ] + burst
    made["stages"] = [
        {"lead_id": "L0", "stage": "mql", "changed_at": START + k * DAY, "recorded_at": None} for k in (1, 69)
    ]
    return made


@pytest.mark.parametrize(
    "as_of", [START + 60 * DAY, START + 64 * DAY + HALF + 1, START + 5 * DAY, START + 200 * DAY, EDGE]
)
def test_a_night_is_built_from_what_is_kept(home: Path, as_of: int) -> None:
    write(world(), home / "data")
    whole, keeps = (config(asked(), home / "data", keep) for keep in (False, True))
    with Run(whole, as_of) as run:
        expected = run.night(as_of)
        assert len(expected) == 2 and not [t for t in run.store.tables() if t.startswith("kept")]
    for _ in range(2):
        with Run(keeps, as_of) as run:
            same(run.night(as_of), expected)
            made = {"kept_days", "kept_late"} | ({"kept_before"} if as_of - 56 * DAY > START + DAY else set())
            assert {t for t in run.store.tables() if t.startswith("kept")} == made
    boxes = [p.name for p in home.glob(".leadline/fold/*/*") if p.is_dir()]
    assert len([b for b in boxes if ".days-" in b]) == len([b for b in boxes if ".late-" in b]) == 2


def test_the_past_is_built_from_what_is_kept_whatever_was_known_then(home: Path) -> None:
    write(world(), home / "data")
    whole, keeps = (config(asked(), home / "data", keep) for keep in (False, True))
    with Run(whole, START + 70 * DAY) as one, Run(keeps, START + 70 * DAY) as two:
        expected = one.train()[2]
        same(expected, two.train()[2])
        assert len(set(expected.as_of.tolist())) > 1
        assert "kept_days" in two.store.tables() and "kept_before" not in two.store.tables()
        assert not daily_cache.can_use_cache(two.loaded) and not daily_cache.can_use_cache(one.loaded)


def test_a_damaged_fold_is_made_again(home: Path) -> None:
    write(world(), home / "data")
    keeps, as_of = config(asked(), home / "data", keep=True), START + 64 * DAY
    with Run(keeps, as_of) as run:
        expected = run.night(as_of)
    for rows in home.glob(".leadline/fold/*/*[.-]*/rows.parquet"):
        rows.write_bytes(b"PAR1" + rows.read_bytes()[4:-4] + b"PAR0")
    with Run(keeps, as_of) as run:
        same(run.night(as_of), expected)
        assert "kept_before" in run.store.tables()


def test_a_fold_that_goes_during_the_night_costs_nothing_but_time(home: Path) -> None:
    write(world(), home / "data")
    keeps, as_of = config(asked(), home / "data", keep=True), START + 64 * DAY
    with Run(keeps, as_of) as run:
        expected = run.night(as_of)
    with Run(keeps, as_of) as run:
        for place in home.glob(".leadline/fold/*/*/*.parquet"):
            place.unlink()
        same(run.night(as_of), expected)
        assert "kept_before" not in run.store.tables()
