"""Scorecard of a trained home: in the record, the bundle and the files; what is judged never saw the newest fold."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leadline import report
from leadline.config.modeling import AuditPlan
from leadline.points.card import PointsCard
from leadline.points.exports import parse_scorecard_row
from leadline.workflows.training.points import DistilledCard, distill_card, rules_audit_record


@pytest.fixture(scope="module")
def told(trained_home) -> dict[str, object]:
    return json.loads((trained_home[0] / trained_home[1].folder / "record.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def drawn(trained_home) -> DistilledCard:
    return distill_card(trained_home[1].fitted)


def test_the_record_holds_a_card_its_worth_and_the_audit(told) -> None:
    card, audit = told["points_card"], told["rules_audit"]
    assert 3 <= len(card["rows"]) <= 25 and card["reason"] == "" and card["bands"][0]["name"] == "A"
    assert {"card", "model", "logistic", "points"} == set(card["worth"]["by"])
    assert 0.4 < card["worth"]["kept"]["value"] < 1.6
    assert len(audit["rules"]) == len(audit["definitions"]) == 8 and audit["stages"][0]["stage"] == "mql"
    cut = next(c for c in told["capacity"] if abs(c["leads_per_week"] - 40) < 1)
    assert card["worth"]["by"]["model"]["expected"]["value"] == pytest.approx(cut["expected"], abs=0.5)
    assert {"source", "deepest intent so far"} == set(audit["caught"]["who"])


def test_the_card_that_is_judged_never_saw_the_newest_fold(trained_home, drawn: DistilledCard) -> None:
    fitted = trained_home[1].fitted
    honest = fitted.honest
    poisoned = honest.probability.copy()
    poisoned[honest.judged] = np.random.default_rng(1).random(int(honest.judged.sum()))
    one = drawn
    two = distill_card(replace(fitted, honest=replace(honest, probability=poisoned)))
    assert one.worth is not None and two.worth is not None
    assert one.worth.by["card"] == two.worth.by["card"] and one.worth.by["model"] != two.worth.by["model"]
    assert one.card != two.card  # the card that is handed out is made of all folds


def test_a_run_that_no_fold_judged_says_so(trained_home) -> None:
    fitted = trained_home[1].fitted
    honest = fitted.honest
    none = replace(fitted, honest=replace(honest, judged=np.zeros(len(honest.judged), dtype=bool)))
    assert distill_card(none).card.rows == () and "no fold" in distill_card(none).reason
    assert "no fold" in rules_audit_record(none)["reason"]


def test_rules_are_audited_on_closed_won_where_the_config_asks(trained_home) -> None:
    fitted = trained_home[1].fitted
    assert rules_audit_record(fitted)["won"] is None
    asked = replace(fitted, config=fitted.config.model_copy(update={"audit": AuditPlan(reaches="won")}))
    won = rules_audit_record(asked)["won"]
    at = np.unique(fitted.honest.row)
    known = at[np.isfinite(fitted.made.labels.won[at])]
    leads = set(fitted.matrix.lead[known][fitted.made.labels.won[known] > 0])
    assert (won["rows"], won["leads"]) == (len(known), len(leads)) and len(leads) > 0
    assert [rule["given"] for rule in won["rules"]] == [rule.points for rule in fitted.config.rules]


def test_report_writes_the_lists_of_leads_beside_the_page_and_the_page_links_them(home: Path, told) -> None:
    made = report("demo.yaml", "out/page.html")
    counts = {a["action"]: a["leads"] for a in told["open_leads"]["actions"] if a["leads"]}
    lines = {path.name: list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))) for path in made.lists}
    assert {name: len(rows) for name, rows in lines.items()} == {
        f"page_{action}.csv": n for action, n in counts.items()
    }
    page, record = made.page.read_text(encoding="utf-8"), made.data.read_text(encoding="utf-8")
    for name, rows in lines.items():
        assert f'href="{name}"' in page
        assert not [row["lead_id"] for row in rows if row["lead_id"] in page or row["lead_id"] in record]


def test_report_writes_the_tables_beside_the_page(home: Path, told) -> None:
    made = report("demo.yaml", "out/page.html")
    assert [path.name for path in made.points] == [f"page_points_{what}.csv" for what in ("card", "hubspot", "marketo")]
    rows = {path.name: list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))) for path in made.points}
    many = len(told["points_card"]["rows"])
    # Marketo's file begins with the line that sets the score to 0.
    assert len(rows["page_points_hubspot.csv"]) == len(rows["page_points_marketo.csv"]) - 1 == many
    assert [int(line["points"]) for line in rows["page_points_card.csv"][:many]] == [
        r["points"] for r in told["points_card"]["rows"]
    ]


def test_the_bundle_has_the_card_and_it_scores_as_the_record_says(trained_home, told, drawn: DistilledCard) -> None:
    folder, result = trained_home
    text = (folder / result.folder / "points_card.csv").read_text(encoding="utf-8")
    assert text.count("\n") == len(told["points_card"]["rows"]) + len(told["points_card"]["bands"]) + 1
    assert set(PointsCard(tuple(map(parse_scorecard_row, told["points_card"]["rows"]))).rows) == set(drawn.card.rows)
