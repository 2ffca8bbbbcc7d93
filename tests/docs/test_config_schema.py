"""The config's JSON schema is up to date, has words for every key, and agrees with the config where a schema can tell."""

from __future__ import annotations

import datetime
import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from leadline.cli.app import app
from leadline.config.load import parse_config
from leadline.errors import ConfigError

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "docs" / "_ext" / "config_schema.py"
PLACE = ROOT / "src" / "leadline" / "config.schema.json"
SCHEMA = json.loads(PLACE.read_text(encoding="utf-8"))
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
PRESETS = [ROOT / "src" / "leadline" / "presets" / f"{name}.yaml" for name in ("csv", "hubspot", "salesforce")]

BASE = """
version: 1
name: a
tables:
  leads: {source: a.csv, key: id, created_at: c}
  stages: {source: s.csv, lead: id, stage: s, changed_at: t}
stages: {sql: [sql]}
outcome: {reaches: sql, within: 30d}
snapshots: {every: 7d}
"""
ACCEPTED = {
    "nothing more": "",
    "landmarks": "snapshots: {after_creation: [1h, 24h]}",
    "two questions": "outcome: [{reaches: sql, within: 30d}, {reaches: won, within: 120d}]\nstages: {sql: sql, won: [w]}",
    "one word": "stages: {sql: qualified}",
    "a volume in short": "nightly: {volume: warn, drift: {psi: 0.1, on_violation: fail}}",
    "a share": "exploration: 2%",
    "a share as a number": "exploration: 0.02",
    "ICP": "icp: {industry: [software, 7], employees: {min: 50}, country: DE}",
    "a query": 'tables: {leads: {source: {query: "select 1"}, key: id, created_at: c}, opportunities: {source: o, key: k, created_at: c}}',
    "all attributes": "tables: {leads: {source: a.csv, key: id, created_at: c, attributes: all, exclude: [x]}, "
    "opportunities: {source: {sql: o.sql}, key: k, created_at: c}}",
    "a date": "outcome: {reaches: sql, within: 30d, observed_until: 2025-06-02}",
    "a variable": "engine: {threads: '${THREADS}', memory: '${MEMORY}'}",
    "an owner's capacity": "capacity: {leads_per_week: 40, by: region, of: {1: 20, north: 10}}",
    "points": "rules: [{when: {behaviour: demo, within: 30d}, points: 3.5}, {when: {attribute: a, equals: true}, points: -1}]",
    "accepted leaks": 'leaks: {accept: {LL201: "set by the form", LL209: {budget: "long form"}}}',
    "old names": "{capacity: {hold: probability}, engine: {keep: true}, "
    "nightly: {silent: refuse, moved: 0.02, stale: refuse, volume: refuse, drift: {then: refuse}}}",
    "deliveries": "nightly: {deliver: [{to: hubspot, folder: out, fields: {tier: T}}]}",
}
REJECTED = {
    "an unknown key": "seeed: 3",
    "an unknown key inside": "backtest: {fold: 3}",
    "a name with blanks": "name: Bad Name",
    "another version": "version: 2",
    "no length of time": "outcome: {reaches: sql, within: 30 days}",
    "no rung": "outcome: {reaches: customer, within: 30d}",
    "no horizon": "outcome: {reaches: sql}",
    "two kinds of outcome": "outcome: {reaches: sql, within: 30d, column: c}",
    "two kinds of snapshots": "snapshots: {every: 7d, order_by: row}",
    "no snapshots": "snapshots: {max: 5000}",
    "a negative seed": "seed: -1",
    "a text for a number": "capacity: {leads_per_week: many}",
    "no kind of engine": "engine: {kind: pandas}",
    "no amount of memory": "engine: {memory: lots}",
    "an unknown family": "features: {without: [magic]}",
    "a capacity by nobody": "capacity: {of: {north: 3}}",
    "no rule": "rules: [{points: 3}]",
    "no place to deliver": "nightly: {deliver: [{to: fax, folder: out}]}",
    "more than half": "exploration: 0.6",
    "no reason": "stages: {qualified: [x]}",
    "an empty list": "outcome: []",
}
BEYOND = {
    "an unknown zone": "timezone: Mars/Olympus",
    "a list that names a length twice": "features: {windows: [7d, 7d]}",
    "rungs that don't rise": "outcome: [{reaches: won, within: 30d}, {reaches: sql, within: 120d}]",
    "no code": 'leaks: {accept: {LL103: "why"}}',
    "a share of more than half": "exploration: 60%",
}
"""What only leadline can tell: the schema lets it pass, and so it is here, counted."""


def plain(value: Any) -> Any:
    """Return YAML's values as JSON has them, as an editor reads them."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value.isoformat() if isinstance(value, (datetime.date, datetime.datetime)) else value


def fits(text: str) -> bool:
    return bool(jsonschema.Draft7Validator(SCHEMA).is_valid(plain(yaml.safe_load(text))))


def is_config(text: str) -> bool:
    try:
        parse_config(text, "x", {"THREADS": "2", "MEMORY": "4GB", "LEADLINE_DATA": "data"})
    except ConfigError:
        return False
    return True


def told(part: str) -> str:
    """Return the base with a part in the place of its keys."""
    return str(yaml.safe_dump({**yaml.safe_load(BASE), **(yaml.safe_load(part) or {})}))


def test_the_schema_is_one() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_the_schema_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("config_schema", TOOL)
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.text() == PLACE.read_text(encoding="utf-8"), "the config or docs/config.md changed: run `make schema`"


def test_the_command_prints_it() -> None:
    done = CliRunner().invoke(app, ["schema"])
    assert done.exit_code == 0 and done.output == PLACE.read_text(encoding="utf-8")


def test_every_key_has_words_and_unknown_keys_are_forbidden() -> None:
    parts = {"Config": SCHEMA, **SCHEMA["$defs"]}
    bare = [(n, k) for n, p in parts.items() for k, v in p.get("properties", {}).items() if not worded(v)]
    assert bare == [], "give each a row in docs/config.md, under the heading of its section"
    assert [n for n, p in parts.items() if "properties" in p and p.get("additionalProperties") is not False] == []


def worded(value: dict[str, Any]) -> bool:
    name = re.fullmatch(r"#/\$defs/(\w+)", value.get("$ref", ""))
    return bool(value.get("description") or (name and SCHEMA["$defs"][name[1]].get("description")))


@pytest.mark.parametrize("path", [*CONFIGS, *PRESETS], ids=lambda p: p.stem)
def test_written_configs_fit(path: Path) -> None:
    assert fits(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", [p for p in CONFIGS if p.stem != "demo"], ids=lambda p: p.stem)
def test_an_editor_finds_the_schema_from_a_config(path: Path) -> None:
    (place,) = re.findall(r"^# yaml-language-server: \$schema=(\S+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert (path.parent / place).resolve() == PLACE


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_leadline_accepts_fits(case: str) -> None:
    assert is_config(told(ACCEPTED[case])) and fits(told(ACCEPTED[case]))


@pytest.mark.parametrize("case", REJECTED)
def test_what_leadline_rejects_does_not_fit(case: str) -> None:
    assert not is_config(told(REJECTED[case])) and not fits(told(REJECTED[case]))


@pytest.mark.parametrize("case", BEYOND)
def test_what_only_leadline_can_tell(case: str) -> None:
    assert not is_config(told(BEYOND[case])) and fits(told(BEYOND[case]))


def test_a_missing_key_does_not_fit() -> None:
    whole = yaml.safe_load(BASE)
    for key in ("version", "name", "tables", "outcome", "snapshots"):
        assert not fits(yaml.safe_dump({k: v for k, v in whole.items() if k != key})), key
