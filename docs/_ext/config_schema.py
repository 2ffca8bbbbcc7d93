"""The config's JSON schema, for editors: the shape from the config's own classes, the words from docs/config.md.

`make schema` writes it to src/leadline/config.schema.json, which `leadline schema` prints; a test holds it to both.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "config.md"
PLACE = ROOT / "src" / "leadline" / "config.schema.json"
DRAFT = "http://json-schema.org/draft-07/schema#"  # the one that editors' YAML servers know best

ACT = {"enum": ["fail", "warn", "ignore"]}
LISTED = {"type": "array", "minItems": 1, "items": {"type": ["string", "number", "boolean"]}}
SHORT: dict[str, list[dict[str, Any]]] = {
    "Volume": [ACT],
    "Drift": [ACT],
    "Wanted": [LISTED, {"type": ["number", "boolean"]}, {"type": "string", "minLength": 1}],
    "Outcome": [{"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Outcome"}}],
}
"""What may stand for a section in short."""

EITHER = {
    "SnapshotPlan": ("every", "after_creation", "order_by"),
    "Outcome": ("reaches", "column"),
    "When": (
        "all", "any", "not", "behaviour", "intent", "asset", "attribute", "icp", "role", "account", "points", "score", "fit",
        "engagement", "grade",
    ),
}  # fmt: skip
"""Keys of which exactly one is given."""

TOGETHER = {"Outcome": {"reaches": ["within"], "column": ["positive"]}, "Capacity": {"by": ["of"], "of": ["by"]}}
"""Keys that need others."""

VARIABLE = {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"}
"""What `${NAME}` becomes is known when the config is read."""


def told(page: str) -> dict[str, str]:
    """List what the page's tables say of each key, by its whole path; `tables.key` stands for every table's.

    Examples
    --------
    >>> told("## backtest, engine\\n| `backtest.folds` | 4 | how *many*; see [x](y.md) |")
    {'backtest.folds': 'how many; see x'}
    """
    found: dict[str, str] = {}
    prefix = ""
    for line in page.splitlines():
        if head := re.match(r"#+ (.+)", line):
            names = re.split(r", | and ", head[1])
            prefix = names[0] if len(names) == 1 else "tables" if names[0].startswith("tables.") else ""
            prefix = "" if prefix == "At the top" else prefix
        elif row := re.match(r"\| (`[^|]+`) \|[^|]*\| (.+) \|$", line):
            for key in re.findall(r"`([^`]+)`", row[1]):
                path = key if not prefix or key.startswith(prefix + ".") else f"{prefix}.{key}"
                found[path] = _plain(row[2])
                if "." in key:  # a whole path under another heading
                    found.setdefault(key, found[path])
    return found


def _plain(text: str) -> str:
    return re.sub(r"(?<![\w*])\*([^*]+)\*", r"\1", re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text)).strip()


def make(page: str) -> dict[str, Any]:
    """Return the schema, with the page's words."""
    from leadline.config.schema import Config

    raw = Config.model_json_schema(by_alias=True)
    parts = raw["$defs"]
    _describe(raw, "", parts, told(page))
    schema = {"$schema": DRAFT, "title": "A leadline config", **_tidy(raw)}
    for name, part in schema["$defs"].items():
        _constrain(name, part)
    _keep_old_names(schema)
    return schema


def _keep_old_names(schema: dict[str, Any]) -> None:
    """Let old names and old words pass, as leadline does; an editor strikes them out."""
    from leadline.config.load import RENAMED

    for known in RENAMED:
        part = schema
        for key in known.section.split("."):
            (name,) = re.findall(r'"#/\$defs/(\w+)"', json.dumps(part["properties"][key]))
            part = schema["$defs"][name]
        words = {"enum": list(known.words), "deprecated": True, "description": f"now {', '.join(known.words.values())}"}
        if known.words:
            part["properties"][known.new]["anyOf"].append(words)
        if known.old != known.new:
            new = part["properties"][known.new]
            about = {"deprecated": True, "description": f"now `{known.new}`; the old name still works"}
            part["properties"][known.old] = {k: v for k, v in new.items() if k != "default"} | about


def _describe(part: dict[str, Any], path: str, parts: dict[str, Any], words: dict[str, str]) -> None:
    """Put the words to each key, into the sections that the key leads to as well."""
    for key, value in part.get("properties", {}).items():
        there = f"{path}.{key}" if path else key
        common = [re.sub(r"^tables\.\w+\.", place, there) for place in ("tables.", "tables.leads.")]
        names = re.findall(r'"#/\$defs/(\w+)"', json.dumps(value))
        said = next((words[p] for p in (there, *common, there.removesuffix(".on_violation")) if p in words), None)
        said = said or (parts[names[0]].get("description") if len(names) == 1 else None)
        if said and "description" not in value:
            value["description"] = said
        for name in names:
            if not parts[name].get("told"):
                parts[name]["told"] = True
                _describe(parts[name], there if name not in ("Query", "SqlFile") else "tables.source", parts, words)


def _tidy(node: Any, key: str = "") -> Any:
    """Leave out what helps no editor, and write what may stand in short or come from the environment."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    if key in ("properties", "$defs"):
        return {name: _tidy(part) for name, part in node.items()}
    kept = {k: _tidy(v, k) for k, v in node.items() if k not in ("title", "told", "default")}
    if "description" in kept:
        kept["description"] = kept["description"].split("\n\n")[0].replace("\n", " ")
    if isinstance(node.get("default"), (str, int, float, bool)):
        kept["default"] = node["default"]
    return _spelled(kept)


def _spelled(node: dict[str, Any]) -> dict[str, Any]:
    """Name all that may stand in a value's place."""
    about = {k: node[k] for k in ("description", "default") if k in node}
    rest = {k: v for k, v in node.items() if k not in about}
    if "$ref" in rest:
        name = rest["$ref"].rsplit("/", 1)[1]
        return (
            {**about, "anyOf": [rest, *SHORT[name]]} if name in SHORT else {**about, "allOf": [rest]} if about else rest
        )
    if "anyOf" in rest:
        flat = [part for item in rest["anyOf"] for part in (item["anyOf"] if list(item) == ["anyOf"] else [item])]
        node["anyOf"] = [part for n, part in enumerate(flat) if part not in flat[:n]]
    leaf = rest.get("type") in ("integer", "number", "boolean") or "enum" in rest or "pattern" in rest
    return {**about, "anyOf": [rest, VARIABLE]} if leaf and rest != VARIABLE else node


def _constrain(name: str, part: dict[str, Any]) -> None:
    given = {"not": {"type": "null"}}
    if name in EITHER:
        part["oneOf"] = [{"required": [key], "properties": {key: given}} for key in EITHER[name]]
    if name in TOGETHER:
        part["dependencies"] = TOGETHER[name]


def text() -> str:
    """Return the schema as it is written."""
    return json.dumps(make(PAGE.read_text(encoding="utf-8")), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "src"))
    PLACE.write_text(text(), encoding="utf-8")
