"""LL144: words for a gap in the place of an account, which must not make one company of strangers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import crm
from leadline.config.schema import Config
from small_crm import Run, same


def load(
    folder: Path, accounts: list[Any], has_accounts: bool = True, also: str = ""
) -> tuple[list[Any], list[str], Any]:
    """The leads' accounts as read, what is said of them, and a night's features."""
    content = crm.rows(leads=len(accounts))
    for row, account in zip(content["leads"], accounts, strict=True):
        row["account_id"] = account
    if also:
        content["accounts"].append({"account_id": also, "industry": "x", "employees": 1})
    config = crm.config_dict(crm.write_csv(content, folder))
    if not has_accounts:
        del config["tables"]["accounts"]
    made: Config = type(crm.config({"leads": "", "stages": ""})).model_validate(config)
    with Run(made) as run:
        read = [r[0] for r in run.store.rows("SELECT account_id FROM leads ORDER BY lead_id")]
        said = [f"{f.severity}: {f}" for f in run.loaded.findings if f.code == "LL144"]
        return read, said, run.train()[2]


@pytest.mark.parametrize(
    "word", ["NULL", "None", "N/A", "n/a", "-", "0", "Unknown", "(not set)", "[not provided]", "[[Unknown]]", "\\N"]
)
def test_a_word_that_is_no_account_gives_what_an_empty_cell_gives(tmp_path: Path, word: str) -> None:
    accounts = ["1", "2", word] * 20
    read, said, built = load(tmp_path, accounts)
    empty, nothing, other = load(tmp_path, [None if a == word else a for a in accounts])
    assert read == empty and len(said) == 1 and "20 leads name" in said[0] and nothing == []
    same(built, other)


@pytest.mark.parametrize("word", ["NULL", "Unknown", "0"])
def test_an_account_that_the_table_of_accounts_has_is_one(tmp_path: Path, word: str) -> None:
    read, said, _ = load(tmp_path, ["1", "2", word] * 20, also=word)
    assert read[2] == word and said == []


def test_what_may_be_a_name_is_asked_about(tmp_path: Path) -> None:
    read, said, _ = load(tmp_path, ["1", "2", "3"] * 13 + ["NA"] * 2)
    assert (
        read[-1] == "NA"
        and said[0].startswith("warning")
        and "2 leads name the account `na`: a placeholder, or a company?" in said[0]
    )


def test_what_may_be_a_name_and_dwarfs_every_account_is_none(tmp_path: Path) -> None:
    read, said, _ = load(tmp_path, [*map(str, range(1, 20)), *["test"] * 30], has_accounts=False)
    assert read[-1] is None and said[0].startswith(
        "warning: leads.account_id: 30 leads name `test` in the place of an account"
    )


@pytest.mark.parametrize(
    "accounts", [["0", "1", "2", "3"] * 10, ["Null Corp", "Unknown Ltd", "Noneuch"] * 10, ["x", "y"] * 9]
)
def test_honest_accounts_stay_without_a_word(tmp_path: Path, accounts: list[str]) -> None:
    read, said, _ = load(tmp_path, accounts, has_accounts=False)
    assert read == accounts and said == []
