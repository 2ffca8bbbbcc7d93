"""The section on past nights: it names everybody, warns of what never closes, and says why where there are none."""

from __future__ import annotations

from typing import Any

from page_records import flat_record, record

from leadline.evaluation.baselines import RANKERS
from leadline.report.parts import Collapsed, PageTable
from leadline.report.sections.model.topk_backtest import hardest_rival, topk_section


def said(made: dict[str, Any]) -> str:
    """All paragraphs, the folded ones too."""
    parts = [
        inner for part in topk_section(made).parts for inner in (part.parts if isinstance(part, Collapsed) else (part,))
    ]
    return " ".join(part for part in parts if isinstance(part, str))


def test_everybody_stands_in_the_table_with_what_the_model_is_ahead_by() -> None:
    section = topk_section(record())
    table, won = [part for part in section.parts if isinstance(part, PageTable)]
    assert (
        [row[0].text for row in table.rows] == [ranker.label for ranker in RANKERS] == [row[0].text for row in won.rows]
    )
    assert table.rows[0][3].text == "–" and table.rows[1][3].text == "+1" and won.rows[1][5].text == "−5 to −1"
    assert "the top 12 leads at each of 6 scoring dates" in section.found
    # Law 10: the hardest comparison with its interval, and the verdict where it holds zero; a random order isn't that.
    assert "lead over current scoring rules, +1 SQLs (95% interval −1 to +2), isn’t proven" in section.found
    assert "random order" not in section.found


def test_the_hardest_rival_is_the_one_over_which_the_lead_is_smallest() -> None:
    gaps = [{"by": "points", "sqls": 16.0, "sqls_low": 1.0}, {"by": "logistic", "sqls": 6.0, "sqls_low": -6.0}, {"by": "random", "sqls": 75.0, "sqls_low": 50.0}]  # fmt: skip
    assert hardest_rival({"model_minus_baseline": gaps})["by"] == "logistic"
    assert hardest_rival({}) is None


def test_what_never_closes_thinning_and_optimism_are_said() -> None:
    words = said(record())
    assert "as many SQLs as current scoring rules" in words and "LL309" in words
    assert "thinned" in words and "AUC 0.80 and lift 3.5; forward in time, as in use, it is 0.72 and 2.1" in words
    even = record()
    even["nights"]["thinned"] = False
    for gap in even["nights"]["model_minus_baseline"]:
        gap["won_high"] = None
    words = said(even)
    assert "LL309" not in words and "thinned" not in words


def test_without_nights_the_reason_is_said() -> None:
    assert topk_section(flat_record()).found == "No top-N backtest: a flat file doesn’t say when its rows were open."
