"""LL108 and LL145: rows that name nobody, whole tables of them, and ids that somebody has in another spelling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import crm
import leadline
from leadline.config.schema import Config
from leadline.core.checks import Finding, Severity
from leadline.errors import DataError
from leadline.tables.merges import into_somebody, merge_closure
from small_crm import Run


def salesforce(lead: str) -> str:
    return f"00Q5e00000{lead}AAxEAM"[:18]


def load(folder: Path, content: crm.Rows, **lists: tuple[str, list[str]]) -> list[Finding]:
    """What LL108 and LL145 say of a CRM, with lists of ids beside it: {table: (column, ids)}."""
    config = crm.config_dict(crm.write_csv(content, folder))
    for table, (column, ids) in lists.items():
        (folder / f"{table}.csv").write_text("\n".join([f"{column},tier", *(f"{i},A" for i in ids)]) + "\n")
        config["tables"][table] = {"source": str(folder / f"{table}.csv"), "lead": column} | (
            {"tier": "tier"} if table == "overrides" else {}
        )
    made = type(crm.config({"leads": "", "stages": ""})).model_validate(config)
    return [f for f in leadline.check(made).findings if f.code in ("LL108", "LL145")]


def respelled(table: str, column: str, spell: Any, others: Any = str) -> crm.Rows:
    """A CRM whose leads' ids are spelled one way everywhere, and another way in one table."""
    content = crm.rows()
    for name, rows in content.items():
        for row in rows:
            if row.get(column) is not None:
                row[column] = (spell if name == table else others)(str(row[column]))
    return content


def letters(lead: str) -> str:
    return f"L{lead}xY"


@pytest.mark.parametrize(
    ("spell", "others", "words"),
    [
        (lambda i: salesforce(i)[:15], salesforce, "by their first 15 characters, as Salesforce's do"),
        (salesforce, lambda i: salesforce(i)[:15], "by their first 15 characters, as Salesforce's do"),
        (lambda i: salesforce(i)[:15].lower(), salesforce, "by their first 15 characters, capitals"),
        (lambda i: letters(i).upper(), letters, "with capitals and small letters alike"), (lambda i: i.lstrip("0") or "0", str, "without leading zeros"),
        (lambda i: f"L-{i}", lambda i: f"L{i}", "by their letters and digits alone"), (lambda i: f"other {i}/{i}", str, ""),
    ],
)  # fmt: skip
def test_a_table_that_names_nobody_is_an_error_that_tells_the_spelling(
    tmp_path: Path, spell: Any, others: Any, words: str
) -> None:
    (found,) = load(tmp_path, respelled("events", "lead_id", spell, others))
    assert found.severity is Severity.ERROR and found.seen.startswith(
        "all 480 rows name a lead that isn't in leads (first: row 1)"
    )
    assert words in found.seen and (words or "match" not in found.seen)


@pytest.mark.parametrize("spell", [lambda i: f" {i} ", lambda i: f"{i}\u00a0", lambda i: f"\t{i}"])
def test_blanks_around_an_id_mean_nothing(tmp_path: Path, spell: Any) -> None:
    assert load(tmp_path, respelled("events", "lead_id", spell)) == []


def test_few_orphans_are_a_warning_with_their_share(tmp_path: Path) -> None:
    content = crm.rows()
    for n in range(5):
        content["events"][n]["lead_id"] = f"gone {n}"
    (found,) = load(tmp_path, content)
    assert (
        found.severity is Severity.WARNING
        and found.rows == 5
        and "(first: row 1; 1% of those that name one)" in found.seen
    )


def test_accounts_that_no_lead_names_are_an_error(tmp_path: Path) -> None:
    (found,) = load(tmp_path, respelled("accounts", "account_id", lambda a: f"ACC{a}", lambda a: f"acc{a}"))
    assert (found.code, found.severity, found.subject) == ("LL145", Severity.ERROR, "leads.account_id")
    assert "3 of their ids match with capitals and small letters alike" in found.seen


def test_a_list_that_protects_people_is_refused_where_it_names_them_in_another_spelling(tmp_path: Path) -> None:
    content = respelled("", "lead_id", letters, letters)
    listed = [letters(f"{n:04d}") for n in range(4)]
    assert load(tmp_path, content, suppress=("id", [*listed, "a customer"]), overrides=("id", listed)) == []
    (found,) = load(tmp_path, content, suppress=("id", [i.lower() for i in listed]))
    assert (
        found.severity is Severity.ERROR
        and "4 of 4 ids name nobody in leads; 4 of them match with capitals" in found.seen
    )
    (found,) = load(tmp_path, content, suppress=("id", ["a", "b", "c", "d"]))
    assert found.severity is Severity.ERROR and found.subject == "suppress.id" and "match" not in found.seen
    (found,) = load(tmp_path, content, overrides=("id", [listed[0], *(i.lower() for i in listed[1:])]))
    assert found.severity is Severity.WARNING and "3 of 4 ids name nobody" in found.seen


def merged(folder: Path, into: str) -> Config:
    content = crm.rows()
    sources = crm.write_csv(content, folder)
    (folder / "merges.csv").write_text(f"from_id,into_id,at\n0001,{into},2024-02-01T00:00:00Z\n")
    config = crm.config_dict(sources)
    config["tables"]["merges"] = {
        "source": str(folder / "merges.csv"),
        "from": "from_id",
        "into": "into_id",
        "merged_at": "at",
    }
    return type(crm.config({"leads": "", "stages": ""})).model_validate(config)


def test_whoever_was_merged_into_nobody_stays(tmp_path: Path) -> None:
    with Run(merged(tmp_path, "X900")) as run:
        assert run.store.rows("SELECT * FROM merged") == []
        (found,) = [f for f in run.loaded.findings if f.code == "LL108"]
        assert (
            found.seen.startswith("1 rows name a lead that isn't in leads")
            and "the people whom they merge stay" in found.fix
        )
    with Run(merged(tmp_path, "0002")) as run:
        assert len(run.store.rows("SELECT * FROM merged")) == 1 and "LL108" not in [f.code for f in run.loaded.findings]


def test_a_chain_of_merges_gives_to_whom_it_names_who_is_there() -> None:
    chain = merge_closure([("a", "b", 1), ("b", "c", 2), ("c", "gone", 3), ("x", "y", 4), ("y", "gone", 5)])
    assert into_somebody(chain, {"c": 0, "a": 0}) == [("a", "c", 2), ("b", "c", 2)]


def test_nothing_is_scored_with_events_of_nobody(tmp_path: Path) -> None:
    content = respelled("events", "lead_id", lambda i: f"other {i}")
    config = type(crm.config({"leads": "", "stages": ""})).model_validate(
        crm.config_dict(crm.write_csv(content, tmp_path))
    )
    with Run(config) as run, pytest.raises(DataError, match="all 480 rows"):
        run.loaded.findings.raise_errors()


@pytest.mark.parametrize(
    ("accounts", "said"), [([1], "all 40 leads"), ([1, 1, 1, 2], "30 of 40 leads"), ([1, 2, 3], ""), ([None, 1, 2], "")]
)
def test_one_account_for_most_leads_is_told(tmp_path: Path, accounts: list[Any], said: str) -> None:
    content = crm.rows()
    for n, row in enumerate(content["leads"]):
        row["account_id"] = accounts[n % len(accounts)]
    config = crm.config_dict(crm.write_csv(content, tmp_path))
    with Run(type(crm.config({"leads": "", "stages": ""})).model_validate(config)) as run:
        found = [f.seen for f in run.loaded.findings if f.code == "LL146"]
        assert (len(found) == 1 and found[0].startswith(said)) if said else found == []
        built = run.train()[2]
        assert set(built.group()) == (set(built.lead_id) if accounts == [1] else set(built.group()))


@pytest.mark.parametrize(
    ("each", "said"), [(2, "240 of 480 events have no type (first: row 1)"), (10, "48 of 480"), (30, "")]
)
def test_events_without_a_type_are_told_where_they_are_many(tmp_path: Path, each: int, said: str) -> None:
    content = crm.rows()
    for row in content["events"][::each]:
        row["event_type"] = None
    config = crm.config_dict(crm.write_csv(content, tmp_path))
    with Run(type(crm.config({"leads": "", "stages": ""})).model_validate(config)) as run:
        found = [f.seen for f in run.loaded.findings if f.code == "LL147"]
        assert (len(found) == 1 and found[0].startswith(said)) if said else found == []
