"""The features' statement and frame: in the restricted dialect, one row a snapshot, refusals in one sentence."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import crm
from leadline.core.point_in_time import Horizon, parse_instant
from leadline.dataset import snapshots
from leadline.dataset.feature_spec import Feature
from leadline.errors import DataError
from leadline.features import build, catalog
from small_crm import Run

FORBIDDEN = r"\b(INTERVAL|AT TIME ZONE|DATE_TRUNC|EXTRACT|EPOCH_US|QUALIFY|FILTER|ASOF|LATERAL|UNNEST|EXCLUDE|REPLACE|AVG|STDDEV|RANDOM|NOW|CURRENT_TIMESTAMP)\b"
NIGHT = parse_instant("2024-03-01")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return crm.write_parquet(crm.rows(), tmp_path_factory.mktemp("crm"))


def test_the_statement_keeps_to_the_restricted_dialect(sources: dict[str, str]) -> None:
    with Run(crm.config(sources)) as run:
        specs = tuple(s for s in catalog.list_features(run.config, run.loaded) if s.table != "colleagues")
        text = build.features_sql(specs, run.intents)
        assert not re.search(FORBIDDEN, re.sub(r"'[^']*'", "", text), re.IGNORECASE)
        assert text == build.features_sql(specs, run.intents) and text.endswith("ORDER BY s.as_of, s.lead_id")


def test_a_model_of_another_schema_is_bad_data(sources: dict[str, str]) -> None:
    other = Feature(
        "lead_budget", "fit", "attribute:lead_budget", "number", "value", "budget", "leads", "budget", "column"
    )
    with (
        Run(crm.config(sources)) as run,
        pytest.raises(DataError, match="the model needs lead_budget, which this config doesn't give"),
    ):
        run.night(NIGHT, (other,))


def test_a_model_with_acts_needs_events(sources: dict[str, str]) -> None:
    acts = Feature("n_any_7d", "behaviour", "activity", "count", "count", "acts", window=Horizon.parse("7d"))
    given = {k: v for k, v in sources.items() if k != "events"}
    with Run(crm.config(given)) as run, pytest.raises(DataError, match="the model needs events"):
        run.night(NIGHT, (acts,))


def test_rows_out_that_are_not_rows_in_are_refused(sources: dict[str, str]) -> None:
    with Run(crm.config(sources)) as run:
        specs = catalog.list_features(run.config, run.loaded)
        snapshots.for_night(run.config, run.loaded, NIGHT)
        run.store.run("INSERT INTO leads SELECT * FROM leads WHERE lead_id = (SELECT MIN(lead_id) FROM snapshots)")
        with pytest.raises(DataError, match="rows came of"):
            build.compute_features(run.loaded, specs, run.intents)


@pytest.mark.parametrize("ending", ["whole", "no leads before", "no night"])
def test_a_time_without_leads_and_a_night_without_a_time_are_refused(sources: dict[str, str], ending: str) -> None:
    if ending == "no leads before":
        with (
            pytest.raises(DataError, match=r"no row with a time before 1999-01-01T00:00:00Z"),
            Run(crm.config(sources), parse_instant("1999-01-01")),
        ):
            pass
    elif ending == "no night":
        with Run(crm.config(sources)) as run, pytest.raises(DataError, match="--as-of: missing"):
            run.night(None)
    else:
        with Run(crm.config(sources)) as run:
            assert len(run.night(NIGHT)) > 0


def test_a_world_without_events_accounts_or_history_has_features_too(sources: dict[str, str]) -> None:
    with Run(crm.config({k: sources[k] for k in ("leads", "stages")})) as run:
        counts, _, built = run.train()
        assert counts.positive > 0 and {"age", "lead_source"} <= set(built.values)


def small(**changes: object) -> build.FeatureTable:
    spec = Feature("age", "age", "age", "days", "age", "created", "leads")
    whole = build.FeatureTable(
        (spec,),
        np.array(["a", "b"], object),
        np.array(["x", None], object),
        np.array([1, 2]),
        pd.DataFrame({"age": [1.0, 2.0]}),
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [{"lead_id": np.array(["a"], object)}, {"values": pd.DataFrame({"old": [1.0, 2.0]})}, {"as_of": np.array([2, 1])}],
    ids=["lengths", "columns", "order"],
)
def test_features_check_themselves_when_made(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="Features: "):
        small(**changes)


def test_intervals_resample_accounts_and_else_leads() -> None:
    assert small().group().tolist() == ["x", "b"] and len(small()) == 2
    assert list(small().keep(["none"]).values) == []


def test_a_spec_written_is_read_back(sources: dict[str, str], tmp_path: Path) -> None:
    with Run(crm.config(sources)) as run:
        for spec in catalog.list_features(run.config, run.loaded):
            assert Feature.from_record(spec.to_record()) == spec
