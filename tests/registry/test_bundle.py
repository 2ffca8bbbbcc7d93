"""The bundle on disk: whatever is damaged is refused before anything of it is parsed."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from forked import Forks
from leadline.core.files import write_sums
from leadline.errors import DataError, MissingError, UsageError
from leadline.registry.bundle import read_bundle, refits_path, resolve_bundle, write_refits

FILES = (
    "SHA256SUMS",
    "manifest.json",
    "model.txt",
    "encoder.json",
    "accounts.json",
    "grades.json",
    "linear.json",
    "calibrator.json",
    "tiers.json",
    "recipe.json",
    "record.json",
    "points_card.csv",
    "model-card.md",
)


@pytest.fixture
def bundle(tmp_path: Path, trained_home) -> Path:
    return Path(shutil.copytree(trained_home[0] / "models" / "demo" / "1", tmp_path / "bundle"))


def test_a_bundle_holds_texts_alone_and_no_pickle(bundle: Path) -> None:
    assert {p.name for p in bundle.iterdir()} == set(FILES)
    for path in bundle.iterdir():
        path.read_text(encoding="utf-8")


def test_a_bundle_reads_back_as_the_model_that_was_trained(bundle: Path, trained_home) -> None:
    result = trained_home[1]
    read = read_bundle(bundle)
    values = result.prepared.features.values.iloc[:500]
    assert read.scorer.to_files() == result.scorer.to_files()
    assert read.scorer.probability(values).tolist() == result.scorer.probability(values).tolist()
    assert read.specs == result.prepared.features.specs
    assert (read.name, read.manifest["run_id"]) == ("demo", result.run_id)
    assert "what was known at 2025-06-02" in repr(read)


def test_what_was_found_out_later_stands_beside_the_bundle_and_belongs_to_it_alone(bundle: Path) -> None:
    record = read_bundle(bundle).record("record.json")
    assert read_bundle(bundle).run_record == record
    write_refits(bundle, {"ablation": [1]})
    assert read_bundle(bundle).run_record == record | {"ablation": [1]}
    assert read_bundle(bundle).record("record.json") == record  # the bundle itself is as it was
    (bundle / "model-card.md").write_text("another model's", encoding="utf-8")
    write_sums(bundle)
    assert read_bundle(bundle).run_record == record
    refits_path(bundle).write_text("{", encoding="utf-8")  # damaged: the model is none the worse
    assert read_bundle(bundle).run_record == record


def test_sums_are_what_sha256sum_reads(bundle: Path) -> None:
    import subprocess

    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=bundle, capture_output=True, check=False
    )
    assert done.returncode == 0


def flip(bundle: Path, draw: random.Random) -> None:
    path = bundle / draw.choice(FILES[1:])
    data = bytearray(path.read_bytes())
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    path.write_bytes(bytes(data))


def truncate(bundle: Path, draw: random.Random) -> None:
    path = bundle / draw.choice(FILES)
    path.write_bytes(path.read_bytes()[: draw.randrange(path.stat().st_size)])


def lengthen(bundle: Path, draw: random.Random) -> None:
    path = bundle / draw.choice(FILES[1:])
    path.write_bytes(path.read_bytes() + draw.randbytes(draw.randrange(1, 40)))


def remove(bundle: Path, draw: random.Random) -> None:
    (bundle / draw.choice(FILES[1:])).unlink()


def add(bundle: Path, draw: random.Random) -> None:
    (bundle / f"x{draw.randrange(99)}.json").write_text("{}")


def swap(bundle: Path, draw: random.Random) -> None:
    one, other = draw.sample(FILES[1:], 2)
    a, b = (bundle / one).read_bytes(), (bundle / other).read_bytes()
    (bundle / one).write_bytes(b)
    (bundle / other).write_bytes(a)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("damage", [flip, truncate, lengthen, remove, add, swap])
def test_any_damage_is_refused_before_anything_is_parsed(
    bundle: Path, damage: Callable[[Path, random.Random], None], seed: int
) -> None:
    damage(bundle, random.Random(f"{damage.__name__} {seed}"))
    with pytest.raises(DataError, match="isn't what SHA256SUMS says"):
        read_bundle(bundle)


def forged(bundle: Path, change: Callable[[dict[str, object]], object]) -> None:
    """Change the manifest and make its hash right again."""
    manifest = json.loads((bundle / "manifest.json").read_text())
    made = change(manifest)
    (bundle / "manifest.json").write_text(json.dumps(made))
    write_sums(bundle)


def test_another_leadlines_format_is_named(bundle: Path) -> None:
    forged(bundle, lambda m: {**m, "format": 99})
    with pytest.raises(DataError, match="bundle format 99; this leadline reads format 1"):
        read_bundle(bundle)


@pytest.mark.parametrize("made", [[], 3, {}, {"format": 1, "name": "demo"}], ids=str)
def test_a_manifest_that_is_none_is_refused_though_its_hash_is_right(bundle: Path, made: object) -> None:
    forged(bundle, lambda _: made)
    with pytest.raises(DataError, match=r"manifest\.json"):
        read_bundle(bundle)


def test_features_of_another_schema_are_refused(bundle: Path) -> None:
    forged(bundle, lambda m: {**m, "features": [{"name": "n", "window": None, "colour": "red"}]})
    with pytest.raises(DataError, match="another schema"):
        _ = read_bundle(bundle).specs


def test_sums_cannot_point_outside_the_bundle(bundle: Path) -> None:
    (bundle.parent / "outside.txt").write_text("x")
    sums = bundle / "SHA256SUMS"
    sums.write_text(sums.read_text() + f"{'0' * 64}  ../outside.txt\n")
    with pytest.raises(DataError, match="outside"):
        read_bundle(bundle)


def test_a_trees_file_that_was_forged_with_its_hash_does_not_abort_the_process(
    bundle: Path, home: Path, forking: Forks
) -> None:
    text = (bundle / "model.txt").read_text()
    (bundle / "model.txt").write_text(text.replace("left_child=", "left_child=999999 ", 1))
    write_sums(bundle)
    done = forking("score", "demo.yaml", "--as-of", "2025-06-09", "--model", str(bundle), "--out", "x.csv", cwd=home)
    assert done.code == 65 and not (home / "x.csv").exists()


def test_no_folder_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no bundle"):
        read_bundle(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "reference", ["models:/", "models:/demo", "models:/demo@", "models:/Demo/1", "models:/demo/x", "models:/a/../b/1"]
)
def test_what_is_no_reference_is_said_to_be_none(reference: str) -> None:
    with pytest.raises(UsageError, match="not a reference"):
        resolve_bundle(reference, "sqlite:///mlflow.db")


@pytest.mark.parametrize(
    "reference", ["models:/demo@other", "models:/demo/77", "models:/nobody@champion", "models:/nobody/1"]
)
def test_what_the_registry_does_not_have_is_missing(home: Path, reference: str) -> None:
    with pytest.raises(MissingError, match="not in the registry"):
        resolve_bundle(reference, "sqlite:///mlflow.db")


@pytest.mark.parametrize("reference", ["models:/demo@champion", "models:/demo/1", "models/demo/1"])
def test_each_kind_of_reference_finds_the_bundle(home: Path, reference: str) -> None:
    found = resolve_bundle(reference, "sqlite:///mlflow.db")
    assert (found.name, found.version) == ("demo", "1")


@pytest.mark.parametrize("reference", ["models:/demo@champion", "models:/demo/1"])
def test_looking_into_a_registry_that_is_not_there_makes_none(tmp_path: Path, monkeypatch, reference: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingError, match="run `leadline train` first"):
        resolve_bundle(reference, "sqlite:///mlflow.db")
    assert list(tmp_path.iterdir()) == []
