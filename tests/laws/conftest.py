"""Little worlds have few leads: in these tests two of them are enough for a behaviour to be shared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from leadline.features import catalog


@pytest.fixture(autouse=True, scope="module")
def shared_by_one() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "MIN_GROUP_SIZE", 1)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder a module: a world is written over the one before it."""
    return tmp_path_factory.mktemp("world")
