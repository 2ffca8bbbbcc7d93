"""A search for a recipe is kept trial by trial: killed on the way and started again, it ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leadline.cli.progress import ProgressReporter
from leadline.config.schema import Config
from leadline.dataset.feature_spec import Feature
from leadline.model.encoding.encoder import Matrix
from leadline.model.fitting.fit import OutOfFold
from leadline.model.fitting.recipe import Recipe
from leadline.workflows.training import fit

pytest.importorskip("optuna", reason="pip install leadline[tune]")

TRIALS = 6
SPECS = (Feature("visits", "behaviour", "visits", "count", "count", "visited"),)
FLAT = {
    "version": 1, "name": "flat", "tables": {"leads": {"source": "a.csv"}}, "outcome": {"column": "won", "positive": 1},
    "snapshots": {"order_by": "row"},
}  # fmt: skip
SCRIPT = f"""
import sys
sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(Path(fit.__file__).parents[3])!r}]
import test_tuned_training
test_tuned_training.run(lambda stage: print(stage, file=sys.stderr, flush=True))
"""


def world(seed: int = 5) -> tuple[Matrix, list[tuple[Any, Any]]]:
    rng = np.random.default_rng(seed)
    visits = rng.poisson(2.0, 900).astype(float)
    y = (rng.random(900) < 1 / (1 + np.exp(3 - visits))).astype(float)
    rows = np.arange(900)
    matrix = Matrix(pd.DataFrame({"visits": visits}), y, np.ones(900), rows.astype(str), rows, rows)
    return matrix, [(rows[:300], rows[300:500]), (rows[:500], rows[500:700]), (rows[:700], rows[700:])]


def run(progress: Any = lambda _: None, trials: int = TRIALS, data_seed: int = 5, **config: Any) -> fit.TuningResult:
    return fit.tune_recipe(Config.model_validate(FLAT | config), SPECS, *world(data_seed), trials, progress)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[fit.TuningResult, bytes]:
    """What a search finds that nobody stops, and what it keeps."""
    folder, before = tmp_path_factory.mktemp("whole"), Path.cwd()
    os.chdir(folder)
    try:
        return run(), kept().read_bytes()
    finally:
        os.chdir(before)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kept() -> Path:
    (place,) = (fit.FOLDER / "flat").glob("*.json")
    return place


def result(found: fit.TuningResult) -> tuple[Any, ...]:
    return found.recipe, found.trials, found.loss, found.default_loss


def test_a_search_killed_half_through_ends_as_if_it_had_not_been(
    whole: tuple[fit.TuningResult, bytes], folder: Path
) -> None:
    search = subprocess.Popen([sys.executable, "-c", SCRIPT], stderr=subprocess.PIPE, text=True)
    assert search.stderr is not None
    for line in search.stderr:
        if "trying recipes: 3 of" in line:
            search.send_signal(signal.SIGKILL)
            break
    search.communicate(timeout=60)
    assert search.returncode == -signal.SIGKILL
    there = len(json.loads(kept().read_text())["trials"])
    assert 3 <= there < TRIALS
    told: list[str] = []
    found = run(told.append)
    assert found.kept == there and result(found) == result(whole[0])
    assert kept().read_bytes() == whole[1]
    assert told[0] == f"going on with a search: {there} of {TRIALS} recipes were tried before"


def test_a_search_that_is_done_is_not_made_again(whole: tuple[fit.TuningResult, bytes], folder: Path) -> None:
    run(trials=1)
    kept().write_bytes(whole[1])
    assert result(run()) == result(whole[0]) and run().kept == TRIALS
    assert run(trials=2).trials == 2, "fewer recipes are the first of those"
    assert kept().read_bytes() == whole[1]


@pytest.mark.parametrize("other", [{"data_seed": 6}, {"seed": 8}], ids=["data", "seed"])
def test_other_data_or_another_seed_begin_anew(folder: Path, other: dict[str, Any]) -> None:
    run(trials=1)
    assert run(trials=1, **other).kept == 0
    assert len(list((fit.FOLDER / "flat").glob("*.json"))) == 2


def test_rows_in_another_order_are_the_same_data(folder: Path) -> None:
    matrix, folds = world()
    config = Config.model_validate(FLAT)
    run(trials=1)
    order = np.random.default_rng(1).permutation(len(matrix))
    place = np.argsort(order)
    moved = [(place[train], place[test]) for train, test in folds]
    assert fit.tune_recipe(config, SPECS, matrix.take(order), moved, 1, lambda _: None).kept == 1


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"trials": 5}', '{"trials": [{"numbers": {}}]}', "\ud800"])
def test_what_is_no_search_counts_as_none(folder: Path, text: str) -> None:
    run(trials=1)
    kept().write_bytes(text.encode("utf-8", "surrogatepass"))
    assert run(trials=1).kept == 0


def test_without_a_terminal_each_tenth_is_a_line(folder: Path) -> None:
    told: list[str] = []
    run(told.append, trials=2)
    assert [line.split(",")[0] for line in told] == [f"trying recipes: {n} of 2" for n in (1, 2)]
    assert all("least log loss so far 0." in line for line in told)


@pytest.mark.parametrize(("quiet", "log"), [(False, "text"), (True, "text"), (False, "json")])
def test_on_a_terminal_a_bar_is_shown_unless_told_otherwise(
    folder: Path, monkeypatch: pytest.MonkeyPatch, quiet: bool, log: str
) -> None:
    ours, theirs = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        run(ProgressReporter(quiet, log), trials=2)
        monkeypatch.undo()
        terminal.write("\nend")
        terminal.flush()
        shown = b""
        while not shown.endswith(b"end"):
            shown += os.read(ours, 65536)
    os.close(ours)
    assert (b"\x1b[" in shown) == (log == "text" and not quiet)
    assert (b"trying recipes: 2 of 2, least log loss so far 0." in shown) == (not quiet)
    lines = [line for line in shown.decode().replace("\r", "").splitlines() if line.startswith("{")]
    assert len(lines) == (2 if log == "json" else 0) and all("stage" in json.loads(line) for line in lines)


def outputs(p: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> OutOfFold:
    """What a model would have said of all rows, the last third of them in the newest fold."""
    rows = np.arange(len(y))
    return OutOfFold(rows * 0, rows, rows >= 600, p, p, p, (), {}, False)


def gains(better: float) -> fit.TuningResult:
    """What is told of a recipe whose probabilities are `better` of the way from the base rate to the truth."""
    matrix, _ = world()
    truth = 1 / (1 + np.exp(3 - matrix.values["visits"].to_numpy()))
    base = np.full(len(truth), truth.mean())
    both = outputs(base, matrix.y), outputs(base + better * (truth - base), matrix.y)
    found = fit.TuningResult(replace(Recipe(), l2=9.0), 6, 0, 0.2, 0.3)
    return fit._with_gains(found, matrix, matrix.lead, both, 7)


def test_a_recipe_that_is_better_beyond_noise_is_taken_and_its_gain_is_told_twice() -> None:
    found, (matrix, _) = gains(1.0), world()
    assert found.is_taken and found.gain is not None and found.newest_gain is not None
    truth = 1 / (1 + np.exp(3 - matrix.values["visits"].to_numpy()))
    for told, at in ((found.gain, slice(0, 600)), (found.newest_gain, slice(600, 900))):
        y, p = matrix.y[at], truth[at]
        loss = [-np.mean(y * np.log(q) + (1 - y) * np.log(1 - q)) for q in (np.full(len(p), truth.mean()), p)]
        assert told.value == pytest.approx(loss[0] - loss[1]) and told.low < told.value < told.high
    assert found.words().startswith("6 recipes tried, and the best is taken: l2 9, with a log loss lower by .")
    assert "on the newest, which chose nothing, by ." in found.words()


def test_a_recipe_that_may_be_better_by_chance_leaves_the_default_one() -> None:
    found = gains(0.0)
    assert not found.is_taken and "the default one is kept" in found.words() and found.to_record()["taken"] is False


def test_mlflow_has_each_recipe_as_a_run_within_the_run(folder: Path) -> None:
    from leadline.registry import tracking

    uri = "sqlite:///mlflow.db"
    with tracking.open_run(uri, "tuned", "flat", "a training") as run:
        run.children(
            [
                ("recipe 1", {"l2": 30.0}, {"older_folds.log_loss": 0.25}),
                ("recipe 2", {"l2": 9.0}, {"older_folds.log_loss": float("nan")}),
            ]
        )
        parent = run.id
    with tracking._client(uri) as (_, client):
        found = client.search_runs(
            [client.get_experiment_by_name("tuned").experiment_id], f"tags.mlflow.parentRunId = '{parent}'"
        )
    told = sorted(
        (one.info.run_name, one.info.status, one.data.params["l2"], one.data.metrics.get("older_folds.log_loss"))
        for one in found
    )
    assert told == [("recipe 1", "FINISHED", "30.0", 0.25), ("recipe 2", "FINISHED", "9.0", None)]
