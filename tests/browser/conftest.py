"""Headless Chromium on a page; where it is missing, tests say how to get it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-default-apps --hide-scrollbars --mute-audio"
).split()

Chromium = Callable[..., str]


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Chromium:
    """Run Chromium on a file with more flags; return what it prints."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("apt-get install chromium")

    def run(page: Path, *flags: str) -> str:
        profile = tmp_path_factory.mktemp("profile")
        command = [program, *FLAGS, f"--user-data-dir={profile}", *flags, page.as_uri()]
        done = subprocess.run(command, capture_output=True, timeout=60, check=True)
        shutil.rmtree(profile, ignore_errors=True)
        return done.stdout.decode("utf-8")

    return run
