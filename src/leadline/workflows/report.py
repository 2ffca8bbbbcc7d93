"""`report` and `sql`: pages and texts made from what is already known; nothing is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from leadline.config.schema import Config
from leadline.core.choices import DIALECTS, suggestion
from leadline.core.files import write_bytes, write_json, write_text
from leadline.core.point_in_time import format_instant
from leadline.dataset.account_members import role_column
from leadline.delivery.folder_sink import finished_runs, read_partition
from leadline.delivery.formats import csv_bytes
from leadline.errors import UsageError
from leadline.features.build import features_sql
from leadline.features.catalog import list_features
from leadline.insights.open_leads import ACTIONS, count_moves
from leadline.workflows.common import Progress, as_config, behaviour_intents, no_progress, open_tables
from leadline.workflows.places import require_apart
from leadline.workflows.scoring.explain import find_model
from leadline.workflows.training.points import points_files
from leadline.workflows.training.predictions import open_lists_path, remember_lists

__all__ = ["ReportResult", "feature_sql", "report"]


MOVES = ("tier", "intent_stage")


@dataclass(frozen=True)
class ReportResult:
    """A written report: the page, the same records as JSON beside it, the records, the scorecard's tables, and the lists of leads."""

    page: Path
    data: Path
    record: dict[str, Any]
    points: tuple[Path, ...] = ()
    lists: tuple[Path, ...] = ()

    def __repr__(self) -> str:
        return f"ReportResult({self.page})"


def report(
    config: Config | str | Path,
    out: str | Path | None = None,
    model: str | None = None,
    progress: Progress = no_progress,
) -> ReportResult:
    """Write the self-contained page of a model's run; beside it its records as JSON, its scorecard's tables, and lists of leads to act on.

    The lists name leads: they are written, for the user alone to read, where the model was trained on this machine, and `forget` purges them.

    Parameters
    ----------
    out : path, optional
        ``reports/NAME.html`` by default.
    model : str, optional
        The champion by default.
    progress : callable, optional
        Is told each stage's name.

    Raises
    ------
    MissingError
        There is no such model.
    UsageError
        `out` isn't named .html.

    Examples
    --------
    >>> report("no-such.yaml")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    from leadline.report.pages.page import report_page

    config = as_config(config, progress)
    progress("writing the page")
    bundle = find_model(config, model)
    place = Path(out) if out is not None else Path("reports") / f"{config.name}.html"
    if place.suffix != ".html":
        raise UsageError(f"--out {str(place)!r}: not a page; expected a name that ends in .html")
    for beside in (place, place.with_suffix(".json")):
        require_apart(config, beside, "--out")
    record = {
        **bundle.run_record,
        "version": bundle.version,
        "features": [s.to_record() for s in bundle.specs],
    }
    lists = _lists(config.name, str(bundle.version), place)
    if lists:
        record["lists"] = {action: path.name for action, (path, _) in lists.items()}
    moved = _movement(Path("scores") / config.name, config.name)
    if moved is not None:
        record["movement"] = moved
    write_json(place.with_suffix(".json"), record)
    write_text(place, report_page(record))
    if lists:
        remember_lists(config.name, [path for path, _ in lists.values()])
    for path, data in lists.values():
        write_bytes(path, data, private=True)
    tables = {place.with_name(f"{place.stem}_{name}.csv"): data for name, data in points_files(record).items()}
    for path, data in tables.items():
        write_bytes(path, data)
    return ReportResult(place, place.with_suffix(".json"), record, tuple(tables), tuple(p for p, _ in lists.values()))


def _movement(folder: Path, name: str) -> dict[str, Any] | None:
    """Count who moved between tiers, and between intent stages, from the last finished night but one to the last; None without two."""
    nights = list(islice((night for night in finished_runs(folder) if night[1]["model_name"] == name), 2))
    found = [(record["as_of_value"], read_partition(place, ["lead_id", *MOVES])) for place, record in nights]
    if len(found) < 2:
        return None
    (now, last), (then, first) = found
    kinds = [kind for kind in MOVES if kind in last.column_names and kind in first.column_names]
    moves = {
        kind: count_moves(
            *(dict(zip(t["lead_id"].to_pylist(), t[kind].to_pylist(), strict=True)) for t in (first, last))
        )
        for kind in kinds
    }
    told = nights[0][1].get("moved")
    why = {"moved": told} if told and told["since"] == format_instant(then) else {}
    return {"before": then, "now": now, **moves, **why}


def _lists(name: str, version: str, page: Path) -> dict[str, tuple[Path, bytes]]:
    """Return the file and bytes of each list of leads to act on; none where the model was trained elsewhere."""
    kept = open_lists_path(name, version)
    if not kept.is_file():
        return {}
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    every = pq.read_table(kept)
    found = {}
    for action in ACTIONS:
        mine = every.filter(pc.equal(every["action"], action)).drop_columns(["action"])
        if mine.num_rows:
            found[action] = (page.with_name(f"{page.stem}_{action}.csv"), csv_bytes(mine))
    return found


def feature_sql(config: Config | str | Path, dialect: str = "duckdb", progress: Progress = no_progress) -> str:
    """Return the statement that builds a config's features, spelt for an engine.

    Raises
    ------
    UsageError
        The dialect isn't known, or sqlglot isn't there to translate to it.

    Examples
    --------
    >>> feature_sql("any.yaml", "klingon")
    Traceback (most recent call last):
    ...
    leadline.errors.UsageError: --dialect 'klingon': unknown; expected one of duckdb, postgres, snowflake, bigquery, databricks, redshift, trino, spark
    """
    if dialect not in DIALECTS:
        raise UsageError(f"--dialect {dialect[:40]!r}: unknown{suggestion(dialect, DIALECTS)}")
    config = as_config(config, progress)
    with open_tables(config, None, progress) as loaded:
        ours = loaded.store.dialect
        text = features_sql(
            list_features(config, loaded), behaviour_intents(config), ours, config.roles, role_column(loaded)
        )
    if dialect == ours.name:
        return text
    try:
        import sqlglot
    except ImportError:
        raise UsageError(f"--dialect {dialect}: needs sqlglot; install leadline[warehouse]") from None
    return str(sqlglot.transpile(text, read=ours.name, write=dialect, pretty=True)[0])
