"""What `init` makes of a folder: logs of one act, deals alone, flags and owners, files that it doesn't use, keys that repeat."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import yaml

from leadline.config.load import parse_config
from leadline.errors import DataError
from leadline.presets import propose
from leadline.presets.proposal import Proposal
from leadline.workflows.check import check
from leadline.workflows.config_from_file import leak_reason

LEADS = 300


def day(n: float) -> str:
    return (datetime(2024, 1, 1) + timedelta(days=n)).strftime("%Y-%m-%d %H:%M:%S")


def people(**more: Any) -> dict[str, Any]:
    return {
        "user_id": [f"{n:04}" for n in range(LEADS)], "signup_date": [day(n) for n in range(LEADS)],
        "plan": [("free", "trial", "team")[n % 3] for n in range(LEADS)], **more,
    }  # fmt: skip


def logins() -> dict[str, Any]:
    rows = [(n, k) for n in range(LEADS) for k in range(n % 5)]
    return {"time_stamp": [day(n + 2 * k + 0.1) for n, k in rows], "user_id": [f"{n:04}" for n, _ in rows], "visited": [1 for _ in rows]}  # fmt: skip


def stages() -> dict[str, Any]:
    won = range(0, LEADS, 4)
    return {"user_id": [f"{n:04}" for n in won], "stage": ["won" for _ in won], "changed_at": [day(n + 20) for n in won]}  # fmt: skip


def deals(size: int = 400) -> dict[str, Any]:
    ended = [n % 5 > 0 for n in range(size)]
    return {
        "opportunity_id": [f"D{n}" for n in range(size)], "product": ["a" if n % 3 else "b" for n in range(size)], "sales_agent": [f"agent {n % 7}" for n in range(size)],
        "deal_stage": [("Won" if n % 2 else "Lost") if e else "Engaging" for n, e in enumerate(ended)], "engage_date": [day(n) for n in range(size)],
        "close_date": [day(n + 30 + n % 17) if e else None for n, e in enumerate(ended)], "close_value": [100 * (n % 9) if e else None for n, e in enumerate(ended)],
    }  # fmt: skip


def proposed(folder: Path, **sheets: dict[str, Any]) -> Proposal:
    for name, columns in sheets.items():
        pa.csv.write_csv(pa.table(columns), folder / f"{name}.csv")
    return propose("csv", str(folder), folder, leak_reason)


def line_of(proposal: Proposal, name: str) -> str:
    (line,) = [line for line in proposal.found if f"/{name}.csv: " in line]
    return line.partition("columns → ")[2]


def test_a_log_without_a_type_is_one_kind_of_act(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, users=people(), logins=logins(), stages=stages())
    assert line_of(proposal, "logins") == "events"
    config = yaml.safe_load(proposal.config)
    assert "'logins' as \"type\"" in config["tables"]["events"]["source"]["query"] and config["tables"]["events"]["type"] == "type"  # fmt: skip
    assert not any("no file of dated acts" in w for w in proposal.warnings)
    result = check(parse_config(proposal.config))
    assert (
        result.rows["events"] == len(logins()["user_id"]) and result.counts.positive
    )  # ids keep their zeros, and join
    assert not [f for f in result.findings if f.code == "LL108"]


@pytest.mark.parametrize("more", [{}, {"accounts": {"account": ["x", "y"], "sector": ["s", "t"]}, "products": {"product": ["a", "b"], "price": [1, 2]}}])  # fmt: skip
@pytest.mark.parametrize("name", ["opportunities", "sales_pipeline"])
def test_a_folder_of_deals_alone_is_a_funnel(tmp_path: Path, name: str, more: dict[str, Any]) -> None:
    proposal = proposed(tmp_path, **{name: deals()}, **more)
    assert line_of(proposal, name) == "leads, stages"
    config = parse_config(proposal.config)
    assert (config.tables.leads.key, config.tables.leads.created_at, config.outcome.reaches) == ("opportunity_id", "engage_date", "won")  # fmt: skip
    assert config.tables.leads.attributes == ("product",)
    assert config.stages == {"won": ("Won",), "lost": ("Lost",)}
    result = check(config)
    assert result.counts.positive and result.counts.negative and not [f for f in result.findings if f.code.startswith("LL2") and str(f.severity) == "error"]  # fmt: skip


def test_deals_of_a_file_of_leads_stay_deals(tmp_path: Path) -> None:
    ids = people()["user_id"]
    proposal = proposed(tmp_path, signups=people(), opportunities={**deals(LEADS), "user_id": ids})
    assert (line_of(proposal, "signups"), line_of(proposal, "opportunities")) == ("leads", "opportunities")


def test_deals_without_an_end_are_asked_about(tmp_path: Path) -> None:
    columns = {name: values for name, values in deals().items() if name != "close_date"}
    with pytest.raises(
        DataError, match="has no column for closed_at; expected deals' key, when they were opened and closed"
    ):
        proposed(tmp_path, opportunities=columns, stores={"store": ["a"], "city": ["b"]})


def test_flags_of_stages_and_owners_are_no_attributes(tmp_path: Path) -> None:
    flags = {name: [n % 2 for n in range(LEADS)] for name in ("is_sql", "mql_flag", "qualified", "has_converted", "is_student", "is_partner")}  # fmt: skip
    owners = {
        name: [f"rep {n % 9}" for n in range(LEADS)]
        for name in ("owner_rep_id", "sales_rep", "sdr", "assigned_to", "ownership")
    }
    seldom = {"contact_id": [f"C{n * 2 // 3}" for n in range(LEADS)]}
    proposal = proposed(tmp_path, users=people(**flags, **owners, **seldom), logins=logins(), stages=stages())
    attributes = parse_config(proposal.config).tables.leads.attributes
    assert set(attributes) == {"plan", "is_student", "is_partner", "ownership"}
    assert "not is_sql: a flag of a stage, which is reached later" in proposal.config
    assert "not owner_rep_id: whoever works the lead, who is named later" in proposal.config
    assert (
        "not contact_id: an id, 67% of which stand once" in proposal.config
        or "not contact_id: an id" in proposal.config
    )


def test_a_file_that_is_not_used_says_why(tmp_path: Path) -> None:
    proposal = proposed(
        tmp_path, users=people(), logins=logins(), stages=stages(),
        calls={**logins(), "outcome": ["x" for _ in logins()["user_id"]]},
        old_users={name: values[:20] for name, values in people().items()}, profiles={"user_id": people()["user_id"], "shoe": [n % 9 for n in range(LEADS)]},
        weather={"town": ["a", "b"], "rain": [1, 2]},
    )  # fmt: skip
    used = [line_of(proposal, name) for name in ("logins", "calls")]
    assert "events" in used  # of two logs of like size, one
    (other,) = [u for u in used if u != "events"]
    assert (
        other.startswith("not used: dated acts of leads (user_id), but events reads one source")
        and "UNION ALL BY NAME" in other
    )
    assert line_of(proposal, "old_users").startswith("not used: leads reads one source")
    assert "user_id holds 100% of leads.user_id" in line_of(proposal, "profiles")
    assert line_of(proposal, "weather").endswith(
        "neither its name nor its columns say what it is, and no column names a lead"
    )


def test_a_table_that_lacks_a_column_is_said_to(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, users=people(), stages=stages(), merges={"a": ["x"], "b": ["y"]})
    assert "has no column for from, into, merged_at" in line_of(proposal, "merges")


def test_a_key_that_repeats_is_named_with_its_count(tmp_path: Path) -> None:
    columns = {name: [*values, *values[:2]] for name, values in people().items()}
    proposal = proposed(tmp_path, users=columns, stages=stages())
    assert any("2 rows repeat keys of others" in str(g) for g in proposal.guesses if g.what == "tables.leads.key")
    twice = {name: [*values, *values[:200]] for name, values in people().items()}
    with pytest.raises(DataError, match=r"no column for key \(user_id: 200 rows repeat keys of others\)"):
        proposed(tmp_path, users=twice, stages=stages())


def test_parquet_and_globs_are_read_by_the_same_query(tmp_path: Path) -> None:
    rows = len(logins()["user_id"])
    for part in range(2):
        table = pa.table(logins()).slice(part * rows // 2, rows // 2 + part)
        pq.write_table(table, tmp_path / f"logins_{2023 + part}.parquet")
    proposal = proposed(tmp_path, users=people(), stages=stages())
    query = yaml.safe_load(proposal.config)["tables"]["events"]["source"]["query"]
    assert "'logins' as" in query and "read_parquet(" in query and "logins_*.parquet" in query
    assert check(parse_config(proposal.config)).rows["events"] == rows
