"""What the experiments after training need: the newest fold's rows, and the recipe to be fitted again on others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from leadline.config import Config
from leadline.judge.experiments import Trial
from leadline.judge.explain import Driver
from leadline.model.fitting import OutOfFold
from leadline.model.matrix import Matrix
from leadline.model.refit import refit_margins
from leadline.model.scorer import Scorer
from leadline.pipeline.mutation import OFF
from leadline.pipeline.prepare import Prepared
from leadline.streams import Stream, generator

__all__ = ["trial"]

Ints = npt.NDArray[np.int64]


def trial(
    config: Config,
    made: Prepared,
    matrix: Matrix,
    scorer: Scorer,
    honest: OutOfFold,
    train: Ints,
    drivers: Sequence[Driver],
    why: str = "",
) -> Trial:
    """Gather what the experiments after training look at; `train` are the newest fold's training rows.

    Parameters
    ----------
    why : str
        Why there is nothing to experiment with; "" where there is.
    """
    specs = made.features.specs
    order = matrix.order()
    place = np.argsort(order)
    ordered = matrix.take(order)

    def refit(training: Ints, test: Ints, without: Sequence[str]) -> list[npt.NDArray[np.float64]]:
        parts = [[s.name for s in specs if s.group != group] for group in ("", *without)]
        random = generator(config.seed, Stream.EXPERIMENTS)
        fold = np.sort(place[training]), place[test]  # training rows sorted by key: their order changes no model
        return refit_margins(specs, ordered, fold, scorer.recipe, parts, random, config.engine.threads)

    test = honest.row[honest.judged]
    return Trial(
        matrix.y, matrix.weight, made.features.lead_id, made.features.account_id, made.features.group(), train, test,
        honest.probability[honest.judged], drivers, {s.group: f"{s.table}.{s.field}" for s in specs if s.aggregate == "value" and s.by == "column"},
        _declared(config), refit, config.seed, why if config.leaks.experiments else OFF,
    )  # fmt: skip


def _declared(config: Config) -> frozenset[str]:
    """List the attributes that the config says were known when their lead was created."""
    tables = {"leads": config.tables.leads, "accounts": config.tables.accounts}
    return frozenset(
        f"{name}.{c}" for name, table in tables.items() if table is not None for c in table.known_at_creation
    )
