"""Quietly broken inputs: nearly seventy, and none that goes outward is silent. `Fault.fine` says which pass, and why that is right."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leadline import forget, score
from leadline.errors import DataError, UsageError
from leadline.tables.tombstones import FILE
from projects import inside
from quiet_faults import FAULTS, Fault, Frames

LAST, TONIGHT = "2025-06-08T00:00:00Z", "2025-06-09T00:00:00Z"
MODEL = "models/demo/1"
LISTS = (
    "tables:\n  suppress: {source: data/suppress.parquet, lead: who, from: since}\n"
    "  overrides: {source: data/overrides.parquet, lead: who, tier: tier}\n"
)


class World:
    """A home with a finished night, whose tables can be broken and mended again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.config = folder, folder / "demo.yaml"
        self.text = self.config.read_text().replace("tables:\n", LISTS)
        self.text += "\nnightly: {track: false, deliver: [{to: salesforce, folder: sf}]}\n"
        self.config.write_text(self.text)
        plain = self.config.with_name("plain.yaml")
        plain.write_text(self.text.replace(LISTS, "tables:\n"))
        with inside(folder):
            leads = score("plain.yaml", LAST, MODEL, str(folder / "aside")).scores.lead_id.tolist()
            since = pd.Series([pd.Timestamp("2025-01-01", tz="UTC")] * 24).astype("datetime64[us, UTC]")
            self._write("suppress", pd.DataFrame({"who": leads[:24], "since": since}))
            self._write("overrides", pd.DataFrame({"who": leads[30:36], "tier": ["A"] * 6}))
            forget("demo.yaml", leads[-3:])
            score("demo.yaml", LAST, MODEL)
        self.frames: Frames = {
            path.stem if path.parent.name == "data" else "events": pq.read_table(path).to_pandas()
            for path in (folder / "data").rglob("*.parquet")
        }

    def _write(self, name: str, frame: pd.DataFrame) -> None:
        place = self.folder / "data" / ("events/all.parquet" if name == "events" else f"{name}.parquet")
        with warnings.catch_warnings():  # pandas warns of its own way from a zoned time to Arrow
            warnings.simplefilter("ignore")
            table = pa.Table.from_pandas(frame, preserve_index=False)
        fields = [f.with_type(pa.string()) if pa.types.is_null(f.type) else f for f in table.schema]
        pq.write_table(table.cast(pa.schema(fields)), place)

    def tonight(self, fault: Fault, **accept: str) -> tuple[str, set[str]]:
        """Break something, score, and mend it; return what followed, and by which checks."""
        broken = dict(self.frames)
        fault.do(broken, pd.Timestamp(TONIGHT))
        changed = [name for name in broken if broken[name] is not self.frames[name]]
        stones = (self.folder / FILE).read_bytes()
        try:
            for name in changed:
                self._write(name, broken[name])
            fault.files(self.folder)
            text = fault.config(self.text)
            assert changed or text != self.text or not (self.folder / FILE).exists()
            self.config.write_text(text)
            with inside(self.folder):
                return self._scored(accept)
        finally:
            for name in changed:
                self._write(name, self.frames[name])
            self.config.write_text(self.text)
            (self.folder / FILE).write_bytes(stones)

    def _scored(self, accept: Mapping[str, str] = MappingProxyType({})) -> tuple[str, set[str]]:
        try:
            done = score("demo.yaml", TONIGHT, MODEL, accept=accept)
        except DataError as error:
            assert error.exit_code == 65
            return "refused", {line.split()[0] for line in str(error).splitlines() if line.startswith("LL")}
        record: dict[str, Any] = json.loads((Path(done.place) / "night.json").read_text())
        shutil.rmtree(done.place)
        shutil.rmtree("sf/as_of=2025-06-09T00-00-00Z")
        assert record["accepted"] == accept and all(
            f["accepted"] == accept.get(f["code"], "") for f in record["checks"]
        )
        codes = {found["code"] for found in record["checks"]}
        assert codes == {text.split()[0] for text in done.warnings if text.startswith("LL4")}
        return ("warned" if codes else "silent"), codes


@pytest.fixture(scope="module")
def world(trained_home: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("faults") / "home"
    shutil.copytree(trained_home[0], folder)
    yield World(folder)


def test_an_unbroken_night_is_silent(world: World) -> None:
    with inside(world.folder):
        assert world._scored() == ("silent", set())


SHORT = (
    "stages alone are three weeks old", "a month of stages is missing", "event ids are in lower case", "employees times 1000",
    "every lead came twice, under new ids", "every lead has a new id, in every table", "`rejected` has a new word since four weeks",
    "no conversion is left", "every event type has a new name", "the list of the suppressed is empty",
    "suppressed ids are in lower case", "suppressed ids have a blank behind them", "the list of the forgotten is gone",
    "one or two in a hundred events are gone",
)  # fmt: skip
"""Faults that the usual suite tries, most of those that go outward among them."""


def held(world: World, faults: Sequence[Fault]) -> int:
    """Try faults: those that somebody must know of are told, others aren't. Return how many were told."""
    table = {fault: world.tonight(fault) for fault in faults}
    odd = {f.name: verdict for f, verdict in table.items() if (verdict[0] == "silent") != bool(f.fine)}
    assert odd == {}
    mild = [f.name for f, (verdict, _) in table.items() if f.outward and not f.fine and verdict == "warned"]
    assert set(mild) <= MILD, mild
    return sum(verdict != "silent" for verdict, _ in table.values())


MILD = {"a third of the suppressed is gone"}
"""Faults that go outward and are warned of alone: lists do get shorter."""


def test_quiet_faults_are_told_and_honest_ones_are_not(world: World) -> None:
    chosen = [fault for fault in FAULTS if fault.name in SHORT]
    assert len(chosen) == len(SHORT) and held(world, chosen) == 12


@pytest.mark.long
@pytest.mark.timeout(1_200)
def test_every_quiet_fault_is_told(world: World) -> None:
    assert len(FAULTS) >= 55 and held(world, FAULTS) >= 55


def test_what_is_accepted_goes_out_and_stands_in_the_record(world: World) -> None:
    """The reason is kept, and a later night isn't held against what was before."""
    (fault,) = (f for f in FAULTS if f.name == "the list of the suppressed is empty")
    assert world.tonight(fault) == ("refused", {"LL441"})
    assert world.tonight(fault, LL441="all of them left") == ("warned", {"LL441"})
    with inside(world.folder), pytest.raises(UsageError, match="LL101"):
        score("demo.yaml", TONIGHT, MODEL, accept={"LL101": "why not"})
