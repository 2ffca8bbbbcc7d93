"""The leak gate as a whole: what it says of a trained model, and that a refusal stands alone; each check has a file in gate/."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from leadline.config.schema import Leaks
from leadline.core.checks import Severity, run_checks
from leadline.evaluation.backtest import Advantage, BacktestResult, FoldResult, ModelMetrics
from leadline.leakage.gate import AFTER_TRAINING, BEFORE_TRAINING, WITHHOLDS, TrainedContext
from leadline.metrics.intervals import Interval
from suspects import dated, flat, outcomes, told, words


@pytest.mark.parametrize(("auc", "told"), [(0.85, 0), (0.90, 0), (0.91, 1), (float("nan"), 0)])
def test_an_auc_above_what_honest_data_give_is_told(auc: float, told: int) -> None:
    fold = FoldResult(1, True, 0, 1, 10, 100, 10, 0.1, {"model": ModelMetrics(auc, 0.5, 3.0)})
    found = run_checks(AFTER_TRAINING, TrainedContext(BacktestResult((fold,)), "read the contract"))
    assert len(found) == told
    assert all("read the contract" in str(f) and f.code == "LL301" for f in found)


def test_a_backtest_without_folds_tells_nothing() -> None:
    assert len(run_checks((*AFTER_TRAINING, *WITHHOLDS), TrainedContext(BacktestResult(()), "none"))) == 0


def _ahead_of(who: str, auc: Interval, loss: Interval) -> TrainedContext:
    figures = {name: ModelMetrics(0.6, 0.3, 2.0, log_loss=0.4, auc_low=0.55, auc_high=0.65) for name in ("model", who)}
    fold = FoldResult(1, True, 0, 1, 10, 100, 10, 0.1, figures)
    return TrainedContext(BacktestResult((fold,), against={who: Advantage(auc, loss)}), "none")


BETTER, PERHAPS, PERHAPS_NOT, WORSE = (
    Interval(0.1, 0.05, 0.15), Interval(0.1, -0.05, 0.2), Interval(-0.1, -0.2, 0.05), Interval(-0.1, -0.15, -0.05)
)  # fmt: skip


@pytest.mark.parametrize(
    ("auc", "loss", "withheld"),
    [
        (BETTER, BETTER, False), (BETTER, PERHAPS, False), (PERHAPS, BETTER, False),  # one proof is enough
        (PERHAPS, PERHAPS, True), (BETTER, PERHAPS_NOT, True), (BETTER, WORSE, True), (WORSE, WORSE, True),
    ],
)  # fmt: skip
def test_a_model_that_is_no_better_than_the_base_rate_is_withheld(
    auc: Interval, loss: Interval, withheld: bool
) -> None:
    found = run_checks(WITHHOLDS, _ahead_of("base_rate", auc, loss))
    assert [f.code for f in found.of(Severity.ERROR)] == ["LL310"] * withheld
    assert all("of the base rate alone" in f.seen for f in found)


def test_whatever_beats_the_model_beyond_noise_is_told_by_name() -> None:
    for auc, loss, said in (
        (WORSE, PERHAPS, "AUC is higher by 0.100"),
        (PERHAPS, WORSE, "log loss is lower by 0.1000"),
    ):
        (found,) = run_checks(AFTER_TRAINING, _ahead_of("lightgbm", auc, loss))
        assert found.code == "LL302" and found.seen.startswith(f"LightGBM (defaults): {said}")
    assert not run_checks(AFTER_TRAINING, _ahead_of("points", PERHAPS_NOT, Interval(float("nan"))))


def test_each_check_says_why_and_has_a_code_of_its_own() -> None:
    checks = (*BEFORE_TRAINING, *AFTER_TRAINING, *WITHHOLDS)
    assert len({c.code for c in checks}) == len(checks)
    assert all(c.why.endswith(".") for c in BEFORE_TRAINING)


def test_what_cannot_be_asked_is_not_applicable_and_says_why(tmp_path) -> None:
    _, y = outcomes(size=60)
    colours = {"colour": ["red", "blue"] * 30}
    for found in (flat(tmp_path, y, colours), dated(tmp_path, y, colours)):
        silent = {f.code: f.seen for f in found if f.severity is Severity.NOT_APPLICABLE}
        assert "too few" in silent["LL209"] and all(silent.values())
        assert not [f for f in found if f.severity in (Severity.ERROR, Severity.WARNING)]


def test_a_column_that_is_refused_is_not_told_again_for_its_strength(tmp_path) -> None:
    rng, y = outcomes()
    columns = {"said": words(rng, y, ["not interested", "call back", "great talk"], [0.05, 0.05, 0.9], [0.5, 0.4, 0.1])}
    found = flat(tmp_path, y, columns)
    assert told(found, "LL211") == ["said"] and told(found, "LL208") == []


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_noise_is_never_refused(tmp_path, seed: int, share: float) -> None:
    size = (120, 400, 1500)[seed % 3]
    rng, y = outcomes(share, size, seed)
    columns = {f"number {n}": rng.normal(size=size) for n in range(8)}
    columns |= {f"word {n}": rng.choice(["customer", "lost", "won", "web", "fair"], size).tolist() for n in range(8)}
    columns |= {f"gaps {n}": words(rng, y, ["a", "b", None], [0.2, 0.2, 0.6], [0.2, 0.2, 0.6]) for n in range(4)}
    for found in (flat(tmp_path, y, columns), dated(tmp_path, y, columns)):
        assert [str(f) for f in found if f.severity in (Severity.ERROR, Severity.WARNING)] == []


@pytest.mark.parametrize("column", ["number", "words"])
def test_rows_after_t_change_nothing(tmp_path, column: str) -> None:
    rng, y = outcomes()
    late = np.arange(len(y)) >= 1_000
    columns = {
        "number": np.where(late, y * 50.0, 0.0) + rng.integers(0, 9, len(y)),
        "words": [f"won {i}" if after else "web" for i, after in enumerate(late)],
    }  # fmt: skip
    assert [
        f for f in flat(tmp_path, y, {column: columns[column]}, as_of=1_001) if f.severity in ("error", "warning")
    ] == []
    assert [f for f in flat(tmp_path, y, {column: columns[column]}) if f.severity in ("error", "warning")]


def test_no_lead_at_all_is_no_bug(tmp_path) -> None:
    _, y = outcomes(size=0)
    assert [
        f for f in flat(tmp_path, y, {"colour": pa.array([], pa.string())}) if f.severity in ("error", "warning")
    ] == []


def test_accounts_that_no_lead_names_are_no_bug(tmp_path) -> None:
    _, y = outcomes()
    accounts = {"account_id": ["A1", "A2"], "size": [1.0, 2.0]}
    found = dated(tmp_path, y, {}, {"accounts": accounts}, attributes=[])
    assert [f for f in found if f.severity in ("error", "warning")] == []


def test_an_error_may_be_accepted_for_one_column(tmp_path) -> None:
    rng, y = outcomes()
    columns = {name: words(rng, y, ["x", None], [0.95, 0.05], [0.05, 0.95]) for name in ("need", "budget")}
    found = flat(tmp_path, y, columns).accept(Leaks(accept={"LL209": {"need": "the long form asks for it"}}).accept)
    said = {f.subject: (f.severity, f.accepted) for f in found if f.code == "LL209"}
    assert said == {
        "leads.need": (Severity.WARNING, "the long form asks for it"), "leads.budget": (Severity.ERROR, ""),
    }  # fmt: skip


@pytest.mark.parametrize("accept", [{"LL209": {"need": " "}}, {"LL209": {}}, {"LL209": ""}, {"LL102": {"need": "why"}}])
def test_what_is_accepted_needs_a_reason_and_a_code_of_the_gate(accept) -> None:
    with pytest.raises(ValueError, match=r"has no reason|is no code of the leak gate"):
        Leaks(accept=accept)
