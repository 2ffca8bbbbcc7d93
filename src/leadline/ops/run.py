"""An open MLflow run: what may be logged to it, item by item. Nothing here holds a lead's data."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Dataset", "Run"]

PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Dataset:
    """A table that went into a run: its name, where it came from (without secrets), and a digest of its content."""

    name: str
    source: str
    digest: str
    rows: int


@dataclass
class Run:
    """An open MLflow run."""

    mlflow: Any
    client: Any
    id: str
    name: str
    registered: str | None = field(default=None)

    def params(self, values: Mapping[str, Any]) -> None:
        """Log parameters; long values are cut, as MLflow has a limit."""
        from mlflow.entities import Param

        self.client.log_batch(self.id, params=[Param(k, str(v)[:500]) for k, v in values.items()])

    def tags(self, values: Mapping[str, Any]) -> None:
        """Set tags."""
        from mlflow.entities import RunTag

        self.client.log_batch(self.id, tags=[RunTag(k, str(v)[:4000]) for k, v in values.items()])

    def metrics(self, values: Sequence[tuple[str, float, int]]) -> None:
        """Log (name, value, step) triples; what isn't finite is left out, as MLflow's stores differ on it."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        finite = [Metric(k, float(v), now, step) for k, v, step in values if v == v and abs(v) != float("inf")]
        for start in range(0, len(finite), 900):
            self.client.log_batch(self.id, metrics=finite[start : start + 900])

    def folder(self, folder: Path, place: str) -> None:
        """Log a folder's files as artifacts."""
        self.client.log_artifacts(self.id, str(folder), place)

    def datasets(self, entries: Sequence[Dataset]) -> None:
        """Log which data went in, by name, digest and place."""
        from mlflow.data.code_dataset_source import CodeDatasetSource
        from mlflow.data.meta_dataset import MetaDataset

        for entry in entries:
            source = CodeDatasetSource(tags={"source": entry.source, "rows": str(entry.rows)})
            self.mlflow.log_input(MetaDataset(source=source, name=entry.name, digest=entry.digest), context="training")

    def register(
        self, bundle: Path, columns: Sequence[tuple[str, str]], requirements: Sequence[str], description: str
    ) -> str:
        """Log the bundle as a pyfunc (models-from-code) and register it; return the version."""
        from mlflow.models import ModelSignature
        from mlflow.types import ColSpec, Schema

        kinds = {"category": "string"}
        asked = [ColSpec(kinds.get(kind, "double"), name, required=False) for name, kind in columns]
        inputs = Schema(asked) if asked else None  # where only the base rate scores, and MLflow has no empty schema
        with redirect_stderr(io.StringIO()):  # MLflow prints there what leadline tells itself
            info = self.mlflow.pyfunc.log_model(
                name="model",
                python_model=str(Path(__file__).with_name("served.py")),
                artifacts={"bundle": str(bundle)},
                code_paths=[str(PACKAGE)],  # leadline isn't on every index, and another's package may have its name
                signature=ModelSignature(inputs, Schema([ColSpec("double", "probability")])),
                pip_requirements=list(requirements),
                registered_model_name=self.name,
            )
        self.registered = str(info.registered_model_version)
        self.client.update_model_version(self.name, self.registered, description=description)
        return self.registered
