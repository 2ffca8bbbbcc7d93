"""How far the newest night's features and scores lie from those of training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from leadline.config import Config
from leadline.errors import LeadlineError
from leadline.judge.drift import by_chance, psi, shares
from leadline.judge.spreads import drift_of
from leadline.ops.registry import Bundle
from leadline.pipeline.asking import Progress, silent
from leadline.pipeline.looking import look_up

__all__ = ["drifts"]


def drifts(
    config: Config, bundle: Bundle, rows: Any, record: Mapping[str, Any], progress: Progress = silent
) -> dict[str, Any]:
    """Return the index (PSI) of each feature and of the score, the newest night against the newest quarter of training.

    Parameters
    ----------
    rows : pyarrow.Table
        Past nights' rows, the newest's among them.
    record : mapping
        The newest night's record.

    Returns
    -------
    dict
        `as_of`, `bound`, `score` and `features`, the farthest first, each with `psi`, `chance` (how large chance alone makes
        it) and whether it is `beyond` the bound and chance; or `why` nothing can be said.
    """
    spreads = bundle.manifest["reference"]["spreads"]
    if config.snapshots.after_creation is not None:
        return {
            "why": "with landmarks training looks at other ages than a night does, so their spreads can't be compared"
        }
    bound, as_of = config.nightly.drift.psi, int(record["as_of_value"])
    mine = rows.column("as_of").to_numpy(zero_copy_only=False) == as_of
    p = rows.column("probability").to_numpy(zero_copy_only=False)[mine]
    try:
        made = look_up(config, bundle, as_of, progress=progress).made
    except LeadlineError as error:
        what = type(error).__name__.removesuffix("Error").lower()
        return {"why": f"the newest night's features can't be computed again now ({what})"}
    told = []
    for spec in made.specs:
        then = spreads["features"].get(spec.name)
        # Of a level, the rate at one time is one number, and moves with what is known: its spread isn't training's.
        if then is not None and len(made) and spec.aggregate != "rate":
            index, chance = drift_of(spec, made.values[spec.name], then, spreads["rows"])
            told.append(_told(spec.name, index, chance, bound) | {"words": spec.words})
    score = spreads["score"]
    index = psi(score["shares"], shares(p, score["cuts"])) if len(p) else float("nan")
    whole = _told("score", index, by_chance(len(score["shares"]), len(p), spreads["rows"]), bound)
    told.sort(key=lambda d: (-d["psi"], d["name"]))
    return {"as_of": record["as_of"], "bound": bound, "leads": len(made), "score": whole, "features": told}


def _told(name: str, index: float, chance: float, bound: float) -> dict[str, Any]:
    return {"name": name, "psi": index, "chance": chance, "beyond": bool(np.isfinite(index) and index > bound + chance)}
