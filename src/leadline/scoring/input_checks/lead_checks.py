"""Checks of whom a night is about: what features say of its leads, how many there are, and which came back or went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leadline.core.point_in_time import format_instant
from leadline.scoring.input_checks.night import FEW, SURELY, Answer, NightInputs, answer, weak

__all__ = ["levels", "moved_spreads", "nulls", "outcome_gone", "reopened", "silent_acts", "units", "vanished", "volume"]


RISE = 0.5  # a share that rose by so much isn't chance, nor a slow change
SOME_RISE = {"nulls": 0.15, "levels": 0.25}  # new campaigns come all the time
NEW_RISE = 0.4
UNIT = 8.0
SHIFT, ACT_SHIFT = 0.5, 2.0
MANY, SOME = 0.05, 0.02
LEAST = 10

WORDS = {
    "nulls": "without a value in {} of tonight's leads, {} in training",
    "levels": "of values that the model doesn't know in {}, {} in training",
}


def nulls(night: NightInputs) -> Iterator[Answer]:
    """Tell fields of leads and accounts that have lost their values since training."""
    if night.model is not None:
        now, new = night.features, night.newcomers
        yield from _risen(
            "nulls", night.model.nulls, now.nulls, now.rows, new.nulls if new else {}, new.rows if new else 0
        )


def levels(night: NightInputs) -> Iterator[Answer]:
    """Tell categories whose values the model doesn't know any more."""
    if night.model is not None:
        now, new = night.features, night.newcomers
        yield from _risen(
            "levels", night.model.unseen, now.unseen, now.rows, new.unseen if new else {}, new.rows if new else 0
        )


def _risen(
    item: str, then: Mapping[str, float], now: Mapping[str, float], rows: int, new: Mapping[str, float], newcomers: int
) -> Iterator[Answer]:
    """Tell of features that say nothing where they used to: of nearly all leads, of some, or of those that are new."""
    if rows < FEW:
        return
    gone = {
        name: now[name] - share
        for name, share in then.items()
        if name in now and (now[name] - share > RISE or (now[name] == 1 and rows * (1 - share) >= SURELY))
    }
    fewer = {
        name: now[name] - share for name, share in then.items() if name in now and now[name] - share > SOME_RISE[item]
    }
    lately = {
        name: new[name] - share
        for name, share in then.items()
        if newcomers >= FEW and new.get(name, 0) - share > NEW_RISE
    }
    for found, shares, whose in (
        (gone, now, ""),
        (fewer, now, ""),
        (lately, new, ", of those created in the last 28 days"),
    ):
        if found:
            name = max(found, key=lambda n: found[n])
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            seen = f"{name}{more} is {WORDS[item].format(f'{shares[name]:.0%}', f'{then[name]:.0%}')}{whose}"
            subject, expected = f"nightly.{item}", "about as many as then"
            if found is gone:
                yield subject, seen, expected, f"mend the export, or set nightly.{item}: warn", len(found)
            else:
                yield weak(subject, seen, expected, "look at what the source sends", len(found))
            return


def silent_acts(night: NightInputs) -> Iterator[Answer]:
    """Tell features of acts that say nothing of anybody, though in training they did."""
    if night.model is None or night.features.rows < FEW:
        return
    rows, now = night.features.rows, night.features.silent
    gone = sorted(n for n, share in night.model.silent.items() if now.get(n) == 1 and rows * (1 - share) >= SURELY)
    if gone:
        more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
        seen = f"{gone[0]}{more} says nothing of any of {rows:,} leads, which in training it did"
        fix = "check that the source still sends them, or set nightly.zero_rate: warn"
        yield "nightly.zero_rate", seen, "some events of that kind", fix, len(gone)


def units(night: NightInputs) -> Iterator[Answer]:
    """Tell numbers whose median is far from training's: another unit."""
    for name, shift in sorted(night.shifts.items()):
        if shift.ratio is not None and not 1 / UNIT <= shift.ratio <= UNIT:
            seen = (
                f"its median is {shift.ratio:.3g} times training's, and its spread lies {shift.index:.2f} (PSI) from it"
            )
            yield name, seen, f"from 1/{UNIT:.0f} to {UNIT:.0f} times", "check the unit that the source sends", 0


def moved_spreads(night: NightInputs) -> Iterator[Answer]:
    """Tell features whose values are spread as they weren't in training, beyond what chance does."""
    if not night.alike:
        return
    moved = {
        name: shift.index
        for name, shift in night.shifts.items()
        if shift.index > (ACT_SHIFT if shift.is_act else SHIFT) + shift.chance
    }
    if moved:
        name = max(moved, key=lambda n: moved[n])
        more = f" (and {len(moved) - 1} more)" if len(moved) > 1 else ""
        seen = f"the spread of {name}{more} lies {moved[name]:.2f} (PSI) from training's"
        yield (
            "features",
            seen,
            f"at most {SHIFT:g}, of acts {ACT_SHIFT:g}",
            "look at what changed in the source, or train again",
            len(moved),
        )


def volume(night: NightInputs) -> Iterator[Answer]:
    """Tell a number of open leads that is far from the night before's, from the usual night's, or from training's."""
    change, now = night.plan.volume.change, night.features.rows
    fix = "check that the export is whole, or set nightly.volume: warn"

    def far(last: int) -> bool:
        return last >= FEW and not last * (1 - change) <= now <= last / (1 - change)

    def expected(last: int) -> str:
        return f"from {last * (1 - change):,.0f} to {last / (1 - change):,.0f}"

    last = len(night.before)
    usual = sorted(_scored(then) for then in night.nights("LL431"))
    middle = usual[len(usual) // 2] if usual else 0
    trained = night.training.open_leads if night.training is not None else None
    if night.is_recent and far(last):
        yield "nightly.volume", f"{now:,} leads are open, and {last:,} were the night before", expected(last), fix, now
    elif far(middle):
        yield (
            "nightly.volume",
            f"{now:,} leads are open, and {middle:,} are on a usual night",
            expected(middle),
            fix,
            now,
        )
    elif not usual and trained is not None and far(trained):
        seen = f"{now:,} leads are open, and {trained:,} were when the model was trained"
        yield weak("nightly.volume", seen, expected(trained), "check that the export is whole", now)


def _scored(then: object) -> int:
    lists = getattr(then, "lists", {})
    return max((getattr(then, "open_leads", 0) or 0) - int(lists.get("suppress", {}).get("matched", 0)), 0)


def reopened(night: NightInputs) -> Iterator[Answer]:
    """Tell leads that were closed, rejected or converted in the newest finished night and are open again."""
    came, last = night.moves.reopened, len(night.before)
    said = night.nights("LL432")
    came -= int(said[0].lists.get("suppress", {}).get("matched", 0)) if said else 0  # who left that list may be back
    if last and said and came > max(LEAST / 2, SOME * last):
        seen = f"{came:,} leads are open that were known before and weren't open in the night of {format_instant(night.before.as_of or 0)[:10]}"
        rest = (
            "only leads that are new or recycled",
            "check that the table of stages is whole, and that ids are spelt as before",
        )
        yield answer(came > max(LEAST, MANY * last), "leads", seen, *rest, came)


def vanished(night: NightInputs) -> Iterator[Answer]:
    """Tell leads of the newest finished night that are no longer among the leads."""
    gone, last = night.moves.vanished, len(night.before)
    if last and night.nights("LL433") and gone > max(LEAST / 2, SOME * last):
        seen = f"{gone:,} of {last:,} leads of the night of {format_instant(night.before.as_of or 0)[:10]} are no longer there at all"
        rest = (
            "leads that end by a stage, or by a merge",
            "check that the export is whole, and that ids are spelt as before",
        )
        yield answer(gone > max(LEAST, MANY * last), "leads", seen, *rest, gone)


def outcome_gone(night: NightInputs) -> Iterator[Answer]:
    """Tell stages of ours that nobody has, or that nobody reached lately, though before there were some."""
    if night.tonight is None:
        return
    for name, (every, newly) in night.tonight.stages.items():
        counts = [t.stages[name] for t in night.against("LL434") if name in t.stages and t.as_of <= night.as_of]
        if not counts:
            continue
        most, usual = max(n for n, _ in counts), sorted(n for _, n in counts)[len(counts) // 2]
        rest = "leads that reach it", "check the words under `stages:`, and that the export is whole"
        if most >= LEAST and every < most / 2:
            yield f"stages.{name}", f"{every:,} leads reached it, where {most:,} had before", *rest, every
        elif usual >= SURELY and newly == 0:
            yield f"stages.{name}", f"nobody reached it in the last 28 days, where {usual:,} are usual", *rest, 0
