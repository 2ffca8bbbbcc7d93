"""Reading the config's YAML: environment variables, duplicate keys, and every error at once with a suggestion."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from leadline.config.frames import with_frames
from leadline.config.messages import config_problems
from leadline.config.schema import Config
from leadline.errors import ConfigError, MissingError, UsageError
from leadline.masking import VARIABLE, fill_variables

__all__ = ["RENAMED", "Renamed", "fill_option", "load_config", "parse_config"]


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


DATA = (".csv", ".csv.gz", ".tsv", ".parquet", ".jsonl")
"""How the name of a data file ends, which somebody may give where a config is wanted."""

LONGEST, DEEPEST, MOST_NODES = 250_000, 40, 20_000
"""Of a config: characters, levels of nesting, and values once every alias is written out."""


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a key that stands twice is an error, as one of the two would be lost.

    What is nested without end, or grows by aliases of aliases, is refused while it is read.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth, self._nodes = 0, 0
        self._sizes: dict[int, int] = {}  # of nodes that are whole, aliases written out

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose a node, counted."""
        is_alias = self.check_event(yaml.AliasEvent)
        self._depth += 1
        before = self._nodes
        self._nodes += 1
        if self._depth > DEEPEST or self._nodes > MOST_NODES:
            raise yaml.composer.ComposerError(None, None, "too much of it", self._mark())
        node = super().compose_node(parent, index)
        if is_alias:
            if id(node) not in self._sizes:
                raise yaml.composer.ComposerError(None, None, "an alias inside of what it means", self._mark())
            self._nodes += self._sizes[id(node)]
        else:
            self._sizes[id(node)] = self._nodes - before
        self._depth -= 1
        return node

    def _mark(self) -> Any:
        return self.get_mark()

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


def load_config(path: str | Path, tables: Mapping[str, Any] | None = None) -> Config:
    """Read a config file.

    Parameters
    ----------
    tables : mapping of str to DataFrame, optional
        What is read in the place of some tables' sources, by the tables' names.

    Raises
    ------
    MissingError
        There is no such file.
    UsageError
        It is a data file; or the config has no such table.
    ConfigError
        The file isn't YAML or isn't a config; the message tells every error, a line each.

    Examples
    --------
    >>> load_config("no-such.yaml")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    >>> load_config("leads.csv")
    Traceback (most recent call last):
    ...
    leadline.errors.UsageError: leads.csv: a data file, not a config; expected the config that `leadline train leads.csv --outcome COLUMN` writes; name that, as in leads.yaml
    """
    place = Path(path)
    if place.name.lower().endswith(DATA):
        raise UsageError(
            f"{place}: a data file, not a config; expected the config that `leadline train {place} --outcome COLUMN` writes; "
            f"name that, as in {place.name.split('.')[0]}.yaml"
        )
    try:
        with place.open("rb") as stream:
            text = stream.read(4 * LONGEST + 1).decode("utf-8")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise MissingError(
            f"config {place}: no such file; expected a YAML config; `leadline init DIR` writes one to fill in"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"config {place}: can't be read as UTF-8 text ({type(error).__name__}); expected YAML"
        ) from None
    config = parse_config(text, str(place))
    config._path = str(place.absolute())
    return config if tables is None else with_frames(config, tables)


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
    if len(text) > LONGEST:
        raise ConfigError(
            f"{name}: {len(text):,} characters; expected at most {LONGEST:,}, as no config is longer; name a config"
        )
    try:
        raw = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: not YAML ({_where(error)}); expected a YAML mapping; mend that line") from None
    if not isinstance(raw, dict):
        raise ConfigError(
            f"{name}: found {'nothing' if raw is None else 'no mapping'}; expected keys such as version, name, tables, outcome"
        )
    missing: list[str] = []
    filled = _fill(raw, os.environ if environment is None else environment, missing)
    if missing:
        raise ConfigError(
            f"{name}: environment variable {', '.join(sorted(set(missing)))} isn't set; expected a value for ${{…}}; "
            "export it and run the command again"
        )
    found, notes = _rename(filled)
    found += _written_out(raw)
    try:
        config = Config.model_validate(filled)
    except ValidationError as error:
        found += config_problems(error, filled, name, Config)
    if not found:
        config._text, config._notes = text, tuple(notes)
        return config
    noun, them = ("error", "it") if len(found) == 1 else ("errors", "these")
    head = f"{name}: {len(found)} {noun}; expected none; mend {them} and run `leadline check` again"
    raise ConfigError("\n  ".join([head, *found]))


def _written_out(raw: Mapping[str, Any]) -> list[str]:
    """Refuse a key that stands in the config itself, which travels with each run."""
    signing = raw.get("signing")
    key = signing.get("key") if isinstance(signing, dict) else None
    if key is None or (isinstance(key, str) and VARIABLE.fullmatch(key)):
        return []
    return ["signing.key: written out; expected ${NAME}, as the config is kept with each run; set that variable"]


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


def _fill(value: Any, environment: Mapping[str, str], missing: list[str]) -> Any:
    """Put environment variables in their places; gather the names of those that aren't set."""
    if isinstance(value, dict):
        return {k: _fill(v, environment, missing) for k, v in value.items()}
    if isinstance(value, list):
        return [_fill(v, environment, missing) for v in value]
    return fill_variables(value, environment, missing) if isinstance(value, str) else value


def fill_option(text: str, option: str) -> str:
    """Put environment variables in the places of `${NAME}` in an option's value, so that no secret stands on the command line.

    Raises
    ------
    UsageError
        One of them isn't set.

    Examples
    --------
    >>> fill_option("scores.csv", "--out")
    'scores.csv'
    >>> fill_option("${NO_SUCH_VARIABLE}/scores.csv", "--out")
    Traceback (most recent call last):
    ...
    leadline.errors.UsageError: --out: environment variable NO_SUCH_VARIABLE isn't set; expected a value for ${…}; export it and run the command again
    """
    missing: list[str] = []
    filled = fill_variables(text, os.environ, missing)
    if missing:
        raise UsageError(
            f"{option}: environment variable {', '.join(sorted(set(missing)))} isn't set; expected a value for ${{…}}; "
            "export it and run the command again"
        )
    return filled
