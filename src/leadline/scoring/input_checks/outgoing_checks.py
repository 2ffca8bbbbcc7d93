"""Checks of the lists that protect people, and of what would go out tonight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leadline.core.point_in_time import DAY
from leadline.metrics.drift import psi, psi_by_chance
from leadline.scoring.input_checks.night import FEW, Answer, NightInputs, answer, weak

__all__ = [
    "delivery",
    "forgotten",
    "moved_scores",
    "overrides",
    "score_drift",
    "suppressed",
    "tier_changes",
    "top_tier",
]


ALL_GONE = 3  # open leads that a list matched, of which not all close in one night
SHRUNK, THINNER = 0.5, 0.8
SMALL = 5
HALF, TWICE = 0.5, 2.0
CHANGED, WEEKLY_CHANGED = 0.30, 0.50
DELIVERED, WEEKLY_DELIVERED = 0.60, 0.85
DAILY = 2 * DAY  # more changes in a week than in a day

LOOK = "look at what changed in the source"
FIX = "check that the list is whole and spells ids as the leads' table does"


def _list(night: NightInputs, code: str, name: str) -> tuple[Mapping[str, int] | None, Mapping[str, int]]:
    """Return what a list says tonight, and in the newest finished night."""
    now = None if night.tonight is None else night.tonight.lists.get(name)
    last = next((then.lists[name] for then in night.nights(code) if name in then.lists), {})
    return now, last


def suppressed(night: NightInputs) -> Iterator[Answer]:
    """Tell a list of the suppressed that matched somebody and matches nobody now, or far fewer, or nobody at all."""
    now, last = _list(night, "LL441", "suppress")
    if now is None:
        if last.get("known"):
            seen = f"the config names no list, and in the newest finished night it left out {last['matched']:,} leads"
            yield "suppress", seen, "the list of then", "name tables.suppress again", 0
        return
    for kind in ("known_leads", "known_accounts"):
        there, before = now.get(kind, 0), last.get(kind, 0)
        who = kind.removeprefix("known_")
        shrunk = bool(before) and there < SHRUNK * before and (not there or before >= SMALL)
        if shrunk or (before >= SMALL and there < THINNER * before):
            seen = f"the list names {there:,} {who} that are known, and {before:,} before"
            yield answer(shrunk, "suppress", seen, "those of then", FIX, there)
            return
    if last.get("matched", 0) >= ALL_GONE and not now["matched"]:
        yield (
            "suppress",
            f"nobody is left out tonight, and {last['matched']:,} leads were before",
            "those of then",
            FIX,
            0,
        )
    elif not now["known"] and not last.get("known"):
        seen = f"none of the {now['listed']:,} ids on the list is known" if now["listed"] else "the list is empty"
        yield answer(now["listed"] >= SMALL, "suppress", seen, "ids of leads", FIX)


def forgotten(night: NightInputs) -> Iterator[Answer]:
    """Tell a list of the forgotten that is gone or shorter, or that matches nobody any more."""
    now, last = _list(night, "LL442", "forgotten")
    now = now or {}
    listed, before = now.get("listed", 0), last.get("listed", 0)
    if listed < before:
        seen = f"the list has {listed:,} leads, and had {before:,} in the newest finished night"
        yield "forgotten", seen, "no fewer than then", "put back the list that `leadline forget` wrote", listed
    elif last.get("matched") and not now.get("matched"):
        seen = f"the list matches nobody, and {last['matched']:,} leads in the newest finished night"
        yield weak(
            "forgotten",
            seen,
            "those of then, unless the source has deleted them",
            "check that ids are spelt as before",
            0,
        )


def overrides(night: NightInputs) -> Iterator[Answer]:
    """Tell a table of tiers set by hand that matched somebody and matches nobody now."""
    now, last = _list(night, "LL443", "overrides")
    if now is not None and last.get("known") and not now["known"]:
        yield (
            "overrides",
            f"no tier set by hand is a known lead's, and {last['known']:,} were before",
            "those of then",
            FIX,
            0,
        )


def top_tier(night: NightInputs) -> Iterator[Answer]:
    """Tell a best tier far from what it is made for; too few on a first night that delivers nothing only weakens the list."""
    top, room = night.outgoing.top, min(night.outgoing.capacity, night.features.rows)
    if room >= LEAST_ROOM and not HALF * room <= top <= TWICE * room:
        seen = f"the best tier has {top:,} leads, and is made for {room:,}"
        rest = f"from {HALF * room:,.0f} to {TWICE * room:,.0f}", "look at what changed in the source, or train again"
        harmless = top < room and not night.is_recent and not night.outgoing.delivers
        yield answer(not harmless, "tiers", seen, *rest, top)


LEAST_ROOM = 10


def _bound(night: NightInputs, daily: float, weekly: float) -> float:
    """Return how much may change since the night before, by how long ago it was."""
    return daily if night.as_of - (night.before.as_of or 0) <= DAILY else weekly


def tier_changes(night: NightInputs) -> Iterator[Answer]:
    """Tell a night that gives far more leads another tier than the night before."""
    out = night.outgoing
    share, most = _share(out.tier_changes, out.stayed), _bound(night, CHANGED, WEEKLY_CHANGED)
    if night.is_recent and out.stayed >= FEW and share > most:
        by = "" if out.same_model else ", by another version"
        seen = f"{share:.0%} of {out.stayed:,} leads have another tier than the night before{by}"
        yield answer(out.same_model, "tiers", seen, f"at most {most:.0%}", LOOK, out.tier_changes)


def delivery(night: NightInputs) -> Iterator[Answer]:
    """Tell a night that would change most of the records that it delivers."""
    out = night.outgoing
    share, most = _share(out.record_changes, out.stayed), _bound(night, DELIVERED, WEEKLY_DELIVERED)
    if out.delivers and night.is_recent and out.stayed >= FEW and share > most:
        seen = f"{share:.0%} of {out.stayed:,} records would change"
        yield answer(out.same_model, "deliver", seen, f"at most {most:.0%}", LOOK, out.record_changes)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def score_drift(night: NightInputs) -> dict[str, float]:
    """Return the index of tonight's scores against training's and against last night's, as far as there are such.

    Examples
    --------
    >>> from leadline.monitoring.reference import TrainingReference
    >>> score_drift(NightInputs(0, None, TrainingReference()))
    {}
    """
    found = {}
    if night.model is not None and night.model.scores and night.features.rows and night.alike:
        found["training"] = psi(night.model.scores, night.features.scores)
    if night.is_recent and len(night.last[0]) > 1 and night.features.rows:
        found["last night"] = psi(*night.last)
    return found


def moved_scores(night: NightInputs) -> Iterator[Answer]:
    """Tell scores that are spread as they weren't in training, or last night."""
    bound = night.plan.drift.psi
    for what, index in score_drift(night).items():
        bins, others = (
            (len(night.last[0]), len(night.before))
            if what == "last night"
            else (len(night.features.scores), night.model.rows if night.model else 1)
        )
        if index > bound + psi_by_chance(bins, night.features.rows, others):
            seen = f"the spread of scores lies {index:.2f} (PSI) from that of {what}"
            fix = "look at what changed in the export, or train again, or set nightly.drift: warn"
            yield "nightly.drift", seen, f"at most {bound:g}", fix, 0
