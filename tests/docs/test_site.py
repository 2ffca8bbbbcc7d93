"""The site builds with warnings as errors, asks nothing of a network, and tells of every command and public name."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import leadline
from leadline.core.checks import Severity

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as `make docs` does."""
    pytest.importorskip("sphinx", reason="pip install leadline[docs]")
    place = tmp_path_factory.mktemp("site")
    recipe = re.search(r"^docs:.*\n\t\$\(BIN\)/python -m (sphinx .+)$", (ROOT / "Makefile").read_text("utf-8"), re.M)
    assert recipe
    words = [str(place / "html") if word == "docs/_build/html" else word for word in recipe[1].split()]
    done = subprocess.run(
        [sys.executable, "-m", words[0], "-d", str(place / "trees"), *words[1:]],
        cwd=ROOT, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return place / "html"


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def test_every_page_is_built(site: Path) -> None:
    sources = {p.relative_to(DOCS).with_suffix("") for p in DOCS.rglob("*.md") if "_build" not in p.parts}
    assert sources <= {p.relative_to(site).with_suffix("") for p in pages(site)}
    assert (site / "config.schema.json").is_file()


def test_nothing_is_fetched_when_a_page_is_opened(site: Path) -> None:
    loads = r"<(?:script|img|iframe|source|video|audio)[^>]+(?:src|srcset)=\"(?:https?:)?//|<link(?![^>]+rel=\"(?:canonical|author|license)\")[^>]+href=\"(?:https?:)?//"
    for page in pages(site):
        assert re.findall(loads, page.read_text(encoding="utf-8")) == [], page.name
    for sheet in site.rglob("*.css"):
        assert re.findall(r"@import|url\(\s*['\"]?(?:https?:)?//", sheet.read_text(encoding="utf-8")) == [], sheet.name


def test_every_command_and_option_is_told(site: Path) -> None:
    from typer.main import get_command

    from leadline.cli.app import app

    page = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        assert f'<section id="{name}">' in page
        section = page.split(f'<section id="{name}">')[1].split("</section>")[0]
        flags = [flag for p in command.params if p.param_type_name == "option" and not p.hidden for flag in p.opts]
        assert [flag for flag in flags if f'<span class="pre">{flag}</span>' not in section] == [], name


def test_every_public_name_is_told(site: Path) -> None:
    page = (site / "reference" / "python.html").read_text(encoding="utf-8")
    told = set(re.findall(r'<dt class="sig[^"]*" id="leadline\.(?:\w+\.)*(\w+)">', page))
    assert set(leadline.__all__) <= told


def test_every_check_has_a_place(site: Path) -> None:
    page = (site / "checks.html").read_text(encoding="utf-8")
    assert len(set(re.findall(r"LL\d{3}", page))) > 50 and all(str(severity) in page for severity in Severity)


def test_what_is_made_names_no_machine(site: Path) -> None:
    """So that a second build of the same sources is the same."""
    for page in pages(site):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"object at 0x|" + re.escape(str(ROOT)), text), page.name


def test_the_reports_sections_are_those_told() -> None:
    page = (DOCS / "how-to" / "read-the-report.md").read_text(encoding="utf-8").replace("'", "’")
    told = re.findall(r"^\| ([A-Z][^|]+) \|", page, re.MULTILINE)
    source = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "src" / "leadline" / "report").rglob("*.py"))
    titles = "\n".join(re.findall(r'"([^"\n]+)"', source))
    assert len(told) > 10
    assert [title for title in told if not re.search(rf"^{re.escape(title)}(:|$)", titles, re.MULTILINE)] == []
