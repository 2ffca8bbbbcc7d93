"""The feature build beside a scan of its events and beside its peers, in one run: ``python -m benchmarks.features``.

Ratios are of medians; on a machine that others use too, of the fastest runs or of the cores' own count (``--by``). `benchmarks/README.md` says what is measured and how each size is run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import Measured, in_turn, run_job

__all__ = ["main", "table"]

PEERS = {"naive": "naive FILTER join", "pandas": "pandas loop", "sweep": "pandas sweep", "polars": "polars fold"}
QUESTIONS = ("training", "night")
OURS, WHOLE, SCAN, LOAD = "leadline", "leadline, whole catalogue", "scan", "load from Parquet"
LOAD_KEPT = "load, kept log"
NAMED_RATE, NAMED_CORES = 70e6, 2
"""Events a second, on so many cores, that numbers alone allow; this machine's own rate stands beside it."""


def _names(known: Sequence[str]) -> Any:
    def read(text: str) -> list[str]:
        names = [] if text == "none" else text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} isn't known; expected some of {', '.join(known)}, or none")
        return names

    return read


def options(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser("python -m benchmarks.features", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="about how many (default: a million)")
    parser.add_argument("--memory", default="4GB", help="engine.memory")
    parser.add_argument("--threads", type=int, default=2, help="engine.threads, and polars'")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--questions", type=_names(QUESTIONS), default=list(QUESTIONS))
    parser.add_argument("--variants", type=lambda text: text.split(","), default=["raw log"])
    parser.add_argument(
        "--peers", type=_names(tuple(PEERS)), default=list(PEERS), help="naive,pandas,sweep,polars or none"
    )
    parser.add_argument("--repeats", type=int, default=3, help="of the scan and of leadline")
    parser.add_argument("--peer-repeats", type=int, default=1)
    parser.add_argument("--by", choices=("median", "fastest", "cpu"), default="median", help="what the ratios are of")
    parser.add_argument("--whole", action="store_true", help="the whole catalogue too")
    parser.add_argument("--load", action=argparse.BooleanOptionalAction, default=True, help="time the load too")
    parser.add_argument("--limit", type=float, default=3600, help="seconds after which a process is ended")
    parser.add_argument("--data", type=Path, help="a folder in which the made log is kept (default: a temporary one)")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Make the log, measure, print; return 1 if a contender broke or gave other values."""
    asked = options(arguments)
    with tempfile.TemporaryDirectory(prefix="leadline-bench-") as temporary:
        folder = (asked.data or Path(temporary)) / f"events-{asked.events}-{asked.seed}"
        shared = {
            "folder": str(folder.resolve()), "memory": asked.memory, "threads": asked.threads, "events": asked.events,
            "seed": asked.seed,
        }  # fmt: skip
        world = run_job({**shared, "who": "world"}, asked.limit)
        if "failed" in world or "missing" in world:
            print(f"the log can't be made: {world}", file=sys.stderr)
            return 1
        jobs = _jobs(asked, shared)
        took = in_turn(jobs, asked.limit)
    measured = [m for m, _, _ in jobs]
    print(
        "\n".join(
            [*_heading(asked, world), "", *table(measured, world["events"], asked.by), f"all of it took {took:.0f} s"]
        )
    )
    return int(any(m.failed for m in measured) or bool(_wrong(measured)))


def _jobs(asked: argparse.Namespace, shared: dict[str, Any]) -> list[tuple[Measured, dict[str, Any], int]]:
    jobs = [(Measured(SCAN, ""), {**shared, "who": SCAN}, asked.repeats)]

    def add(who: str, question: str, repeats: int, variant: str = "raw log") -> None:
        name = f"{who}, {variant}" if who == OURS else who
        jobs.append(
            (Measured(name, question), {**shared, "who": who, "question": question, "variant": variant}, repeats)
        )

    for question in asked.questions:
        for variant in asked.variants:
            add(OURS, question, asked.repeats, variant)
        if asked.whole:
            add(WHOLE, question, asked.repeats)
        for peer in asked.peers:
            add(PEERS[peer], question, asked.peer_repeats)
    if asked.load:
        add(LOAD, "", 1)
        add(LOAD_KEPT, "", 1)
    return jobs


def _heading(asked: argparse.Namespace, world: dict[str, Any]) -> list[str]:
    return [
        f"{world['events']:,} events of {world['leads']:,} leads in {world['accounts']:,} accounts; "
        f"{world['training']:,} snapshots of training, {world['night']:,} of a night; seed {world['seed']}",
        f"engine: memory {asked.memory}, threads {asked.threads}; one process a measurement, taken in turn; ratios by {asked.by}",
    ]


def _truth(measured: Sequence[Measured], question: str) -> Measured | None:
    """Return leadline's first variant, which the others are held against."""
    return next((m for m in measured if m.question == question and m.who.startswith(f"{OURS}, ") and m.values), None)


def _wrong(measured: Sequence[Measured]) -> dict[tuple[str, str], list[str]]:
    """Name the features in which somebody differs from leadline; a wrong peer is no peer."""
    found = {}
    for m in measured:
        truth = _truth(measured, m.question)
        if truth is not None and m.who != WHOLE and m.agreement(truth.values)[1]:
            found[m.question, m.who] = m.agreement(truth.values)[1]
    return found


def table(measured: Sequence[Measured], events: int, by: str = "median") -> list[str]:
    """Write the lines of the table, the scan's first.

    Columns are: the question and who answered, seconds (median, fastest, runs), the ratio to the measured scan and to
    one of 70M events a second, the ratio to leadline, memory, and how many features' values equal leadline's.
    """
    scan = next(m for m in measured if m.who == SCAN)
    lines = []
    unit = getattr(scan, by) if scan.seconds else 0.0
    named = events / NAMED_RATE * (NAMED_CORES if by == "cpu" else 1)
    if scan.seconds:
        lines.append(
            f"scan of the four columns: median {scan.median:.4f} s, fastest {scan.fastest:.4f} s of {len(scan.seconds)}, cpu {scan.cpu:.4f} s; {events / scan.fastest / 1e6:.0f}M events/s at best"
        )
    heads = ["question", "who", "median s", "fastest", "cpu s", "runs", "× scan", "× at 70M/s", "× leadline", "peak MB", "tables MB", "equal values"]  # fmt: skip
    rows = [heads] + [_row(m, measured, unit, named, by) for m in measured if m is not scan]
    widths = [max(len(row[k]) for row in rows) for k in range(len(heads))]
    lines += ["  ".join(cell.ljust(w) if k < 2 else cell.rjust(w) for k, (cell, w) in enumerate(zip(row, widths, strict=True))) for row in rows]  # fmt: skip
    lines += [
        f"{who} ({question}) differs in: {', '.join(names)}" for (question, who), names in _wrong(measured).items()
    ]
    lines += [f"{m.who}{f' ({m.question})' if m.question else ''}: {m.failed}" for m in measured if m.failed]
    return lines


def _row(m: Measured, measured: Sequence[Measured], scan: float, named: float, by: str) -> list[str]:
    head = [m.question or "-", m.who]
    if not m.seconds:
        return [*head, *["-"] * 9, f"no {m.missing}: not installed" if m.missing else "broke, see below"]
    truth, taken = _truth(measured, m.question), getattr(m, by)
    equal = "-"
    if truth is not None and m is not truth and m.who != WHOLE:
        equal = f"{m.agreement(truth.values)[0]} of {len(truth.values)}"
    return [
        *head, f"{m.median:.3f}", f"{m.fastest:.3f}", f"{m.cpu:.3f}", str(len(m.seconds)),
        f"{taken / scan:.1f}" if scan else "-", f"{taken / named:.1f}",
        f"{taken / getattr(truth, by):.2f}" if truth else "-", f"{m.peak_mb:.0f}", f"{m.placed_mb:.0f}" if m.placed_mb else "-", equal,
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
