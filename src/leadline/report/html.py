"""The page: a run's record, rendered by Jinja2 with autoescape into one self-contained HTML file.

The page's own policy lets nothing in: no request of any kind, no style and no script but the two that stand in it,
told by their hashes. Whatever text a record holds is text.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from leadline.report import asked, nights, predicts, quality, worth
from leadline.report.parts import Chart, Control, Section, Table
from leadline.report.segments import held
from leadline.report.stages import stages

__all__ = ["page", "render", "sections"]


def page(record: Mapping[str, Any]) -> str:
    """Return the report as HTML; it makes no request, and whatever text the record holds stays text.

    Parameters
    ----------
    record : mapping
        A run's record, as `leadline.pipeline.training` made it. What an older record lacks is said to be lacking.
    """
    return render("report.html.j2", record["name"], record.get("version"), sections(record))


def render(template: str, name: str, version: str | None, parts: Sequence[Section]) -> str:
    """Return sections as a page by one of the templates, with its own style and script and no other."""
    style, script = _asset("style.css"), _asset("script.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return _environment().get_template(template).render(
        name=name, version=version, sections=parts, style=Markup(style), script=Markup(script), policy=policy,  # our own files
    )  # fmt: skip


def sections(record: Mapping[str, Any]) -> tuple[Section, ...]:
    """Return the sections of a record's page, in their order."""
    return (
        asked.what_asked(record),
        predicts.behaviours(record),
        predicts.drivers(record),
        quality.cut(record),
        nights.worked(record),
        quality.how_good(record),
        held(record),
        *stages(record),
        worth.families(record),
        asked.problems(record),
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("leadline.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests |= {
        "table": lambda part: isinstance(part, Table),
        "chart": lambda part: isinstance(part, Chart),
        "control": lambda part: isinstance(part, Control),
    }
    return environment


def _asset(name: str) -> str:
    return (files("leadline.report") / "templates" / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
