"""The page: a run's record, rendered by Jinja2 with autoescape into one self-contained HTML file.

The page's own policy lets nothing in: no request of any kind, no style and no script but the two that stand in it,
told by their hashes. Whatever text a record holds is text.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from leadline.report.parts import (
    Actions,
    BulletList,
    Chart,
    Collapsed,
    Control,
    Group,
    PageSection,
    PageTable,
    Panels,
    Tiles,
)
from leadline.report.sections import definitions, first_screen, points, points_rules
from leadline.report.sections.funnel import assets, behaviours, committees, diagnosis, funnel, intent_stages, rejections
from leadline.report.sections.model import (
    accounts,
    capacity,
    conversion_curve,
    drivers,
    grades,
    later_stages,
    performance,
    question,
    segments,
    topk_backtest,
)

__all__ = ["render", "report_groups", "report_page", "report_sections"]

Maker: TypeAlias = Callable[[Mapping[str, Any]], PageSection | tuple[PageSection, ...] | None]

FIRST = (
    first_screen.glance_section,
    first_screen.actions_section,
    first_screen.open_section,
    first_screen.trust_section,
    first_screen.sources_section,
)
"""What stands on the first screen, in its order; all else is folded under the groups."""

GROUPS: tuple[tuple[str, tuple[Maker, ...]], ...] = (
    (
        "Why",
        (
            funnel.funnel_section,
            diagnosis.diagnosis_section,
            grades.grades_section,
            behaviours.behaviours_section,
            assets.assets_section,
            committees.committees_section,
            intent_stages.intent_section,
            rejections.rejections_section,
        ),
    ),
    (
        "Rules and thresholds",
        (
            points_rules.rules_section,
            definitions.definitions_section,
            points.scorecard_section,
            capacity.capacity_section,
        ),
    ),
    (
        "For the data scientist",
        (
            topk_backtest.topk_section,
            accounts.accounts_section,
            performance.performance_section,
            question.question_section,
            drivers.drivers_section,
            segments.calibration_section,
            conversion_curve.curve_section,
            later_stages.later_stage_sections,
            drivers.ablation_section,
            question.problems_section,
        ),
    ),
)
"""The folded sections in their order. A maker gives None, or nothing, where its section would say nothing of such a run."""


def report_page(record: Mapping[str, Any]) -> str:
    """Return the report as HTML; it makes no request, and whatever text the record holds stays text.

    Parameters
    ----------
    record : mapping
        A run's record, as `leadline.workflows.training.train` made it.
    """
    return render("report.html.j2", record["name"], record.get("version"), report_groups(record))


def render(
    template: str,
    name: str,
    version: str | None,
    parts: Sequence[PageSection] | Sequence[Group],
) -> str:
    """Return sections as a page by one of the templates, with its own style and script and no other.

    Parameters
    ----------
    parts : sequence of Section or of Group
        What the page holds; sections without groups are a short page's.
    """
    style, script = _asset("style.css"), _asset("script.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    loose = tuple(part for part in parts if isinstance(part, PageSection))
    grouped = [part for part in parts if isinstance(part, Group)] or [Group("", loose)]
    return _environment().get_template(template).render(
        name=name, version=version, groups=grouped,
        style=Markup(style), script=Markup(script), policy=policy,  # our own files
    )  # fmt: skip


def report_groups(record: Mapping[str, Any]) -> tuple[Group, ...]:
    """Return the groups of a record's page: the first screen, without a heading, and the folded ones.

    Where there is no first screen, as for a flat file, nothing is folded.
    """
    first = tuple(s for make in FIRST for s in _as_sections(make, record))
    rest = tuple(
        Group(title, tuple(s for make in makers for s in _as_sections(make, record)), folded=bool(first))
        for title, makers in GROUPS
    )
    return (Group("", first), *rest) if first else rest


def report_sections(record: Mapping[str, Any]) -> tuple[PageSection, ...]:
    """Return the sections of a record's page, in their order."""
    return tuple(section for group in report_groups(record) for section in group.sections)


def _as_sections(make: Maker, record: Mapping[str, Any]) -> tuple[PageSection, ...]:
    made = make(record)
    return made if isinstance(made, tuple) else () if made is None else (made,)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("leadline.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    kinds = {
        "table": PageTable,
        "chart": Chart,
        "panels": Panels,
        "control": Control,
        "listed": BulletList,
        "folded": Collapsed,
        "tiles": Tiles,
        "actions": Actions,
    }
    environment.tests |= {name: lambda part, kind=kind: isinstance(part, kind) for name, kind in kinds.items()}
    return environment


def _asset(name: str) -> str:
    return (files("leadline.report") / "templates" / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
