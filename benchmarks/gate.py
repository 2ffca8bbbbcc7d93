"""The leak gate's own score: planted leaks found, and honest columns wrongly refused.

    python -m benchmarks.gate [--leads N] [--seeds S …]

Nine plants of the eight kinds of Kapoor & Narayanan's taxonomy are made in demo worlds, each alone; a plant is found if
`check` has an error or a warning that the honest world of the same seed hasn't, and that names the planted attribute
where there is one. Honest are the demo worlds without a plant, and the configs of the four real data sets, where
LEADLINE_DATA says where those lie.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from leadline import demo
from leadline.core.checks import Finding, Severity
from leadline.demo.planted_leaks import PLANTS
from leadline.workflows.check import check

CONFIGS = Path(__file__).parents[1] / "configs"
REAL = {"xeducation": "640000", "bank": "36000", "olist": "2018-05-15", "bpi2012": "2011-12-15"}
"""The real data sets' configs, and the T that each names for training."""

ASKS = "LL208"
"""The code by which the gate asks of a flat file's column, which is no refusal: an answer in the config settles it."""


@dataclass(frozen=True)
class Sown:
    """One plant in one world: the codes that refused it, and those that told it."""

    plant: str
    seed: int
    refused: tuple[str, ...]
    told: tuple[str, ...]

    @property
    def found(self) -> bool:
        """Whether any finding tells it."""
        return bool(self.refused or self.told)


@dataclass(frozen=True)
class Honest:
    """One honest data set: where errors, asking and warnings fell, each once."""

    name: str
    refused: tuple[str, ...]
    asked: tuple[str, ...]
    warned: tuple[str, ...]


def of_worlds(leads: int, seed: int, folder: Path) -> tuple[list[Sown], Honest]:
    """Check the honest world of a seed and each planted one."""
    honest = _checked(leads, seed, None, folder)
    known = {(f.code, f.subject) for f in honest}
    sown = []
    for name, plant in PLANTS.items():
        found = [f for f in _checked(leads, seed, name, folder) if (f.code, f.subject) not in known]
        if plant.attribute is not None:
            found = [f for f in found if f.subject == ".".join(plant.attribute)]
        codes = {s: tuple(sorted({f.code for f in found if f.severity is s})) for s in Severity}
        sown.append(Sown(name, seed, codes[Severity.ERROR], codes[Severity.WARNING]))
    return sown, _honest(f"demo, seed {seed}", honest)


def of_real_data() -> Iterator[Honest]:
    """Check the real data sets' configs, as far as they are there."""
    if "LEADLINE_DATA" not in os.environ:
        return
    for name, known_at in REAL.items():
        yield _honest(name, list(check(CONFIGS / f"{name}.yaml", known_at).findings))


def _checked(leads: int, seed: int, plant: str | None, folder: Path) -> list[Finding]:
    home = folder / f"{seed}-{plant or 'honest'}"
    demo.write_world(demo.make_world(leads, seed, plant), home)
    config = home / "demo.yaml"
    config.write_text(demo.config_text(f"{home.as_posix()}/", plant), encoding="utf-8")
    return list(check(config).findings)


def _honest(name: str, findings: Sequence[Finding]) -> Honest:
    """Sort what the leak gate said of honest data; what is wrong with the tables themselves isn't the gate's."""
    gate = [f for f in findings if f.code >= "LL2"]

    def said(severity: Severity, asks: bool) -> tuple[str, ...]:
        return tuple(
            sorted({f"{f.code} {f.subject}" for f in gate if f.severity is severity and (f.code == ASKS) == asks})
        )

    return Honest(name, said(Severity.ERROR, False), said(Severity.ERROR, True), said(Severity.WARNING, False))


def show(sown: Sequence[Sown], honest: Sequence[Honest]) -> None:
    """Print both tables."""
    seeds = sorted({s.seed for s in sown})
    print(f"Planted leaks, seeds {', '.join(map(str, seeds))}: found (refused) of worlds, and by what\n")
    for name, plant in PLANTS.items():
        mine = [s for s in sown if s.plant == name]
        codes = sorted({code for s in mine for code in (*s.refused, *s.told)})
        found, refused = sum(s.found for s in mine), sum(bool(s.refused) for s in mine)
        print(f"{name:<11}{found}/{len(mine)} ({refused}) {plant.title:<56}{' '.join(codes)}")
    kinds = {plant.kind for plant in PLANTS.values()}
    missed = {PLANTS[s.plant].kind for s in sown if not s.found}
    print(f"\nkinds found in every world: {len(kinds - missed)} of {len(kinds)}")
    print("\nHonest data: attributes wrongly refused, asked for, warned of\n")
    for one in honest:
        print(
            f"{one.name:<16}{len(one.refused):>3} {len(one.asked):>3} {len(one.warned):>3}  {', '.join((*one.refused, *one.asked, *one.warned))}"
        )
    if len(honest) == len(seeds):
        print("(set LEADLINE_DATA to try the real data sets too)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Score the gate; 1 if a plant is missed or an honest data set refused."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate", description=__doc__.splitlines()[0])
    parser.add_argument("--leads", type=int, default=2000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    asked = parser.parse_args(arguments)
    sown: list[Sown] = []
    honest: list[Honest] = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in asked.seeds:
            told, here = of_worlds(asked.leads, seed, Path(folder))
            sown += told
            honest.append(here)
    honest += of_real_data()
    show(sown, honest)
    return int(any(not s.found for s in sown) or any(h.refused for h in honest))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
