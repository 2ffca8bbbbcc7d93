"""How files are spread over workers: the costliest first, so that none is left alone with a long one at the end."""

from __future__ import annotations

from typing import Any

import pytest

__all__ = ["pytest_collection_modifyitems", "pytest_xdist_make_scheduler"]

COSTLY = (
    "docs/test_blocks", "cli/test_app", "backends/test_spark", "backends/test_engines", "backends/test_engines_rates",
    "scenarios/test_a_season", "backends/test_presets_in_databases", "configs/test_configs", "workflows/test_experiments",
    "workflows/test_laws_end_to_end", "test_notebooks", "laws/test_time_laws", "laws/test_oracle_laws", "laws/test_sweep_laws", "scenarios/test_families",
    "laws/test_rate_laws", "registry/test_tracking", "laws/test_colleague_laws", "workflows/test_later_stages",
    "tables/test_event_cache", "workflows/test_explain", "workflows/test_promote", "faults/test_runs_killed",
    "faults/test_a_night_killed", "faults/test_canaries", "faults/test_hostile_text", "faults/test_odd_tables",
    "scenarios/test_few_outcomes", "browser/test_report_in_chromium", "browser/test_accessible", "workflows/test_score",
    "presets/test_vendor_presets", "workflows/test_tuned_training", "workflows/test_monitor", "workflows/test_change", "workflows/test_recalibrate",
    "benchmarks/test_gate_score", "workflows/test_forget", "registry/test_pinned", "laws/test_following_laws",
    "benchmarks/test_bench", "leakage/test_gate_on_real_data", "laws/test_act_laws", "recomputed/test_recomputed_definitions", "laws/test_definition_laws", "dataset/test_lead_journeys",
    "features/test_account", "tables/test_table_checks", "evaluation/test_ablation", "leakage/test_gate", "tables/test_attributes",
    "scenarios/test_dataframes", "workflows/test_model_settings", "workflows/test_features", "model/test_own_model", "model/test_estimator",
)  # fmt: skip
"""Files that take more than five seconds, the longest first (`make test` tells them); one that is missing here only starts later."""

TOGETHER = {
    "tests/backends/test_engines.py": "tests/backends/test_spark.py",
    "tests/backends/test_engines_rates.py": "tests/backends/test_spark.py",
}
"""Files that one worker runs, since a Spark started twice costs more than it brings."""


WHOLE = ("backends", "benchmarks", "browser", "faults", "laws", "scenarios", "workflows")
"""Folders of whole jobs, and of laws on many examples."""

WHOLE_JOBS = {"demo_tables", "trained_home", "home", "forking", "postgres_uri", "spark", "chromium", "site"}
"""Fixtures that train, or start a server."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the costliest files first, and mark what `make test-quick` leaves to `make test`."""
    place = {f"tests/{name}.py": n for n, name in enumerate(COSTLY)}
    for item in items:
        file = item.nodeid.split("::")[0]
        whole = file.startswith(tuple(f"tests/{folder}/" for folder in WHOLE))
        if whole or file in place or WHOLE_JOBS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("costly")
    items.sort(key=lambda item: place.get(item.nodeid.split("::")[0], len(place)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give a worker whole files in the order that they were collected in."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class CostlyFirst(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::")[0]
            return TOGETHER.get(file, file)

    config.option.loadscopereorder = False
    return CostlyFirst(config, log)
