"""The model as MLflow serves it (models-from-code): a feature matrix in, probabilities out.

MLflow runs this file when it loads the model; it reads the same hash-checked bundle as `leadline score`.
"""
# No `from __future__ import annotations`: MLflow reads the type hints themselves.

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd

__all__ = ["Served"]


class Served(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """A bundle behind MLflow's interface."""

    def load_context(self, context: Any) -> None:
        """Read the bundle; a damaged one is refused."""
        from leadline.registry.bundle import read_bundle

        self._scorer = read_bundle(Path(context.artifacts["bundle"])).scorer

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return a frame with the column `probability`, rows as they came."""
        return pd.DataFrame({"probability": self._scorer.probability(model_input)}, index=model_input.index)


if __name__ != "leadline.registry.serving":  # MLflow runs the file under another name; importing it has no side effect
    mlflow.models.set_model(Served())
