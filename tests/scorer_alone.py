"""The night with the packages of requirements/scorer.lock alone, as the container has them: a plain script.

`python tests/scorer_alone.py HOME`: in a home with a config and a bundle, every other package is made impossible to
import, and a night is scored with the bundle's folder.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements" / "scorer.lock"
OURS = "leadline"


def plain(name: str) -> str:
    """Write a distribution's name as the index does."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked() -> set[str]:
    """List the distributions of the lock file."""
    return {
        plain(name) for name in re.findall(r"^([A-Za-z0-9][\w.-]*)==", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    }


def others() -> list[str]:
    """List the top-level modules of every installed package that isn't in the lock file."""
    kept = {*locked(), OURS}
    return sorted(m for m, packages in packages_distributions().items() if not {plain(p) for p in packages} & kept)


def run(home: str, arguments: list[str]) -> None:
    """Score with nothing but what is locked."""
    import os

    for module in others():
        sys.modules[module] = None  # type: ignore[assignment]
    os.chdir(home)
    from leadline.cli.app import main

    main(arguments)


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2:])
