"""What of a bundle is believed: names that are names, a signature where there is a key, and no more than a bundle holds."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leadline.config.load import parse_config
from leadline.core.files import write_json, write_sums
from leadline.dataset.feature_spec import Feature
from leadline.errors import ConfigError, DataError
from leadline.registry.bundle import read_bundle, write_bundle
from leadline.registry.trust import sign
from projects import environment

AGE = Feature("age", "age", "age", "days", "age", "created", "leads").to_record()
MANIFEST: dict[str, Any] = {
    "name": "demo", "features": [AGE], "intents": {"call": "purchase"}, "intent_stages": None, "roles": {"user": ["*"]},
    "known_at": None, "outcome": {}, "flat": False, "reference": {},
}  # fmt: skip


def bundle_of(folder: Path, **changes: Any) -> Path:
    write_bundle(folder / "1", {"model.txt": "tree"}, {**MANIFEST, **changes}, {"record.json": {}})
    return folder / "1"


INJECTIONS = {
    "a name that is a statement": {"name": "age FROM snapshots; COPY (SELECT 1) TO 'pwned.csv'; SELECT 1 AS age"},
    "a name with a comma": {"name": "age, 1 AS b"},
    "a name with a quote": {"name": 'age"'},
    "a name in capitals": {"name": "Age"},
    "no name": {"name": ""},
    "a name of another kind": {"name": ["age"]},
    "a line break after a name": {"name": "age\n"},
    "an aggregate that isn't one": {"aggregate": "1); COPY"},
    "a kind that isn't one": {"kind": "category; --"},
    "an intent that is a statement": {"aggregate": "active_days", "by": "intent", "field": "purchase) --"},
    "a field of another kind": {"field": {"a": 1}},
    "a stage that isn't one": {"aggregate": "rate", "table": "leads", "terms": ["sql; --", "0d", "", ""]},
    "a bound that isn't a number": {"aggregate": "rate", "table": "leads", "terms": ["sql", "0d", "1; --", ""]},
    "a window that isn't one": {"window": "7d; --"},
    "a criterion's name": {"aggregate": "meets", "terms": [json.dumps({"name": "a; --", "table": "leads", "column": "a", "words": ["x"], "numbers": [], "low": None, "high": None, "in_history": True})]},
    "a criterion's bound": {"aggregate": "meets", "terms": [json.dumps({"name": "a", "table": "leads", "column": "a", "words": [], "numbers": [], "low": "1); --", "high": None, "in_history": False})]},
    "a pace of another kind": {"aggregate": "pace", "field": "1d) --"},
    "a trend without a window": {"aggregate": "trend", "terms": []},
}  # fmt: skip


@pytest.mark.parametrize("name", INJECTIONS)
def test_no_statement_comes_of_a_bundle(name: str, tmp_path: Path) -> None:
    bundle = read_bundle(bundle_of(tmp_path, features=[{**AGE, **INJECTIONS[name]}]))
    with pytest.raises(DataError, match="another schema"):
        _ = bundle.specs


SHAPES = {
    "name": "../../etc", "features": {"a": 1}, "intents": ["call"], "roles": {"user": "x"}, "intent_stages": [], "known_at": 5,
    "outcome": [], "flat": "no", "reference": None, "then": [{"column": "p; --"}],
}  # fmt: skip


@pytest.mark.parametrize("key", SHAPES)
def test_a_manifest_of_another_shape_is_refused(key: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"manifest\.json"):
        read_bundle(bundle_of(tmp_path, **{key: SHAPES[key]}))


def unsigned(folder: Path) -> None:
    (folder / "SIGNATURE").unlink()


def of_another_key(folder: Path) -> None:
    sign(folder, "another key")


def changed_and_summed_anew(folder: Path) -> None:
    write_json(folder / "record.json", {"changed": True})
    write_sums(folder)


def empty(folder: Path) -> None:
    (folder / "SIGNATURE").write_bytes(b"")


def no_text(folder: Path) -> None:
    (folder / "SIGNATURE").write_bytes(b"\xff" * 1_000_000)


@pytest.mark.parametrize("spoil", [unsigned, of_another_key, changed_and_summed_anew, empty, no_text])
def test_with_a_key_only_what_it_signed_is_loaded(spoil: Callable[[Path], None], tmp_path: Path) -> None:
    write_bundle(tmp_path / "1", {"model.txt": "tree"}, MANIFEST, {"record.json": {}}, "the key")
    assert read_bundle(tmp_path / "1", key="the key").name == "demo"
    assert read_bundle(tmp_path / "1").name == "demo"  # who asks for no signature reads a signed one, too
    spoil(tmp_path / "1")
    with pytest.raises(DataError, match=r"signed with signing\.key"):
        read_bundle(tmp_path / "1", key="the key")


def test_a_key_stands_in_the_environment_alone() -> None:
    with pytest.raises(ConfigError, match=r"signing\.key: written out; expected"):
        parse_config("version: 1\nname: demo\nsigning: {key: in-the-open}")


def deep(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b"[" * 1_000_000)


def deep_in_a_record(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b'{"format": 1, "features": ' + b'{"a":' * 400_000 + b"1" + b"}" * 400_001)


def wide(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b"[" + b"{}," * 4_000_000 + b"{}]")


def huge(folder: Path) -> None:
    with (folder / "manifest.json").open("wb") as stream:
        stream.truncate(5_000_000_000)  # a hole: it takes no room


def long_sums(folder: Path) -> None:
    with (folder / "SHA256SUMS").open("wb") as stream:
        stream.truncate(5_000_000_000)


READ = """
import resource, sys, time
from pathlib import Path
from leadline.errors import DataError
from leadline.registry.bundle import read_bundle
began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_bundle(Path(sys.argv[1])).specs
except DataError as error:
    print(error)
print(time.process_time() - began, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.parametrize("damage", [deep, deep_in_a_record, wide, huge, long_sums])
def test_a_manifest_without_end_is_refused_in_little_time_and_memory(
    damage: Callable[[Path], None], tmp_path: Path
) -> None:
    folder = bundle_of(tmp_path)
    damage(folder)
    if damage not in (huge, long_sums):
        write_sums(folder)
    done = subprocess.run(
        [sys.executable, "-c", READ, str(folder)],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    sentence, figures = done.stdout.splitlines()
    seconds, megabytes = map(float, figures.split())
    assert sentence.startswith(f"model {folder}: ")
    assert seconds < 2 and megabytes < 200


BOMBS = {
    "deep": "[" * 200_000,
    "deep mappings": "{a: " * 50_000,
    "aliases of aliases": "a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*{'b' + str(n - 1) if n else 'a'}, *{'b' + str(n - 1) if n else 'a'}]\n" for n in range(60)),
    "an alias in itself": "a: &a [*a]\n",
    "an alias in itself, as a mapping": "a: &a {b: *a}\n",
    "long": "a: [" + "x," * 120_000 + "x]",
    "huge": "a: [" + "x," * 10_000_000 + "x]",
    "many keys": "\n".join(f"key{n}: x" for n in range(9_000)),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_config_without_end_is_refused_in_little_time_and_memory(name: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    with pytest.raises(ConfigError, match=r"^config: ") as refusal:
        parse_config(BOMBS[name])
    assert time.process_time() - began < 2 and len(str(refusal.value)) < 20_000
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 200
