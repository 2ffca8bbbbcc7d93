"""The drivers' stability as `train` asks for it: a switch in the config, and draws that follow its seed alone."""

from __future__ import annotations

from leadline.workflows.common import no_progress
from leadline.workflows.training.refits import REFITS, bootstrap_drivers, rare_level_shares


def test_the_seed_alone_decides_and_the_record_holds_it(trained_home) -> None:
    _, result = trained_home
    told = result.judgement.stability
    assert (
        told is not None
        and told.refits == REFITS
        and bootstrap_drivers(result.fitted, result.drivers, no_progress) == told
    )
    by_group = {d.group: d for d in told.drivers}
    for place, driver in enumerate(result.drivers, 1):
        found = by_group[driver.group]
        assert found.rank_low <= place <= found.rank_high and found.share_low <= driver.share <= found.share_high


def test_the_switch_leaves_it_out(trained_home) -> None:
    fitted = trained_home[1].fitted
    off = fitted.config.backtest.model_copy(update={"stability": False})
    config = fitted.config.model_copy(update={"backtest": off})
    assert (
        bootstrap_drivers(type(fitted)(**{**vars(fitted), "config": config}), trained_home[1].drivers, no_progress)
        is None
    )


def test_titles_that_few_leads_have_are_pooled_and_said(trained_home) -> None:
    _, result = trained_home
    shares = rare_level_shares(result.fitted)
    assert shares and all(0 < share < 1 for share in shares.values())
    values, scorer = result.fitted.made.features.values, result.scorer
    for table in scorer.encoder.levels:
        rare = ~values[table.feature].isin(table.names) & values[table.feature].notna()
        assert (
            abs(table.pooled - float((rare * result.fitted.matrix.weight).sum() / result.fitted.matrix.weight.sum()))
            < 1e-9
        )
