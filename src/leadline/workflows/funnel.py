"""`funnel`: how leads climb, where they leak, and what sales rejected; nothing is fitted. Training tells it, too, with tiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leadline.config.schema import Config
from leadline.dataset import lead_journeys
from leadline.dataset.lead_journeys import LeadJourneys
from leadline.errors import UsageError
from leadline.insights import diagnosis
from leadline.insights import funnel as funnels
from leadline.insights.rejections import rejection_record, tier_before_decision
from leadline.insights.stage_conversion import FunnelSettings
from leadline.workflows.common import Progress, as_config, format_as_of, no_progress, open_tables, parse_as_of

if TYPE_CHECKING:
    import pandas as pd

    from leadline.model.tiers import Tiers
    from leadline.workflows.training.fit import TrainedModel

__all__ = ["FunnelResult", "funnel", "funnel_record", "training_funnel"]


@dataclass(frozen=True)
class FunnelResult:
    """The funnel as known at T.

    Attributes
    ----------
    name, known_at : str
        The config's name, and T.
    record : dict
        `funnel`, `diagnosis` and `rejected`, as plain JSON values: what a report's record holds under these names.
    """

    name: str
    known_at: str | None
    record: dict[str, Any]

    @property
    def steps(self) -> pd.DataFrame:
        """A row a step, of all leads, each source and each campaign: who went on, how sure that share is, and the quartiles of days."""
        told = self.record["funnel"]
        parts = [("all", {"level": "all", "steps": told["all"]})]
        parts += [(by, level) for by in ("source", "campaign") for level in told[by]]
        return _frame([_flat(step, by=by, level=level["level"]) for by, level in parts for step in level["steps"]])

    @property
    def months(self) -> pd.DataFrame:
        """A row a month and step, by the month in which the lower stage was entered; `complete` where all its leads had their time."""
        told = self.record["funnel"]["months"]
        return _frame([_flat(step, month=month["month"]) for month in told for step in month["steps"]])

    @property
    def touches(self) -> pd.DataFrame:
        """How soon MQLs were touched, of all, each source and each campaign; empty where no table tells of touches."""
        told = self.record["funnel"]["touches"]
        return _frame([] if told is None else _levels(told))

    @property
    def cost(self) -> pd.DataFrame:
        """Cost per SQL of all, each source and each campaign; empty where no table tells of spend."""
        told = self.record["funnel"]["cost"]
        return _frame([] if told is None else _levels(told))

    @property
    def cost_by_month(self) -> pd.DataFrame:
        """Cost per SQL by campaign and month, where 20 leads came in; empty where no table tells of spend."""
        told = self.record["funnel"]["cost"]
        return _frame([] if told is None else told["cells"])

    @property
    def diagnosis(self) -> pd.DataFrame:
        """MQL to SQL conversion of all, each source and each campaign, the bands that its interval touches, and what may be tried."""
        told = self.record["diagnosis"]
        return _frame([] if told is None else _levels(told))

    @property
    def rejections(self) -> pd.DataFrame:
        """What sales rejected: a row a reason that 20 leads share, and the rest by kind."""
        return _frame(self.record["rejected"]["reasons"])

    def __repr__(self) -> str:
        told = self.record["funnel"]
        said = ", ".join(f"{s['start']} → {s['end']} {s['reached']:,} of {s['entered']:,}" for s in told["all"][:4])
        return f"FunnelResult({self.name}: {told['leads']:,} leads; {said})"


def funnel(
    config: Config | str | Path, as_of: str | int | None = None, progress: Progress = no_progress
) -> FunnelResult:
    """Tell how leads climb, where they leak and what sales rejected, by what was known at T; it trains nothing.

    Parameters
    ----------
    config : Config or path
        Whose tables.
    as_of : str or int, optional
        T; by default the newest recorded time in the table that holds the outcome.
    progress : callable, optional
        Is told each stage's name.

    Raises
    ------
    UsageError
        The config is of a flat file, in which nobody climbs.
    ConfigError, MissingError, DataError
        As the message says; an error of a check of the tables is one here, too.

    Examples
    --------
    >>> funnel("no-such.yaml")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    config = as_config(config, progress)
    if config.is_flat:
        raise UsageError(
            "funnel: a flat file (snapshots.order_by) doesn't say when leads reached a stage; expected dated tables; export stages with their times"
        )
    with open_tables(config, parse_as_of(config, as_of), progress) as loaded:
        loaded.findings.raise_errors()
        progress("following everybody's climb")
        seen = lead_journeys.fetch_journeys(config, loaded)
    said = funnel_record(config, seen)
    record = {
        "funnel": said["funnel"],
        "diagnosis": diagnosis.diagnosis_record(said["funnel"]),
        "rejected": said["rejected"],
    }
    return FunnelResult(config.name, format_as_of(loaded.known_at, loaded.is_dated), record)


def training_funnel(fitted: TrainedModel, bands: Tiers) -> dict[str, Any]:
    """Return the records of a training run; none where a flat file tells of no climb.

    Parameters
    ----------
    bands : Tiers
        The tiers, on the scale of the newest fold's honest probabilities.
    """
    seen = None if fitted.made.beside is None else fitted.made.beside.climbs
    if seen is None:
        return {}
    honest, matrix = fitted.honest, fitted.matrix
    value = None if fitted.made.by is None else fitted.made.by[honest.row]
    tier = bands.of(honest.probability, value).astype(object)
    at = matrix.as_of[honest.row]
    last = (
        tier_before_decision(seen, matrix.lead[honest.row], at, tier, fitted.config.horizon.micros) if len(at) else None
    )
    return funnel_record(fitted.config, seen, last)


def funnel_record(config: Config, seen: LeadJourneys, tier: Any = None) -> dict[str, Any]:
    """Return the funnel and what was rejected, as plain JSON values."""
    outcome, plan = config.outcome, config.funnel
    sla = None if config.sla is None else config.sla.first_touch.micros
    terms = FunnelSettings(
        plan.within.micros, plan.won_within.micros, outcome.delay.micros, outcome.observed_from, sla, config.timezone or "UTC",
        config.seed,
    )  # fmt: skip
    return {
        "funnel": funnels.funnel_summary(seen, terms),
        "rejected": rejection_record(seen, config.rejections.given(), tier),
    }


def _flat(step: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return a step as one row: its quartiles as columns."""
    low, median, high = step["days"]
    rest = {name: value for name, value in step.items() if name != "days"}
    return {**more, **rest, "days_q25": low, "days_median": median, "days_q75": high}


def _levels(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = [{"by": "all", **told["all"], "level": "all"}]
    rows += [{"by": by, **level} for by in ("source", "campaign") for level in told[by]]
    return [_unfolded(row) for row in rows]


def _unfolded(row: Mapping[str, Any]) -> dict[str, Any]:
    """Lay figures that stand together beside the others, under names of their own."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        flat |= {f"{name}_{key}": v for key, v in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def _frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([dict(row) for row in rows])
