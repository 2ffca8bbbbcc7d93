"""What a monitor found, as a value: its figures, its lines, its record and its page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from leadline.files import write_text
from leadline.jsonable import to_jsonable
from leadline.judge.monitor_words import Part, parts

__all__ = ["MonitorResult", "TierFigures", "write_page"]


@dataclass(frozen=True)
class TierFigures:
    """One tier of past nights: how many, what was predicted, what came, with a 95% interval."""

    tier: str
    rows: int
    predicted: float
    observed: float
    low: float
    high: float


@dataclass(frozen=True)
class MonitorResult:
    """How past scores did.

    Attributes
    ----------
    as_of : str
        T.
    nights, rows, positives, censored : int
        Finished nights with ripe rows, those rows, the positives among them, and rows not ripe yet.
    auc, ece, predicted, observed : float
        Over all ripe rows; NaN where it isn't defined.
    tiers : list of TierFigures
        The same by tier.
    advice : str
        One line: whether to retrain, and why.
    told : mapping
        All else, as `to_record` has it: leads, intervals, segments, bands, versions, drift, acceptance, the holdout.
    """

    as_of: str
    nights: int
    rows: int
    positives: int
    censored: int
    auc: float
    ece: float
    predicted: float
    observed: float
    tiers: list[TierFigures]
    advice: str
    told: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"MonitorResult({self.rows} labeled rows of {self.nights} nights; {self.advice})"

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        first = {name: value for name, value in asdict(self).items() if name != "told"}
        record: dict[str, Any] = to_jsonable({**first, **self.told})
        return record

    def parts(self) -> list[Part]:
        """Say it in lines and tables of 80 columns."""
        return parts(self.to_record())


def write_page(result: MonitorResult, place: Path) -> Path:
    """Write it as one self-contained page, and return where.

    Raises
    ------
    OutputError
        The page can't be written.
    """
    from leadline.report.monitor import page

    write_text(place, page(result.to_record()))
    return place
