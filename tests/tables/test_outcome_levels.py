"""LL151, LL152 and LL159: what the values of a flat file's outcome and stage words are taken for, and which are asked about."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import leadline
from leadline.config.schema import Config
from leadline.core.checks import Severity
from leadline.errors import ConfigError
from leadline.workflows.config_from_file import config_from_data, fix_hint

ROWS = 200
SAID = {"LL151", "LL152"}


def checked(
    folder: Path, words: list[str | None], order_by: str = "nr", columns: dict[str, Any] | None = None, **outcome: Any
) -> tuple[dict[str, Any], leadline.workflows.check.CheckResult]:
    """What the two checks say of a file with these values, the oldest row first, and the whole result."""
    table = {"id": [f"L{n}" for n in range(len(words))], "nr": list(range(len(words))), "size": [n * 37 % 101 for n in range(len(words))], "status": words}  # fmt: skip
    pq.write_table(pa.table({**table, **(columns or {})}), folder / "leads.parquet")
    config = Config.model_validate({
        "version": 1, "name": "levels", "tables": {"leads": {"source": str(folder / "leads.parquet"), "key": "id", "attributes": ["size"]}},
        "outcome": {"column": "status", "positive": "Won", **outcome}, "snapshots": {"order_by": order_by},
    })  # fmt: skip
    result = leadline.check(config)
    return {f.code: f for f in result.findings if f.code in SAID}, result


def cycle(*words: str | None) -> list[str | None]:
    return [words[n % len(words)] for n in range(ROWS)]


@pytest.mark.parametrize(
    "word",
    ["Open", "Engaging", "in progress", "PROSPECTING", "Pending", "New", "Nurture", "Working - Contacted", "Qualified", "Negotiation/Review", "Open - Not Contacted", "on hold", "decisionmakerboughtin"],
)  # fmt: skip
@pytest.mark.parametrize("others", [("Won",), ("Won", "Lost")])
def test_a_word_that_reads_as_open_is_asked_about_with_the_line_that_mends_it(
    tmp_path: Path, word: str, others: tuple[str, ...]
) -> None:
    found, result = checked(tmp_path, cycle(*others, word))
    asked = found["LL151"]
    assert asked.severity is Severity.ERROR and not result.ok and asked.subject == "leads.status"
    assert f"open: [{word}]" in asked.fix or f'open: ["{word}"]' in asked.fix
    assert ("negative: [Lost]" in asked.fix) == (len(others) == 2) and "column: status, positive: Won" in asked.fix


def test_named_open_rows_are_left_out_and_counted(tmp_path: Path) -> None:
    words = cycle("Won", "Lost", "Open", None)
    found, result = checked(tmp_path, words, open=["open"])
    assert "LL151" not in found and found["LL152"].severity is Severity.NOTE
    assert (result.counts.positive, result.counts.negative, result.counts.censored) == (50, 50, 100)
    assert "Open (50 rows) counts as open, 50 blank rows are left out" in found["LL152"].seen
    found, result = checked(tmp_path, words, negative=["Lost", "Open"])  # somebody says that it does mean no
    assert "LL151" not in found and result.counts.negative == 100


@pytest.mark.parametrize(
    ("words", "positive"),
    [(("1", "0"), 1), (("Yes", "No"), "yes"), (("Won", "Lost"), "Won"), (("converted", "not converted"), "converted"), (("Qualified", "Unqualified"), "Qualified"),
     (("Won", "Lost", "Disqualified", "No response"), "Won"), (("true", "false", None), True), (("Open", "Closed"), "Open")],
)  # fmt: skip
def test_honest_outcomes_are_not_asked_about(tmp_path: Path, words: tuple[str | None, ...], positive: Any) -> None:
    found, result = checked(tmp_path, cycle(*words), positive=positive)
    assert "LL151" not in found and found["LL152"].severity is Severity.NOTE
    assert result.counts.negative + result.counts.positive == ROWS - cycle(*words).count(None)


def test_honest_negatives_may_be_younger(tmp_path: Path) -> None:
    found, _ = checked(tmp_path, ["Won"] * 100 + ["Lost"] * 100)
    assert "LL151" not in found


def test_an_unknown_word_whose_rows_are_younger_is_asked_about(tmp_path: Path) -> None:
    words: list[str | None] = [*cycle("Won", "Lost"), *["Ronde"] * 60]
    found, _ = checked(tmp_path, words)
    assert "Ronde: its rows are younger than the others, AUC 1.00" in found["LL151"].seen
    found, _ = checked(tmp_path, words, order_by="row")  # the file's order may be the outcome's
    assert "LL151" not in found and found["LL152"].severity is Severity.WARNING
    found, _ = checked(tmp_path, cycle("Won", "Lost", "Ronde"))
    assert "LL151" not in found and found["LL152"].severity is Severity.WARNING


def test_an_unknown_word_whose_rows_lack_the_date_of_the_end_is_asked_about(tmp_path: Path) -> None:
    words = cycle("Won", "Lost", "Ronde")
    ends = {"closed": [None if w == "Ronde" else "2024-05-01" for w in words]}
    found, _ = checked(tmp_path, words, columns=ends)
    assert "Ronde: its rows lack closed, which the others have" in found["LL151"].seen
    won_on = {"won_on": ["2024-05-01" if w == "Won" else None for w in words]}  # which no other ended row has
    assert "LL151" not in checked(tmp_path, words, columns=won_on)[0]


def test_with_negative_named_every_value_must_be(tmp_path: Path) -> None:
    found, _ = checked(tmp_path, cycle("Won", "Lost", "Ronde"), negative=["Lost"])
    assert "Ronde (66 rows) stands in none of `positive`, `negative` and `open`" in found["LL151"].seen


def test_a_rare_unknown_word_is_counted_and_not_named(tmp_path: Path) -> None:
    found, _ = checked(tmp_path, [*cycle("Won", "Lost"), "Ann Smith"])
    assert "1 other value (1 rows)" in found["LL152"].seen and "Ann" not in str(found["LL152"])


def test_only_rows_known_at_the_time_are_looked_at(tmp_path: Path) -> None:
    _, result = checked(tmp_path, [*cycle("Won", "Lost"), *["Open"] * 30])
    assert not result.ok
    config = Config.model_validate({
        "version": 1, "name": "levels", "tables": {"leads": {"source": str(tmp_path / "leads.parquet"), "key": "id", "attributes": ["size"]}},
        "outcome": {"column": "status", "positive": "Won"}, "snapshots": {"order_by": "nr"},
    })  # fmt: skip
    assert leadline.check(config, as_of=ROWS).ok


@pytest.mark.parametrize("more", [{"open": ["won"]}, {"negative": ["Lost"], "open": ["lost"]}])
def test_a_value_stands_in_one_list(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="stands twice"):
        checked(Path(), [], **more)


def test_dated_tables_have_no_values(tmp_path: Path) -> None:
    from leadline.config.load import parse_config

    with pytest.raises(ConfigError, match="`negative` and `open` are for a flat file"):
        parse_config("version: 1\nname: a\ntables: {leads: {source: a.csv}}\noutcome: {reaches: sql, within: 30d, open: [x]}\nsnapshots: {every: 7d}\n", "a.yaml")  # fmt: skip


def test_an_order_may_lack_a_few_cells(tmp_path: Path) -> None:
    words = cycle("Won", "Lost", "Open", "Lost")
    order: list[int | None] = list(range(ROWS))
    for n in (0, 1, 2, 6, 10):  # three of them are open and need none
        order[n] = None
    _, result = checked(tmp_path, words, columns={"nr": order}, open=["Open"])
    (said,) = [f for f in result.findings if f.code == "LL105"]
    assert said.severity is Severity.WARNING and said.seen.startswith("2 rows hold no") and result.ok
    assert (result.counts.positive, result.counts.negative, result.counts.censored) == (49, 99, 50)
    _, result = checked(tmp_path, words, columns={"nr": [None if n % 3 else n for n in range(ROWS)]}, open=["Open"])
    assert [str(f.severity) for f in result.findings if f.code == "LL105"] == ["error"]


def stages_said(folder: Path, stages: dict[str, list[str]], words: list[str], deals: list[str]) -> list[str]:
    """What LL159 says of stage changes with these words, and of closed deals with these stages, 30 of each."""
    rows = [(f"L{n}", word) for n, word in enumerate([*words, *deals] * 30)]
    at = [f"2024-0{1 + n % 8}-11 0{n % 9}:00:00" for n in range(len(rows))]
    tables = {
        "leads": {"id": [lead for lead, _ in rows], "at": ["2024-01-01 03:00:00" for _ in rows]},
        "stages": {"lead": [r[0] for r in rows if r[1] in words], "stage": [r[1] for r in rows if r[1] in words], "at": [t for t, r in zip(at, rows, strict=True) if r[1] in words]},
        "deals": {"id": [r[0] for r in rows if r[1] in deals], "stage": [r[1] for r in rows if r[1] in deals], "at": [t for t, r in zip(at, rows, strict=True) if r[1] in deals]},
    }  # fmt: skip
    for name, columns in tables.items():
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    config = Config.model_validate({
        "version": 1, "name": "words", "timezone": "UTC", "stages": stages, "outcome": {"reaches": "won", "within": "30d"}, "snapshots": {"every": "7d"}, "tables": {
            "leads": {"source": str(folder / "leads.parquet"), "key": "id", "created_at": "at"},
            "stages": {"source": str(folder / "stages.parquet"), "lead": "lead", "stage": "stage", "changed_at": "at"},
            "opportunities": {"source": str(folder / "deals.parquet"), "key": "id", "lead": "id", "created_at": "at", "closed_at": "at", "stage": "stage"}},
    })  # fmt: skip
    return [str(f) for f in leadline.check(config).findings if f.code == "LL159"]


def test_stage_words_of_the_other_kind_are_told(tmp_path: Path) -> None:
    fine = {"won": ["won", "closed_won"], "lost": ["closed_lost"], "rejected": ["disqualified"]}
    assert (
        stages_said(tmp_path, fine, ["won", "mql", "disqualified"], ["closed_won", "closed_lost", "negotiation"]) == []
    )
    (odd,) = stages_said(tmp_path, {**fine, "lost": ["closed_lost", "engaging"]}, ["won", "Engaging"], ["closed_won", "closed_lost"])  # fmt: skip
    assert odd.startswith("stages.stage: Engaging (30 rows) reads as open, but is mapped to an end")
    (missed,) = stages_said(tmp_path, fine, ["won", "mql"], ["Closed Won", "closed_lost"])
    assert missed.startswith(
        "opportunities.stage: Closed Won (30 rows) of closed deals reads as an end, but is mapped to none"
    )


def test_the_line_that_is_given_mends_the_config_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"L{n},{n * 37 % 101},{word}" for n, word in enumerate(cycle("Won", "Lost", "Lost", "Open"))]
    (tmp_path / "leads.csv").write_text("\n".join(["lead_id,size,status", *rows]) + "\n", encoding="utf-8")
    made = config_from_data("leads.csv", "status", "Won")
    hint = fix_hint(made.config, leadline.check(made.config).findings, "train")
    assert hint.startswith("In leads.yaml, put this in place of `outcome:` (line ") and hint.endswith("Then run: leadline train leads.yaml")  # fmt: skip
    line = hint.splitlines()[1]
    text = re.sub(r"(?m)^outcome:\n(  .*\n)+", f"{line}\n", made.text)
    made.config.write_text(text, encoding="utf-8")
    result = leadline.check(made.config)
    assert (result.counts.positive, result.counts.negative, result.counts.censored) == (50, 100, 50)
    assert config_from_data("leads.csv", "status", "Won").text == text  # the same command takes it
