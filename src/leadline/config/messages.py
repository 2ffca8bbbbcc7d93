"""What doesn't fit in a config, in sentences: pydantic's errors by the user's own keys, with a suggestion each."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from leadline.core.choices import suggestion

__all__ = ["config_problems"]

EITHER = {
    "source": 'expected a path or URL, {sql: file.sql} or {query: "select …"}',
    "attributes": "expected a list of columns, or `all`",
    "test": "expected a length of time such as 56d; or, for a flat file, a share between 0 and 1",
    "positive": "expected one word or number, the value that means yes",
    "equals": "expected one word or number",
}
"""What may stand where one of several kinds may stand, by the key."""

PLAIN = {
    "string_type": "expected text; put it in quotes",
    "tuple_type": "expected a list, as in [a, b]",
    "dict_type": "expected keys with values",
    "model_type": "expected keys with values",
    "too_short": "an empty list; expected at least one",
}


MOST_TOLD = 50
"""Errors that are told one by one: who has more has given another file than a config."""


def config_problems(error: ValidationError, given: dict[str, Any], name: str, kind: type[BaseModel]) -> list[str]:
    """List everything that is wrong, a sentence each, in the order of the config; `kind` is its class.

    What is wrong between sections shows only once no key is unknown, so a copy without these is looked at too.
    """
    lines = list(dict.fromkeys(_sentences(error, given, name, kind)))
    unknown = [tuple(item["loc"]) for item in error.errors(include_url=False) if item["type"] == "extra_forbidden"]
    if unknown and len(unknown) == error.error_count():
        try:
            kind.model_validate(_without(given, unknown))
        except ValidationError as more:
            lines += [line for line in _sentences(more, given, name, kind) if line not in lines]
    return lines


def _sentences(error: ValidationError, given: dict[str, Any], name: str, kind: type[BaseModel]) -> Iterator[str]:
    items = error.errors(include_url=False)
    for item in items[:MOST_TOLD]:
        place, is_union = _place(item, given)
        where = ".".join(map(str, place)) or name
        if is_union and str(place[-1]) in EITHER:
            yield f"{where}: {EITHER[str(place[-1])]}"
            continue
        for line in _say(item, place, kind).splitlines():
            yield line if item["type"] == "value_error" and not item["loc"] else f"{where}: {line}"
    if len(items) > MOST_TOLD:
        yield f"… and {len(items) - MOST_TOLD:,} more"


def _place(item: Any, given: Any) -> tuple[tuple[Any, ...], bool]:
    """Return the keys that lead to what is wrong as far as the user wrote them, and whether a union's branch follows."""
    place: list[Any] = []
    for n, part in enumerate(item["loc"]):
        if (isinstance(given, dict) and part in given) or (
            isinstance(given, list) and isinstance(part, int) and part < len(given)
        ):
            given = given[part]
        elif item["type"] == "missing" and n == len(item["loc"]) - 1 and isinstance(given, dict):
            pass
        else:
            return tuple(place), part != "[key]"
        place.append(part)
    return tuple(place), False


def _say(item: Any, place: tuple[Any, ...], whole: type[BaseModel]) -> str:
    kind, context = item["type"], item.get("ctx", {})
    if kind == "missing":
        return "missing"
    if kind == "extra_forbidden":
        return "unknown key" + suggestion(str(place[-1]), _keys_at(place[:-1], whole))
    if item["loc"][-1:] == ("[key]",) and kind == "string_pattern_mismatch":
        return f"a name that can't be; expected one that matches {context['pattern']}"
    if item["loc"][-1:] == ("[key]",):
        expected = str(context.get("expected", "")).replace("'", "").replace(" or ", ", ").split(", ")
        return "unknown key" + suggestion(str(place[-1]), expected) if kind == "literal_error" else PLAIN["string_type"]
    if kind == "string_pattern_mismatch":
        return f"{str(item['input'])[:60]!r} doesn't match {context['pattern']}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return f"unknown word; expected {context['expected']}".replace("'", "")
    return PLAIN.get(kind, str(item["msg"])[0].lower() + str(item["msg"])[1:])


def _keys_at(place: tuple[Any, ...], whole: type[BaseModel]) -> list[str]:
    """List the keys that the config knows at a place, by walking the JSON schema."""
    node = schema = _schema(whole)
    for part in place:
        node = _resolve(node, schema)
        if isinstance(part, int):
            node = node.get("items", node)  # where one may stand for a list of one, its keys are the list's
        else:
            named: dict[str, Any] = next(iter(node.get("patternProperties", {}).values()), {})
            node = node.get("properties", {}).get(part) or node.get("additionalProperties") or named
    return sorted(_resolve(node, schema).get("properties", {}))


@cache
def _schema(whole: type[BaseModel]) -> dict[str, Any]:
    return whole.model_json_schema(by_alias=True)


def _resolve(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    for choice in node.get("anyOf", []):
        if "$ref" in choice or "$ref" in choice.get("items", {}):
            node = choice
    if "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return node


def _without(given: dict[str, Any], places: list[tuple[Any, ...]]) -> dict[str, Any]:
    """Copy a config without some keys."""
    result = copy.deepcopy(given)
    for place in places:
        node: Any = result
        for part in place[:-1]:
            node = node[part] if isinstance(node, list) or part in node else {}
        node.pop(place[-1], None)
    return result
