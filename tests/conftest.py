"""What all tests share: Hypothesis profiles, and settings that must stand before MLflow is imported."""

from __future__ import annotations

import os
import warnings

from hypothesis import HealthCheck, settings

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("MPLBACKEND", "Agg")

settings.register_profile(
    "leadline", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("leadline")

warnings.simplefilter("error")
