"""A scorecard and an audit of rules for tests of pages: figures by the judge's own functions on made-up rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from leadline.core.jsonable import to_jsonable
from leadline.dataset.feature_spec import Feature
from leadline.model.encoding.encoder import Matrix
from leadline.points.card import distill
from leadline.points.card_value import CardCohort, card_bands, evaluate_card
from leadline.points.exports import scorecard_rows
from leadline.points.rules_audit import RulesReport, audit_rules, capture_overlap, stage_audit


def records(specs: Sequence[Feature], values: pd.DataFrame, cohort: CardCohort) -> dict[str, Any]:
    """Return the records `points_card` and `rules_audit`."""
    n = np.arange(len(values))
    card = distill(specs, Matrix(values, cohort.y, cohort.weight, cohort.lead, n, n + 1), cohort.said["model"])
    scored = CardCohort(**(vars(cohort) | {"said": {"card": card.score(values) * 1.0, **cohort.said}}))
    fires = np.column_stack([values["n_pricing"] > 0, values["n_blog"] > 0])
    source = np.where(n % 4 == 0, "fair", "web").astype(object)
    stage = stage_audit(cohort, "mql", np.asarray(values["n_docs"] > 0), 7)
    made = RulesReport(
        len(n), int(cohort.y.sum()), audit_rules(cohort, fires, [20.0, 10.0], 7), capture_overlap(cohort, {"source": source}),
        () if stage is None else (stage,),
    )  # fmt: skip
    said = [
        {"behaviour": b, "words": f"did {b}", "within": "90d", "days": 90.0, "attribute": None, "equals": None}
        for b in ("pricing", "blog")
    ]
    unpaid = {
        "name": "demo", "words": "did demo", "intent": "purchase", "leads": 90, "with_it": 0.2, "without_it": 0.1,
        "lift": 2.0, "low": 1.2, "high": 3.1, "window": "90d",
    }  # fmt: skip
    laid = (
        to_jsonable([vars(b) for b in card_bands(scored)]),
        to_jsonable([vars(b) for b in card_bands(scored, "points")]),
    )
    return {
        "points_card": {
            "rows": scorecard_rows(card, specs, {}), "bands": laid[0], "today": laid[1],
            "worth": evaluate_card(scored, 7, 20).to_record(), "learnt_from": len(n), "weekly": True, "roles": {}, "reason": "",
        },
        "rules_audit": {**made.to_record(), "definitions": said, "unpaid": [unpaid], "weekly": True, "reason": ""},
    }  # fmt: skip
