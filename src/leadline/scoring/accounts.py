"""A night's accounts: one row for each account with an open lead, ranked, with its committee, its best lead and reasons.

An account's row is made of its leads' rows of the same night and of nothing else that could tell more of them: who is left out
of the scores (`tables.suppress`) or stands in the exploration holdout is in no account's row either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.features.families.intent_stage import COLUMN as INTENT_STAGE
from leadline.features.families.intent_stage import STAGES
from leadline.model.account_model import AccountModel, AccountNights, gather_accounts
from leadline.scoring.exploration import COLUMN as HOLDOUT
from leadline.scoring.ranking import Scores, rank_order

__all__ = ["ACCOUNTS", "COLUMNS", "AccountPeople", "score_accounts"]

Texts = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

ACCOUNTS = "accounts.parquet"
"""The file of a night's folder that holds them."""

REASONS = 3
COLUMNS = (
    "account_id", "as_of", "probability", "score", "rank", "tier", "grade", "open_leads", "engaged_people", "roles_engaged",
    "roles_missing", "completeness", "best_lead_id", "intent_stage", *(f"reason_{n}" for n in range(1, REASONS + 1)),
    "model_name", "model_version",
)  # fmt: skip
"""The columns, in their order; behind them stand `expected_value`, where amounts are there, and `trend`."""

LOWERS = " (lowers the score)"


@dataclass(frozen=True)
class AccountPeople:
    """Who is engaged in each lead's account; one entry a row of the scores.

    Attributes
    ----------
    engaged : float64 array or None
        How many people acted in the window; None where that isn't known.
    roles : mapping of str to bool array
        For each role of the buying committee, whether somebody in it acted; empty where the config has no roles.
    window : str
        How far back, in words.
    """

    engaged: Floats | None = None
    roles: Mapping[str, Flags] = field(default_factory=dict)
    window: str = ""

    def take(self, rows: npt.NDArray[Any]) -> AccountPeople:
        """Return some rows."""
        engaged = None if self.engaged is None else self.engaged[rows]
        return AccountPeople(engaged, {role: flags[rows] for role, flags in self.roles.items()}, self.window)


def score_accounts(
    scores: Scores, model: AccountModel, people: AccountPeople, before: Mapping[str, float] | None = None
) -> Any:
    """Score and rank the accounts of a night's leads, as a pyarrow Table; None where no lead has an account.

    Parameters
    ----------
    scores : Scores
        The night's leads, the best first.
    people : AccountPeople
        Who is engaged, row by row of `scores`.
    before : mapping of str to float, optional
        Each account's chance at the newest finished night before.

    Examples
    --------
    >>> who, nan = np.array(["L1", "L2", "L3"], dtype=object), np.full(3, np.nan)
    >>> night = Scores(who, np.array(["acme", None, "acme"], dtype=object), 0, True, np.array([0.5, 0.4, 0.2]),
    ...     np.array(["A", "A", "B"], dtype=object), np.full((3, 5), None, dtype=object), "demo", "1", nan)
    >>> told = score_accounts(night, AccountModel(0.0, 0.0, 1.0, 0.0), AccountPeople())
    >>> [(row["account_id"], round(row["probability"], 2), row["open_leads"], row["best_lead_id"]) for row in told.to_pylist()]
    [('acme', 0.6, 2, 'L1')]
    """
    if HOLDOUT in scores.later:
        rows = np.flatnonzero(~scores.later[HOLDOUT])
        scores, people = _taken(scores, rows), people.take(rows)
    nights = gather_accounts(
        scores.account_id, np.zeros(len(scores), dtype=np.int64), scores.probability, people.engaged
    )
    return _table(scores, model, people, nights, before or {}) if len(nights) else None


def _taken(scores: Scores, rows: npt.NDArray[np.int64]) -> Scores:
    """Return some rows of a night."""
    return replace(
        scores, lead_id=scores.lead_id[rows], account_id=scores.account_id[rows], probability=scores.probability[rows],
        tier=scores.tier[rows], reasons=scores.reasons[rows], previous_probability=scores.previous_probability[rows],
        later={name: values[rows] for name, values in scores.later.items()},
    )  # fmt: skip


def _table(
    scores: Scores, model: AccountModel, people: AccountPeople, nights: AccountNights, before: Mapping[str, float]
) -> Any:
    """Make the table, the best account first."""
    import pyarrow as pa

    p = model.probability(nights)
    order = rank_order(p, nights.account)
    n, first = len(order), nights.first[order]
    acted = people.take(first)
    engaged, missing = _roles(acted, n)
    stage = (
        _deepest(scores.later[INTENT_STAGE], nights)[order]
        if INTENT_STAGE in scores.later
        else np.full(n, None, dtype=object)
    )
    grade = (
        _best_grade(scores.later["grade"], nights)[order] if "grade" in scores.later else np.full(n, None, dtype=object)
    )
    why = _reasons(scores, people, nights)[order]
    stamp = pa.timestamp("us", tz="UTC") if scores.is_dated else pa.int64()
    texts = {
        "account_id": nights.account[order], "tier": model.tiers.tonight(p[order]).astype(object), "grade": grade,
        "roles_engaged": engaged, "roles_missing": missing, "best_lead_id": scores.lead_id[first], "intent_stage": stage,
        **{f"reason_{k + 1}": why[:, k] for k in range(REASONS)},
        "model_name": [scores.model_name] * n, "model_version": [scores.model_version] * n,
    }  # fmt: skip
    columns = {name: pa.array(values, pa.string()) for name, values in texts.items()} | {
        "as_of": pa.array(np.full(n, scores.as_of, dtype=np.int64)).cast(stamp),
        "probability": pa.array(p[order]),
        "score": pa.array(model.score(p[order]), pa.int64()),
        "rank": pa.array(np.arange(1, n + 1), pa.int64()),
        "open_leads": pa.array(nights.leads[order], pa.int64()),
        "engaged_people": _whole(nights.engaged[order]),
        "completeness": _whole(_completeness(acted, n)),
    }
    return pa.table({**{name: columns[name] for name in COLUMNS}, **_behind(scores, p[order], nights, order, before)})


def _behind(
    scores: Scores, p: Floats, nights: AccountNights, order: npt.NDArray[np.int64], before: Mapping[str, float]
) -> dict[str, Any]:
    """Return the trailing columns: what the account is worth, by its best lead's deal, and how its chance moved."""
    import pyarrow as pa

    told = {}
    if "expected_value" in scores.later:  # one deal an account: by the best lead, at the chance of the account
        first = nights.first[order]
        worth = scores.later["expected_value"][first] / scores.probability[first]
        told["expected_value"] = pa.array(p * worth, pa.float64(), from_pandas=True)
    moved = p - np.array([before.get(account, np.nan) for account in nights.account[order]], dtype=np.float64)
    return {**told, "trend": pa.array(moved, pa.float64(), from_pandas=True)}


def _whole(values: Floats) -> Any:
    """Return numbers as whole ones, null for NaN."""
    import pyarrow as pa

    known = np.isfinite(values)
    return pa.array(np.where(known, np.rint(np.nan_to_num(values)), 0).astype(np.int64), pa.int64(), mask=~known)


def _completeness(people: AccountPeople, rows: int) -> Floats:
    """Return the share of the committee's roles that are engaged, in percent; NaN where no roles are known."""
    if not people.roles:
        return np.full(rows, np.nan)
    share: Floats = 100.0 * np.mean([*people.roles.values()], axis=0)
    return share


def _roles(people: AccountPeople, rows: int) -> tuple[Texts, Texts]:
    """Return the roles that are engaged and those that are missing, in the config's order, joined by semicolons."""
    if not people.roles:
        nobody = np.full(rows, None, dtype=object)
        return nobody, nobody
    names = [*people.roles]
    flags = np.column_stack([people.roles[name] for name in names])
    sets, of = np.unique(flags, axis=0, return_inverse=True)
    sides = []
    for wanted in (True, False):
        words = [
            ";".join(name for name, there in zip(names, row, strict=True) if there == wanted) for row in sets.tolist()
        ]
        sides.append(np.array(words, dtype=object)[of.reshape(-1)])
    return sides[0], sides[1]


def _deepest(stage: Texts, nights: AccountNights) -> Texts:
    """Return each account's intent stage: that of whichever open lead is nearest to buying."""
    depth = {name: -float(n) for n, name in enumerate(STAGES)}
    near = nights.reached(np.array([depth[name] for name in stage], dtype=np.float64))
    return np.array(STAGES, dtype=object)[(-near).astype(np.int64)]


def _best_grade(grade: Texts, nights: AccountNights) -> Texts:
    """Return each account's grade: the best fit letter and the best engagement digit among its open leads."""
    letter = nights.reached(np.array([-float(ord(g[0])) for g in grade], dtype=np.float64))
    digit = nights.reached(np.array([-float(g[1]) for g in grade], dtype=np.float64))
    return np.array([f"{chr(int(-a))}{int(-b)}" for a, b in zip(letter, digit, strict=True)], dtype=object)


def _reasons(scores: Scores, people: AccountPeople, nights: AccountNights) -> Texts:
    """Say of each account who is engaged, and what its best two leads did, in the words of their own reasons."""
    texts = np.full((len(nights), REASONS), None, dtype=object)
    mine = np.flatnonzero(nights.of_row >= 0)
    order = mine[
        np.argsort(nights.of_row[mine], kind="stable")
    ]  # the scores are ranked: each account's best lead first
    starts = np.append(np.searchsorted(nights.of_row[order], np.arange(len(nights))), len(order))
    group = _group_sentences(people.take(nights.first), nights)
    for n in range(len(nights)):
        told = [scores.reasons[row] for row in order[starts[n] : starts[n + 1]][:2]]
        for place, text in enumerate(_account_reasons(group[n], told)):
            texts[n, place] = text
    return texts


def _account_reasons(group: str, leads: Sequence[Texts]) -> list[str]:
    """Choose an account's reasons: the group, then the best lead's and the next lead's strongest, each text once.

    Examples
    --------
    >>> _account_reasons("2 people engaged in 30 days", [["asked for a demo", "role is CFO"], ["asked for a demo", "opened an email"]])
    ['2 people engaged in 30 days', 'best lead: asked for a demo', 'next lead: opened an email']
    """
    raising = [[t for t in told if t is not None and not t.endswith(LOWERS)] for told in leads]
    best, rest = raising[0], [t for told in raising[1:] for t in told if t not in raising[0][:1]]
    lowering = [t for t in leads[0] if t is not None and t.endswith(LOWERS)]
    said = [group] if group else []
    said += [f"best lead: {t}" for t in best[:1]]
    said += [f"next lead: {t}" for t in rest[:1]]
    said += [f"best lead: {t}" for t in (*best[1:], *lowering)]
    return said[:REASONS]


def _group_sentences(people: AccountPeople, nights: AccountNights) -> list[str]:
    """Say how many people are engaged, and in which roles; "" for fewer than two."""
    engaged, _ = _roles(people, len(nights))
    said = []
    for n, number in enumerate(np.nan_to_num(nights.engaged)):
        roles = str(engaged[n] or "").replace("_", " ").replace(";", ", ") if people.roles else ""
        said.append(f"{number:,.0f} people engaged{people.window}{': ' + roles if roles else ''}" if number > 1 else "")
    return said
