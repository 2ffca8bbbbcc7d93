"""`score` and `explain`: the first half of training at a single as_of, then the scorer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from leadline.config import Config, Source
from leadline.errors import DataError, MissingError, UsageError
from leadline.history.features import Features
from leadline.judge.explain import by_group, say
from leadline.judge.ranking import Scores, rank
from leadline.ops import registry
from leadline.ops.nightly import Night, run_night
from leadline.ops.registry import Bundle
from leadline.pipeline.asking import Progress, as_config, instant, said_instant, silent
from leadline.pipeline.prepare import tonight

__all__ = ["Told", "explain", "find_model", "score"]


def find_model(config: Config, model: str | None) -> Bundle:
    """Find the bundle that `--model` means, the champion by default, and make sure that it fits the config.

    Raises
    ------
    DataError
        The model answers another question than the config asks.
    """
    bundle = registry.resolve(model or f"models:/{config.name}@champion", config.tracking.uri)
    asked = config.outcome.model_dump(mode="json", exclude={"observed_from", "observed_until"})
    for part, mine in (("outcome", asked), ("flat", config.is_flat)):
        if bundle.manifest.get(part) != mine:
            raise DataError(
                f"model {bundle.name} {bundle.version}: trained for another `{'outcome' if part == 'outcome' else 'snapshots'}`; "
                "expected the config it was trained with; use that config or train again"
            )
    return bundle


def score(
    config: Config | str | Path,
    as_of: str | int | None = None,
    model: str | None = None,
    out: str | None = None,
    leads: Source | None = None,
    progress: Progress = silent,
) -> Night:
    """Score every open lead as of one instant, and write the scores.

    Parameters
    ----------
    config : Config or path
        The config that the model was trained with.
    as_of : str or int, optional
        The night; needed, but for a flat file with `leads`.
    model : str, optional
        A folder, ``models:/NAME@champion`` (the default) or ``models:/NAME/3``.
    out : str, optional
        A .parquet or .csv file, a folder, or ``postgresql://…?table=t``; ``scores/NAME/`` by default, and with
        `leads` a file of the same name there, as such rows are no night.
    leads : str, optional
        For a flat file: rows to score, without an outcome.

    Raises
    ------
    UsageError, ConfigError, MissingError, DataError, RetryError, OutputError
        As the message says; nothing is half-written, and what stood at `out` still does.

    Examples
    --------
    >>> score("no-such.yaml", as_of="2024-05-01")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    config = as_config(config)
    if leads is not None and not config.is_flat:
        raise UsageError(
            "--leads: for a flat file only (snapshots.order_by); with dated tables every open lead is scored; leave it out"
        )
    if as_of is None and leads is None:
        raise UsageError(
            "--as-of: missing; expected the instant of the night; name it, as in --as-of 2024-05-01T02:00:00Z"
        )
    when = instant(config, as_of)
    bundle = find_model(config, model)
    night = when if when is not None else int(instant(config, bundle.manifest["known_at"]) or 0)
    dated = bool(bundle.manifest["dated"])
    if out is None and isinstance(leads, str):
        out = str(Path("scores") / bundle.name / f"{Path(leads).name.split('.')[0]}.parquet")

    def compute() -> Scores:
        made, _, _ = tonight(
            config, bundle.specs, bundle.manifest["intents"], bundle.manifest["roles"], when, leads, progress=progress
        )
        progress(f"scoring {len(made):,} open leads")
        return rank(bundle.scorer, made, night, dated, bundle.name, bundle.version)

    done = run_night(bundle, out, night, dated, compute)
    return replace(done, warning=hindsight(bundle)) if knows_more(config, bundle, when) else done


def knows_more(config: Config, bundle: Bundle, as_of: int | None) -> bool:
    """Tell whether the model was trained on what came after as_of, so that its scores flatter it."""
    known = bundle.manifest["known_at"]
    return as_of is not None and known is not None and int(instant(config, str(known)) or 0) > as_of


def hindsight(bundle: Bundle) -> str:
    """Say what is wrong with scoring a night before the model's own T."""
    return (
        f"{bundle.name} {bundle.version} was trained on what was known at {bundle.manifest['known_at']}, after this night: "
        "its scores look better than they were; use a model trained before it to judge"
    )


@dataclass(frozen=True)
class Told:
    """One lead, explained.

    Attributes
    ----------
    lead_id, as_of : str
        Who and when.
    probability : float
        Of the outcome within the horizon.
    tier : str
        Its band.
    causes : tuple of (fact, effect)
        Every group of features, the strongest first; the effect is on the log odds.
    base : float
        The log odds that all leads start from.
    model : str
        Which scorer.
    """

    lead_id: str
    as_of: str
    probability: float
    tier: str
    causes: tuple[tuple[str, float], ...]
    base: float
    model: str

    def __repr__(self) -> str:
        return f"Told(probability {self.probability:.3f}, tier {self.tier}, {len(self.causes)} causes, by {self.model})"


def explain(
    config: Config | str | Path, lead: str, as_of: str | int, model: str | None = None, progress: Progress = silent
) -> Told:
    """Explain one open lead's score.

    Raises
    ------
    MissingError
        No such lead is known at as_of, or it isn't open then.

    Examples
    --------
    >>> explain("no-such.yaml", lead="L1", as_of="2024-05-01")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    config = as_config(config)
    when = instant(config, as_of)
    bundle = find_model(config, model)
    made, _, known = tonight(
        config, bundle.specs, bundle.manifest["intents"], bundle.manifest["roles"], when, lead=lead, progress=progress
    )
    if not len(made):
        seen = "not open at that time (it has reached the outcome, was lost or rejected, or is younger than the first landmark)"
        raise MissingError(
            f"--lead: {seen if known else 'no such lead is known at that time'}; expected an open lead; check the id and --as-of"
        )
    return tell(bundle, made, str(said_instant(when, bool(bundle.manifest["dated"]))))


def tell(bundle: Bundle, made: Features, as_of: str) -> Told:
    """Turn one row's contributions into facts and effects."""
    scorer = bundle.scorer
    values = made.values[list(scorer.names)]
    p = scorer.probability(values)
    contributions, base = scorer.contributions(values)
    specs = [s for s in made.specs if s.name in set(scorer.names)]
    groups, summed = by_group(specs, contributions)
    order = np.argsort(-np.abs(summed[0]), kind="stable")
    facts = {s.name: values[s.name].iloc[0] for s in specs}
    causes = tuple(
        (say([s for s in specs if s.group == groups[n]], facts, int(made.as_of[0])), float(summed[0, n])) for n in order
    )
    return Told(
        str(made.lead_id[0]),
        as_of,
        float(p[0]),
        str(scorer.tiers(p)[0]),
        causes,
        float(base),
        f"{bundle.name} {bundle.version}",
    )
