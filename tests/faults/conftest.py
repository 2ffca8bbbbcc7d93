"""What the fault tests share: a count of what was tried and what held, and real processes whose imports are done."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from figures import PROPERTY
from forked import Forks
from leadline import demo
from projects import KNOWN_AT, config_text, settle

Trial = Callable[[str], AbstractContextManager[None]]


@pytest.fixture
def trial(request: pytest.FixtureRequest) -> Trial:
    """Count a fault that is tried inside the block; it held where the block ends without an error."""
    counts: dict[str, list[object]] = {}

    @contextmanager
    def tried(fault: str) -> Iterator[None]:
        if fault not in counts:
            counts[fault] = [fault, 0, 0]
            request.node.user_properties.append((PROPERTY, counts[fault]))
        count = counts[fault]
        count[1] += 1  # type: ignore[operator]
        yield
        count[2] += 1  # type: ignore[operator]

    return tried


@pytest.fixture(scope="session")
def run(forking: Forks) -> Forks:
    return forking


@pytest.fixture(scope="session")
def tiny_trained(tmp_path_factory: pytest.TempPathFactory, run: Forks) -> Path:
    """A home of 300 leads with a champion: for reading only; what is tried on it must be quick."""
    folder = tmp_path_factory.mktemp("tiny")
    text = config_text().replace("[7d, 30d]", "[30d]").replace("folds: 2", "folds: 1")
    settle(folder, dict(demo.make_world(300, 7).tables), text)
    done = run("train", "demo.yaml", "--as-of", KNOWN_AT, cwd=folder)
    assert done.code == 0, done.err
    return folder


@pytest.fixture
def tiny_home(tiny_trained: Path, tmp_path: Path) -> Path:
    """A copy of the small home that a test may change."""
    return Path(shutil.copytree(tiny_trained, tmp_path / "home"))
