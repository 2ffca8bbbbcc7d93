"""MLflow: the only module that speaks to it. The pipeline yields what is to be logged; nothing here holds a lead's data."""

from __future__ import annotations

import logging
import os
import secrets
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leadline.core.files import discard, locked
from leadline.errors import ConfigError, MissingError, OutputError, RetryError
from leadline.registry import moved, sqlite_store
from leadline.registry.logged_model import log_model
from leadline.registry.reaching import PATIENCE, refusal, require_reachable, without_credentials
from leadline.registry.store_file import is_absent, make_store, odd_place, sqlite_file, sqlite_uri

if TYPE_CHECKING:
    import pandas as pd

    from leadline.dataset.feature_spec import Feature

__all__ = [
    "PATIENCE",
    "LoggedDataset",
    "MlflowRun",
    "aliases",
    "clientless_file",
    "cut_tag",
    "drop_alias",
    "fetch_bundle",
    "git_revision",
    "is_absent",
    "log_record",
    "newest_version",
    "open_run",
    "reopen_run",
    "require_reachable",
    "require_usable",
    "set_alias",
    "set_tag",
    "tag_of",
    "version_of",
]


# An open MLflow run: what may be logged to it, item by item. Nothing here holds a lead's data.


@dataclass(frozen=True)
class LoggedDataset:
    """A table that went into a run: its name, where it came from (without secrets), and a digest of its content."""

    name: str
    source: str
    digest: str
    rows: int


def cut_tag(value: Any) -> str:
    """Cut a tag's value at MLflow's limit."""
    return str(value)[:4000]


@dataclass
class MlflowRun:
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

        self.client.log_batch(self.id, tags=[RunTag(k, cut_tag(v)) for k, v in values.items()])

    def metrics(self, values: Sequence[tuple[str, float, int]]) -> None:
        """Log (name, value, step) triples; what isn't finite is left out, as MLflow's stores differ on it."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        finite = [Metric(k, float(v), now, step) for k, v, step in values if isfinite(v)]
        for start in range(0, len(finite), 900):
            self.client.log_batch(self.id, metrics=finite[start : start + 900])

    def folder(self, folder: Path, place: str) -> None:
        """Log a folder's files as artifacts."""
        self.client.log_artifacts(self.id, str(folder), place)

    def datasets(self, entries: Sequence[LoggedDataset]) -> None:
        """Log which data went in, by name, digest and place."""
        from mlflow.data.code_dataset_source import CodeDatasetSource
        from mlflow.data.meta_dataset import MetaDataset

        for entry in entries:
            source = CodeDatasetSource(tags={"source": entry.source, "rows": str(entry.rows)})
            self.mlflow.log_input(MetaDataset(source=source, name=entry.name, digest=entry.digest), context="training")

    def register(
        self,
        bundle: Path,
        specs: Sequence[Feature],
        example: pd.DataFrame | None,
        requirements: Sequence[str],
        description: str,
    ) -> str:
        """Log the bundle as a model and register it; return the version."""
        self.registered = log_model(self.name, bundle, specs, example, requirements)
        self.client.update_model_version(self.name, self.registered, description=description)
        return self.registered

    def children(self, runs: Sequence[tuple[str, Mapping[str, Any], Mapping[str, float]]]) -> None:
        """Log runs within this one: each one's name, parameters and figures."""
        from mlflow.entities import Metric, Param

        now = int(time.time() * 1000)
        experiment = self.client.get_run(self.id).info.experiment_id
        for name, values, figures in runs:
            child = self.client.create_run(experiment, now, {"mlflow.parentRunId": self.id}, name).info.run_id
            self.client.log_batch(
                child,
                [Metric(k, float(v), now, 0) for k, v in figures.items() if isfinite(v)],
                [Param(k, str(v)[:500]) for k, v in values.items()],
            )
            self.client.set_terminated(child)


# Set before mlflow is imported: no telemetry, no minutes of retries when a server is down, no progress bars.
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "4",
    "PGCONNECT_TIMEOUT": "10",  # where the store is PostgreSQL
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_RECORD_ENV_VARS_IN_MODEL_LOGGING": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # stdout is for results alone
}

NOISY = ("mlflow", "alembic", "urllib3")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep MLflow's own chatter out of leadline's logs; its warnings speak to people who write MLflow code."""
    before = {name: logging.getLogger(name).level for name in NOISY}
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def _client(uri: str, make: bool = False) -> Iterator[tuple[Any, Any]]:
    """Yield mlflow and a client for a store, made if it may be; its errors become sentences."""
    require_reachable(uri)
    for key, value in SETTINGS.items():
        os.environ.setdefault(key, value)
    import mlflow  # importing it sets its loggers' levels, so it comes before they are made quiet

    with _quiet(), without_credentials(uri) as uri:
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            file = sqlite_file(uri)
            if file is not None:  # MLflow keeps one store a URI: two folders' mlflow.db must not become one
                uri = sqlite_uri(file)
            if make:
                make_store(uri)
            mlflow.set_tracking_uri(uri)
            mlflow.set_registry_uri(uri)
            yield mlflow, mlflow.MlflowClient(uri, uri)
        except (MlflowException, SQLAlchemyError, OSError, ModuleNotFoundError) as error:
            raise refusal(error, uri) from error


def clientless_file(uri: str) -> Path | None:
    """Return the file of a SQLite store that MLflow's own settings say nothing about; such a store needs no client."""
    plain = {*SETTINGS, "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"}  # these two are leadline's to say
    told = any(key.startswith("MLFLOW_") and key not in plain for key in os.environ)
    return None if told or "?" in uri else sqlite_file(uri)


def require_usable(uri: str, experiment: str) -> None:
    """Make sure, before anything is fitted, that a run can be logged: to a store that this MLflow writes, in an experiment that stands.

    Raises
    ------
    ConfigError, MissingError, OutputError
        What keeps it from that will be so at the next try, too.
    RetryError
        It doesn't answer now.
    """
    require_reachable(uri)
    file = clientless_file(uri)
    if is_absent(uri) or (file is not None and sqlite_store.experiment_stands(file, experiment)):
        return
    with _client(uri) as (_, client):
        _experiment(client, uri, experiment)


def _experiment(client: Any, uri: str, name: str) -> Any:
    """Return an experiment that stands; None where there is none yet."""
    found = client.get_experiment_by_name(name)
    if found is None:
        return None
    if found.lifecycle_stage != "active":
        raise ConfigError(
            f"tracking.experiment: {name} was deleted in MLflow; expected one that stands; restore it (`mlflow experiments restore "
            f"--experiment-id {found.experiment_id}`), or name another under tracking.experiment"
        )
    file = sqlite_file(uri)
    if file is not None:
        moved.require_in_place(file, found.artifact_location)
    return found


@contextmanager
def open_run(uri: str, experiment: str, model: str, run_name: str) -> Iterator[MlflowRun]:
    """Open a run; it is marked as failed if the block doesn't end well, and as killed by the next run if the process dies."""
    with _client(uri, make=True) as (mlflow, client):
        found = _experiment(client, uri, experiment)
        number = found.experiment_id if found else client.create_experiment(experiment, odd_place(uri, experiment))
        _end_dead_runs(client, number)
        place = RUNS / f"{number}-{secrets.token_hex(8)}.lock"
        with ExitStack() as held:
            tags: dict[str, str] = {}
            with suppress(OutputError):  # a home that can't be written: nobody will tell this run from a dead one
                held.callback(discard, place)
                held.enter_context(locked(place, private=True))
                tags = {TOKEN: place.stem}
            with mlflow.start_run(experiment_id=number, run_name=run_name, tags=tags) as active:
                yield MlflowRun(mlflow, client, active.info.run_id, model)


RUNS = Path(".leadline") / "runs"
"""Where a lock is held for each run that is open: one that nobody holds is of a process that died."""

TOKEN = "leadline.process"


def _end_dead_runs(client: Any, experiment: str) -> None:
    """End as killed what processes that died have left running."""
    for place in sorted(RUNS.glob(f"{experiment}-*.lock")):
        try:
            with locked(place, private=True):
                wanted = f"attributes.status = 'RUNNING' and tags.`{TOKEN}` = '{place.stem}'"
                for run in client.search_runs([experiment], wanted):
                    client.set_terminated(run.info.run_id, "KILLED")
                discard(place)
        except RetryError:
            continue  # it is at work


@contextmanager
def reopen_run(uri: str, run_id: str) -> Iterator[MlflowRun]:
    """Go on logging to a run that has ended; how it ended stays."""
    with _client(uri) as (mlflow, client):
        yield MlflowRun(mlflow, client, run_id, "")


def _missing(what: str) -> MissingError:
    return MissingError(
        f"{what}: not in the registry; expected a trained model; run `leadline train` first, or name another --model"
    )


def _found(what: str, look: Callable[[], Any]) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return look()
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise _missing(what) from None
        raise


def version_of(uri: str, name: str, alias: str) -> str:
    """Return the version that an alias means.

    Raises
    ------
    MissingError
        There is no such model or alias.
    RetryError
        The registry can't be reached.
    """
    if is_absent(uri):
        raise _missing(f"models:/{name}@{alias}")
    file = clientless_file(uri)
    known = None if file is None else sqlite_store.alias_version(file, name, alias)
    if known is not None:
        return known
    try:
        with _client(uri) as (_, client):
            return str(
                _found(f"models:/{name}@{alias}", lambda: client.get_model_version_by_alias(name, alias)).version
            )
    except MissingError:
        rival = aliases(uri, name).get("challenger")
        if rival is None or alias != "champion":
            raise
        raise MissingError(
            f"models:/{name}@champion: no version is the champion; expected one; promote {rival}, the challenger, with `leadline promote`, or "
            f"name it with --model models:/{name}/{rival}"
        ) from None


def aliases(uri: str, name: str) -> dict[str, str]:
    """Return a model's aliases with their versions; none where the model isn't registered."""
    if is_absent(uri):
        return {}
    with _client(uri) as (_, client):
        try:
            found = _found(name, lambda: client.get_registered_model(name)).aliases
        except MissingError:
            return {}
        return {str(alias): str(version) for alias, version in found.items()}


def set_alias(uri: str, name: str, alias: str, version: str) -> None:
    """Point an alias at a version."""
    with _client(uri) as (_, client):
        client.set_registered_model_alias(name, alias, version)


def drop_alias(uri: str, name: str, alias: str) -> None:
    """Let an alias point at nothing; one that isn't there is fine."""
    with _client(uri) as (_, client):
        client.delete_registered_model_alias(name, alias)


def set_tag(uri: str, name: str, version: str, key: str, value: str) -> None:
    """Set a version's tag."""
    with _client(uri) as (_, client):
        client.set_model_version_tag(name, version, key, value)


def tag_of(uri: str, name: str, version: str, key: str) -> str | None:
    """Return a version's tag, None where it has none.

    Raises
    ------
    MissingError
        There is no such version.
    """
    if is_absent(uri):
        raise _missing(f"models:/{name}/{version}")
    with _client(uri) as (_, client):
        found = _found(f"models:/{name}/{version}", lambda: client.get_model_version(name, version)).tags.get(key)
        return None if found is None else str(found)


def log_record(
    uri: str,
    experiment: str,
    run_name: str,
    files: Mapping[str, Mapping[str, Any] | str],
    tags: Mapping[str, Any] | None = None,
    metrics: Sequence[tuple[str, float, int]] = (),
) -> str:
    """Log records (as JSON) and texts by file name as a run of its own; return the run's id."""
    with open_run(uri, experiment, "", run_name) as run:
        for name, content in files.items():
            if isinstance(content, str):
                run.mlflow.log_text(content, name)
            else:
                run.mlflow.log_dict(dict(content), name)
        run.tags(tags or {})
        run.metrics(metrics)
        return run.id


def newest_version(uri: str, name: str) -> int:
    """Return the highest version the registry knows of, 0 for none."""
    if is_absent(uri):
        return 0
    with _client(uri) as (_, client):
        return max((int(v.version) for v in client.search_model_versions(f"name='{name}'")), default=0)


def fetch_bundle(uri: str, name: str, version: str) -> Path:
    """Fetch a version's bundle from MLflow's artifacts into its cache; return the folder."""
    if is_absent(uri):
        raise _missing(f"models:/{name}/{version}")
    with _client(uri) as (mlflow, client):
        _found(f"models:/{name}/{version}", lambda: client.get_model_version(name, version))
        file = sqlite_file(uri)
        if file is not None:
            moved.require_in_place(file, str(client.get_model_version_download_uri(name, version)))
        folder = Path(mlflow.artifacts.download_artifacts(f"models:/{name}/{version}"))
        found = sorted(folder.glob("artifacts/*/SHA256SUMS"))
        if not found:
            raise MissingError(
                f"models:/{name}/{version}: holds no leadline bundle; expected one that `leadline train` logged; name another --model"
            )
        return found[0].parent


def git_revision() -> str:
    """Return the working directory's git revision, or "" where there is none."""
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
