"""Damaged and forged bundles: exit 65 before LightGBM parses anything; no abort, no traceback, and never another score."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from leadline.core.files import write_sums
from leadline.errors import DataError
from leadline.registry.bundle import read_bundle
from projects import NIGHT

SCORE = ["score", "demo.yaml", "--as-of", NIGHT, "--force", "--quiet", "--out", "o.parquet", "--model"]


def names(bundle: Path) -> list[str]:
    return sorted(p.name for p in bundle.iterdir())


def pick(bundle: Path, draw: random.Random) -> Path:
    return bundle / draw.choice([name for name in names(bundle) if name != "SHA256SUMS"])


def flip(bundle: Path, draw: random.Random) -> None:
    path = bundle / draw.choice(names(bundle))
    data = bytearray(path.read_bytes())
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    path.write_bytes(bytes(data))


def truncate(bundle: Path, draw: random.Random) -> None:
    path = bundle / draw.choice(names(bundle))
    path.write_bytes(path.read_bytes()[: draw.randrange(path.stat().st_size)])


def lengthen(bundle: Path, draw: random.Random) -> None:
    path = pick(bundle, draw)
    path.write_bytes(path.read_bytes() + draw.randbytes(draw.randrange(1, 40)))


def remove(bundle: Path, draw: random.Random) -> None:
    pick(bundle, draw).unlink()


def add(bundle: Path, draw: random.Random) -> None:
    (bundle / f"x{draw.randrange(99)}.json").write_text("{}")


def exchange(bundle: Path, draw: random.Random) -> None:
    one, other = draw.sample([name for name in names(bundle) if name != "SHA256SUMS"], 2)
    a, b = (bundle / one).read_bytes(), (bundle / other).read_bytes()
    (bundle / one).write_bytes(b)
    (bundle / other).write_bytes(a)


def zero(bundle: Path, draw: random.Random) -> None:
    """A block that the disk lost."""
    path = pick(bundle, draw)
    data = bytearray(path.read_bytes())
    begin = draw.randrange(len(data))
    data[begin : begin + 512] = bytes(len(data[begin : begin + 512]))
    path.write_bytes(bytes(data))


DAMAGES: list[Callable[[Path, random.Random], None]] = [flip, truncate, lengthen, remove, add, exchange, zero]


def test_a_hundred_and_forty_damages_are_refused_before_anything_is_parsed(
    tiny_trained: Path, tmp_path: Path, trial
) -> None:
    for damage in DAMAGES:
        for seed in range(20):
            bundle = Path(shutil.copytree(tiny_trained / "models/demo/1", tmp_path / f"{damage.__name__}{seed}"))
            damage(bundle, random.Random(f"{damage.__name__} {seed}"))
            with trial("damaged bundle"), pytest.raises(DataError, match="isn't what SHA256SUMS says"):
                read_bundle(bundle)


def test_a_night_with_a_damaged_bundle_ends_with_65_and_last_nights_output_stays(tiny_home: Path, run, trial) -> None:
    assert run(*SCORE, "models/demo/1", cwd=tiny_home).code == 0
    before = (tiny_home / "o.parquet").read_bytes()
    for damage in DAMAGES:
        bundle = Path(shutil.copytree(tiny_home / "models/demo/1", tiny_home / "models/demo/9"))
        damage(bundle, random.Random(3))
        with trial("damaged bundle"):
            done = run(*SCORE, "models/demo/9", cwd=tiny_home)
            assert done.code == 65 and "SHA256SUMS" in done.sentence
            assert (tiny_home / "o.parquet").read_bytes() == before
        shutil.rmtree(bundle)


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the ways to every value of a JSON document, the first few of long lists."""
    found = [way] if way else []
    items = value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*way, key))
    return found


def bent(document: Any, way: tuple[Any, ...], draw: random.Random) -> Any:
    """Remove a value, or put one of another kind in its place."""
    copied = json.loads(json.dumps(document))
    holder = copied
    for key in way[:-1]:
        holder = holder[key]
    if draw.random() < 0.3:
        del holder[way[-1]]
    else:
        holder[way[-1]] = draw.choice([None, "x", [], {}, [[]], -1, 10**30, "../../x", True, [None], {"a": 1}])
    return copied


def forge(home: Path, run, trial, times: int) -> int:
    """Bend one value of a JSON file, with its hash made right: no hash tells that, so the night may only end in order.

    It is refused with 65 or another exit code of the contract, and last night's output stays; or it is written, and sound.
    """
    (home / "demo.yaml").write_text((home / "demo.yaml").read_text() + "\nnightly: {track: false}\n")
    assert run(*SCORE, "models/demo/1", cwd=home).code == 0
    refused = 0
    draw = random.Random(5)
    files = [name for name in names(home / "models/demo/1") if name.endswith(".json") and name != "record.json"]
    for number in range(times):
        bundle = Path(shutil.copytree(home / "models/demo/1", home / "models/demo/9"))
        before = (home / "o.parquet").read_bytes()
        path = bundle / files[number % len(files)]
        document = json.loads(path.read_text())
        way = draw.choice(places(document))
        path.write_text(json.dumps(bent(document, way, draw)))
        write_sums(bundle)
        with trial("forged bundle, hashes right: no abort, nothing half-written"):
            done = run(*SCORE, "models/demo/9", cwd=home)
            assert done.code in (0, 1, 2, 65, 78), (path.name, way, done.code, done.err)
            if done.code == 0:
                rows = pq.read_table(home / "o.parquet")
                assert rows.num_rows > 20 and all(0 <= p <= 1 for p in rows["probability"].to_pylist()), (
                    path.name,
                    way,
                )
            else:
                assert (home / "o.parquet").read_bytes() == before and "leadline: " in done.err
        refused += done.code == 65
        shutil.rmtree(bundle)
    return refused


def test_a_few_forged_bundles_never_abort_the_night(tiny_home: Path, run, trial) -> None:
    assert forge(tiny_home, run, trial, 10) > 1


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_hundreds_of_forged_bundles_never_abort_the_night(tiny_home: Path, run, trial) -> None:
    assert forge(tiny_home, run, trial, 300) > 50
