"""Searching for a better recipe on the folds older than the newest, with Optuna (the extra `tune`).

A search goes on where it was left. What Optuna stores of a study, in its journal or in SQLite, lacks the state of the
sampler's generator, so a study read back draws other recipes than one that was never stopped. Here each trial has a
sampler of its own, seeded by the search's seed and the trial's number: what is tried next hangs on what was tried
before, and on nothing else. Whoever asks keeps what was tried, and hands it back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from leadline.core.rng import Stream, seed_of
from leadline.dataset.feature_spec import Feature
from leadline.errors import UsageError
from leadline.model.encoding.encoder import Matrix
from leadline.model.fitting.fit import split_newest
from leadline.model.fitting.recipe import Recipe
from leadline.model.fitting.selection import InnerFold, RowSplit, select_model

__all__ = ["SPACE", "TuningTrial", "best_recipe", "optuna_version", "search_recipes"]

SPACE: Mapping[str, tuple[float, float, bool]] = {
    "learning_rate": (0.01, 0.2, True),
    "max_depth": (2, 6, False),
    "num_leaves": (3, 31, False),
    "l2": (0.1, 300.0, True),
    "feature_fraction": (0.3, 1.0, False),
    "min_hessian": (1.0, 30.0, True),
}
"""What is searched: the least and the greatest value, whether on a logarithmic scale; whole where both ends are."""


@dataclass(frozen=True)
class TuningTrial:
    """One recipe's numbers, and its weighted log loss over the older folds.

    Examples
    --------
    >>> TuningTrial.from_record({"numbers": {"l2": 30.0}, "loss": 0.25})
    TuningTrial(numbers={'l2': 30.0}, loss=0.25)
    """

    numbers: Mapping[str, Any]
    loss: float

    @property
    def recipe(self) -> Recipe:
        """The recipe; all other numbers are the default one's."""
        return replace(Recipe(), **dict(self.numbers))

    def to_record(self) -> dict[str, Any]:
        """Return it as plain JSON values; floats are written so that reading gives the same bits."""
        return {"numbers": dict(self.numbers), "loss": self.loss}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> TuningTrial:
        """Read what `to_record` wrote; a KeyError, TypeError or ValueError says that something else did."""
        return cls({str(name): value for name, value in record["numbers"].items()}, float(record["loss"]))


def optuna_version() -> str:
    """Return Optuna's version.

    Raises
    ------
    UsageError
        It isn't installed.
    """
    try:
        import optuna
    except ImportError:
        raise UsageError("--tune: needs Optuna; install leadline[tune]") from None
    return str(optuna.__version__)


def best_recipe(tried: Sequence[TuningTrial]) -> Recipe:
    """Return the recipe with the least log loss, the earliest of equals; the default one where none was tried.

    Examples
    --------
    >>> best_recipe([TuningTrial({"l2": 1.0}, 0.3), TuningTrial({"l2": 9.0}, 0.2)]).l2, best_recipe([]) == Recipe()
    (9.0, True)
    """
    return min(tried, key=lambda one: one.loss).recipe if tried else Recipe()


def search_recipes(
    specs: Sequence[Feature],
    matrix: Matrix,
    folds: Sequence[RowSplit],
    trials: int,
    seed: int,
    threads: int = 1,
    done: Sequence[TuningTrial] = (),
) -> Iterator[TuningTrial]:
    """Yield each recipe as it has been tried; the default one is the first. The newest fold isn't looked at.

    Parameters
    ----------
    trials : int
        How many recipes to try, those in `done` included.
    seed : int
        The same seed tries the same recipes, whether or not the search was stopped on the way.
    done : sequence of TuningTrial
        What the same search has tried so far, in its order; it isn't tried again.

    Raises
    ------
    UsageError
        Optuna isn't installed.

    Notes
    -----
    The same holds of another version of Optuna, or of LightGBM, only as far as they draw and fit the same.

    References
    ----------
    Akiba et al., "Optuna: A Next-generation Hyperparameter Optimization Framework", KDD 2019 (the TPE sampler).
    """
    optuna_version()
    _, rows, older, newest, _ = split_newest(matrix, folds)
    until = newest[0][0] if newest else None
    ready = InnerFold.fit_all(specs, rows, older, Recipe(), until, seed, threads)
    if not ready:
        return
    finished = [_finished(one) for one in done]
    for number in range(len(done), trials):
        numbers = _numbers(finished, number, seed)
        tried = TuningTrial(numbers, _loss(ready, replace(Recipe(), **numbers), seed, threads))
        finished.append(_finished(tried))
        yield tried


def _numbers(finished: Sequence[Any], number: int, seed: int) -> dict[str, Any]:
    """Ask what to try next, of a sampler that knows the trials so far, its seed and this trial's number."""
    import optuna

    if number == 0:
        return {name: getattr(Recipe(), name) for name in SPACE}
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    mine = seed_of(seed, Stream.TUNING, number)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=mine))
    study.add_trials(finished)
    return dict(study.ask(_distributions()).params)


def _distributions() -> dict[str, Any]:
    """Return the space as Optuna's distributions."""
    from optuna.distributions import FloatDistribution, IntDistribution

    return {
        name: IntDistribution(low, high)
        if isinstance(low, int) and isinstance(high, int)
        else FloatDistribution(low, high, log=log)
        for name, (low, high, log) in SPACE.items()
    }


def _finished(tried: TuningTrial) -> Any:
    """Return a tried recipe as a finished trial."""
    from optuna.trial import create_trial

    return create_trial(params=dict(tried.numbers), distributions=_distributions(), value=tried.loss)


def _loss(ready: Sequence[InnerFold], recipe: Recipe, seed: int, threads: int) -> float:
    return select_model(ready, recipe, seed, threads).loss
