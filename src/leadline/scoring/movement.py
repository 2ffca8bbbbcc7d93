"""What moved since the night before: a sentence for each lead whose probability did, and how many each cause moved."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from leadline.dataset.feature_spec import Feature
from leadline.dataset.lead_news import NewsTables
from leadline.explanation.change_text import MANY, MODEL, ChangeWords, change_sentence, model_sentence, moved_text
from leadline.scoring.contributions import CAUSE, MOVED
from leadline.scoring.exploration import COLUMN as HOLDOUT
from leadline.scoring.previous_scores import PreviousScores
from leadline.scoring.ranking import Scores

if TYPE_CHECKING:
    from leadline.features.build import FeatureTable

__all__ = ["COLUMN", "Movement", "account_sentences", "count_causes", "explain_moves", "moved_ways"]

COLUMN = "change"


@dataclass(frozen=True)
class Movement:
    """Who moved, and why; rows as the scores'.

    Attributes
    ----------
    way : int64 array
        1 for up, -1 for down, 0 for leads that didn't move or weren't there.
    change, cause : object arrays
        The sentence, and the words for what moved it most; None where nothing is to be said.
    """

    way: npt.NDArray[np.int64]
    change: npt.NDArray[np.object_]
    cause: npt.NDArray[np.object_]


def moved_ways(
    ids: Sequence[str], p: Sequence[float], before: Mapping[str, float], moved: float
) -> npt.NDArray[np.int64]:
    """Tell which probabilities moved by at least so much, and which way; works for leads and for accounts.

    Examples
    --------
    >>> moved_ways(["a", "b", "c", "d"], [0.5, 0.2, 0.3, 0.1], {"a": 0.25, "b": 0.2, "d": 0.3}, 0.1).tolist()
    [1, 0, 0, -1]
    """
    found = np.zeros(len(ids), dtype=np.int64)
    for row, (name, chance) in enumerate(zip(ids, p, strict=True)):
        last = before.get(name)
        if last is not None and chance != last and abs(chance - last) >= moved:
            found[row] = 1 if chance > last else -1
    return found


def explain_moves(
    scores: Scores,
    made: FeatureTable,
    before: PreviousScores,
    news: NewsTables,
    moved: float,
    intents: Mapping[str, str],
    say: Callable[[str], str],
) -> Movement:
    """Say why each lead moved whose probability did.

    Parameters
    ----------
    made : FeatureTable
        Tonight's features.
    before : PreviousScores
        The night before. Where it kept no contributions, only another model is told as a cause.
    news : NewsTables
        What became known since.
    moved : float
        From which difference on a probability counts as moved.
    intents, say
        The intent of each behaviour, and its words.
    """
    p = scores.probability.tolist()
    way = moved_ways(scores.lead_id.tolist(), p, before.probability, moved)
    change, cause = (np.full(len(scores), None, dtype=object) for _ in range(2))
    rows = np.flatnonzero(way)
    if before.version is not None and before.version != scores.model_version:
        for row in rows.tolist():
            last = before.probability[scores.lead_id[row]]
            change[row], cause[row] = model_sentence(last, p[row], before.version, scores.model_version), MODEL
        return Movement(way, change, cause)
    mine, kept = scores.contributions, before.contributions
    if mine is None or kept is None or mine.groups != kept.groups or before.as_of is None or not len(rows):
        return Movement(way, change, cause)
    specs = _by_group(made.specs, mine.groups)
    words = ChangeWords(specs, before.as_of, scores.as_of, intents, say)
    differences = mine.values[rows].astype(np.float64) - kept.of(scores.lead_id[rows].tolist())
    told = news.about(scores.lead_id[rows].tolist(), scores.account_id[rows].tolist())
    facts = _facts(made, scores.lead_id[rows].tolist())
    for row, moves, fact in zip(rows.tolist(), differences, facts, strict=True):
        lead = scores.lead_id[row]
        if np.isfinite(moves).all():
            by_group = dict(zip(mine.groups, moves.tolist(), strict=True))
            found = change_sentence(words, (before.probability[lead], p[row]), by_group, fact, told[lead])
            change[row], cause[row] = found.text, found.cause
    return Movement(way, change, cause)


def _by_group(specs: Sequence[Feature], groups: Sequence[str]) -> dict[str, list[Feature]]:
    return {group: [s for s in specs if s.group == group] for group in groups}


def _facts(made: FeatureTable, leads: Sequence[str]) -> list[dict[str, Any]]:
    """Return some leads' features, a mapping each."""
    place = {lead: row for row, lead in enumerate(made.lead_id.tolist())}
    values = made.values.iloc[[place[lead] for lead in leads]]
    return [dict(zip(values.columns, row, strict=True)) for row in values.itertuples(index=False, name=None)]


def account_sentences(
    accounts: Sequence[str],
    p: Sequence[float],
    chances: Mapping[str, float],
    scores: Scores,
    before: PreviousScores,
    moved: float,
) -> npt.NDArray[np.object_]:
    """Say why each account's chance moved: by that of its leads which moved most the same way, or wasn't open before; None for the others.

    Parameters
    ----------
    accounts, p : sequences
        Tonight's accounts, and their chances.
    chances : mapping of str to float
        Each account's chance in the night before.
    scores : Scores
        Tonight's leads, with the column `change`.
    before : PreviousScores
        The night before, of leads.
    moved : float
        From which difference on a chance counts as moved.
    """
    own: dict[str, list[int]] = defaultdict(list)
    hidden = scores.later.get(HOLDOUT, np.zeros(len(scores), dtype=bool))
    for row, account in enumerate(scores.account_id.tolist()):
        if not hidden[row]:  # nobody may see the holdout's scores, nor what they do to others'
            own[account].append(row)
    told = np.full(len(accounts), None, dtype=object)
    for row, way in enumerate(moved_ways(accounts, p, chances, moved).tolist()):
        if way:
            last = chances[accounts[row]]
            if before.version is not None and before.version != scores.model_version:
                told[row] = model_sentence(last, p[row], before.version, scores.model_version)
            else:
                told[row] = f"{moved_text(last, p[row])}: {_by_lead(scores, before, own[accounts[row]], way)}"
    return told


def _by_lead(scores: Scores, before: PreviousScores, rows: Sequence[int], way: int) -> str:
    """Say what the lead did that moved most in a direction; who wasn't open before had no chance then."""
    step = {row: way * (scores.probability[row] - before.probability.get(scores.lead_id[row], 0.0)) for row in rows}
    row = max((r for r in rows if step[r] > 0), key=lambda r: (step[r], -r), default=None)
    if row is None:
        return f"{MANY} explains it" if way > 0 else "none of its open leads fell"
    lead, change = scores.lead_id[row], scores.later[COLUMN][row]
    if lead not in before.probability:
        return f"lead {lead} wasn't open before"
    return f"{MANY} explains it" if change is None else f"lead {lead} {change.partition(': ')[2]}"


def count_causes(table: Any) -> dict[str, Any]:
    """Count who moved up and down, each lead once, and by what most; `table` is `LeadContributions.to_arrow`'s.

    Examples
    --------
    >>> import pyarrow as pa
    >>> count_causes(pa.table({"moved": [1, -1, 0], "cause": ["asked for a demo", None, None]}))
    {'up': 1, 'down': 1, 'causes': [{'cause': 'asked for a demo', 'up': 1, 'down': 0}]}
    """
    pairs = list(zip(table.column(MOVED).to_pylist(), table.column(CAUSE).to_pylist(), strict=True))
    ways, causes = Counter(way for way, _ in pairs), Counter(pairs)
    names = {cause for way, cause in causes if way and cause is not None}
    told = [{"cause": name, "up": causes[1, name], "down": causes[-1, name]} for name in names]
    told.sort(key=lambda c: (-(c["up"] + c["down"]), c["cause"]))
    return {"up": ways[1], "down": ways[-1], "causes": told}
