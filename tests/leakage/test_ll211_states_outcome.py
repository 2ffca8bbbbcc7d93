"""LL211: levels that state an outcome, a follow-up or a judgement of sales, and behave so."""

from __future__ import annotations

import pytest

from leadline.leakage.vocabulary import tells_of_the_past, written_by_sales
from suspects import dated, flat, outcomes, told, words

SALES = [
    "will revert after reading the email", "ringing", "switched off", "already a student", "lost to competitor", "closed by us", "not interested",
    "no answer", "did not pick up", "call back later", "left a message", "voicemail", "wrong number given", "invalid number", "hung up", "worst",
    "high in relevance", "not sure", "potential lead", "hot", "converted", "customer", "won", "closed - converted", "disqualified", "in touch with us",
 "still thinking", "demo done", "first attempt", "no budget", "went with another vendor", "DNP", "not connected", "admission taken", "fees paid",
 "seat booked", "joined other institute", "No contesta", "Teléfono apagado", "se inscribirá tras leer", "kein Interesse", "nicht erreicht", "Angebot verschickt",
 "Rückruf gewünscht", "ne répond pas", "devis envoyé", "não tem interesse", "proposta enviada", "geen interesse", "non risponde", "Puede ser", "Heiß",
]  # fmt: skip
PLAIN = [
    "customer success manager", "head of sales", "organic search", "referral", "closed-end funds", "lost & found", "hotel", "callao", "no", "yes", "unknown",
    "married", "entrepreneur", "telephone", "cellular", "high school", "university degree", "demo request", "contact form", "win-back 2024", "success",
    "failure", "interested in product a", "warm-water pumps", "open source", "signed-up newsletter", "cold storage", "profesional en activo", "búsqueda orgánica", "Maschinenbau", "Empfehlung", "sans emploi", "indicação", "Termin",
    "dropshipping", "paid search", "fee-based adviser", "documents", "connected home", "no card", "mailbox rental", "professional.course", "opportunity fund",
]  # fmt: skip


@pytest.mark.parametrize("level", SALES)
def test_sales_words_are_known(level: str) -> None:
    assert written_by_sales(level)


@pytest.mark.parametrize("level", PLAIN)
def test_other_words_are_left_alone(level: str) -> None:
    assert not written_by_sales(level)


LEVELS = ["Not interested", "Call back", "Agreed", "Other"]


@pytest.mark.parametrize("kind", [flat, dated])
def test_a_column_of_follow_ups_is_refused_and_its_shared_levels_named(tmp_path, kind) -> None:
    rng, y = outcomes()
    column = words(rng, y, [*LEVELS, "secret no answer"], [0.05, 0.15, 0.6, 0.2, 0.0], [0.496, 0.3, 0.1, 0.1, 0.004])
    found = [f for f in kind(tmp_path, y, {"remark": column}, known_at_creation=["remark"]) if f.code == "LL211"]
    assert [f.subject for f in found] == ["leads.remark"]
    assert "'not interested'" in found[0].seen and "secret" not in found[0].seen


def test_words_that_do_not_behave_so_are_left_alone(tmp_path) -> None:
    rng, y = outcomes()
    same = [0.25, 0.25, 0.25, 0.25]
    assert told(flat(tmp_path, y, {"remark": words(rng, y, LEVELS, same, same)}), "LL211") == []


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (["Working", "Student", "Retired", "Other"], []),  # one word that could be an answer of the form
        (["Not sure", "Now", "Soon", "Later"], []),
        (["Existing customer", "New", "Former", "Other"], []),
        (["Hot", "Other", "Cold", "Plain"], ["remark"]),  # two of them
        (["Won", "Other", "Plain", "More"], ["remark"]),  # one that no form has
    ],
)
def test_a_word_that_forms_have_too_counts_beside_a_second_one(tmp_path, levels, expected) -> None:
    rng, y = outcomes()
    column = words(rng, y, levels, [0.6, 0.25, 0.05, 0.1], [0.2, 0.25, 0.45, 0.1])
    assert told(flat(tmp_path, y, {"remark": column}), "LL211") == expected


@pytest.mark.parametrize("column", ["previous_outcome", "outcome_prev", "Prior Result", "poutcome"])
def test_an_earlier_campaign_was_over_at_creation(tmp_path, column) -> None:
    rng, y = outcomes()
    assert tells_of_the_past(column)
    assert (
        told(flat(tmp_path, y, {column: words(rng, y, LEVELS, [0.1, 0.1, 0.5, 0.3], [0.4, 0.3, 0.1, 0.2])}), "LL211")
        == []
    )
