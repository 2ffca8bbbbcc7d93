"""The config file: read as written, every error at once, each by its key, and no secret in any message."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadline.config.load import load_config, parse_config
from leadline.config.schema import Config
from leadline.core.point_in_time import Horizon
from leadline.errors import ConfigError, MissingError
from leadline.workflows.common import as_config

DESIGN = """
version: 1
name: saas-sql                 # ^[a-z][a-z0-9-]{0,62}$: the registered model's name
timezone: UTC                  # the zone of naive timestamps; without it, naive timestamps are an error
seed: 7
tables:
  leads:    {source: data/leads.parquet, key: lead_id, account: account_id, created_at: created_at,
             attributes: [source, campaign, job_title, country]}        # fixed at creation; or `all`, with `exclude: [...]`
  accounts: {source: data/accounts.parquet, key: account_id, attributes: [industry, employees]}
  events:   {source: "data/events/*.parquet", key: event_id, lead: lead_id, type: event_type,
             occurred_at: occurred_at, recorded_at: recorded_at}
  stages:   {source: data/stages.parquet, lead: lead_id, stage: stage, changed_at: changed_at, reason: reason}
  opportunities: {source: data/opportunities.parquet, key: opportunity_id, lead: lead_id, account: account_id,
             created_at: created_at, closed_at: closed_at, stage: stage, amount: amount}
  history:  {source: …, lead: lead_id, field: field, value: value, changed_at: changed_at}   # field history, optional
  spend:    {source: …, campaign: campaign, month: month, cost: cost}                        # for cost per SQL, optional
  merges:   {source: …, from: from_id, into: into_id, merged_at: merged_at}                  # optional
stages: {mql: [mql], sql: [sql], opportunity: [opportunity], won: [closed_won], lost: [closed_lost], rejected: [disqualified]}
outcome: {reaches: sql, within: 30d}          # sql | opportunity | won;   or, for a flat file: {column: Converted, positive: 1}
snapshots: {every: 7d}                        # a calendar grid;   or {after_creation: [1h, 24h, 72h, 168h]};   flat file: {order_by: "Lead Number"}
behaviours: {pricing_page_view: {intent: purchase, words: "viewed the pricing page"}}       # unlisted types: intent unknown
roles: {economic_buyer: ["VP Finance", "Head of *"], executive_sponsor: ["CEO", "CTO"]}      # first match of job_title wins
features: {windows: [7d, 30d, 90d]}
backtest: {folds: 4, test: 56d}
capacity: {leads_per_week: 40}
rules: [{when: {behaviour: demo_request, within: 30d}, points: 30}]     # current scoring rules, to be beaten
tracking: {uri: "sqlite:///mlflow.db", experiment: saas-sql}
engine: {kind: duckdb, memory: 4GB, threads: 2}                         # or {kind: spark, master: "local[2]"}
"""

SMALL = """
version: 1
name: small
tables:
  leads: {source: leads.csv, key: id, created_at: at}
  stages: {source: stages.csv, lead: id, stage: stage, changed_at: at}
stages: {sql: sql}
outcome: {reaches: sql, within: 30d}
snapshots: {every: 7d}
"""

FLAT = """
version: 1
name: flat
tables: {leads: {source: a.csv}}
outcome: {column: won, positive: 1}
snapshots: {order_by: row}
"""


def errors(text: str, environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "c.yaml", environment)
    head, *lines = str(caught.value).splitlines()
    assert head.startswith("c.yaml: ")
    assert (
        not lines
        or head
        == f"c.yaml: {len(lines)} error{'s' if len(lines) > 1 else ''}; expected none; mend {'these' if len(lines) > 1 else 'it'} and run `leadline check` again"
    )
    return [line.strip() for line in lines] or [head]


def test_the_design_pages_config_is_read_as_it_stands() -> None:
    config = parse_config(DESIGN)
    assert config.name == "saas-sql" and config.horizon == Horizon.parse("30d") and not config.is_flat
    assert config.tables.merges is not None and config.tables.merges.from_ == "from_id"
    assert set(config.tables.given()) == {
        "leads",
        "accounts",
        "events",
        "stages",
        "opportunities",
        "history",
        "spend",
        "merges",
    }
    assert config.words("won", "lost") == ("closed_won", "closed_lost") and config.rules[0].points == 30


@pytest.mark.parametrize("text", [SMALL, FLAT, SMALL.replace("{every: 7d}", "{after_creation: [1h, 24h]}")])
def test_small_configs_are_enough(text: str) -> None:
    assert isinstance(parse_config(text), Config)


def test_a_config_says_itself_and_is_read_back_equal() -> None:
    config = parse_config(DESIGN)
    again = Config.model_validate(config.model_dump(by_alias=True))
    assert again.model_dump() == config.model_dump() and again.outcome == config.outcome


CASES = [
    ("seeed: 3", ["seeed: unknown key; did you mean `seed`?"]),
    ("engine: {memery: 4GB}", ["engine.memery: unknown key; did you mean `memory`?"]),
    ("engine: {zzz: 1}", None),
    (
        "backtest: {test: 3}",
        ["backtest.test: expected a length of time such as 56d; or, for a flat file, a share between 0 and 1"],
    ),
    ("backtest: {test: 0.3}", ["backtest.test: a share is for flat files; expected a length of time such as 56d"]),
    ("backtest: {folds: 0}", ["backtest.folds: input should be greater than or equal to 1"]),
    ("features: {windows: 7d}", ["features.windows: expected a list, as in [a, b]"]),
    ("features: {windows: [7d, 168h]}", ["features: `windows` lists a length twice"]),
    (
        "features: {windows: [soon]}",
        ["features.windows.0: duration 'soon': not a length of time; expected a number and m, h, d or w, as in 30d"],
    ),
    (
        "timezone: Mars/Olympus",
        ["timezone: 'Mars/Olympus' is unknown; expected an IANA name such as UTC or Europe/Amsterdam"],
    ),
    ("capacity: 40", ["capacity: expected keys with values"]),
    ("engine: {kind: sparc}", ["engine.kind: unknown word; expected duckdb or spark"]),
    ("engine: {memory: lots}", None),
    (
        "behaviours: {demo: {intent: buy}}",
        ["behaviours.demo.intent: unknown word; expected awareness, evaluation, purchase or unknown"],
    ),
    ("behaviours: {str: {intnet: purchase}}", ["behaviours.str.intnet: unknown key; did you mean `intent`?"]),
    ("roles: {boss: [1]}", ["roles.boss.0: expected text; put it in quotes"]),
    (
        "rules: [{when: {behaviour: a}, pints: 3}]",
        ["rules.0.points: missing", "rules.0.pints: unknown key; did you mean `points`?"],
    ),
    ("rules: [{when: {behaviour: a, attribute: b}, points: 3}]", None),
    ("definitions: {mql: {any: []}}", ["definitions.mql.any: an empty list; expected at least one"]),
    ("name: Bad Name", None),
    ("version: 2", None),
]


@pytest.mark.parametrize(("line", "expected"), CASES, ids=[c[0] for c in CASES])
def test_an_error_is_one_sentence_under_its_key(line: str, expected: list[str] | None) -> None:
    key = line.split(":")[0]
    text = "\n".join(row for row in SMALL.splitlines() if not row.startswith(f"{key}:"))
    found = errors(f"{text}\n{line}\n")
    assert all(sentence.startswith(key) for sentence in found)
    if expected is None:
        assert len(found) == 1
    else:
        assert found == expected
    assert not any("function-" in s or "constrained" in s or "pydantic" in s for s in found)


@pytest.mark.parametrize("source", ["{qery: x}", "5", "[a]", "{sql: a, query: b}", "null"])
def test_a_source_of_no_known_shape_is_one_sentence(source: str) -> None:
    assert errors(SMALL.replace("source: leads.csv", f"source: {source}")) == [
        'tables.leads.source: expected a path or URL, {sql: file.sql} or {query: "select …"}'
    ]


@pytest.mark.parametrize(("old", "new", "said"), [
    ("attributes", "attributes: {a: 1}", "tables.leads.attributes: expected a list of columns, or `all`"),
    ("attributes", "attributes: everything", "tables.leads.attributes: expected a list of columns, or `all`"),
])  # fmt: skip
def test_attributes_are_a_list_or_all(old: str, new: str, said: str) -> None:
    assert errors(SMALL.replace("created_at: at}", f"created_at: at, {new}}}")) == [said]


def test_all_errors_are_told_at_once_those_between_sections_too() -> None:
    text = (
        SMALL.replace("key: id, created_at: at", "kee: id").replace("{sql: sql}", "{mql: sql}")
        + "seeed: 3\nengine: {cores: 2}\ntimezone: Nowhere\n"
    )
    assert sorted(errors(text)) == sorted([
        "tables.leads.kee: unknown key; did you mean `key`?",
        "seeed: unknown key; did you mean `seed`?",
        "engine.cores: unknown key; expected one of cache_events, kind, master, memory, threads",
        "timezone: 'Nowhere' is unknown; expected an IANA name such as UTC or Europe/Amsterdam",
        "tables.leads.created_at: missing; dated snapshots need the time at which a lead was created",
        "tables.leads.key: missing; dated tables are joined by it",
        "stages: no stage word is mapped to sql, opportunity or won; expected e.g. {sql: [sql], won: [closed_won]}",
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("{}", "outcome: expected either `reaches` with `within`, or `column` with `positive`"),
        ("{reaches: sql}", "outcome: `reaches` needs `within`, as in {reaches: sql, within: 30d}"),
        ("{reaches: sql, within: 0d}", "outcome: `within` must be longer than nothing"),
        ("{column: won}", "outcome: `column` needs `positive`, the value that means yes, as in {column: Converted, positive: 1}"),
        ("{column: won, positive: 1}", "outcome: `column` is for flat files; with dated tables use {reaches: …, within: …}"),
        ("{reaches: mql, within: 30d}", "outcome.reaches: unknown word; expected sql, opportunity or won"),
        ("{reaches: sql, within: 30}", "outcome.within: duration '30': not a length of time; expected a number and m, h, d or w, as in 30d"),
        ("{reaches: sql, within: 30d, observed_from: 2024}", "outcome.observed_from: instant '2024': not ISO 8601; expected something like 2024-05-01 or 2024-05-01T02:00:00Z"),
        ("{reaches: sql, within: 30d, delay: -1d}", "outcome.delay: duration '-1d': not a length of time; expected a number and m, h, d or w, as in 30d"),
    ],
)  # fmt: skip
def test_an_outcome_that_asks_nothing_is_told_what_it_lacks(outcome: str, said: str) -> None:
    assert errors(SMALL.replace("{reaches: sql, within: 30d}", outcome)) == [said]


@pytest.mark.parametrize(("plan", "said"), [
    ("{}", "snapshots: expected exactly one of `every`, `after_creation` and `order_by`"),
    ("{every: 7d, order_by: row}", "snapshots: expected exactly one of `every`, `after_creation` and `order_by`"),
    ("{after_creation: []}", "snapshots: lengths of time here must be longer than nothing, as in 7d or [1h, 24h]"),
    ("{after_creation: [1d, 24h]}", "snapshots: `after_creation` lists a length twice"),
    ("{every: 0h}", "snapshots: lengths of time here must be longer than nothing, as in 7d or [1h, 24h]"),
])  # fmt: skip
def test_a_snapshot_plan_is_exactly_one_plan(plan: str, said: str) -> None:
    assert errors(SMALL.replace("{every: 7d}", plan)) == [said]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("yes", True),
        ("no", False),
        ("true", True),
        ("1", 1),
        ("1.0", 1.0),
        ('"yes"', "yes"),
        ("Converted", "Converted"),
    ],
)
def test_the_positive_value_keeps_what_yaml_makes_of_it(word: str, value: object) -> None:
    positive = parse_config(FLAT.replace("positive: 1", f"positive: {word}")).outcome.positive
    assert positive == value and type(positive) is type(value)


def test_a_flat_file_has_leads_only() -> None:
    text = FLAT.replace("{leads: {source: a.csv}}", "{leads: {source: a.csv}, accounts: {source: b.csv, key: id}}")
    assert errors(text) == [
        "tables: a flat file has only `leads`; found accounts too; use snapshots.every for dated tables"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "a: b: c",
        "- 1\n- 2",
        "only words",
        "",
        "\t- x",
        "name: a\nname: b",
        "tables: {leads: {key: a, key: b}}",
        "? [a]\n: b",
        "a: !!python/object/apply:os.getcwd []",
    ],
)
def test_what_is_no_config_is_one_sentence(text: str) -> None:
    assert len(errors(text)) == 1


def test_a_key_that_stands_twice_is_an_error_with_its_line() -> None:
    assert "the key 'name' stands twice, line 3" in errors("version: 1\nname: a\nname: b")[0]


SECRET = "hunter2-secret"


def test_environment_variables_fill_in_and_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_PASSWORD", SECRET)
    text = SMALL.replace("leads.csv", '"postgresql://ann:${CRM_PASSWORD}@db/crm?table=leads"')
    config = parse_config(text)
    assert config.tables.leads.source == f"postgresql://ann:{SECRET}@db/crm?table=leads"
    assert SECRET not in config.text and "${CRM_PASSWORD}" in config.text and SECRET not in repr(config)
    monkeypatch.setenv("CRM_PASSWORD", "another")
    assert parse_config(text).hash == config.hash != parse_config(SMALL).hash


@pytest.mark.parametrize(
    "line", ["timezone: '${S}'", "engine: {memory: '${S}'}", "outcome: {reaches: sql, within: '${S}'}", "'x': '${S}'"]
)
def test_no_error_tells_a_secret(line: str) -> None:
    key = line.split(":")[0]
    text = "\n".join(row for row in SMALL.splitlines() if not row.startswith(f"{key}:")) + f"\n{line}\n"
    assert SECRET not in "\n".join(errors(text, {"S": SECRET}))


def test_a_variable_that_is_not_set_is_named() -> None:
    text = SMALL.replace("leads.csv", '"${HERE}/${THERE}"')
    assert "environment variable THERE isn't set" in errors(text, {"HERE": "x"})[0]


@pytest.mark.parametrize(
    ("place", "kind"), [("nope.yaml", MissingError), (".", MissingError), ("latin.yaml", ConfigError)]
)
def test_a_file_that_can_not_be_read_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, kind: type[Exception]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("latin.yaml").write_bytes("name: é".encode("latin-1"))
    with pytest.raises(kind, match=f"config {place}: "):
        load_config(place)


def test_a_config_is_frozen() -> None:
    config = parse_config(SMALL)
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 3  # type: ignore[misc]


OLD = {
    "capacity: {hold: probability}": "capacity: {mode: threshold}",
    "capacity: {mode: volume}": "capacity: {mode: top_n}",
    "nightly: {volume: refuse, drift: {psi: 0.1, then: refuse}}": "nightly: {volume: fail, drift: {psi: 0.1, on_violation: fail}}",
    "nightly: {silent: refuse}": "nightly: {zero_rate: fail}",
    "nightly: {moved: 0}": "nightly: {min_probability_change: 0}",
    "engine: {keep: false}": "engine: {cache_events: false}",
}


@pytest.mark.parametrize("old", OLD)
def test_an_old_name_means_what_the_new_one_means_and_is_told(old: str) -> None:
    before, after = (parse_config(SMALL + line) for line in (old, OLD[old]))
    assert (
        before.model_dump() == after.model_dump()
        and before.model_dump_json() == after.model_dump_json()
        and after.notes == ()
    )
    assert before.notes and all(" is now " in n and n.endswith("; the old name still works") for n in before.notes)


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ("capacity: {hold: volume, mode: top_n}", "capacity.hold", "capacity.mode"),
        ("nightly: {drift: {then: warn, on_violation: warn}}", "nightly.drift.then", "nightly.drift.on_violation"),
    ],
)
def test_an_old_name_beside_the_new_one_is_an_error(text: str, old: str, new: str) -> None:
    with pytest.raises(
        ConfigError, match=f"1 error; .*\n  {old}: the old name of {new}, which is given, too; expected"
    ):
        parse_config(SMALL + text)


def test_an_old_name_is_told_once_a_run(tmp_path: Path) -> None:
    config, told = tmp_path / "a.yaml", list[str]()
    config.write_text(SMALL + "engine: {keep: true}")
    read = as_config(as_config(config, told.append), told.append)
    assert told == ["engine.keep is now engine.cache_events; the old name still works"] and read.engine.cache_events
