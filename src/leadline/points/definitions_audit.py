"""Definitions of MQL and SQL on the future cohort: whom they let through, what came of them, and which clause does harm.

A definition is worth its *edge*: the share of all leads that got there which it finds, less the share of all open leads that it
takes, each lead once. Leads picked at random have an edge of 0, whatever their number; so has a definition that everybody meets. A
change of one clause is chosen by the edge on the folds before the newest, and judged on the newest, which chose nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.config.schema import Config
from leadline.core.jsonable import to_jsonable
from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.core.rng import Stream, seed_of
from leadline.metrics.bootstrap import BootstrapSums
from leadline.metrics.intervals import Interval
from leadline.points.card_value import CardCohort
from leadline.points.definition_changes import changes, clauses, without
from leadline.points.definition_words import sentence
from leadline.points.rules_audit import StageAudit, stage_audit

__all__ = [
    "Change",
    "DefinitionAudit",
    "audit_definition",
    "best_change",
    "definition_record",
    "edge",
    "judge_change",
    "won_rate",
]

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

RESAMPLES = 200
UNSEEN = {"fit", "engagement", "grade"}
"""What only a model of older folds could say of their rows, and those aren't kept: changes of such a definition aren't looked for."""

DRAW = 2  # of the stream of the audits; stages have 1


@dataclass(frozen=True)
class Change:
    """A definition after a change, on one cohort.

    Attributes
    ----------
    leads, converted : float, Interval
        How many distinct leads meet the changed one, and which share of them gets there.
    gain : Interval
        Its edge less the definition's own.
    """

    leads: float
    converted: Interval
    gain: Interval

    @property
    def verdict(self) -> str:
        """``better`` or ``worse`` where the interval says so, else ``not proven``."""
        return "better" if self.gain.low > 0 else "worse" if self.gain.high < 0 else "not proven"


@dataclass(frozen=True)
class DefinitionAudit:
    """A definition on the newest fold; each lead counts once.

    Attributes
    ----------
    leads, per_week, share : float
        Distinct leads that meet it at one of the cohort's nights; how many that is for each week; and of all open leads.
    converted : Interval
        The share of them that gets there.
    edge : Interval
        The share of those who get there that it finds, less `share`.
    beside : StageAudit or None
        The same against the model's list as long, night by night; None where nobody, or everybody, meets it.
    """

    leads: float
    per_week: float
    share: float
    converted: Interval
    edge: Interval
    beside: StageAudit | None = None


def audit_definition(cohort: CardCohort, name: str, there: Flags, seed: int) -> DefinitionAudit:
    """Audit a definition; `there` says which of the cohort's rows meet it.

    Examples
    --------
    >>> n = np.arange(100)
    >>> rows = CardCohort((n < 10) * 1.0, np.ones(100), n, n, 0 * n, {"model": -1.0 * n}, per_week=5)
    >>> told = audit_definition(rows, "mql", n % 20 < 10, seed=7)
    >>> told.leads, told.converted.value, told.edge.value, told.beside.model.value
    (50.0, 0.2, 0.5, 1.0)
    """
    sums, leads = _sums(cohort, {"in": there}, seed)
    beside = stage_audit(cohort, name, there, seed)
    share = sums.ratio("in", "leads").value
    return DefinitionAudit(
        leads["in"],
        leads["in"] / cohort.weeks,
        share,
        sums.ratio("in_hits", "in"),
        sums.gap(("in_hits", "hits"), ("in", "leads")),
        beside,
    )


def edge(cohort: CardCohort, there: Flags) -> float:
    """Return the share of all who get there that meets a definition, less the share of all leads that does.

    Examples
    --------
    >>> n = np.arange(4)
    >>> edge(CardCohort((n < 2) * 1.0, np.ones(4), n, n, 0 * n, {}), n < 1)
    0.25
    """
    columns, _ = _per_lead(cohort, {"in": there})
    total = {name: float(column.sum()) for name, column in columns.items()}
    return total["in_hits"] / total["hits"] - total["in"] / total["leads"] if total["hits"] else float("nan")


def best_change(cohort: CardCohort, there: Flags, changed: Sequence[Flags]) -> int | None:
    """Return which change gains most on a cohort, the first of equals; None where none gains, or too few leads say so.

    Examples
    --------
    >>> n = np.arange(200)
    >>> rows = CardCohort((n < 100) * 1.0, np.ones(200), n, n, 0 * n, {})
    >>> best_change(rows, n < 50, [n < 20, n < 90, n < 190]), best_change(rows, n < 100, [n < 90])
    (1, None)
    """
    now = edge(cohort, there)
    gains = [edge(cohort, flags) - now if _enough(cohort, flags) else -np.inf for flags in changed]
    place = int(np.argmax(np.nan_to_num(gains, nan=-np.inf))) if gains else 0
    return place if gains and gains[place] > 0 else None


def judge_change(cohort: CardCohort, there: Flags, changed: Flags, seed: int) -> Change:
    """Say what a change does on a cohort that didn't choose it.

    Examples
    --------
    >>> n = np.arange(200)
    >>> rows = CardCohort((n < 100) * 1.0, np.ones(200), n, n, 0 * n, {})
    >>> told = judge_change(rows, n < 50, n < 90, seed=7)
    >>> told.leads, round(told.gain.value, 2), told.verdict
    (90.0, 0.2, 'better')
    """
    sums, leads = _sums(cohort, {"in": there, "new": changed}, seed)
    return Change(leads["new"], sums.ratio("new_hits", "new"), sums.gap(("more_hits", "hits"), ("more", "leads")))


def won_rate(cohort: CardCohort, there: Flags, seed: int) -> tuple[float, Interval]:
    """Return how many distinct leads meet a definition at all, and which share of them gets there.

    Examples
    --------
    >>> n = np.arange(100)
    >>> leads, rate = won_rate(CardCohort((n < 10) * 1.0, np.ones(100), n // 2, n, 0 * n, {}), n < 40, seed=7)
    >>> leads, rate.value
    (20.0, 0.25)
    """
    sums, leads = _sums(cohort, {"in": there}, seed)
    return leads["in"], sums.ratio("in_hits", "in")


def definition_record(
    config: Config,
    name: str,
    newest: tuple[CardCohort, Mapping[str, Flags]],
    before: Mapping[str, Flags],
    levels: Mapping[str, npt.NDArray[np.object_]],
) -> dict[str, Any]:
    """Audit one definition as plain JSON values: as it is, clause by clause, and after the change that older folds found best.

    Parameters
    ----------
    newest : (CardCohort, mapping)
        The newest fold's rows, the older ones as its `earlier`, and who meets each of `asked_conditions` there.
    before : mapping of str to bool array
        The same of the older rows.
    levels : mapping of str to array
        What parts the newest rows, one level a row.
    """
    whole, (cohort, held), older, seed = config.definitions[name], newest, newest[0].earlier, config.seed
    there, unseen = held[name], any(w.kind in UNSEEN for w in whole.walk())
    parts, changed = clauses(whole), list(changes(whole, config.features.windows, len(config.icp)))
    drops = [n for n in range(len(parts)) if without(whole, n) is not None]
    join = np.logical_or.reduce if whole.kind == "any" else np.logical_and.reduce

    def dropped(flags: Mapping[str, Flags], n: int) -> Flags:
        return np.asarray(join([flags[f"{name} clause {m}"] for m in range(len(parts)) if m != n]), dtype=np.bool_)

    harm = change = None
    if older is not None and len(older.y) and not unseen:
        found = best_change(older, before[name], [dropped(before, n) for n in drops])
        harm = None if found is None else drops[found]
        change = best_change(older, before[name], [before[f"{name} change {n}"] for n in range(len(changed))])
    record: dict[str, Any] = to_jsonable({
        "name": name, "words": sentence(config, whole), **asdict(audit_definition(cohort, name, there, seed)),
        "clauses": [
            {
                "words": sentence(config, part), "alone": asdict(audit_definition(cohort, name, held[f"{name} clause {n}"], seed)),
                "without": _change_record(judge_change(cohort, there, dropped(held, n), seed)) if n in drops else None,
                "harms": n == harm,
            }
            for n, part in enumerate(parts)
        ],
        "change": None if change is None else {
            "clause": sentence(config, changed[change][0]),
            "instead": None if (instead := changed[change][1]) is None else sentence(config, instead),
            **_change_record(judge_change(cohort, there, held[f"{name} change {change}"], seed)),
        },
        "tried": 0 if unseen else len(changed), "who": _never(cohort, there, levels), "unseen": unseen,
    })  # fmt: skip
    return record


def _change_record(change: Change) -> dict[str, Any]:
    return {**asdict(change), "verdict": change.verdict}


def _never(cohort: CardCohort, there: Flags, levels: Mapping[str, npt.NDArray[np.object_]]) -> dict[str, Any]:
    """Count by level who meets a definition, each lead at its first such row, and who of them never gets there."""
    rows = np.flatnonzero(there)
    _, first, who = np.unique(cohort.lead[rows].astype(str), return_index=True, return_inverse=True)
    got = np.zeros(len(first))
    np.maximum.at(got, who, cohort.y[rows])
    told: dict[str, Any] = {}
    for by, level in levels.items():
        names, code = np.unique(level[rows][first].astype(str), return_inverse=True)
        leads, never = np.bincount(code, minlength=len(names)), np.bincount(code, 1 - got, len(names))
        shown = [n for n in np.argsort(-never, kind="stable") if leads[n] >= MIN_GROUP_SIZE]
        told[by] = [(str(names[n]), int(leads[n]), int(never[n])) for n in shown]
    return told


def _enough(cohort: CardCohort, there: Flags) -> bool:
    """Tell whether so many leads meet it that one more or less can't choose."""
    return len(np.unique(cohort.lead[there].astype(str))) >= MIN_GROUP_SIZE


def _per_lead(cohort: CardCohort, flags: Mapping[str, Flags]) -> tuple[dict[str, Floats], npt.NDArray[np.object_]]:
    """Count each lead once: whether it meets a definition at any of its rows, and whether it gets there from one of these."""
    names, who = np.unique(cohort.lead.astype(str), return_inverse=True)
    group = np.empty(len(names), dtype=object)
    group[who] = cohort.group
    stands, got = np.zeros(len(names)), np.zeros(len(names))
    np.maximum.at(stands, who, cohort.weight)
    np.maximum.at(got, who, cohort.y)
    columns = {"leads": stands, "hits": stands * got}
    for name, there in flags.items():
        inside, hit = np.zeros(len(names)), np.zeros(len(names))
        np.maximum.at(inside, who, there.astype(np.float64))
        np.maximum.at(hit, who, there * cohort.y)
        columns |= {name: stands * inside, f"{name}_hits": stands * hit}
    return columns, group


def _sums(cohort: CardCohort, flags: Mapping[str, Flags], seed: int) -> tuple[BootstrapSums, dict[str, float]]:
    """Add the leads up, with draws of accounts, and the difference of two definitions where there are two."""
    columns, group = _per_lead(cohort, flags)
    if "new" in flags:
        columns |= {"more": columns["new"] - columns["in"], "more_hits": columns["new_hits"] - columns["in_hits"]}
    sums = BootstrapSums.of(columns, group, seed_of(seed, Stream.RULES_AUDIT, DRAW), RESAMPLES)
    return sums, {name: float(columns[name].sum()) for name in flags}
