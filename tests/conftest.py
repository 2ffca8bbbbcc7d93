"""What all tests share: Hypothesis profiles, and settings that must stand before MLflow is imported."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings

from figures import pytest_terminal_summary  # noqa: F401 (a hook: the table of faults, where any was tried)
from shared import once
from spread import pytest_collection_modifyitems, pytest_xdist_make_scheduler  # noqa: F401 (hooks)
from times import Times

if TYPE_CHECKING:
    from forked import Forks

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("MPLBACKEND", "Agg")

# CI tries the same examples each time: a new find belongs to who works here, not to who lands a change.
FIXED = bool(os.environ.get("CI"))

settings.register_profile(
    "leadline",
    derandomize=FIXED,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
# --hypothesis-profile=unshrunk: the first failing case as it is, which is minutes faster.
settings.register_profile(
    "unshrunk",
    settings.get_profile("leadline"),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    report_multiple_bugs=False,
)
settings.load_profile("leadline")

warnings.simplefilter("error")

collect_ignore_glob = ["*conftest.py"]  # each is loaded, but none is a module of doctests: they share one name


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Times(), "times")


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests():
    """Mask no value that another test's config had: it may be a word of this one's messages."""
    from leadline import masking

    masking.forget_secrets()
    yield
    masking.forget_secrets()


@pytest.fixture(scope="session")
def demo_tables():
    """The small demo world that the upper floors' tests share."""
    import projects

    return projects.tables()


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory, demo_tables):
    """A home with the small demo world and one trained champion: for reading only; (folder, TrainResult)."""
    import projects
    from leadline import train

    def made(folder: Path) -> object:
        projects.settle(folder, demo_tables)
        with projects.inside(folder):
            return train("demo.yaml", projects.KNOWN_AT)

    return once(tmp_path_factory, "home", made)


@pytest.fixture(scope="session")
def forking() -> Iterator[Forks]:
    """The command line in processes of their own, forked from one whose imports are done, which cost seconds."""
    from forked import forks

    with forks() as process:
        yield process


@pytest.fixture
def home(tmp_path, trained_home, monkeypatch) -> Path:
    """A copy of the trained home that a test may change, and the working directory while it runs."""
    folder = tmp_path / "home"
    shutil.copytree(trained_home[0], folder)
    monkeypatch.chdir(folder)
    return folder
