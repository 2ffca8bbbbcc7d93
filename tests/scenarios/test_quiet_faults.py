"""Quietly broken inputs: of some seventy, at least four in five are refused or warned of, and none of those that go outward is silent."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leadline import forget, score
from leadline.errors import DataError
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
            pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), place)

    def tonight(self, fault: Fault) -> tuple[str, set[str]]:
        """Break something, score, and mend it; return what followed, and by which checks."""
        broken = dict(self.frames)
        fault.do(broken, pd.Timestamp(TONIGHT))
        changed = [name for name in broken if broken[name] is not self.frames[name]]
        stones = (self.folder / ".leadline/forgotten.json").read_bytes()
        try:
            for name in changed:
                self._write(name, broken[name])
            fault.files(self.folder)
            text = fault.config(self.text)
            assert changed or text != self.text or not (self.folder / ".leadline/forgotten.json").exists()
            self.config.write_text(text)
            with inside(self.folder):
                return self._scored()
        finally:
            for name in changed:
                self._write(name, self.frames[name])
            self.config.write_text(self.text)
            (self.folder / ".leadline/forgotten.json").write_bytes(stones)

    def _scored(self) -> tuple[str, set[str]]:
        try:
            done = score("demo.yaml", TONIGHT, MODEL)
        except DataError as error:
            assert error.exit_code == 65
            return "refused", {line.split()[0] for line in str(error).splitlines() if line.startswith("LL")}
        record: dict[str, Any] = json.loads((Path(done.place) / "night.json").read_text())
        shutil.rmtree(done.place)
        shutil.rmtree("sf/as_of=2025-06-09T00-00-00Z")
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


def test_quiet_faults_are_told(world: World) -> None:
    table = {fault.name: world.tonight(fault) for fault in FAULTS}
    outward = [f.name for f in FAULTS if f.outward and not f.fine and table[f.name][0] == "silent"]
    silent = [f.name for f in FAULTS if table[f.name][0] == "silent" and not f.fine]
    assert outward == [] and silent == []
    assert sum(verdict != "silent" for verdict, _ in table.values()) >= 45
