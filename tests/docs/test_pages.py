"""The pages of docs/ tell of every config key, check and feature family, and their examples hold."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from leadline.config.schema import Config, FeaturePlan
from leadline.dataset.feature_spec import Aggregate
from leadline.errors import LeadlineError

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), ROOT / "models" / "README.md"])


def keys(schema: dict[str, Any]) -> set[tuple[str, str]]:
    """List (section, key) of a JSON schema, the sections by their class."""
    found = {("Config", key) for key in schema["properties"]}
    for name, part in schema["$defs"].items():
        if name == "Horizon":  # a value, written as 30d
            continue
        found |= {(name, key) for key in part.get("properties", {})}
    return found


def said(text: str) -> set[str]:
    """List the keys that a page names in code: of `tables.leads.key`, each part."""
    spans = re.findall(r"`([^`\n]+)`", text) + re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {part for span in spans for part in re.split(r"[^a-z0-9_]+", span)}


def test_every_config_key_is_told() -> None:
    page = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
    known = keys(Config.model_json_schema(by_alias=True))
    missing = sorted((section, key) for section, key in known if key not in said(page))
    assert len(known) > 60
    assert missing == []


def test_every_told_key_is_known() -> None:
    page = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
    known = {key for _, key in keys(Config.model_json_schema(by_alias=True))}
    rows = re.findall(r"^\| (`[^|]+`) \|", page, re.MULTILINE)
    told = {span.split(".")[-1] for row in rows for span in re.findall(r"`([^`]+)`", row)} - {"${NAME}"}
    assert told - known == set()


def test_every_default_told_is_the_default() -> None:
    page = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
    parsed = Config.model_validate({
        "version": 1, "name": "a", "tables": {"leads": {"source": "a.csv"}},
        "outcome": {"column": "c", "positive": 1}, "snapshots": {"order_by": "row"},
    })  # fmt: skip
    told = dict(re.findall(r"^\| `([a-z_.]+)` \| `?([^|`]+?)`? \|", page, re.MULTILINE))
    assert told["seed"] == str(parsed.seed)
    assert told["max"] == str(parsed.snapshots.max)
    assert told["features.windows"] == f"[{', '.join(map(str, parsed.features.windows))}]"
    assert told["backtest.folds"] == str(parsed.backtest.folds)
    assert told["backtest.test"] == str(parsed.backtest.test)
    assert told["capacity.leads_per_week"] == f"{parsed.capacity.leads_per_week:g}"
    assert told["won_within"] == str(parsed.outcome.won_within)
    assert told["delay"].replace("m", "d") == str(parsed.outcome.delay)
    assert told["tracking.uri"] == parsed.tracking.uri
    assert (told["engine.kind"], told["engine.memory"], told["engine.threads"]) == (
        parsed.engine.kind, parsed.engine.memory, str(parsed.engine.threads),
    )  # fmt: skip


def entries() -> list[tuple[str, str]]:
    """List (code, severity) of each entry in checks.md and of each page in checks/."""
    head = re.compile(r"^#+ (LL\d{3}) .+\((error|warning|note)", re.M)
    found = [
        e for page in ("checks", "night-checks") for e in head.findall((ROOT / f"docs/{page}.md").read_text("utf-8"))
    ]
    for page in sorted((ROOT / "docs/checks").glob("*.md")):
        (entry,) = head.findall(page.read_text("utf-8"))
        assert entry[0] == page.stem
        found.append(entry)
    return found


def test_every_check_has_an_entry() -> None:
    source = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "src").rglob("*.py"))
    codes = set(re.findall(r"LL\d{3}", source))
    told = [code for code, _ in entries()]
    assert len(told) == len(set(told))
    assert set(told) == codes


def test_the_index_lists_every_page_of_a_check() -> None:
    rows = re.findall(
        r"^\| \[(LL\d{3})\]\(checks/\1\.md\) \| [^|]+ \| (error|warning|note)",
        (ROOT / "docs/checks.md").read_text("utf-8"),
        re.M,
    )
    pages = {page.stem for page in (ROOT / "docs/checks").glob("*.md")}
    assert dict(rows).items() <= dict(entries()).items()
    assert {code for code, _ in rows} == pages


def test_the_table_of_a_nights_checks_is_the_catalogue() -> None:
    from leadline.config.scoring import Nightly
    from leadline.scoring.input_checks import described

    page = (ROOT / "docs/night-checks.md").read_text("utf-8")
    rows = re.findall(r"^\| \[(LL4\d\d)\]\(#([^)]+)\) \| ([^|]+) \| (\w+) \| ([^|]+) \|$", page, re.MULTILINE)
    told = [(c["code"], c["page"].split("#")[1], c["title"], c["verdict"], c["limit"]) for c in described(Nightly())]
    assert rows == told and len(told) >= 20
    heads = re.findall(r"^### (LL4\d\d) (.+) \(\w+\)$", page, re.MULTILINE)
    assert heads == [(code, title) for code, _, title, _, _ in told]


def test_entries_have_the_severity_of_their_check() -> None:
    from leadline.leakage import gate
    from leadline.scoring.input_checks import CATALOG
    from leadline.tables.checks import AFTER, CHECKS, FLAT, FLAT_AFTER

    told = dict(entries())
    checks = (
        *CHECKS,
        *AFTER,
        *FLAT,
        *FLAT_AFTER,
        *gate.BEFORE_TRAINING,
        *gate.AFTER_TRAINING,
        *CATALOG,
    )
    assert {c.code: str(c.severity) for c in checks}.items() <= told.items()


def test_every_aggregate_and_family_of_features_is_told() -> None:
    page = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
    families = get_args(get_args(FeaturePlan.model_fields["without"].annotation)[0])
    assert len(families) >= 5
    assert [f for f in families if f"| {f} |" not in page] == []
    assert [a for a in get_args(Aggregate) if f"`{a}`" not in page] == []


@pytest.mark.parametrize("page", ["README.md", "docs/nightly.md"])
def test_exit_codes_are_those_of_the_errors(page: str) -> None:
    told = {int(n) for n in re.findall(r"^\| (\d+) \|", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)}
    assert told == {0, 1, 130} | {e.exit_code for e in LeadlineError.__subclasses__()}


def test_the_airflow_example_is_python() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "nightly.md").read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        ast.parse(block)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere_and_no_machine_is_named(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        if not path.startswith("http"):
            there = page.parent / path if path else page
            assert there.exists(), target
            if anchor:
                heads = re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), re.MULTILINE)
                assert anchor in {re.sub(r"[^\w-]", "", h.lower().replace(" ", "-")) for h in heads}, target
    assert not re.search(r"/(home|root|work|Users|tmp)/", text)
