"""Rates, the stage now and the fit: each alone is a statement, every dialect parses it, and a schema that lacks what it needs is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from test_build import FORBIDDEN

from cohorts import ICP, LADDER, Cohort, cohort_config, large_cohort, put
from crowded_accounts import ROLES
from leadline.dataset import snapshots
from leadline.dataset.account_members import role_column
from leadline.dataset.feature_spec import Feature
from leadline.errors import DataError
from leadline.features import build, catalog
from leadline.features.build import FeatureTable
from leadline.workflows.report import DIALECTS
from oracle import DAY, Rules

ASKED = Rules("opportunity", 7 * DAY, every=7 * DAY, words=LADDER)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cohort]:
    folder = tmp_path_factory.mktemp("cohort")
    put(large_cohort(9), folder)
    with Cohort(cohort_config(ASKED, folder)) as run:
        snapshots.for_training(run.config, run.loaded)
        yield run


@pytest.fixture(scope="module")
def built(cohort: Cohort) -> FeatureTable:
    return cohort.features()


def test_each_feature_alone_is_a_statement_that_gives_the_same(cohort: Cohort, built: FeatureTable) -> None:
    for spec in built.specs:
        alone = cohort.features((spec,))
        assert alone.values[spec.name].to_numpy().tobytes() == built.values[spec.name].to_numpy().tobytes(), spec.name


def test_a_spec_survives_its_record(built: FeatureTable) -> None:
    for spec in built.specs:
        assert Feature.from_record(spec.to_record()) == spec


def test_the_statement_keeps_to_the_restricted_dialect(cohort: Cohort, built: FeatureTable) -> None:
    text = build.features_sql(built.specs, cohort.intents, roles=ROLES, title=role_column(cohort.loaded))
    bare = re.sub(r"'[^']*'", "", text).replace("REPLACE(", "(")  # a role's pattern may hold a wildcard
    assert not re.search(FORBIDDEN, bare, re.IGNORECASE)


@pytest.mark.parametrize("dialect", [d for d in DIALECTS if d != "duckdb"])
def test_the_statement_parses_in_every_dialect(cohort: Cohort, built: FeatureTable, dialect: str) -> None:
    sqlglot = pytest.importorskip("sqlglot", reason="pip install leadline[warehouse]")
    text = build.features_sql(built.specs, cohort.intents, roles=ROLES, title=role_column(cohort.loaded))
    (spelt,) = sqlglot.transpile(text, read="duckdb", write=dialect)
    (parsed,) = sqlglot.parse(spelt, read=dialect)
    assert parsed.named_selects == ["lead_id", "account_id", "as_of", *(s.name for s in built.specs)]


@pytest.mark.parametrize("gone", ["lead_source", "lead_country", "account_employees"])
def test_a_model_whose_attribute_is_gone_is_refused(cohort: Cohort, built: FeatureTable, gone: str) -> None:
    left = tuple(a for a in cohort.loaded.attributes if a.name != gone)
    with pytest.raises(DataError, match=f"the model needs .*{gone}"):
        build.compute_features(
            replace(cohort.loaded, attributes=left), built.specs, cohort.intents, cohort.config.roles
        )


def test_a_number_that_became_words_is_refused(cohort: Cohort, built: FeatureTable) -> None:
    turned = tuple(
        replace(a, kind="category") if a.name == "account_employees" else a for a in cohort.loaded.attributes
    )
    with pytest.raises(DataError, match="the model needs account_employees"):
        build.compute_features(
            replace(cohort.loaded, attributes=turned), built.specs, cohort.intents, cohort.config.roles
        )


def test_the_catalogue_lists_each_name_once(cohort: Cohort) -> None:
    names = [s.name for s in catalog.list_features(cohort.config, cohort.loaded)]
    assert len(names) == len(set(names))
    assert {"rate_lead_source", "rate_account_industry", "rate_role", "times_recycled", "icp_match"} <= set(names)
    assert len([n for n in names if n.startswith("icp_")]) == len(ICP) + 1
