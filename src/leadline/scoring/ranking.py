"""Scores: what the scorer says of tonight's open leads, ranked, with tiers and reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from leadline.explanation.reasons import REASONS, TopGroups, group_contributions, reason_texts, strongest_groups
from leadline.features.families.intent_stage import COLUMN as INTENT_STAGE
from leadline.scoring.contributions import LeadContributions
from leadline.scoring.grade import axis_sums

if TYPE_CHECKING:
    from leadline.features.build import FeatureTable
    from leadline.model.scorer import Scorer
    from leadline.scoring.grade import Grading
    from leadline.scoring.previous_scores import PreviousScores

__all__ = ["COLUMNS", "TRAILING", "Scores", "rank_leads", "rank_order", "trailing_columns"]

COLUMNS = (
    "lead_id", "account_id", "as_of", "probability", "rank", "tier", "previous_probability",
    *(f"reason_{n}" for n in range(1, REASONS + 1)), "model_name", "model_version",
)  # fmt: skip
"""The columns of the scores, in their order; issues may add more behind them."""


TRAILING = (
    "score", "fit_score", "engagement_score", "grade", "segment", "definitions_met", "change",
    "probability_low", "probability_high", "p_", "median_days", "expected_", INTENT_STAGE, "is_holdout",
)  # fmt: skip
"""The columns that may stand behind `COLUMNS`, in their order: a name, or with "_" at its end the beginning of several."""


def trailing_columns(names: Iterable[str]) -> list[str]:
    """Return which of a table's columns trail, in their order; those with one beginning stay as they stand.

    Examples
    --------
    >>> trailing_columns([*COLUMNS, "is_holdout", "expected_value", "p_won_given_sql", "territory"])
    ['p_won_given_sql', 'expected_value', 'is_holdout']
    """
    found = [n for n in names if n not in COLUMNS]
    return [n for word in TRAILING for n in found if n == word or (word.endswith("_") and n.startswith(word))]


@dataclass(frozen=True)
class Scores:
    """One row for each open lead, the best first.

    Attributes
    ----------
    lead_id, account_id, tier : object arrays
        Who, and in which band.
    as_of : int
        The night, in microseconds (for a flat file: a value of its order column).
    is_dated : bool
        Whether `as_of` is an instant.
    probability, previous_probability : float64 arrays
        Tonight's, and that of the newest finished night before (NaN for none).
    reasons : object array
        Rows × five texts.
    model_name, model_version : str
        Which scorer.
    later : mapping of str to float64, int64, bool or object array
        Columns of `TRAILING` by name; an object array holds texts.
    said : tuple of str
        What went otherwise than it should.
    contributions : LeadContributions or None
        What each group of features adds to each row's log odds; it isn't among the columns.
    """

    lead_id: npt.NDArray[np.object_]
    account_id: npt.NDArray[np.object_]
    as_of: int
    is_dated: bool
    probability: npt.NDArray[np.float64]
    tier: npt.NDArray[np.object_]
    reasons: npt.NDArray[np.object_]
    model_name: str
    model_version: str
    previous_probability: npt.NDArray[np.float64]
    later: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    contributions: LeadContributions | None = field(default=None, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.lead_id)

    def __repr__(self) -> str:
        bands = ", ".join(f"{tier} {int(np.sum(self.tier == tier))}" for tier in sorted(set(self.tier.tolist())))
        return f"Scores({len(self)} leads by {self.model_name} {self.model_version}; tiers: {bands or 'none'})"

    def with_previous(self, previous: dict[str, float]) -> Scores:
        """Return the same scores with each lead's probability of the night before."""
        values = np.array([previous.get(lead, np.nan) for lead in self.lead_id], dtype=np.float64)
        return replace(self, previous_probability=values)

    def to_arrow(self) -> Any:
        """Return a pyarrow Table with the columns `COLUMNS`, and those of `later` behind them."""
        import pyarrow as pa

        stamp = pa.timestamp("us", tz="UTC") if self.is_dated else pa.int64()
        n = len(self)
        columns = {
            "lead_id": pa.array(self.lead_id, pa.string()),
            "account_id": pa.array(self.account_id, pa.string()),
            "as_of": pa.array(np.full(n, self.as_of, dtype=np.int64)).cast(stamp),
            "probability": pa.array(self.probability, pa.float64()),
            "rank": pa.array(np.arange(1, n + 1), pa.int64()),
            "tier": pa.array(self.tier, pa.string()),
            "previous_probability": pa.array(self.previous_probability, pa.float64(), from_pandas=True),
            **{f"reason_{k + 1}": pa.array(self.reasons[:, k], pa.string()) for k in range(REASONS)},
            "model_name": pa.array([self.model_name] * n, pa.string()),
            "model_version": pa.array([self.model_version] * n, pa.string()),
        }
        kinds = {"b": pa.bool_(), "i": pa.int64(), "O": pa.string()}
        trailing = {
            name: pa.array(values, kinds.get(values.dtype.kind, pa.float64()), from_pandas=True)
            for name, values in ((name, self.later[name]) for name in trailing_columns(self.later))
        }
        return pa.table({**{name: columns[name] for name in COLUMNS}, **trailing})


def rank_leads(
    scorer: Scorer,
    features: FeatureTable,
    as_of: int,
    is_dated: bool,
    name: str,
    version: str,
    dates: npt.NDArray[np.int64] | None = None,
    before: PreviousScores | None = None,
    value: npt.NDArray[np.object_] | None = None,
    grading: Grading | None = None,
) -> Scores:
    """Score the features' rows: probability, rank (ties by lead_id), tier, reasons, and the grade where the bundle has one.

    Parameters
    ----------
    dates : int64 array, optional
        The instants that reasons count back from; the features' as_of by default.
    before : PreviousScores, optional
        The night before, whose tiers leads on the line keep.
    value : object array, optional
        Each row's value of the field that capacity is told by.
    grading : Grading, optional
        How scores are told as whole numbers.
    """
    values = features.values
    specs = [s for s in features.specs if s.name in set(scorer.names)]
    scorer, said = scorer.held(values)
    names = tuple(dict.fromkeys(s.group for s in specs))

    def summed(parts: npt.NDArray[np.float64]) -> tuple[TopGroups, npt.NDArray[np.float64], npt.NDArray[np.float32]]:
        by_group = group_contributions(specs, parts)[1]
        return strongest_groups(by_group), axis_sums(specs, parts), by_group.astype(np.float32)

    margin, told = scorer.over(values, summed)
    p = scorer.calibrator.probability(margin)
    order = rank_order(p, features.lead_id)
    stood = [before.tier.get(str(lead)) for lead in features.lead_id[order]] if before else None
    tier = scorer.bands.tonight(p[order], stood, None if value is None else value[order]).astype(object)
    groups, sums = (
        TopGroups.joined([top for top, _, _ in told]),
        np.concatenate([*(part for _, part, _ in told), np.empty((0, 3))]),
    )
    texts = reason_texts(specs, values, groups, features.as_of if dates is None else dates)
    grades = grading.columns(p[order], sums[order]) if grading is not None else {}
    by_group = np.concatenate([np.empty((0, len(names)), dtype=np.float32), *(part for _, _, part in told)])
    kept = LeadContributions(features.lead_id[order], names, by_group[order])
    return Scores(
        features.lead_id[order], features.account_id[order], as_of, is_dated, p[order], tier,
        texts[order], name, version, np.full(len(p), np.nan), grades, (said,) if said else (), kept,
    )  # fmt: skip


def rank_order(p: npt.NDArray[np.float64], lead_id: npt.NDArray[np.object_]) -> npt.NDArray[np.int64]:
    """Order rows by falling probability, ties by lead_id.

    Examples
    --------
    >>> rank_order(np.array([0.1, 0.3, 0.3]), np.array(["a", "c", "b"], dtype=object)).tolist()
    [2, 1, 0]
    """
    order = np.argsort(-p, kind="stable")
    new = np.diff(p[order], prepend=np.nan) != 0
    tied = np.flatnonzero(~new | ~np.append(new[1:], True))  # text is slow to sort: only where it decides
    rows = order[tied]
    order[tied] = rows[np.lexsort((lead_id[rows].astype(str), -p[rows]))] if len(rows) else rows
    return order
