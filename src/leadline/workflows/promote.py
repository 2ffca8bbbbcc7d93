"""`promote`: the contest between champion and challenger, the decision's record, and the champion's alias.

The order survives a kill: the decision is written first, then the version is told whom it follows (a tag), and last
the one alias `champion` moves. A run that dies on the way leaves the champion in its place; run the command again.
"""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import leadline
from leadline.config.schema import Config
from leadline.core.files import locked, write_json, write_text
from leadline.errors import MissingError, PromotionRefused
from leadline.leakage.gate import WITHHOLDS
from leadline.promotion.contest import Verdict
from leadline.promotion.decision import Decision
from leadline.registry import tracking
from leadline.registry.bundle import MODELS, Bundle, resolve_bundle
from leadline.workflows.common import Progress, as_config, no_progress
from leadline.workflows.promotion_data import hold_contest

__all__ = ["DECISIONS", "FORMER", "Promotion", "promote", "roll_back"]

DECISIONS = "decisions"
FORMER = "leadline.former"
"""The tag of a version that is or was the champion: which one was before it."""


@dataclass(frozen=True)
class Promotion:
    """A moved alias: which version is the champion now, which was before it, and the decision with its record's place."""

    name: str
    version: str
    former: str | None
    decision: Decision
    record: Path

    @property
    def verdict(self) -> Verdict | None:
        """The contest's verdict; None where there was no champion to beat, or one was put back."""
        return self.decision.verdict

    def __repr__(self) -> str:
        return f"Promotion({self.name} {self.version} is champion; before it: {self.former or 'none'})"


def promote(config: Config | str | Path, version: str | None = None, progress: Progress = no_progress) -> Promotion:
    """Hold the contest and move the champion alias.

    Both recipes (features, shape of the model) are fitted anew on what came before the newest fold of today's data,
    and judged on that fold, so that neither has seen it.

    Parameters
    ----------
    version : str, optional
        The challenger; by default the version that the alias `challenger` names.

    Raises
    ------
    PromotionRefused
        The challenger didn't win; the champion stays. `decision` is the record.
    MissingError
        There is no challenger, or no such version.

    Examples
    --------
    >>> promote("no-such.yaml")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    config = as_config(config, progress)
    uri, name = config.tracking.uri, config.name
    known = tracking.aliases(uri, name)
    rival, former = version or known.get("challenger"), known.get("champion")
    if rival is None:
        raise MissingError(
            f"{name}: no challenger; expected a version trained after the champion; run `leadline train` first"
        )
    challenger = resolve_bundle(f"models:/{name}/{rival}", uri, config.signing_key)
    if former == rival:
        raise PromotionRefused(
            f"{name} {rival}: is the champion already; expected a challenger; train one, or name another --version"
        )
    if former is None:
        _refuse_withheld(config, challenger)
        asked = _decision_inputs(config, challenger, None)
        decision = Decision("promoted", name, rival, None, *_current_user(), "there was no champion to beat", asked)
        return _move(config, decision)
    champion = resolve_bundle(f"models:/{name}/{former}", uri, config.signing_key)
    verdict, cohort = hold_contest(config, champion, challenger, progress)
    outcome = "promoted" if verdict.promoted else "refused"
    asked = _decision_inputs(config, challenger, champion)
    decision = Decision(outcome, name, rival, former, *_current_user(), verdict.reason, asked, cohort, verdict)
    if verdict.promoted:
        return _move(config, decision)
    record = _save_decision(config, decision)
    refusal = PromotionRefused(
        f"{name} {rival}: {verdict.reason}; expected one that is no worse; {name} {former} stays the champion (see {record.with_suffix('.md')})"
    )
    refusal.decision = decision.to_record()
    raise refusal


def _refuse_withheld(config: Config, challenger: Bundle) -> None:
    """Refuse the first champion's place to what training withheld it from, unless the config accepts that today."""
    told = challenger.record("record.json").get("findings", [])
    codes = {check.code for check in WITHHOLDS}
    for f in told:
        if f["code"] in codes and f["severity"] == "error" and f["code"] not in config.leaks.accept:
            raise PromotionRefused(
                f"{config.name} {challenger.version}: {f['code']} {f['seen']}; expected {f['expected']}; train again, "
                f'or accept it in the config (leaks: {{accept: {{{f["code"]}: "why"}}}})'
            )


def roll_back(config: Config | str | Path, progress: Progress = no_progress) -> Promotion:
    """Put the former champion back, without a contest.

    The version that goes is no challenger any more, so that the next `promote` doesn't bring it back by itself.

    Raises
    ------
    MissingError
        There is no champion, it has no former one, or that one's bundle is gone.

    Examples
    --------
    >>> roll_back("no-such.yaml")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    config = as_config(config, progress)
    uri, name = config.tracking.uri, config.name
    current = tracking.version_of(uri, name, "champion")
    former = tracking.tag_of(uri, name, current, FORMER)
    if not former:
        raise MissingError(
            f"{name} {current}: no champion was before it; expected one that `leadline promote` replaced; name a --version to promote"
        )
    progress(f"putting back {name} {former}")
    # damaged or gone: better known before the alias moves
    bundle = resolve_bundle(f"models:/{name}/{former}", uri, config.signing_key)
    reason = f"{name} {former} was put back in the place of {name} {current}, as asked"
    decision = Decision(
        "rolled back", name, former, current, *_current_user(), reason, _decision_inputs(config, bundle, None)
    )
    return _move(config, decision)


def _move(config: Config, decision: Decision) -> Promotion:
    """Write the decision, then move the alias; what stands in between is harmless if the run dies there."""
    uri, name, version, former = config.tracking.uri, config.name, decision.version, decision.former
    record = _save_decision(config, decision)
    if decision.outcome == "rolled back":
        if tracking.aliases(uri, name).get("challenger") == former:
            tracking.drop_alias(uri, name, "challenger")
    elif former is not None:
        tracking.set_tag(uri, name, version, FORMER, former)
    tracking.set_alias(uri, name, "champion", version)
    return Promotion(name, version, former, decision, record)


def _save_decision(config: Config, decision: Decision) -> Path:
    """Log the decision to MLflow, and write it beside the model; return its place."""
    record, text = decision.to_record(), decision.to_text()
    head = "contest" if decision.verdict is not None else decision.outcome
    against = f" against {decision.former}" if decision.former else ""
    tags = {"decision": decision.outcome, "version": decision.version, "former": decision.former or "none"}
    tracking.log_record(
        config.tracking.uri, config.experiment, f"{head} {decision.version}{against}",
        {"decision.json": record, "decision.md": text}, tags, _metrics(decision),
    )  # fmt: skip
    home = MODELS / config.name
    with locked(home / ".lock", wait=60.0):
        folder = home / DECISIONS
        number = 1 + max((int(p.stem) for p in folder.glob("*.json") if p.stem.isdigit()), default=0)
        place = folder / f"{number:04d}.json"
        write_text(place.with_suffix(".md"), text)
        write_json(place, record)
    return place


def _metrics(decision: Decision) -> list[tuple[str, float, int]]:
    """List the first look's figures of both, and the gains."""
    if decision.verdict is None:
        return []
    look = decision.verdict.looks[0]
    rows = [(f"{who}.{name}", value, 0) for who, told in look.figures.items() for name, value in told.items()]
    for name, gain in (("log_loss", look.log_loss), ("precision", look.precision)):
        rows += [
            (f"gain.{name}{part}", value, 0)
            for part, value in zip(("", "_low", "_high"), vars(gain).values(), strict=True)
        ]
    return rows


def _current_user() -> tuple[str, str]:
    """Say who asks, and when."""
    try:
        who = getpass.getuser()
    except (OSError, KeyError):  # a container may run without a name
        who = "unknown"
    return who, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _decision_inputs(config: Config, challenger: Bundle, champion: Bundle | None) -> Mapping[str, Any]:
    """Say what was decided with."""
    told = {"leadline": leadline.__version__, "config": config.hash, "seed": config.seed}
    for who, bundle in (("version", challenger), ("champion", champion)):
        if bundle is not None:
            told[f"{who} known at"] = bundle.manifest["known_at"] or "all rows"
    return told
