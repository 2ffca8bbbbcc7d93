"""The first half of training: tables → snapshots → labels → features."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from leadline.config.schema import Config, Query, Source, SqlFile
from leadline.core.checks import Finding, Findings, Severity, run_checks
from leadline.core.point_in_time import Horizon
from leadline.dataset import attribute_values, labels, snapshots
from leadline.dataset import splits as folding
from leadline.dataset.feature_spec import Feature, attributes_of
from leadline.dataset.labels import LabelCounts, Labels
from leadline.dataset.splits import Fold
from leadline.errors import DataError, MissingError
from leadline.features import build, catalog
from leadline.features.build import FeatureTable
from leadline.leakage import cohorts, gate
from leadline.leakage.future_cutoff import MUTATION, CutoffComparison
from leadline.model.fitting.small_data import REGRESSION
from leadline.points.definition_changes import asked_conditions
from leadline.points.definition_checks import never_met, unknown_in_definitions
from leadline.points.definitions import Definitions
from leadline.points.rules import rule_features, rule_points, with_joined_rules
from leadline.tables import LoadedTables
from leadline.tables.attributes import Attribute
from leadline.tables.merges import survivors_in
from leadline.tables.summary import InputSummary, summarize
from leadline.tables.suppressions import check_lists, read_scoring_lists
from leadline.workflows.common import Progress, behaviour_intents, no_progress, open_tables
from leadline.workflows.training import later_outcomes, report_data
from leadline.workflows.training.later_outcomes import LaterStages
from leadline.workflows.training.report_data import ReportInputs

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "OFF",
    "CheckedData",
    "TrainingData",
    "check_data",
    "drop_constant_features",
    "future_moves",
    "make_folds",
    "plan_folds",
    "prepare_training",
]


# LL303 as an experiment: the sources are read again as they stood at an as_of, and features must not have moved.


SAMPLE = 400  # snapshots whose features are computed again from the cut sources

WHEN = 0.7  # how far into the snapshots the sources are cut: late enough to have a past, early enough to have a future

OFF = "leaks.experiments is false"


def future_moves(
    config: Config, loaded: LoadedTables, specs: tuple[Feature, ...], made: FeatureTable | None = None
) -> Findings:
    """Compare features of a sample of snapshots, computed from everything and from sources cut at an as_of (LL303).

    The table ``snapshots`` is left holding the sample: ask last.

    Parameters
    ----------
    made : FeatureTable, optional
        Features of all snapshots from everything, where they were computed already.
    """
    if not config.leaks.experiments:
        return run_checks(MUTATION, CutoffComparison(None, None, reason=OFF))
    if config.is_flat or not loaded.is_dated:
        return run_checks(MUTATION, CutoffComparison(None, None, reason="a flat file has no future to cut off"))
    as_of = _middle(loaded)
    if as_of is None:
        return run_checks(MUTATION, CutoffComparison(None, None, reason="there is no snapshot"))
    _sample(loaded, as_of)
    if made is None:
        whole = build.compute_features(loaded, specs, behaviour_intents(config), config.roles)
    else:
        whole = _sampled(loaded, specs, made)
    cut = _cut(config, specs, as_of, whole)
    opaque = tuple(name for name, section in config.tables.given().items() if _is_query(section.source))
    both, gone = _align_rows(whole, cut)
    return run_checks(MUTATION, CutoffComparison(*both, gone, opaque))


def _is_query(source: Source) -> bool:
    return isinstance(source, (Query, SqlFile)) or "?query=" in source


def _middle(loaded: LoadedTables) -> int | None:
    rows = loaded.store.rows("SELECT as_of, COUNT(*) FROM snapshots GROUP BY as_of ORDER BY as_of")
    if not rows:
        return None
    upto = np.cumsum([int(n) for _, n in rows])
    return int(rows[int(np.searchsorted(upto, WHEN * upto[-1]))][0])


def _sample(loaded: LoadedTables, as_of: int) -> None:
    """Keep the newest snapshots up to as_of in the table ``snapshots``."""
    loaded.store.run(
        "CREATE OR REPLACE TABLE snapshots AS SELECT lead_id, account_id, as_of FROM (SELECT lead_id, account_id, as_of, "
        "ROW_NUMBER() OVER (ORDER BY as_of DESC, lead_id) AS nth FROM snapshots "
        f"WHERE as_of <= {as_of}) AS s WHERE nth <= {SAMPLE}"
    )


def _sampled(loaded: LoadedTables, specs: tuple[Feature, ...], made: FeatureTable) -> FeatureTable:
    """Pick the sample's rows of features."""
    wanted = {(int(as_of), str(lead)) for as_of, lead in loaded.store.rows("SELECT as_of, lead_id FROM snapshots")}
    near = np.flatnonzero(np.isin(made.as_of, np.array(sorted({as_of for as_of, _ in wanted}), dtype=np.int64)))
    rows = np.array([r for r in near.tolist() if (int(made.as_of[r]), made.lead_id[r]) in wanted], dtype=np.int64)
    mine = made.keep(s.name for s in specs)
    values = mine.values.iloc[rows].reset_index(drop=True)
    return FeatureTable(mine.specs, made.lead_id[rows], made.account_id[rows], made.as_of[rows], values)


def _cut(config: Config, specs: tuple[Feature, ...], as_of: int, wanted: FeatureTable) -> FeatureTable:
    """Compute the same snapshots' features from what was known at as_of alone, as a night would have."""
    import pyarrow as pa

    with open_tables(config, as_of, known=attributes_of(specs)) as loaded:
        snapshots.for_training(config, loaded)
        store = loaded.store
        store.put("wanted", pa.table({"lead_id": list(wanted.lead_id), "as_of": pa.array(wanted.as_of)}))
        store.run(
            "CREATE OR REPLACE TABLE snapshots AS SELECT s.lead_id, s.account_id, s.as_of FROM snapshots AS s "
            "JOIN wanted AS w ON w.lead_id = s.lead_id AND w.as_of = s.as_of"
        )
        return build.compute_features(loaded, specs, behaviour_intents(config), config.roles)


def _align_rows(whole: FeatureTable, cut: FeatureTable) -> tuple[tuple[FeatureTable, FeatureTable], int]:
    """Return both with the rows that both have, and how many of the whole's the cut lacks; both are sorted by key."""
    there = set(zip(cut.as_of.tolist(), cut.lead_id.tolist(), strict=True))
    keep = np.array(
        [key in there for key in zip(whole.as_of.tolist(), whole.lead_id.tolist(), strict=True)], dtype=bool
    )
    kept = FeatureTable(
        whole.specs,
        whole.lead_id[keep],
        whole.account_id[keep],
        whole.as_of[keep],
        whole.values[keep].reset_index(drop=True),
    )
    return (kept, cut), int((~keep).sum())


@dataclass(frozen=True)
class TrainingData:
    """Labelled snapshots with their features, ready for folds and fitting.

    Attributes
    ----------
    loaded : LoadedTables
        The tables; their store is closed.
    counts : LabelCounts
        How many snapshots there were of each kind.
    features, labels : FeatureTable, Labels
        Row by row, sorted by (as_of, lead_id).
    points : float64 array or None
        Current scoring rules, where the config has rules.
    findings : Findings
        What the checks saw; no error among them.
    asked : FeatureTable or None
        A bundle's own features of the same rows, where they were asked for.
    by : object array or None
        Each row's value of `capacity.by`, where the config has one.
    following : LaterStages or None
        Labels of the downstream stages, where `outcome` is a list.
    ruled : FeatureTable or None
        What current scoring rules ask of, row by row: all that the lowest rung scores by.
    beside : ReportInputs or None
        What the report's sections ask of the tables; None for a flat file, and where a bundle's features were asked for.
    inputs : InputSummary or None
        What the tables hold, for nights to be held against; None as `beside`.
    defined : (Definitions, FeatureTable) or None
        The config's definitions and the changes of each that are audited, and what they count, row by row; None without any.
    """

    loaded: LoadedTables
    counts: LabelCounts
    features: FeatureTable
    labels: Labels
    points: npt.NDArray[np.float64] | None
    findings: Findings
    asked: FeatureTable | None = None
    by: npt.NDArray[np.object_] | None = None
    following: LaterStages | None = None
    ruled: FeatureTable | None = None
    beside: ReportInputs | None = None
    inputs: InputSummary | None = None
    defined: tuple[Definitions, FeatureTable] | None = None


@dataclass(frozen=True)
class CheckedData:
    """The tables with their snapshots labelled, and all that the checks saw, errors included."""

    loaded: LoadedTables
    counts: LabelCounts
    findings: Findings


@contextmanager
def check_data(
    config: Config, known_at: int | None, progress: Progress = no_progress, known: Collection[Attribute] | None = None
) -> Iterator[CheckedData]:
    """Read the tables, run every check that needs no model, and label the snapshots; the store closes at the end.

    Raises
    ------
    DataError
        The tables can't be read as tables; its `findings` say why.
    """
    with open_tables(config, known_at, progress, known) as loaded:
        found = (
            loaded.findings + gate.before_training(config, loaded) + run_checks(cohorts.OF_SAMPLES, (config, loaded))
        )
        found += _unknown_on_lists(config, loaded) + unknown_in_definitions(config, loaded)
        found.accept(config.leaks.accept).raise_errors()
        progress("taking snapshots")
        number = snapshots.for_training(config, loaded)
        counts = labels.attach_labels(config, loaded)
        found += Findings(tuple(_too_little_data(config, number, counts)))
        yield CheckedData(loaded, counts, found.accept(config.leaks.accept))


def _unknown_on_lists(config: Config, loaded: LoadedTables) -> Findings:
    """Tell ids on the lists of a night that name nobody; a training itself needs no list, and may lack them."""
    known_at = loaded.known_at if loaded.is_dated and not config.is_flat else None
    try:
        lists = read_scoring_lists(config, known_at, survivors_in(config, loaded.store))
    except (DataError, MissingError):
        return Findings()
    return check_lists(config, loaded.store, lists, at_night=False)


def prepare_training(
    config: Config,
    known_at: int | None,
    progress: Progress = no_progress,
    ask: tuple[tuple[Feature, ...], Mapping[str, str], Mapping[str, Sequence[str]]] | None = None,
) -> TrainingData:
    """Compute features and labels of the past, as known at T.

    Parameters
    ----------
    ask : specs, intents and roles, optional
        A bundle's: its features are computed beside those of the catalogue.

    Raises
    ------
    DataError
        A check found an error that the config doesn't accept, or there is nothing to learn from.
    """
    theirs = attributes_of(ask[0]) if ask is not None else None
    with check_data(config, known_at, progress, theirs) as seen:
        seen.findings.raise_errors()
        counts, loaded = seen.counts, seen.loaded
        progress(f"computing features of {counts.positive + counts.kept_negative:,} snapshots")
        specs, aside = catalog.list_features(config, loaded), report_data.report_specs(config) if ask is None else ()
        defined = Definitions.of(config, loaded, asked_conditions(config))
        counted = (*specs, *catalog.rule_specs(config), *aside)
        made = build.compute_features(
            loaded, (*counted, *defined.beyond(counted)), behaviour_intents(config), config.roles
        )
        made = with_joined_rules(made, defined)
        today = rule_points(config, made.values) if config.rules else None
        asked = build.compute_features(loaded, *ask) if ask is not None else None
        by = attribute_values.field_values(loaded, config.capacity.by)
        known, found = labels.fetch_labels(config, loaded), seen.findings
        after = (
            later_outcomes.fetch_later_stages(config, loaded, known, made, config.roles)
            if config.outcome.then and ask is None
            else None
        )
        besides = report_data.gather_report_inputs(config, loaded, made) if ask is None else None
        if ask is None:
            found += never_met(config, defined, made)
            found += future_moves(config, loaded, specs, made).accept(config.leaks.accept)
            found.raise_errors()
        kept = drop_constant_features(made, specs)
        held = None if ask is not None else _summary(config, loaded, kept.specs)  # a night knows the kept ones alone
        return TrainingData(
            loaded,
            counts,
            kept,
            known,
            today,
            found,
            asked,
            by=by,
            following=after,
            ruled=rule_features(config, made),
            beside=besides,
            inputs=held,
            defined=(defined, made) if config.definitions and ask is None else None,
        )


def _summary(config: Config, loaded: LoadedTables, specs: Sequence[Feature]) -> InputSummary | None:
    """Count what the tables hold at T, and how many leads a night at T would score; ask last, as snapshots are made anew."""
    made = summarize(config, loaded, {spec.field for spec in specs if spec.by == "behaviour"})
    return None if made is None else made.with_leads(snapshots.for_night(config, loaded, made.as_of))


def _too_little_data(config: Config, snapshots_made: int, counts: LabelCounts) -> list[Finding]:
    """Say whether there is something to learn from."""
    labelled = counts.positive + counts.negative
    if not labelled:
        why = f"{snapshots_made} snapshots, {counts.censored} of them censored, {counts.late} recorded after as_of, {counts.before} before observed_from"
        fix = "choose a later --as-of or a shorter horizon"
        return [
            Finding(
                "LL122",
                Severity.ERROR,
                "outcome",
                f"no labelled snapshot ({why})",
                "positive and negative ones",
                fix,
            )
        ]
    if counts.positive == 0 or counts.negative == 0:
        kind = "negative" if counts.positive == 0 else "positive"
        fix = "check outcome.positive" if config.is_flat else "check `stages:`, `outcome:` and that leads join stages"
        return [
            Finding(
                "LL123",
                Severity.ERROR,
                "outcome",
                f"all {labelled} labelled snapshots are {kind}",
                "both outcomes",
                fix,
                labelled,
            )
        ]
    if counts.positive_leads < REGRESSION:
        one = counts.positive_leads == 1
        return [Finding(
            "LL122", Severity.WARNING, "outcome", f"{counts.positive_leads} lead{'' if one else 's'} with a positive outcome",
            f"at least {REGRESSION} for a regression", "give more history, a longer horizon, or a commoner outcome; until then the base rate and the points rules score",
            counts.positive_leads,
        )]  # fmt: skip
    return []


def drop_constant_features(made: FeatureTable, specs: tuple[Feature, ...]) -> FeatureTable:
    """Leave out features that say nothing here: the same everywhere, or the same as an earlier one."""
    seen: set[bytes] = set()
    names = []
    for spec in specs:
        column = made.values[spec.name]
        if spec.kind == "category":
            if column.nunique(dropna=False) > 1:
                names.append(spec.name)
            continue
        numbers = column.to_numpy(dtype=np.float64)
        digest = numbers.tobytes()
        finite = numbers[np.isfinite(numbers)]
        varies = finite.size > 0 and (finite.size < numbers.size or np.ptp(finite) > 0)
        if varies and digest not in seen:
            seen.add(digest)
            names.append(spec.name)
    if not names:
        raise DataError(
            "features: none differs between snapshots; expected events or attributes that vary; name some in the config"
        )
    return made.keep(names)


# Folds of a config's snapshots: as many and as long as the history carries, and what to say where it carries fewer.


SHARE = 0.2  # of a flat file's rows in each test, where the config gives no share


def make_folds(config: Config, made: TrainingData) -> tuple[tuple[Fold, ...], Findings]:
    """Lay the folds of prepared data; where the history is too short for the config's test span, a shorter one is taken,
    and said. With too few positive leads for a regression there may be none: nothing is judged then, and that is said.

    Raises
    ------
    DataError
        Not even one fold can be tested, though there are leads enough for a model that has to be judged; or the history
        is shorter than the horizon.
    """
    folds, said = plan_folds(config, made.features.as_of, made.labels, made.counts.positive_leads)
    said.raise_errors()
    return folds, said


def plan_folds(
    config: Config, as_of: npt.NDArray[np.int64], labels: Labels, positive_leads: int = REGRESSION
) -> tuple[tuple[Fold, ...], Findings]:
    """Lay the folds of labelled snapshots; fewer or shorter ones than asked are a warning (LL124).

    None at all is an error where there are leads enough for a regression, since a model that nothing can judge isn't to
    be trusted, and where no outcome was known before the newest snapshot, as in a history that a migration stamped. Else
    it is a warning: of the base rate and the points rules next to nothing is fitted.
    """
    asked = config.backtest.test
    if config.is_flat:
        share = asked if isinstance(asked, float) else SHARE
        folds = folding.make_ordered_folds(as_of, labels, config.backtest.folds, share)
        length = None
    else:
        length = asked if isinstance(asked, Horizon) else Horizon.parse("56d")
        folds = ()
        for cut in (1, 2, 4, 8):
            length = Horizon(asked.micros // cut) if isinstance(asked, Horizon) else length
            folds = folding.make_dated_folds(as_of, labels, config.backtest.folds, length.micros)
            if folds:
                break
    if not folds:
        return (), Findings((_none(as_of, labels, positive_leads),))
    folding.check_folds(folds, as_of, labels, config.horizon.micros)
    if len(folds) == config.backtest.folds and (length is None or length == asked):
        return folds, Findings()
    span = f" of {length}" if length is not None else ""
    wanted = f" of {asked}" if length is not None else ""
    return folds, Findings((Finding(
        "LL124", Severity.WARNING, "backtest", f"the history carries {len(folds)} folds{span}, not {config.backtest.folds}{wanted}",
        "as many as asked", "nothing to do; more history gives more folds",
    ),))  # fmt: skip


def _none(as_of: npt.NDArray[np.int64], labels: Labels, positive_leads: int) -> Finding:
    """Say that no fold can be laid: too few positives may go on unjudged, a history without a test may not."""
    few = folding.FEWEST
    fix = "give more history, or make `within`, `backtest.test` or `backtest.folds` smaller"
    seen = f"no fold has {few['training']} positives before its test and {few['test']} in it"
    if not bool(np.any(labels.known_at <= as_of.max())):
        seen = "no fold can be laid: not one outcome was known before the newest snapshot, so the past holds no test"
    elif positive_leads < REGRESSION:
        return Finding("LL124", Severity.WARNING, "backtest", f"{seen}, so nothing is judged", "at least one fold", fix)
    return Finding("LL124", Severity.ERROR, "backtest", seen, "at least one fold", fix)
