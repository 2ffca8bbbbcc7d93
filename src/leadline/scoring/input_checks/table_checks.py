"""Checks of what was read, table by table: its age, its rows through time, what joins, what is empty, and its words."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from leadline.core.point_in_time import DAY, HOUR, WEEK, Horizon, format_instant
from leadline.scoring.input_checks.night import FEW, NEVER, SURELY, Answer, NightInputs, answer, weak
from leadline.tables.summary import InputSummary, TableSummary

__all__ = [
    "emptied",
    "gap",
    "grown",
    "late",
    "lost",
    "pace",
    "repeated",
    "stale",
    "units",
    "unjoined",
    "words",
]

Then = list[tuple[InputSummary, TableSummary]]

HARMLESS = ("touches", "spend")
"""Tables that no score and no delivery hangs on: nothing in them refuses a night."""

HALF, MOST_LOST, SOME_LOST = 0.5, 0.10, 0.02
FEW_MERGES = 3  # what one person's records may be, who is forgotten
MANY_LOST = 0.30  # of events and the like, which only weaken a score
MOST_GROWN, SOME_GROWN = 1.6, 1.15
APART, SLIGHTLY = 0.25, 0.05
UNTOLD = 0.35  # where nothing is known of before, only rows of which next to none join are odd
LONG_GAP, SHORT_GAP = 14, 4
SLOW, FAST = 0.2, 5.0
UNIT = 8.0
ROLLING = 5  # weeks that a file of a month may drop at once


def _say(name: str, strong: bool, seen: str, expected: str, fix: str, rows: int = 0) -> Answer:
    return answer(strong and name not in HARMLESS, name, seen, expected, fix, rows)


def stale(night: NightInputs) -> Iterator[Answer]:
    """Tell tables whose newest row is too old: events by the config, others by their own rhythm, too."""
    yield from _stale_acts(night)
    bound = night.plan.freshness.micros // DAY
    old: dict[str, tuple[int, int, int]] = {}
    for name, now, _ in night.pairs("LL401"):
        if name == _main(night) or name in ("accounts", "merges") or now.newest is None:
            continue
        age = (night.as_of - now.newest) // DAY - 1  # the newest day may have lasted until midnight
        usual = max(bound, 2 * now.quiet + 1)
        if age > usual:
            old[name] = age, usual, now.newest
    # An office that is closed for a week changes no stage, while leads go on clicking; and for weeks there may be no new
    # lead, while stages change. Where all that a CRM writes is old, it wasn't exported.
    crm = [name for name, *_ in night.pairs("LL401") if name in ("leads", "stages")]
    gone = all(name in old and old[name][0] > max(2 * bound, old[name][1]) for name in crm)
    for name, (age, usual, newest) in old.items():
        seen = f"the newest row is {age}d old ({format_instant(newest)[:10]}), and other tables have newer ones"
        fix = "load the missing export, or set nightly.stale: warn"
        yield _say(name, name in crm and gone, seen, f"one of the last {usual}d before --as-of", fix)


def _main(night: NightInputs) -> str:
    there = night.tonight.tables if night.tonight is not None else {}
    return next((name for name in ("events", "stages", "opportunities") if name in there), "")


def _stale_acts(night: NightInputs) -> Iterator[Answer]:
    bound, fix = night.plan.freshness, "load the missing export, or set nightly.stale: warn"
    expected = f"one of the last {bound} before --as-of"
    if night.newest == NEVER:
        yield "nightly.freshness", "no event is there at all", expected, fix, 0
    elif night.newest is not None and night.as_of - night.newest > bound.micros:
        late_by = night.as_of - night.newest
        step = DAY if late_by >= 2 * DAY else HOUR
        seen = f"the newest event is {Horizon(late_by // step * step)} old ({format_instant(night.newest)})"
        yield "nightly.freshness", seen, expected, fix, 0


def lost(night: NightInputs) -> Iterator[Answer]:
    """Tell tables that have fewer rows than before: in all, or in weeks that were over and known."""
    for name, now, then in night.pairs("LL402"):
        most = max((t.rows for told, t in then if told.as_of <= night.as_of), default=0)
        if now.rows < HALF * most and (most >= SURELY or not now.rows):
            seen = f"{now.rows:,} rows, where there were {most:,}"
            yield _say(name, True, seen, "no fewer than then", "load the whole export", now.rows)
            continue
        share, gone, empty, since = max((_lost_weeks(night, now, *pair) for pair in then), default=(0.0, 0, 0, 0))
        bound = MOST_LOST if name in ("leads", "stages", "opportunities", "merges") else MANY_LOST
        if (gone >= SURELY and (share >= SOME_LOST or empty)) or (name == "merges" and gone >= FEW_MERGES):
            weeks = f", {empty} whole weeks among them" if empty else ""
            seen = f"{gone:,} rows ({share:.0%}) that were there on {format_instant(since)[:10]} are gone{weeks}"
            strong = share >= (HALF if gone < SURELY else bound) or (empty > 0 and bound == MOST_LOST) or empty >= 4
            yield _say(name, strong, seen, "a past that stays", "load the missing files; a past that is purged may be accepted", gone)  # fmt: skip


def _lost_weeks(
    night: NightInputs, now: TableSummary, told: InputSummary, then: TableSummary
) -> tuple[float, int, int, int]:
    """Compare the weeks that were over for both: the share of rows that are gone, how many, how many whole weeks, and since when."""
    both = _settled(night, now, told, then)
    before = sum(n for _, n in both)
    gone = sum(max(n - now.weeks.get(week, 0), 0) for week, n in both)
    empty = sum(n >= SURELY / 2 and not now.weeks.get(week, 0) for week, n in both)
    return (gone / before if before else 0.0), gone, empty, told.as_of


def _settled(night: NightInputs, now: TableSummary, told: InputSummary, then: TableSummary) -> list[tuple[int, int]]:
    """List the weeks of an earlier summary that were over a week before it and tonight, from tonight's first whole week on."""
    last = (min(told.as_of, night.as_of) - WEEK) // WEEK
    first, oldest = min(now.weeks, default=last) + 1, min(then.weeks, default=last)
    # A log that keeps a year loses its oldest weeks as time goes by, or month by month; more than that is a loss.
    rolls = 0 <= first - 1 - oldest <= abs(night.as_of - told.as_of) // WEEK + ROLLING
    return [(week, n) for week, n in then.weeks.items() if week < last and (week >= first or not rolls)]


def grown(night: NightInputs) -> Iterator[Answer]:
    """Tell tables that have more rows in weeks that were over and known."""
    for name, now, then in night.pairs("LL403"):
        for told, table in then[:2]:
            both = _settled(night, now, told, table)
            before, after = sum(n for _, n in both), sum(now.weeks.get(week, 0) for week, _ in both)
            if before >= FEW and after >= SOME_GROWN * before:
                seen = f"{after:,} rows of weeks that had {before:,} on {format_instant(told.as_of)[:10]}"
                strong = after >= MOST_GROWN * before and name != "history"
                yield _say(
                    name, strong, seen, "a past that stays", "look for rows that came twice, under new keys", after
                )
                break


def gap(night: NightInputs) -> Iterator[Answer]:
    """Tell a run of days without a row inside a table, longer than the table knows, as of a missing file."""
    for name, now, then in night.pairs("LL404"):
        days = sorted(now.days)
        if name in ("merges", "opportunities", "spend") or len(days) < SURELY:
            continue
        run, at = max((b - a - 1, a) for a, b in itertools.pairwise(days))
        usual = max([SHORT_GAP - 1, *(2 * t.quiet for _, t in then)])
        missing = run * sum(now.days.values()) / len(days)
        if run > usual and missing >= SURELY:
            seen = f"no row of {run} days from {format_instant((at + 1) * DAY)[:10]} on, in which about {missing:,.0f} were to be expected"
            yield _say(
                name,
                run >= LONG_GAP,
                seen,
                f"at most {usual} days without one",
                "load the missing file",
                round(missing),
            )


def pace(night: NightInputs) -> Iterator[Answer]:
    """Tell a last week that brought far fewer rows, or far more, than the eight before it."""
    for name, now, _ in night.pairs("LL405"):
        if name not in ("leads", "events", "stages") or now.newest is None:
            continue
        end = night.as_of // DAY  # the day of as_of itself isn't over
        weeks = [sum(now.days.get(end - 7 * w - d, 0) for d in range(1, 8)) for w in range(9)]
        usual = sorted(weeks[1:])[4]
        if usual >= SURELY and not SLOW * usual <= weeks[0] <= FAST * usual:
            seen = f"{weeks[0]:,} rows in the last 7 days, where {usual:,} are usual"
            yield weak(name, seen, f"from {SLOW:.0%} to {FAST:.0f} times of that", "check that the source sends all of it", weeks[0])  # fmt: skip


def unjoined(night: NightInputs) -> Iterator[Answer]:
    """Tell tables of whose rows fewer find their lead (or account) than before, in all or lately."""
    for name, now, then in night.pairs("LL406"):
        for part, words in ((0, "rows"), (1, "rows of the last 28 days")):
            if now.keyed[part] < SURELY:
                continue
            share = now.joined[part] / now.keyed[part]
            usual = max((t.joined[part] / t.keyed[part] for _, t in then if t.keyed[part] >= SURELY), default=UNTOLD)
            if usual - share >= SLIGHTLY:
                what = {"leads": "an account", "merges": "a lead"}.get(name, "a lead")
                seen = f"{1 - share:.0%} of {now.keyed[part]:,} {words} name {what} that isn't there"
                seen += f", and {1 - usual:.0%} did before" if then else ""
                fix = "check that both exports are whole and spell ids alike"
                yield _say(
                    name, usual - share >= APART, seen, "rows that join", fix, now.keyed[part] - now.joined[part]
                )
                break


STRUCTURE = ("behaviour", "stage", "field", "value", "into_id", "account_id")


def emptied(night: NightInputs) -> Iterator[Answer]:
    """Tell columns in which far more rows have no value than before, in all or lately."""
    for name, now, then in night.pairs("LL407"):
        for column, empty in now.empty.items():
            for part, rows, words in ((0, now.rows, "rows"), (1, now.recent, "rows of the last 28 days")):
                before = [
                    t.empty[column][part] / (t.rows, t.recent)[part]
                    for _, t in then
                    if column in t.empty and (t.rows, t.recent)[part] >= FEW
                ]
                if rows < FEW or not before:
                    continue
                share, usual = min(empty[part] / rows, 1.0), min(before)
                if share - usual >= (0.15 if column in STRUCTURE or part == 0 else 0.4):
                    seen = f"{share:.0%} of {rows:,} {words} have no {column}, and {usual:.0%} had none before"
                    strong = share - usual >= APART and column in STRUCTURE
                    yield _say(name, strong, seen, "about as many as then", "mend the export", empty[part])
                    break


def repeated(night: NightInputs) -> Iterator[Answer]:
    """Tell rows of the last four weeks that say what another says, under a key of their own."""
    for name, now, then in night.pairs("LL408"):
        if now.recent < FEW or name == "accounts" or not then:
            continue
        share = now.repeated / now.recent
        usual = max((t.repeated / t.recent for _, t in then if t.recent), default=0.0)
        if share - usual >= SLIGHTLY:
            seen = f"{share:.0%} of {now.recent:,} rows of the last 28 days repeat another under a new key, and {usual:.0%} did before"
            yield _say(name, share - usual >= APART, seen, "each row once", "look for an export that was loaded twice", now.repeated)  # fmt: skip


def words(night: NightInputs) -> Iterator[Answer]:
    """Tell words of the config that matched rows before and match none now, and rows that none of them matches any more."""
    for name, now, then in night.pairs("LL409"):
        if not now.words or not then:
            continue
        known = [word for word in now.words if word]
        all_gone = [w for w in known if not now.words[w][0] and _usual(then, w, 0) >= SURELY]
        gone = all_gone or [w for w in known if not now.words[w][1] and _usual(then, w, 1) >= SURELY]
        spoke = [w for w in known if _usual(then, w, 0 if all_gone else 1) >= SURELY]
        key = {"events": "behaviours, rules", "history": "history"}.get(name, "stages")
        if gone:
            more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
            lately = "" if all_gone else " of the last 28 days"
            seen = f"`{gone[0][:40]}`{more} of `{key}` match no row{lately}, which before they did"
            strong = name in ("stages", "opportunities") or len(gone) * 2 >= len(spoke)
            yield _say(name, strong, seen, "rows with these words", "check how the source spells them now", len(gone))
        yield from _foreign(name, now, then, key)


def _usual(then: Then, word: str, part: int) -> int:
    """Return how many rows a word usually matched: the middle of what is known."""
    counts = sorted(t.words[word][part] for _, t in then if word in t.words)
    return counts[len(counts) // 2] if counts else 0


def _foreign(name: str, now: TableSummary, then: Then, key: str) -> Iterator[Answer]:
    for part, lately in ((0, ""), (1, " of the last 28 days")):
        total = sum(n[part] for n in now.words.values())
        shares = [
            t.words[""][part] / n
            for _, t in then
            if "" in t.words and (n := sum(w[part] for w in t.words.values())) >= FEW
        ]
        if total < FEW or not shares or name == "history":
            continue
        share, usual = now.words[""][part] / total, max(shares)
        if share - usual >= (SLIGHTLY if name != "events" else 0.15):
            seen = f"{share:.0%} of {total:,} rows{lately} have a word that `{key}` doesn't name, and {usual:.0%} had before"
            strong = share - usual >= (APART if name != "events" else HALF)
            yield _say(
                name, strong, seen, "words that are named", "name the new words in the config", now.words[""][part]
            )
            return


def late(night: NightInputs) -> Iterator[Answer]:
    """Tell tables of whose newest rows far more were recorded over a week after they happened."""
    for name, now, then in night.pairs("LL410"):
        if now.recent < FEW or not then:
            continue
        share, usual = now.late / now.recent, max(t.late / t.recent if t.recent else 0.0 for _, t in then)
        if share - usual >= APART:
            seen = f"{share:.0%} of {now.recent:,} rows of the last 28 days were recorded over 7 days late, and {usual:.0%} were before"
            yield weak(name, seen, "times as they were", "check that recorded_at isn't the export's own time", now.late)


def units(night: NightInputs) -> Iterator[Answer]:
    """Tell sums of money whose median is far from what it was: another unit, or another currency."""
    for name, now, then in night.pairs("LL411"):
        for column, median in now.medians.items():
            usual = sorted(t.medians[column] for _, t in then if t.medians.get(column))
            if usual and not 1 / UNIT <= median / usual[len(usual) // 2] <= UNIT:
                seen = f"the median of {column} is {median / usual[len(usual) // 2]:.3g} times what it was"
                yield _say(name, True, seen, "the same unit", "check the unit that the source sends", now.rows)
