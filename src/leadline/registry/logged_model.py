"""The model in MLflow: its pyfunc with a signature and an example, and the trees as `lightgbm` beside it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stderr
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.dataset.feature_spec import Feature

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["log_model", "median_example"]

PACKAGE = Path(__file__).parents[1]
TREES = "model.txt"


def median_example(specs: Sequence[Feature], values: pd.DataFrame) -> pd.DataFrame:
    """Return one row as a model reads it: each number's median, each category's commonest level; never a lead.

    A level that few rows share names nobody here: it is left empty.

    Examples
    --------
    >>> import pandas as pd
    >>> specs = [Feature("visits", "behaviour", "visits", "count", "count", "visited"), Feature("role", "fit", "role", "category", "value", "role")]
    >>> median_example(specs, pd.DataFrame({"visits": [1.0, 2.0, 9.0], "role": ["cfo", "cfo", None]})).to_dict("records")
    [{'visits': 2.0, 'role': None}]
    """
    import pandas as pd

    def typical(spec: Feature) -> Any:
        column = values[spec.name]
        if spec.kind != "category":
            return float(column.median())
        counts = column.value_counts()
        return counts.index[0] if len(counts) and counts.iloc[0] >= MIN_GROUP_SIZE else None

    return pd.DataFrame({spec.name: [typical(spec)] for spec in specs})


class _Flavours:
    """What MLflow saves a model with: its own pyfunc, and the trees alone as `lightgbm` where there are any."""

    __name__ = "mlflow.pyfunc"

    def __init__(self, bundle: Path) -> None:
        trees = bundle / TREES
        self._trees = (
            f"artifacts/{bundle.name}/{TREES}" if trees.is_file() and "\nTree=0" in trees.read_text() else None
        )

    def save_model(self, path: str, mlflow_model: Any, **options: Any) -> None:
        """Write the model's folder."""
        from mlflow import pyfunc

        pyfunc.save_model(path, mlflow_model=mlflow_model, **options)
        if self._trees is not None and (Path(path) / self._trees).is_file():
            mlflow_model.add_flavor(
                "lightgbm", lgb_version=version("lightgbm"), data=self._trees, model_class="lightgbm.basic.Booster"
            )
            mlflow_model.save(str(Path(path) / "MLmodel"))


def log_model(
    name: str, bundle: Path, specs: Sequence[Feature], example: pd.DataFrame | None, requirements: Sequence[str]
) -> str:
    """Log a bundle to the active run as a model (models-from-code) and register it; return the version.

    Parameters
    ----------
    specs : sequence of Feature
        What the model reads, for its signature.
    example : DataFrame, optional
        A row to try it with, of `median_example`.
    """
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, Schema
    from mlflow.types.schema import AnyType

    # A CSV gives whole numbers where nothing is missing, which MLflow would refuse for a double; `serving` looks itself.
    kinds = {"category": "string"}
    asked = [ColSpec(kinds.get(spec.kind, AnyType()), spec.name, required=False) for spec in specs]
    inputs = Schema(asked) if asked else None  # where only the base rate scores, and MLflow has no empty schema
    _skip_package_scan()
    with redirect_stderr(io.StringIO()):  # MLflow prints there what leadline tells itself
        info = Model.log(
            artifact_path=None,
            name="model",
            flavor=_Flavours(bundle),
            flavor_name="pyfunc.ModelFromCode",
            python_model=str(Path(__file__).with_name("serving.py")),
            artifacts={"bundle": str(bundle)},
            code_paths=[str(PACKAGE)],  # leadline isn't on every index, and another's package may have its name
            signature=ModelSignature(inputs, Schema([ColSpec("double", "probability")])),
            input_example=example if asked else None,
            pip_requirements=list(requirements),
            registered_model_name=name,
        )
    return str(info.registered_model_version)


def _skip_package_scan() -> None:
    """Spare MLflow its search of all installed packages, seconds of a training: the pins are what is installed, by construction."""
    from mlflow.utils import requirements_utils

    if getattr(requirements_utils, "_MODULES_TO_PACKAGES", ()) is None:
        requirements_utils._MODULES_TO_PACKAGES = {}
