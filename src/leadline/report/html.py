"""The page: a run's record, rendered by Jinja2 with autoescape into one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

__all__ = ["page"]


def page(record: Mapping[str, Any]) -> str:
    """Return the report as HTML; it makes no request, and whatever text the record holds stays text."""
    environment = Environment(
        loader=PackageLoader("leadline.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(r=record)
