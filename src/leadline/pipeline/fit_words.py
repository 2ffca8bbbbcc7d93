"""What the terminal says of the rung, the sample and the drivers' stability."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any

from leadline.jsonable import to_jsonable
from leadline.judge import sample, stability
from leadline.model import choice
from leadline.pipeline.stability import pooled
from leadline.privacy import MIN_GROUP_SIZE

if TYPE_CHECKING:
    from leadline.pipeline.training import TrainResult

__all__ = ["UNJUDGED", "foot", "head", "told"]

UNJUDGED = "No fold could be judged, so nothing is known of how good the model is."


def told(result: TrainResult) -> dict[str, Any]:
    """Return the same as plain JSON values."""
    rung, judged, place = result.fitted.rung, result.judgement, result.out_of_fold
    return {
        "choice": to_jsonable(result.fitted.honest.choice),
        "complexity": rung.to_record() if rung else None,
        "sample": judged.sample.to_record() if judged.sample else None,
        "stability": judged.stability.to_record() if judged.stability else None,
        "out_of_fold": str(place) if place else None,
    }


def head(result: TrainResult) -> list[str]:
    """Say what the snapshots are worth, and what was therefore fitted."""
    rung, told_sample = result.fitted.rung, result.judgement.sample
    said = list(sample.lines(told_sample)) if told_sample else []
    said += [f"{rung.name}: {rung.reason}"] if rung else []
    fitted = choice.said(result.fitted.honest.choice)
    said += [f"fitted: {fitted}"] if fitted else []
    rare = pooled(result.fitted)
    if rare:
        parts = ", ".join(f"{name} {share:.1%}" for name, share in rare.items())
        said.append(f"levels that fewer than {MIN_GROUP_SIZE} leads share are pooled as other, of snapshots: {parts}")
    return [line for text in said for line in wrap(text, 80)]


def foot(result: TrainResult) -> list[str]:
    """Say how stable the drivers are, and where the out-of-fold predictions lie."""
    said = [f"  {line}" for line in stability.lines(result.judgement.stability)]
    said += [] if result.drivers else ["  nothing: every lead gets the base rate"]
    return [*said, *([f"\nout-of-fold predictions: {result.out_of_fold}"] if result.out_of_fold else [])]
