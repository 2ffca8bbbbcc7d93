"""Reading the config's YAML: environment variables, duplicate keys, and every error at once with a suggestion."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from leadline.config.messages import config_problems
from leadline.config.schema import Config
from leadline.errors import ConfigError, MissingError

__all__ = ["RENAMED", "Renamed", "load_config", "parse_config"]

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True)
class Renamed:
    """A key, or some of its words, that had another name once: the section that it is in, and old words by new ones."""

    section: str
    old: str
    new: str
    words: Mapping[str, str] = field(default_factory=dict)


FAIL = {"refuse": "fail"}
RENAMED = (
    Renamed("capacity", "hold", "mode", {"volume": "top_n", "probability": "threshold"}),
    *(Renamed("nightly", name, name, FAIL) for name in ("stale", "nulls", "levels", "volume", "drift")),
    Renamed("nightly", "silent", "zero_rate", FAIL),
    Renamed("nightly.volume", "then", "on_violation", FAIL),
    Renamed("nightly.drift", "then", "on_violation", FAIL),
    Renamed("nightly", "moved", "min_probability_change"),
    Renamed("engine", "keep", "cache_events"),
)
"""What a config may still say in its old words."""


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a key that stands twice is an error, as one of the two would be lost."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, (list, dict)):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a word", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return dict(super().construct_mapping(node, deep=deep))


def load_config(path: str | Path) -> Config:
    """Read a config file.

    Raises
    ------
    MissingError
        There is no such file.
    ConfigError
        The file isn't YAML or isn't a config; the message tells every error, a line each.

    Examples
    --------
    >>> load_config("no-such.yaml")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    place = Path(path)
    try:
        text = place.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise MissingError(
            f"config {place}: no such file; expected a YAML config; `leadline init DIR` writes one to fill in"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"config {place}: can't be read as UTF-8 text ({type(error).__name__}); expected YAML"
        ) from None
    return parse_config(text, str(place))


def parse_config(text: str, name: str = "config", environment: Mapping[str, str] | None = None) -> Config:
    """Read a config from its text.

    Examples
    --------
    >>> parse_config("version: 1\\nname: Bad Name\\nseeed: 3")
    Traceback (most recent call last):
    ...
    leadline.errors.ConfigError: config: 5 errors; expected none; mend these and run `leadline check` again
      name: 'Bad Name' doesn't match ^[a-z][a-z0-9-]{0,62}$
      tables: missing
      outcome: missing
      snapshots: missing
      seeed: unknown key; did you mean `seed`?
    """
    try:
        raw = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: not YAML ({_where(error)}); expected a YAML mapping; mend that line") from None
    if not isinstance(raw, dict):
        raise ConfigError(
            f"{name}: found {'nothing' if raw is None else 'no mapping'}; expected keys such as version, name, tables, outcome"
        )
    missing: list[str] = []
    secrets: dict[str, str] = {}
    filled = _fill(raw, os.environ if environment is None else environment, missing, secrets)
    if missing:
        raise ConfigError(
            f"{name}: environment variable {', '.join(sorted(set(missing)))} isn't set; expected a value for ${{…}}; "
            "export it and run the command again"
        )
    found, notes = _rename(filled)
    try:
        config = Config.model_validate(filled)
    except ValidationError as error:
        found += config_problems(error, filled, name)
    if not found:
        config._text, config._notes = text, tuple(notes)
        return config
    noun, them = ("error", "it") if len(found) == 1 else ("errors", "these")
    message = "\n  ".join(
        [f"{name}: {len(found)} {noun}; expected none; mend {them} and run `leadline check` again", *found]
    )
    for variable, value in secrets.items():
        message = message.replace(value, f"${{{variable}}}") if len(value) > 3 else message
    raise ConfigError(message)


def _rename(given: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Put new names in the places of old ones; return what is wrong, and what to tell.

    Examples
    --------
    >>> given = {"engine": {"keep": True}, "capacity": {"mode": "top_n", "hold": "volume"}}
    >>> _rename(given)[0], given["engine"]
    (['capacity.hold: the old name of capacity.mode, which is given, too; expected one of them; leave the old one out'], {'cache_events': True})
    """
    clashes, notes = [], []
    for known in RENAMED:
        section: Any = given
        for part in known.section.split("."):
            section = section.get(part) if isinstance(section, dict) else None
        if not isinstance(section, dict):
            continue
        old, new = f"{known.section}.{known.old}", f"{known.section}.{known.new}"
        if known.old != known.new and known.old in section and known.new in section:
            clashes.append(
                f"{old}: the old name of {new}, which is given, too; expected one of them; leave the old one out"
            )
            del section[known.old]
        for key in {known.old, known.new} & section.keys():
            value = section.pop(key)
            word = known.words.get(value) if isinstance(value, str) else None
            section[known.new] = word or value
            if word is not None or key != known.new:
                was, now = (f"{key}: {value}", f"{new}: {word}") if word else (key, new)
                notes.append(f"{known.section}.{was} is now {now}; the old name still works")
    return clashes, notes


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "unreadable"
    return f"{problem}, line {mark.line + 1}" if mark else str(problem)


def _fill(value: Any, environment: Mapping[str, str], missing: list[str], secrets: dict[str, str]) -> Any:
    """Put environment variables in their places; gather the names of those that aren't set, and what was put."""
    if isinstance(value, dict):
        return {k: _fill(v, environment, missing, secrets) for k, v in value.items()}
    if isinstance(value, list):
        return [_fill(v, environment, missing, secrets) for v in value]
    if not isinstance(value, str):
        return value

    def take(match: re.Match[str]) -> str:
        if match[1] not in environment:
            missing.append(match[1])
            return ""
        secrets[match[1]] = environment[match[1]]
        return environment[match[1]]

    return VARIABLE.sub(take, value)
