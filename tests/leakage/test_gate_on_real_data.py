"""What the gate says of the four real data sets, leaks left in; the data aren't part of the project."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

import leadline
from leadline.config.load import parse_config
from leadline.core.checks import Findings

CONFIGS = Path(__file__).parents[2] / "configs"
DATA = os.environ.get("LEADLINE_DATA", "")
pytestmark = pytest.mark.skipif(not DATA, reason="set LEADLINE_DATA to the folder of real data")

CLOSED_DEALS = """seller_id sdr_id sr_id business_segment lead_type lead_behaviour_profile has_company has_gtin average_stock
business_type declared_product_catalog_size declared_monthly_revenue""".split()


def look(name: str, as_of: str | None, *changes: tuple[str, str]) -> Findings:
    """What `check` finds for a config of configs/ with some of its text changed."""
    text = (CONFIGS / f"{name}.yaml").read_text(encoding="utf-8")
    for pattern, new in changes:
        text, count = re.subn(pattern, new, text, flags=re.MULTILINE | re.DOTALL)
        assert count == 1, pattern
    return leadline.check(parse_config(text, f"{name}.yaml", {"LEADLINE_DATA": DATA}), as_of).findings


def columns(found: Findings, severity: str, *codes: str) -> set[str]:
    """The columns that the gate tells of with a severity."""
    wanted: Any = codes or tuple(f"LL2{n:02d}" for n in range(100))
    return {f.subject.partition(".")[2] for f in found if f.severity == severity and f.code in wanted}


@pytest.mark.parametrize("as_of", [None, "640000"])
def test_xeducation(as_of: str | None) -> None:
    found = look("xeducation", as_of, (r"^    exclude:.*?\n\n", "\n"))  # and known_at_creation, which stands below it
    assert {"Tags", "Lead Quality", "Lead Profile"} <= columns(found, "error", "LL211")
    assert columns(found, "error", "LL201") == {"Last Activity", "Last Notable Activity"}
    assert columns(found, "warning", "LL205") == {
        f"Asymmetrique {what} {kind}" for what in ("Activity", "Profile") for kind in ("Index", "Score")
    }
    asked = columns(found, "error", "LL208")
    assert "Total Time Spent on Website" in asked
    assert asked <= {"Total Time Spent on Website", "What is your current occupation"}
    assert not {"Lead Source", "Lead Origin"} & (columns(found, "error") | columns(found, "warning"))


@pytest.mark.parametrize("as_of", [None, "36000"])
def test_bank(as_of: str | None) -> None:
    found = look("bank", as_of, (r"exclude: \[duration\]", "exclude: []"))
    assert columns(found, "error") == {"duration"}
    assert columns(found, "error", "LL208") == {"duration"}
    assert columns(found, "warning") <= {"emp.var.rate", "cons.price.idx", "cons.conf.idx", "euribor3m", "nr.employed"}


JOIN = """
      query: >
        select m.*, {columns} from read_csv('${{LEADLINE_DATA}}/olist/olist_marketing_qualified_leads_dataset.csv') as m
        left join read_csv('${{LEADLINE_DATA}}/olist/olist_closed_deals_dataset.csv') as d on d.mql_id = m.mql_id"""


@pytest.mark.parametrize("as_of", [None, "2018-05-15"])
@pytest.mark.parametrize("renamed", [False, True])
def test_olists_closed_deals_are_refused_by_place_and_by_how_they_are_filled(as_of: str | None, renamed: bool) -> None:
    prefix = "x_" if renamed else ""
    picked = ", ".join(f"d.{c} as {prefix}{c}" for c in CLOSED_DEALS)
    source = (r'(?<=source:) "\$\{LEADLINE_DATA\}/olist/olist_marketing\w+\.csv"', JOIN.format(columns=picked))
    found = look("olist", as_of, source, (r"attributes: \[origin, landing_page_id\]", "attributes: all"))
    expected = {prefix + c for c in CLOSED_DEALS}
    assert columns(found, "error") == expected
    assert columns(found, "error", "LL202") == (set() if renamed else expected)
    assert columns(found, "error", "LL209") == expected


def test_bpi2012_tells_the_work_that_comes_after_the_outcome() -> None:
    found = look("bpi2012", "2011-12-15")
    (late,) = [f for f in found if f.code == "LL120"]
    assert "Nabellen offertes/complete" in late.seen and "Valideren aanvraag/complete" in late.seen
    assert columns(found, "error") == set()


@pytest.mark.parametrize(
    ("name", "as_of"), [("xeducation", "640000"), ("bank", "36000"), ("olist", "2018-05-15"), ("bpi2012", "2011-12-15")]
)
def test_the_configs_as_they_stand_pass(name: str, as_of: str) -> None:
    assert columns(look(name, as_of), "error") == set()
