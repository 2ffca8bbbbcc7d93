"""Headless Chromium on a page; where it is missing, tests say how to get it. And the pages of a home where all is at work."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import projects
from leadline import check, explain_page, monitor, report, score
from leadline.workflows.check import write_page
from leadline.workflows.monitor import write_page as write_monitor

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-default-apps --disable-extensions --hide-scrollbars --mute-audio"
).split()
MONITORED_AT = "2025-06-23T00:00:00Z"


@dataclass(frozen=True)
class Browser:
    """Chromium, run once for each call."""

    program: str
    folder: Path

    def __call__(self, page: Path, *flags: str) -> str:
        """Open a page with more flags; return what Chromium prints."""
        profile = self.folder / "profile"
        command = [self.program, *FLAGS, f"--user-data-dir={profile}", *flags, page.as_uri()]
        done = subprocess.run(command, capture_output=True, timeout=180, check=True)
        shutil.rmtree(profile, ignore_errors=True)
        return done.stdout.decode("utf-8")

    def probed(self, page: str, *scripts: str, width: int = 1280, dark: bool = False) -> dict[str, Any]:
        """Run scripts in a copy of a page, without the page's policy; return what they left in the body as JSON."""
        place = self.folder / "probed.html"
        bare = re.sub(r"<meta http-equiv=.*?>", "", page)
        added = "".join(f"<script>{script}</script>" for script in scripts)
        place.write_text(bare.replace("</body>", f"{added}</body>"), encoding="utf-8")
        theme = f"--blink-settings=preferredColorScheme={int(not dark)}"
        dom = self(place, "--dump-dom", f"--window-size={width},900", "--virtual-time-budget=60000", theme)
        found = re.search(r"<pre>(.*)</pre>", dom, re.DOTALL)
        assert found, dom[-2000:]
        result: dict[str, Any] = json.loads(html.unescape(found[1]))
        return result


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("apt-get install chromium")
    return Browser(program, tmp_path_factory.mktemp("chromium"))


@pytest.fixture(scope="session")
def pages(chromium: Browser, trained_home: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The four kinds of page that leadline writes, of one trained home with two nights, which a browser is there to open."""
    folder = tmp_path_factory.mktemp("pages") / "home"
    shutil.copytree(trained_home[0], folder)
    with projects.inside(folder):
        first = score("demo.yaml", "2025-05-12T00:00:00Z", "models/demo/1")
        score("demo.yaml", "2025-05-19T00:00:00Z", "models/demo/1")
        lead = str(first.scores.lead_id[len(first.scores) // 10])
        return {
            "report": report("demo.yaml", "report.html").page.resolve(),
            "findings": write_page(check("demo.yaml", projects.KNOWN_AT), "findings.html").resolve(),
            "monitor": write_monitor(monitor("demo.yaml", MONITORED_AT), Path("monitor.html")).resolve(),
            "lead": explain_page(
                "demo.yaml", lead, "2025-05-12T00:00:00Z", "lead.html", "models/demo/1"
            ).page.resolve(),
        }
