"""The ways in which the newest fold is parted into segments: months, tiers, roles, and attributes with few levels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from leadline.core.privacy import printable_level
from leadline.core.rng import Stream, seed_of
from leadline.dataset.account_members import TITLES, role_of
from leadline.dataset.feature_spec import Feature
from leadline.evaluation.segments import SegmentAxis, SegmentRows, Segments, evaluate_segments
from leadline.features.families.icp_fit import SIZES
from leadline.model.encoding.target_encoding import CategoryLevels
from leadline.model.tiers import Tiers
from leadline.tables.attributes import slugify
from leadline.workflows.training.fit import TrainedModel

__all__ = ["fold_segments", "role_labels"]

Labels = npt.NDArray[np.object_]

MOST = 12  # levels of one attribute that are told one by one; the rest are one
TOLD = 0.5  # the share of rows whose level may be kept by name, below which an attribute is next to unique
BANDS = ((10, "under 10"), (50, "10 to 49"), (250, "50 to 249"), (1000, "250 to 999"), (np.inf, "1,000 and more"))
"""Sizes of accounts by employees, as the statistical offices of Europe part them, the largest in two."""
ASKED = {
    "source": ("source", "channel", "origin"),
    "region": ("region", "country", "state", "territory"),
    "size": SIZES,
}
"""What parity is asked for, and the words in an attribute's name that tell of it."""


def fold_segments(fitted: TrainedModel, bands: Tiers) -> Segments | None:
    """Judge the newest fold in segments; None where no fold could be judged.

    Parameters
    ----------
    bands : Tiers
        The tiers, as they were laid on the newest fold's honest probabilities.
    """
    honest, matrix = fitted.honest, fitted.matrix
    newest = np.flatnonzero(honest.judged)
    if not len(newest):
        return None
    at, p = honest.row[newest], honest.probability[newest]
    tier = bands.of(p)
    best = np.asarray(tier == bands.names[0])
    rows = SegmentRows(matrix.y[at], matrix.weight[at], p, matrix.lead[at], fitted.made.features.group()[at], best)
    axes, left_out = _attributes(fitted, at)
    if fitted.made.loaded.is_dated:
        month = pd.to_datetime(matrix.as_of[at], unit="us").strftime("%Y-%m").to_numpy(dtype=object)
        axes.append(SegmentAxis("month", month, parity=False))
    else:
        left_out.append(("month", "a flat file has no dates"))
    axes.append(SegmentAxis("tier", np.asarray(tier, dtype=object), parity=False, alone=True))
    seed = seed_of(fitted.config.seed, Stream.SEGMENTS)
    return evaluate_segments(rows, axes, seed, left_out)


def _attributes(fitted: TrainedModel, at: npt.NDArray[np.int64]) -> tuple[list[SegmentAxis], list[tuple[str, str]]]:
    """List the attributes that part the leads, and those that don't with the reason."""
    specs = [s for s in fitted.made.features.specs if s.aggregate == "value"]
    axes, left_out = [], []
    for spec in specs:
        column = fitted.matrix.values[spec.name]
        if spec.kind == "category":
            level = _levels(fitted, spec, at)
            if np.mean([value is not None and value != "(other)" for value in level]) < TOLD:
                left_out.append((spec.words, "next to unique: few of its values are shared by 20 leads"))
            else:
                axes.append(SegmentAxis(spec.words, level))
        elif slugify(spec.field) in SIZES:
            bands = tuple(name for _, name in BANDS)
            axes.append(SegmentAxis(spec.words, _banded(column.to_numpy(dtype=np.float64)[at]), order=bands))
    roles = role_labels(fitted.config.roles, specs, fitted.matrix.values, at)
    axes += [SegmentAxis("role", level) for level in roles]
    fields = [slugify(s.field) for s in specs if s.kind == "category" or slugify(s.field) in SIZES]
    for asked, words in ASKED.items():
        if not any(word in name for name in fields for word in words):
            left_out.append((asked, "no attribute tells it"))
    return axes, left_out


def _levels(fitted: TrainedModel, spec: Feature, at: npt.NDArray[np.int64]) -> Labels:
    """Return each row's level where the bundle keeps its name, for the commonest; others are one."""
    matrix = fitted.matrix
    column = matrix.values[spec.name]
    table = CategoryLevels.fit(spec.name, column, matrix.y, matrix.weight, matrix.lead)
    code = table.codes(column.iloc[at])
    size = np.bincount(code, minlength=len(table.names) + 2)[: len(table.names)]
    told = set(np.argsort(-size, kind="stable")[:MOST].tolist())
    names: list[str | None] = [printable_level(n) if i in told else "(other)" for i, n in enumerate(table.names)]
    return np.array([*names, "(other)", None], dtype=object)[code]


def _banded(size: npt.NDArray[np.float64]) -> Labels:
    """Return the band of each size; None where it isn't known.

    Examples
    --------
    >>> _banded(np.array([9.0, 10.0, 5000.0, np.nan])).tolist()
    ['under 10', '10 to 49', '1,000 and more', None]
    """
    place = np.searchsorted([end for end, _ in BANDS], np.nan_to_num(size), side="right")
    names = np.array([name for _, name in BANDS], dtype=object)
    banded = names[np.minimum(place, len(names) - 1)]
    banded[~np.isfinite(size)] = None
    return np.asarray(banded, dtype=object)


def role_labels(
    roles: Mapping[str, Sequence[str]], specs: Sequence[Feature], values: pd.DataFrame, at: npt.NDArray[np.int64]
) -> Iterator[Labels]:
    """Yield each row's role by its job title, where titles are an attribute; the first role that matches wins."""
    title = next((s for want in TITLES for s in specs if s.table == "leads" and slugify(s.field) == want), None)
    if title is None or title.kind != "category" or not roles:
        return
    code, titles = pd.factorize(values[title.name].iloc[at])
    yield np.array([*role_of(list(titles), roles), None], dtype=object)[code]
