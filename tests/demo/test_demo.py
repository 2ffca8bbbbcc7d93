"""The demo world: the same seed makes the same world, it looks like a CRM, and its truth is true."""

from __future__ import annotations

from collections import defaultdict
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml

from leadline.demo import World, config_text, make_world, population, write_world
from leadline.demo.activity import simulate_weeks
from leadline.demo.calendar import DAY, END_US, SHIFT_WEEK, START_US, WEEK, sql_season
from leadline.demo.population import draw_leads
from leadline.demo.rates import BEHAVIOURS, ROLES, HiddenState, deal_moves, fate_chances, hand_chances, intent_moves
from leadline.demo.world import truth_rows

INSTANT = pa.timestamp("us", tz="UTC")
COLUMNS = {
    "leads": {
        "lead_id": pa.string(), "account_id": pa.string(), "created_at": INSTANT, "source": pa.string(),
        "campaign": pa.string(), "job_title": pa.string(), "country": pa.string(), "email_domain_type": pa.string(),
        "lead_status": pa.string(), "owner": pa.string(), "last_activity_date": INSTANT,
    },
    "accounts": {"account_id": pa.string(), "industry": pa.string(), "employees": pa.int64(), "region": pa.string()},
    "events": {
        "event_id": pa.string(), "lead_id": pa.string(), "event_type": pa.string(), "occurred_at": INSTANT,
        "recorded_at": INSTANT,
    },
    "stages": {
        "lead_id": pa.string(), "stage": pa.string(), "changed_at": INSTANT, "recorded_at": INSTANT,
        "reason": pa.string(),
    },
    "opportunities": {
        "opportunity_id": pa.string(), "lead_id": pa.string(), "account_id": pa.string(), "created_at": INSTANT,
        "closed_at": INSTANT, "stage": pa.string(), "amount": pa.float64(),
    },
    "history": {"lead_id": pa.string(), "field": pa.string(), "value": pa.string(), "changed_at": INSTANT},
    "spend": {"campaign": pa.string(), "month": pa.date32(), "cost": pa.float64()},
    "merges": {"from_id": pa.string(), "into_id": pa.string(), "merged_at": INSTANT},
    "touches": {"lead_id": pa.string(), "kind": pa.string(), "touched_at": INSTANT, "recorded_at": INSTANT},
}  # fmt: skip


@pytest.fixture(scope="module")
def small() -> World:
    return make_world(leads=1500, seed=3)


@pytest.fixture(scope="module")
def large() -> World:
    return make_world(leads=20_000, seed=11)


def micros(column: pa.ChunkedArray) -> np.ndarray:
    return column.cast(pa.int64()).to_numpy()


def numbers(ids: pa.ChunkedArray) -> np.ndarray:
    return pc.cast(pc.utf8_slice_codeunits(ids, 1), pa.int64()).to_numpy()


def reached(world: World, stage: str) -> np.ndarray:
    """When each lead reached a stage; far in the future if it never did."""
    at = np.full(world.tables["leads"].num_rows, np.iinfo(np.int64).max)
    rows = world.tables["stages"].filter(pc.equal(world.tables["stages"]["stage"], stage))
    at[numbers(rows["lead_id"])] = micros(rows["changed_at"])
    return at


def ripe_truth(world: World) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Week, chance and outcome of each row of the truth whose 30 days have passed."""
    as_of, chance = micros(world.truth["as_of"]), world.truth["p_sql"].to_numpy()
    outcome = reached(world, "sql")[numbers(world.truth["lead_id"])] < as_of + 30 * DAY
    ripe = as_of + 30 * DAY <= END_US
    return ((as_of - START_US) // WEEK)[ripe], chance[ripe], outcome[ripe]


# --- one seed, one world


def test_same_seed_same_bytes(small: World) -> None:
    again = make_world(leads=1500, seed=3)
    assert all(again.tables[name].equals(table) for name, table in small.tables.items())
    assert again.truth.equals(small.truth)


def test_other_seed_other_world(small: World) -> None:
    other = make_world(leads=1500, seed=4)
    assert not any(other.tables[name].equals(table) for name, table in small.tables.items())


def test_written_files_have_the_same_bytes_and_hold_all_rows(small: World, tmp_path: Path) -> None:
    write_world(small, tmp_path / "one")
    write_world(small, tmp_path / "two")
    paths = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert all((tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes() for path in paths)
    names = {path.as_posix() for path in paths}
    assert {f"data/{name}.parquet" for name in [*COLUMNS, "truth"] if name != "events"} < names
    months = [path for path in paths if path.parent.name == "events"]
    assert len(months) == 18 and months[0].name == "2024-01.parquet" and months[-1].name == "2025-06.parquet"
    rows = [pq.read_table(tmp_path / "one" / path) for path in months]
    assert pa.concat_tables(rows).num_rows == small.tables["events"].num_rows
    assert pq.read_table(tmp_path / "one/data/leads.parquet").equals(small.tables["leads"])


@pytest.mark.parametrize("leads", [1, 2, 20])
def test_tiny_worlds(leads: int) -> None:
    assert make_world(leads=leads, seed=1).tables["leads"].num_rows == leads


def test_no_leads_is_an_error() -> None:
    with pytest.raises(ValueError, match="expected at least 1"):
        make_world(leads=0)


# --- it looks like a CRM


@pytest.mark.parametrize("name", list(COLUMNS))
def test_columns(small: World, name: str) -> None:
    assert {field.name: field.type for field in small.tables[name].schema} == COLUMNS[name]
    assert small.tables[name].num_rows > 0


def test_truth_columns(small: World) -> None:
    assert small.truth.schema.names == ["lead_id", "as_of", "p_sql"]
    assert small.truth.schema.field("as_of").type == INSTANT


@pytest.mark.parametrize("name", ["events", "stages"])
def test_nothing_is_recorded_before_it_occurred_or_after_the_end(large: World, name: str) -> None:
    table = large.tables[name]
    occurred, recorded = (
        micros(table[{"events": "occurred_at", "stages": "changed_at"}[name]]),
        micros(table["recorded_at"]),
    )
    assert (occurred <= recorded).all() and recorded.max() < END_US and occurred.min() >= START_US


def test_late_and_repeated_events(large: World) -> None:
    table = large.tables["events"]
    first = np.unique(numbers(table["event_id"]), return_index=True)[1]
    repeats = table.num_rows - first.size
    assert 0.004 < repeats / first.size < 0.006
    lag = (micros(table["recorded_at"]) - micros(table["occurred_at"]))[first]
    assert 0.015 < (lag > 2 * 3600e6).mean() < 0.025
    content = table.select(["event_id", "lead_id", "event_type", "occurred_at"])
    assert content.group_by(content.column_names).aggregate([]).num_rows == first.size


def test_no_event_before_its_lead_or_after_its_merge(large: World) -> None:
    leads, events, merges = large.tables["leads"], large.tables["events"], large.tables["merges"]
    lead, occurred = numbers(events["lead_id"]), micros(events["occurred_at"])
    assert (occurred >= micros(leads["created_at"])[lead]).all()
    end = np.full(leads.num_rows, END_US)
    end[numbers(merges["from_id"])] = micros(merges["merged_at"])
    assert (occurred < end[lead]).all()


def test_fifteen_behaviours_and_about_fifty_events_a_lead(large: World) -> None:
    assert len(BEHAVIOURS) == 15
    assert set(large.tables["events"]["event_type"].unique().to_pylist()) == {b.name for b in BEHAVIOURS}
    assert {b.intent for b in BEHAVIOURS} == {"awareness", "evaluation", "purchase"}
    assert 45 < large.tables["events"].num_rows / 20_000 < 60


def test_scanners_click_many_links_within_seconds(large: World) -> None:
    events = large.tables["events"].filter(pc.equal(large.tables["events"]["event_type"], "email_click"))
    key = numbers(events["lead_id"]) * 10**9 + micros(events["occurred_at"]) // (10 * 1_000_000) % 10**9
    _, clicks = np.unique(key, return_counts=True)
    assert (clicks >= 5).sum() > 1000


def test_funnel_rates(large: World) -> None:
    mql, sql, won = (reached(large, stage) < END_US for stage in ("mql", "sql", "closed_won"))
    rejected = reached(large, "disqualified") < END_US
    assert 0.125 < sql[mql].mean() < 0.165
    assert 0.02 < won[mql].mean() < 0.05
    assert 0.4 < mql.mean() < 0.8
    assert rejected[mql].any() and rejected[~mql].any()
    assert (mql | ~sql).all() and (sql | ~won).all()


def test_stages_climb_in_order(large: World) -> None:
    created = micros(large.tables["leads"]["created_at"])
    mql, sql, opportunity, won = (reached(large, stage) for stage in ("mql", "sql", "opportunity", "closed_won"))
    known = sql < END_US
    assert (created <= mql).all() and (mql[known] <= sql[known]).all()
    assert (mql[known] < sql[known]).mean() > 0.8
    assert (sql[opportunity < END_US] < opportunity[opportunity < END_US]).all()
    assert (opportunity[won < END_US] < won[won < END_US]).all()


def test_opportunities_agree_with_stages(large: World) -> None:
    table = large.tables["opportunities"]
    lead = numbers(table["lead_id"])
    assert (micros(table["created_at"]) == reached(large, "opportunity")[lead]).all()
    for stage in ("closed_won", "closed_lost"):
        rows = table.filter(pc.equal(table["stage"], stage))
        assert (micros(rows["closed_at"]) == reached(large, stage)[numbers(rows["lead_id"])]).all()
        assert rows.num_rows == (reached(large, stage) < END_US).sum()
    still_open = table.filter(pc.equal(table["stage"], "open"))
    assert still_open.num_rows and still_open["closed_at"].null_count == still_open.num_rows
    assert pc.min(table["amount"]).as_py() > 0


def test_some_sqls_never_close(large: World) -> None:
    source = np.array(large.tables["leads"]["source"].to_pylist())
    sql, won = reached(large, "sql") < END_US, reached(large, "closed_won") < END_US
    tool, rest = source == "free_tool", source != "free_tool"
    assert sql[tool].mean() > 1.2 * sql[rest].mean()
    assert won[tool & sql].mean() < 0.6 * won[rest & sql].mean()


def test_fields_leak_the_outcome_and_history_does_not(small: World) -> None:
    leads = small.tables["leads"]
    status, owner = np.array(leads["lead_status"].to_pylist()), leads["owner"].to_pylist()
    won, sql = reached(small, "closed_won") < END_US, reached(small, "sql") < END_US
    assert set(status[won]) == {"customer"} and "customer" not in status[~won]
    assert all(name.startswith("ae-") == reached_sql for name, reached_sql in zip(owner, sql, strict=True))
    history = small.tables["history"]
    first = history.filter(pc.equal(history["field"], "lead_status"))
    at, values = micros(first["changed_at"]), np.array(first["value"].to_pylist())
    lead = numbers(first["lead_id"])
    assert (values[at == micros(leads["created_at"])[lead]] == "new").all()
    last = dict(zip(lead.tolist(), values.tolist(), strict=True))
    assert [last[index] for index in range(leads.num_rows)] == status.tolist()


def test_merges_end_in_leads_that_stay(large: World) -> None:
    leads, merges = large.tables["leads"], large.tables["merges"]
    gone, into = numbers(merges["from_id"]), numbers(merges["into_id"])
    assert 60 < gone.size < 300 and np.unique(gone).size == gone.size
    assert not set(gone) & set(into)
    created = micros(leads["created_at"])
    assert (created[gone] < micros(merges["merged_at"])).all()
    assert (reached(large, "sql")[gone] > END_US).all()
    titles = np.array(leads["job_title"].to_pylist(), dtype=object)
    assert (titles[gone] == titles[into]).all()


def test_a_few_leads_have_no_account_and_the_rest_exist(large: World) -> None:
    account = large.tables["leads"]["account_id"]
    assert 0.02 < account.null_count / len(account) < 0.04
    assert set(account.drop_null().to_pylist()) <= set(large.tables["accounts"]["account_id"].to_pylist())


def test_spend_covers_each_campaign(large: World) -> None:
    campaigns = set(large.tables["leads"]["campaign"].drop_null().to_pylist())
    assert campaigns == set(large.tables["spend"]["campaign"].to_pylist())
    assert pc.min(large.tables["spend"]["cost"]).as_py() > 0
    assert {day.day for day in large.tables["spend"]["month"].to_pylist()} == {1}


# --- the truth is true


def test_truth_has_each_open_lead_on_each_monday_and_no_other(large: World) -> None:
    created = micros(large.tables["leads"]["created_at"])
    ended = np.minimum(reached(large, "sql"), reached(large, "disqualified"))
    ended[numbers(large.tables["merges"]["from_id"])] = micros(large.tables["merges"]["merged_at"])
    mondays = START_US + np.arange(79)[:, None] * WEEK
    week, lead = np.nonzero((created < mondays) & (ended >= mondays))
    assert (numbers(large.truth["lead_id"]) == lead).all()
    assert (micros(large.truth["as_of"]) == mondays[week, 0]).all()


def test_truth_is_calibrated(large: World) -> None:
    """Windows five weeks apart don't overlap, so their errors are independent given the past; each band of chances too."""
    week, chance, outcome = ripe_truth(large)
    assert 0.02 < outcome.mean() < 0.06
    assert abs(outcome.sum() / chance.sum() - 1.0) < 0.08
    band = np.digitize(chance, np.quantile(chance, np.arange(0.1, 1.0, 0.1)))
    for offset in range(5):
        here = week % 5 == offset
        for part in [here, *(here & (band == decile) for decile in range(10))]:
            error = (outcome[part] - chance[part]).sum() / np.sqrt((chance[part] * (1 - chance[part])).sum())
            assert abs(error) < 4.0


def test_truth_ranks_better_than_any_model_could(large: World) -> None:
    _, chance, outcome = ripe_truth(large)
    rank = np.argsort(np.argsort(chance, kind="stable"), kind="stable") + 1
    yes = int(outcome.sum())
    auc = (rank[outcome].sum() - yes * (yes + 1) / 2) / (yes * (outcome.size - yes))
    assert 0.83 < auc < 0.91


def test_base_rate_shifts(large: World) -> None:
    week, chance, outcome = ripe_truth(large)
    after = (week >= SHIFT_WEEK) & (week < SHIFT_WEEK + 12)
    year_before = (week >= SHIFT_WEEK - 52) & (week < SHIFT_WEEK - 40)
    assert chance[after].mean() < 0.85 * chance[year_before].mean()
    assert outcome[after].mean() < outcome[year_before].mean()


def test_truth_equals_a_slow_walk_over_all_paths() -> None:
    rngs = np.random.default_rng(5).spawn(3)
    companies = population.draw_accounts(rngs[0], 40)
    people = draw_leads(rngs[1], 150, companies)
    lived = simulate_weeks(rngs[2], people, companies)
    lead, week, chance = truth_rows(people, lived)
    for row in range(0, lead.size, max(1, lead.size // 12)):
        who, start = int(lead[row]), int(week[row])
        state = (lived.deal[start, who], lived.intent[start, who], lived.hand[start, who])
        assert chance[row] == pytest.approx(slow_chance(people.traits.where(np.array(who)), start, state), rel=1e-9)


def slow_chance(traits, week: int, state: tuple[int, int, int]) -> float:
    """Forwards from one lead's state, path by path: four weeks, then Monday and Tuesday of the fifth."""
    deal_to, intent_to, hand_to = deal_moves(), intent_moves(), hand_chances()
    here, total = {state: 1.0}, 0.0
    for step, share in enumerate([1.0, 1.0, 1.0, 1.0, 0.4]):
        onwards: dict[tuple[int, int, int], float] = defaultdict(float)
        for (deal, intent, hand), weight in here.items():
            fate = fate_chances(sql_season()[week + step], traits, HiddenState(deal, intent, hand))
            total += weight * float(fate.sql) * share
            for next_deal, by_deal in enumerate(deal_to[traits.band, deal]):
                for next_intent, by_intent in enumerate(intent_to[week + step, traits.band, deal, intent]):
                    for next_hand, by_hand in enumerate(hand_to[week + step, intent, traits.role]):
                        chance = weight * float(fate.stays) * by_deal * by_intent * by_hand
                        onwards[next_deal, next_intent, next_hand] += chance
        here = onwards
    return total


# --- its config


def test_config_is_yaml_and_names_every_column(small: World) -> None:
    config = yaml.safe_load(config_text("somewhere/"))
    assert config["name"] == "demo" and config["outcome"] == {"reaches": "sql", "within": "30d"}
    assert set(config["behaviours"]) == {b.name for b in BEHAVIOURS}
    assert set(config["tables"]) == set(COLUMNS)
    for name, table in config["tables"].items():
        assert table.pop("source").startswith("somewhere/data/")
        columns = {*table.pop("attributes", []), *table.values()}
        assert columns <= set(COLUMNS[name])


def test_config_maps_every_word_of_the_ladder(large: World) -> None:
    config = yaml.safe_load(config_text())
    mapped = {word for words in config["stages"].values() for word in words}
    assert mapped >= set(large.tables["stages"]["stage"].unique().to_pylist())
    assert mapped >= set(large.tables["opportunities"]["stage"].unique().to_pylist())


def test_config_finds_each_title_its_role() -> None:
    patterns = yaml.safe_load(config_text())["roles"]
    for role in ROLES:
        for title in role.titles:
            found = [name for name, globs in patterns.items() if any(fnmatchcase(title, glob) for glob in globs)]
            assert found[:1] == ([] if role.name == "other" else [role.name])


def test_config_is_accepted() -> None:
    yamlfile = pytest.importorskip("leadline.config.load")
    assert yamlfile.parse_config(config_text()).name == "demo"
