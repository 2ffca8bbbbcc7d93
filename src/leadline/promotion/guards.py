"""The contest's guards: calibration, each large segment, latency and the leak gate.

A guard has something found, a bound and a verdict. It is about the challenger beside the champion on the same rows,
so that a world that is hard for both refuses nobody; and what is found must lie beyond chance as well as beyond the bound.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from leadline.core.checks import Findings, Severity
from leadline.metrics import classification
from leadline.metrics.bootstrap import bootstrap_sums, max_statistic_bound, row_log_losses

if TYPE_CHECKING:
    import pandas as pd

    from leadline.dataset.feature_spec import Feature

__all__ = [
    "Guard",
    "GuardSegment",
    "calibration_guard",
    "latency_guard",
    "leak_gate_guard",
    "segment_guards",
    "segment_labels",
]

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.object_]

FACTOR = 1.5  # times the champion's calibration error that the challenger may have
SHARE = 0.1  # or so much of the base rate above it: what this project asks of calibration
WORLDS = 100  # draws that tell how large a calibration error chance alone makes
FEWEST = 20  # accounts with a positive (and with a negative) row from which a segment is large: fewer tell nothing
MARGIN = (
    0.05  # of the champion's log loss in a segment that may be lost there where the whole is as good: what seeds move
)
LEVEL = 0.025  # the chance that chance alone makes any segment look worse
SLOWER, FLOOR = 3.0, 1.0  # times the champion's time, and seconds for 1,000 leads: slower than both is refused
RUNS = 5
QUARTERS = ("lowest quarter", "second quarter", "third quarter", "highest quarter")


@dataclass(frozen=True)
class Guard:
    """What one guard found, the bound it is held to, and one clause that says it; it never holds a lead's data."""

    name: str
    found: float
    bound: float
    passed: bool
    told: str


@dataclass(frozen=True)
class GuardSegment:
    """One large segment of the cohort.

    Attributes
    ----------
    attribute, level : str
        Which; numbers are parted into quarters.
    rows, positives : int
        Its snapshots.
    gain, beyond : float
        The champion's log loss less the challenger's there, and how far below 0 chance may bring the worst of all
        segments (above 0: challenger better).
    off, champion_off : float
        Mean probability less the observed rate, of the challenger and of the champion.
    passed : bool
        Whether neither its log loss nor its calibration is worse beyond chance and margin.
    """

    attribute: str
    level: str
    rows: int
    positives: int
    gain: float
    beyond: float
    off: float
    champion_off: float
    passed: bool


def calibration_guard(y: Floats, weight: Floats, champion: Floats, challenger: Floats, seed: int) -> Guard:
    """Hold the challenger's calibration error against the champion's on the same rows.

    Examples
    --------
    >>> y, right = np.tile([1.0, 0.0, 0.0, 0.0], 100), np.full(400, 0.25)
    >>> [calibration_guard(y, np.ones(400), right, p, 7).passed for p in (right, right + 0.2)]
    [True, False]
    """
    kept = classification.expected_calibration_error(y, champion, weight)
    found = classification.expected_calibration_error(y, challenger, weight)
    rate = float(np.average(y, weights=weight))
    bound = max(FACTOR * kept, kept + SHARE * rate, _chance(challenger, weight, seed))
    told = f"calibration error {found:.4f} (the champion's {kept:.4f}; at most {bound:.4f})"
    return Guard("calibration", found, bound, found <= bound, told)


def _chance(p: Floats, weight: Floats, seed: int) -> float:
    """Return the calibration error below which 95 of 100 worlds lie in which `p` are the true probabilities."""
    draw = np.random.default_rng(seed)
    errors = [classification.expected_calibration_error(draw.random(len(p)) < p, p, weight) for _ in range(WORLDS)]
    return float(np.quantile(errors, 0.95))


def segment_labels(specs: Sequence[Feature], values: pd.DataFrame) -> dict[str, Labels]:
    """Part rows by each attribute among the features: a category by its levels, a number into quarters; None is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> from leadline.dataset.feature_spec import Feature
    >>> size = Feature("size", "fit", "size", "number", "value", "has employees", "accounts", "employees")
    >>> segment_labels([size], pd.DataFrame({"size": [1.0, 2.0, 3.0, float("nan")]}))["accounts.employees"].tolist()
    ['lowest quarter', 'second quarter', 'highest quarter', None]
    """
    found = {}
    for spec in specs:
        if spec.aggregate != "value" or spec.name not in values.columns:
            continue
        column = values[spec.name]
        if spec.kind == "category":
            labels = column.to_numpy(dtype=object, copy=True)
            labels[column.isna().to_numpy()] = None
        else:
            labels = _quarters(column.to_numpy(dtype=np.float64))
        found[f"{spec.table}.{spec.field}"] = labels
    return found


def _quarters(values: Floats) -> Labels:
    labels = np.full(len(values), None, dtype=object)
    there = np.isfinite(values)
    if there.any():
        cuts = np.quantile(values[there], [0.25, 0.5, 0.75])
        labels[there] = np.array(QUARTERS, dtype=object)[np.searchsorted(cuts, values[there], side="left")]
    return labels


def segment_guards(
    y: Floats,
    weight: Floats,
    champion: Floats,
    challenger: Floats,
    group: Labels,
    parted: Mapping[str, Labels],
    seed: int,
) -> tuple[list[GuardSegment], list[Guard]]:
    """Judge log loss and calibration in each large segment; the bounds hold for all segments together.

    Returns
    -------
    tuple
        The segments, and a guard for each of both (none where no segment is large).
    """
    group = np.asarray(group).astype(str)
    large = [
        (attribute, str(level), labels == level)
        for attribute, labels in parted.items()
        for level in sorted({str(x) for x in labels if x is not None})
        if _is_large(labels == level, y, group)
    ]
    if not large:
        return [], []
    better, off, before = row_log_losses(y, champion) - row_log_losses(y, challenger), challenger - y, champion - y
    mass = np.array([weight[inside].sum() for _, _, inside in large])
    gains, offs, befores, kept, rates = (
        np.array([(weight * column)[inside].sum() for _, _, inside in large]) / mass
        for column in (better, off, before, row_log_losses(y, champion), y)
    )
    columns = (weight * inside * column for column in (better, off, np.ones(len(y))) for _, _, inside in large)
    sums = bootstrap_sums(columns, group, seed)
    drawn_better, drawn_off, drawn_mass = (sums[:, k * len(large) : (k + 1) * len(large)] for k in range(3))
    with np.errstate(divide="ignore", invalid="ignore"):
        error, beyond = max_statistic_bound(gains, drawn_better / drawn_mass, LEVEL, both_sides=False)
        off_error, off_beyond = max_statistic_bound(offs, drawn_off / drawn_mass, LEVEL, both_sides=True)
    lost = (gains + beyond * error < 0) & (-gains > MARGIN * kept)
    allowed = np.maximum.reduce([FACTOR * np.abs(befores), np.abs(befores) + SHARE * rates, off_beyond * off_error])
    askew = np.abs(offs) > allowed
    found = [
        GuardSegment(
            attribute, level, int(inside.sum()), int(y[inside].sum()), float(gains[n]), float(-beyond * error[n]),
            float(offs[n]), float(befores[n]), not (lost[n] or askew[n]),
        )
        for n, (attribute, level, inside) in enumerate(large)
    ]  # fmt: skip
    return found, [
        _overall("segments: log loss", found, gains / np.where(error > 0, error, np.inf), -beyond, lost, "log loss is worse"),
        _overall("segments: calibration", found, -np.abs(offs) / np.maximum(allowed, 1e-12), -1.0, askew, "calibration is worse"),
    ]  # fmt: skip


def _is_large(inside: npt.NDArray[np.bool_], y: Floats, group: Labels) -> bool:
    return all(len(np.unique(group[inside & (y == side)])) >= FEWEST for side in (1.0, 0.0))


def _overall(
    name: str, found: Sequence[GuardSegment], score: Floats, bound: float, bad: npt.NDArray[np.bool_], what: str
) -> Guard:
    """Say in how many segments it is worse, and by which attributes; the levels stand in the record alone."""
    wrong = sorted({segment.attribute for segment, is_bad in zip(found, bad, strict=True) if is_bad})
    many = f"{int(bad.sum())} of {len(found)} large segments"
    told = f"{what} in {many} (by {', '.join(wrong)})" if wrong else f"{what} in none of {len(found)} large segments"
    return Guard(name, float(score.min()), bound, not wrong, told)


def latency_guard(
    champion: Callable[[], object],
    challenger: Callable[[], object],
    leads: int,
    clock: Callable[[], float] = time.perf_counter,
) -> Guard:
    """Hold the challenger's scoring time of the same leads against the champion's: medians of runs in turn.

    Examples
    --------
    >>> ticks = iter([0, 1, 1, 5] * 6)  # a second each, and four
    >>> latency_guard(lambda: None, lambda: None, 1000, lambda: next(ticks)).told
    '4.00 s for 1,000 leads (the champion 1.00 s; at most 3.00 s)'
    """
    seconds: dict[str, list[float]] = {"champion": [], "challenger": []}
    for run in range(RUNS + 1):
        for who, score in (("champion", champion), ("challenger", challenger)):
            began = clock()
            score()
            if run:  # the first warms caches
                seconds[who].append((clock() - began) * 1000 / max(leads, 1))
            else:
                clock()
    kept, found = (float(np.median(seconds[who])) for who in ("champion", "challenger"))
    bound = max(SLOWER * kept, FLOOR)
    told = f"{found:.2f} s for 1,000 leads (the champion {kept:.2f} s; at most {bound:.2f} s)"
    return Guard("latency", found, bound, found <= bound, told)


def leak_gate_guard(challenger: Findings, champion: Findings, unaccepted: Findings) -> Guard:
    """Tell what the leak gate has against the challenger and not against the champion.

    Parameters
    ----------
    challenger, champion : Findings
        What the checks after training say of both on the cohort.
    unaccepted : Findings
        Errors that were accepted when the challenger was trained, and that the config doesn't accept today.
    """
    known = {(f.code, f.subject) for f in champion}
    against = [f for f in challenger if f.severity is Severity.ERROR]
    against += [f for f in challenger if f.severity is Severity.WARNING and (f.code, f.subject) not in known]
    against += list(unaccepted)
    told = f"leak gate: {'; '.join(f'{f.code} {f.subject}: {f.seen}' for f in against)}"
    return Guard("leak gate", len(against), 0, not against, told if against else "leak gate: nothing")
