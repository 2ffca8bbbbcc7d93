"""What the data supported, on the page: the rung's sentence, the sample, pooled levels and steady drivers."""

from __future__ import annotations

from page_parser import parsed
from page_records import record

from leadline.model.fitting import small_data
from leadline.report.card.card import model_card
from leadline.report.pages.page import report_page
from leadline.report.sections.model.drivers import stability_parts, support_sentences


def told() -> dict:
    made = record()
    made["complexity"] = small_data.complexity_for(91, 400, 4).to_record()
    made["sample"] = {
        "snapshots": 1200, "positives": 180, "leads": 400, "positive_leads": 61, "accounts": 300, "correlation": 0.3,
        "design_effect": 2.4, "effective": 500.0, "effective_positives": 75.0,
    }  # fmt: skip
    made["rare_levels"] = {"job title": 0.083}
    groups = [d["group"] for d in made["drivers"]]
    made["stability"] = {
        "refits": 8, "top": 6, "comes_back": 0.75,
        "drivers": [{"group": g, "share_low": 0.1, "share_high": 0.2, "rank_low": 1, "rank_high": 3} for g in groups],
    }  # fmt: skip
    return made


def test_the_page_says_what_was_fitted_and_why_and_what_snapshots_are_worth() -> None:
    made = told()
    first, second, third = support_sentences(made)
    assert made["complexity"]["reason"] in first and "regression" in first
    assert "500" in second and "1,200 snapshots" in second and "design effect of 2.4" in second
    assert "job title (8.3% of snapshots)" in third
    words = parsed(report_page(made)).all("main")[0].words()
    assert all(text in words for text in (first, second, third))


def test_where_no_lead_has_an_account_no_page_and_no_card_speaks_of_drawing_them() -> None:
    made = told()
    assert "over accounts" in model_card(made) and "leads of one account" in " ".join(support_sentences(made))
    made["sample"] |= {"accounts": 400}
    page = parsed(report_page(made)).all("main")[0].words()
    for text in (page, model_card(made)):
        assert "bootstrap over leads" in text and "samples of leads" in text
        assert (
            "bootstrap over accounts" not in text and "samples of accounts" not in text and "whole accounts" not in text
        )
    assert stability_parts(made)[1].caption.endswith("samples of leads")


def test_drivers_stand_with_the_range_of_their_shares_and_ranks() -> None:
    said, table = stability_parts(told())
    assert "4.5 of the 6 strongest" in said and len(table.rows) == len(record()["drivers"])
    assert "days since it was created" in {row[0].text for row in table.rows}
