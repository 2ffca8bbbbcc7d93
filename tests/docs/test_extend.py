"""The recipes of docs/how-to/extend.md: each package is installed as the page writes it, and does what the page says."""

from __future__ import annotations

import importlib
import re
import sqlite3
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from blocks import ROOT, Block, blocks

from leadline.cli.render_training import TrainingScreen
from leadline.config.schema import Config
from leadline.core.checks import Severity
from leadline.core.plugins import plugins
from leadline.dataset.feature_spec import Feature
from leadline.errors import ConfigError, MissingError
from leadline.evaluation.backtest import FoldPredictions, evaluate_folds
from leadline.explanation.reason_text import describe_group
from leadline.features.build import features_sql
from leadline.features.catalog import list_features
from leadline.features.compiled import aggregate
from leadline.report.card.performance import metrics_lines
from leadline.report.sections.model.performance import performance_section
from leadline.tables import LoadedTables, load, open_store
from leadline.workflows.training import publish
from oracle import DAY, Rules
from small_crm import START, WORDS, Run, World, config_of, later_than, put
from suspects import flat, outcomes, told, words

PAGE = ROOT / "docs" / "how-to" / "extend.md"


def install(folder: Path, name: str, modules: dict[str, str], points: dict[str, dict[str, str]]) -> None:
    """Put a package where pip would: its modules, its metadata, and its entry points."""
    for place, text in modules.items():
        (folder / place).write_text(text, encoding="utf-8")
    made = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    made.mkdir()
    (made / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in found.items()) for group, found in points.items()]
    (made / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    importlib.invalidate_caches()


def recipes() -> dict[str, list[Block]]:
    """List each recipe's blocks by its heading."""
    heads = re.split(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1::2]
    whole, found = iter(blocks(PAGE)), {}
    for head, text in zip(heads, re.split(r"^## .+$", PAGE.read_text("utf-8"), flags=re.M)[1:], strict=True):
        found[head] = [next(whole) for _ in range(len(re.findall(r"^```(?!text)\w", text, re.M)))]
    return found


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a folder on the path to install into; what was imported from there is forgotten after."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture
def recipe(site: Path) -> Callable[[str], list[Block]]:
    """Install the package of a recipe, as the page writes it."""

    def put(title: str) -> list[Block]:
        found = recipes()[title]
        modules = {m[1]: b.text for b in found if (m := re.match(r"# in (\w+\.py)\n", b.text))}
        (project,) = (tomllib.loads(b.text)["project"] for b in found if b.language == "toml")
        assert len(modules) == 1, "a recipe is one module and its pyproject.toml"
        install(site, project["name"], modules, project["entry-points"])
        return found

    return put


def fields() -> dict[str, list[object]]:
    """Two honest columns, of which one bears a name that only the company knows for a leak."""
    rng, y = outcomes()
    return {name: words(rng, y, ["a", "b", None], [0.3, 0.3, 0.4], [0.3, 0.3, 0.4]) for name in ("source", "sdr_notes")}


def test_a_check_is_found_runs_with_the_gate_and_prints_what_is_shown(tmp_path: Path, recipe) -> None:
    _, y = outcomes()
    assert told(flat(tmp_path, y, fields()), "ACME01") == []
    shown = next(b.shown for b in recipe("A leak check") if b.shown)
    (found,) = [f for f in flat(tmp_path, y, fields()) if f.code == "ACME01"]
    assert (found.severity, found.title, found.why) == (
        Severity.ERROR, "written by sales", "It is written after the first call.",
    )  # fmt: skip
    assert re.sub(r"[\d,]+ leads", "N leads", f"ACME01 {found}") == re.sub(r"[\d,]+ leads", "N leads", shown.strip())
    assert found.rows == np.count_nonzero([v is not None for v in fields()["sdr_notes"]])


BROKEN = {
    "doesn't import": ("import nothing_of_the_kind", "ModuleNotFoundError at broken.py line 1"),
    "lacks the name": ("", "AttributeError"),
    "is no check": ("CHECK = 5", "broken:CHECK is a int, no Check"),
    "breaks on the data": (
        "from leadline.core.checks import *\ndef look(gate):\n    {}['a value of a lead']\n    yield\n"
        "CHECK = Check('ACME01', 'breaks', Severity.ERROR, look)",
        "KeyError at broken.py line 3",
    ),
    "answers nonsense": (
        "from leadline.core.checks import *\nCHECK = Check('ACME01', 'odd', Severity.ERROR, lambda gate: [5])",
        "TypeError",
    ),
    "takes a code that is taken": (
        "from leadline.core.checks import *\nCHECK = Check('LL209', 'odd', Severity.ERROR, lambda gate: [])",
        "another check has the code LL209",
    ),
}


@pytest.mark.parametrize(("text", "seen"), BROKEN.values(), ids=BROKEN)
def test_a_broken_package_is_one_sentence_that_names_it(tmp_path: Path, site: Path, text: str, seen: str) -> None:
    install(site, "acme-broken", {"broken.py": text}, {"leadline.checks": {"late": "broken:CHECK"}})
    _, y = outcomes()
    with pytest.raises(ConfigError) as raised:
        flat(tmp_path, y, fields())
    said = str(raised.value)
    assert said.startswith(f"plug-in acme-broken 1.0 (leadline.checks: late): {seen}") and "\n" not in said
    assert "a value of a lead" not in said and "expected" in said


@pytest.mark.parametrize("backport", [False, True])
def test_a_folder_without_metadata_is_named_by_its_module(site: Path, backport: bool) -> None:
    if backport:  # MLflow imports it: it answers for the standard library from then on
        pytest.importorskip("importlib_metadata")
    install(site, "bare", {}, {"leadline.checks": {"late": "bare_module:CHECK"}})
    (site / "bare-1.0.dist-info" / "METADATA").unlink()
    with pytest.raises(ConfigError, match="plug-in bare_module "):
        plugins("leadline.checks", object)


def test_acceptance_takes_a_plug_ins_code_and_knows_it(tmp_path: Path, recipe) -> None:
    from leadline.config.modeling import Leaks

    recipe("A leak check")
    _, y = outcomes()
    why = {"ACME01": "asked for in the form"}
    (found,) = [f for f in flat(tmp_path, y, fields()).accept(Leaks(accept=why).accept) if f.code == "ACME01"]
    assert (found.severity, found.accepted) == (Severity.WARNING, why["ACME01"])


def test_a_metric_is_registered_once_and_shown_everywhere(recipe, capsys: pytest.CaptureFixture[str]) -> None:
    recipe("A metric")
    evaluation = evaluate_folds(folds(), 1)
    figures = evaluation.newest.figures
    whole = {"evaluation": evaluation.to_record()}
    value = whole["evaluation"]["folds"][-1]["figures"]["model"]["best_fifth"]
    rows = folds()[-1][0]
    best = np.argsort(-rows.said["model"], kind="stable")[: len(rows.y) // 5]
    assert value == pytest.approx(rows.y[best].sum() / rows.y.sum())
    assert set(whole["evaluation"]["folds"][-1]["figures"]["model"]) == {*figures["model"].values()}

    TrainingScreen(False, "text", False)._evaluation(evaluation, verbose=True)
    screen = capsys.readouterr().out
    assert re.search(r"won +fifth$", screen, re.M) and f"{value:.3f}".lstrip("0") in screen
    assert all(len(line) <= 80 for line in screen.splitlines()[: 2 + 2 * len(evaluation.folds)])
    TrainingScreen(False, "text", False)._evaluation(evaluation, verbose=False)
    assert "fifth" not in capsys.readouterr().out

    assert "found in best fifth" in (card := "\n".join(metrics_lines(whole))) and f"{value:.3f}" in card
    (table,) = [p for p in performance_section(whole).parts if getattr(p, "key", "") == "figures"]
    assert table.columns[-1].title == "found in best fifth"
    logged = publish._metrics(evaluation, SimpleNamespace(curves=[]))
    assert {("fold.model.best_fifth", value, 2), ("best_fifth", value, 0)} <= set(logged)


def folds() -> list[tuple[FoldPredictions, bool, int, int, int]]:
    """Two folds, made up: the model knows something, the regression less."""
    rng = np.random.default_rng(1)
    y = (rng.random(400) < 0.2).astype(float)
    said = {
        who: np.clip(0.2 * y + rng.random(400) * noise, 0.01, 0.99)
        for who, noise in (("model", 0.5), ("logistic", 0.8))
    }
    rows = FoldPredictions(
        y, np.ones(400), y * (rng.random(400) < 0.5), np.arange(400).astype(str).astype(object), said
    )
    return [(rows, judged, 0, 1, 100) for judged in (False, True)]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("M = Metric('auc_low', 'AUC', 'higher', 3, lambda y, p, w: 1.0)", "the key 'auc_low' is taken"),
        ("M = Metric('My metric', 'x', 'higher', 3, lambda y, p, w: 1.0)", "the key 'My metric' is no plain name"),
        ("M = Metric('mine', 'x', 'higher', 3, lambda y, p, w: 1 / 0)", "ZeroDivisionError at broken.py line 2"),
        ("M = Metric('mine', 'x', 'higher', 3, lambda y, p, w: 'high')", "ValueError"),
    ],
)
def test_a_broken_metric_is_one_sentence(site: Path, text: str, seen: str) -> None:
    module = f"from leadline.evaluation.metrics import Metric\n{text}"
    install(site, "acme-broken", {"broken.py": module}, {"leadline.metrics": {"mine": "broken:M"}})
    with pytest.raises(ConfigError, match=re.escape(f"plug-in acme-broken 1.0 (leadline.metrics: mine): {seen}")):
        evaluate_folds(folds(), 1)


def read(source: str) -> tuple[list[tuple[object, ...]], LoadedTables]:
    """Load a flat file: its rows, and what was loaded."""
    asked = Config.model_validate({
        "version": 1, "name": "flat", "tables": {"leads": {"source": source, "key": "id", "attributes": ["source"]}},
        "outcome": {"column": "won", "positive": 1}, "snapshots": {"order_by": "row"},
    })  # fmt: skip
    with open_store(asked.engine) as store:
        loaded = load(asked, store, None)
        return store.rows("SELECT * FROM leads ORDER BY ALL"), loaded


def test_a_source_is_read_by_its_scheme_as_a_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe) -> None:
    (shown,) = [b.text for b in recipe("A source") if b.language == "yaml"]
    assert yaml.safe_load(shown)["tables"]["leads"]["source"] == "sqlite3:///crm.db?table=leads"
    monkeypatch.chdir(tmp_path)
    _, y = outcomes()
    flat(tmp_path, y, {"source": fields()["source"]})
    table = pq.read_table("leads.parquet")
    with closing(sqlite3.connect("crm.db")) as database:
        database.execute("CREATE TABLE leads (id TEXT, won INTEGER, source TEXT)")
        database.executemany("INSERT INTO leads VALUES (?, ?, ?)", zip(*table.to_pydict().values(), strict=True))
        database.commit()
    (rows, there), (same, file) = read("sqlite3:///crm.db?table=leads"), read("leads.parquet")
    assert rows == same and len(rows) == len(y)
    assert there.fingerprints == file.fingerprints and there.sources == {"leads": "sqlite3:///crm.db?table=leads"}
    with pytest.raises(MissingError, match=r"tables.leads.source: no file none.db"):
        read("sqlite3:///none.db?table=leads")
    with pytest.raises(
        ConfigError, match=r"acme-sqlite 1.0 \(leadline.sources: sqlite3\): OperationalError at acme_sqlite"
    ):
        read("sqlite3:///crm.db?table=secrets")


def test_a_scheme_that_nobody_reads_or_that_is_taken_is_one_sentence(site: Path) -> None:
    with pytest.raises(ConfigError, match=r"sqlite3:// is no place that leadline, or a package that it finds, reads"):
        read("sqlite3:///crm.db?table=leads")
    text = "from leadline.storage.schemes import SourceScheme\nS = SourceScheme('duckdb', print)"
    install(site, "acme-broken", {"broken.py": text}, {"leadline.sources": {"mine": "broken:S"}})
    with pytest.raises(ConfigError, match=r"acme-broken 1.0 \(leadline.sources: mine\): duckdb:// is read already"):
        read("sqlite3:///crm.db?table=leads")


WORLD: World = {
    **{t: [] for t in ("accounts", "opportunities", "history", "merges")},
    "leads": [
        {"lead_id": f"L{n}", "account_id": None, "created_at": START, "country": "NL", "size": 1.0, "recorded_at": None}
        for n in range(3)
    ],
    "stages": [{"lead_id": "L2", "stage": "mql", "changed_at": START + n * DAY, "recorded_at": None} for n in (1, 60)],
    "events": [
        {"event_id": f"E{n}", "lead_id": f"L{n % 2}", "type": "blog", "occurred_at": START + n * 31 * DAY // 7, "recorded_at": START + n * 31 * DAY // 7 + n % 5 * DAY}
        for n in range(12)
    ],
}  # fmt: skip


def test_a_family_goes_from_the_catalogue_to_the_reasons(tmp_path: Path, recipe) -> None:
    recipe("A feature family")
    put(WORLD, tmp_path)
    as_of = START + 40 * DAY
    config = config_of(Rules(reaches="sql", horizon=7 * DAY, every=7 * DAY, words=WORDS), tmp_path)
    with Run(config, as_of) as run:
        specs = list_features(run.config, run.loaded)
        mine = [s for s in specs if s.family == "rhythm"]
        assert [s.name for s in mine] == [f"weekdays_{w}" for w in run.config.features.windows]
        assert tuple(Feature.from_record(s.to_record()) for s in mine) == tuple(mine)
        night = run.night(as_of)
        longest = mine[-1]
        for lead, value in zip(night.lead_id, night.values[longest.name], strict=True):
            seen = [
                e for e in WORLD["events"] if e["lead_id"] == lead and max(e["occurred_at"], e["recorded_at"]) < as_of
            ]
            seen = [e for e in seen if e["occurred_at"] >= as_of - longest.window.micros]
            assert value == len({e["occurred_at"] // DAY % 7 for e in seen})
        assert night.values[longest.name].max() > 1
        facts = {s.name: 4.0 for s in mine}
        assert describe_group(mine, facts, as_of) == f"{mine[0].words}: 4"


@pytest.mark.parametrize("swept", [False, True])
def test_a_family_holds_the_laws_of_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe, swept: bool) -> None:
    """Laws 2 and 5: equal whether the log ends at as_of or later, for training and for the night, in SQL and beside the sweep."""
    recipe("A feature family")
    as_of = START + 28 * DAY
    monkeypatch.setattr(aggregate, "is_worth_compiling", lambda *_: swept)
    config = config_of(Rules(reaches="sql", horizon=7 * DAY, every=7 * DAY, words=WORDS), tmp_path)
    put(WORLD, tmp_path)
    with Run(config) as run:
        _, _, trained = run.train()
        specs = trained.specs
    cut, _ = later_than(WORLD, as_of)
    put(cut, tmp_path)
    with Run(config, as_of) as run:
        night = run.night(as_of, specs)
    names = [s.name for s in specs if s.family == "rhythm"]
    then = trained.values[trained.as_of == as_of].set_index(trained.lead_id[trained.as_of == as_of])[names]
    now = night.values.set_index(night.lead_id)[names]
    both = then.index.intersection(now.index)
    assert len(both) >= 2 and now.loc[both].to_numpy().max() > 1
    assert then.loc[both].equals(now.loc[both])


def test_a_model_without_its_family_says_which_package_lacks() -> None:
    spec = Feature("weekdays_7d", "rhythm", "rhythm", "count", "plugged", "weekdays", "plugged")
    with pytest.raises(ConfigError, match="needs the family 'rhythm', which no installed package gives"):
        features_sql((spec,), {})
