"""Suspects by name: fields that CRMs overwrite (LL201), and scores and counts that are kept up to date (LL205)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from leadline.leakage.evidence import Answer, GateContext
from leadline.leakage.vocabulary import tells_of_the_past, without_accents

__all__ = [
    "is_counted",
    "is_elapsed",
    "is_mutable",
    "is_rescored",
    "mutable_attribute",
    "rescored_attribute",
]

MUTABLE = frozenset("""
    converted is_customer customer won closed_date conversion_date date_converted account_owner sales_owner owner_email
    contact_owner opportunity_owner deal_owner account_status customer_status current_status current_stage lifecycle
    opportunity_stage opportunity_amount opportunity_id deal_value lost_reason won_reason disqualification_reason
    last_contact_date last_email_date num_activities
    status lead_status hs_lead_status lifecycle_stage lifecyclestage stage stage_name stagename deal_stage dealstage
    statecode statuscode state_code status_code rating lead_rating lead_score leadscore hubspotscore hubspot_score score
    owner owner_id ownerid owner_name hubspot_owner_id hubspot_owner assigned_to sales_rep
    amount deal_amount hs_deal_amount recent_deal_amount total_revenue expected_revenue probability forecast_category
    close_date closedate closed_at is_won iswon is_closed isclosed won_date wondate closed_lost_reason closed_won_reason
    is_converted isconverted last_activity last_activity_date lastactivitydate last_modified_date lastmodifieddate
    last_modified lastmodifieddate systemmodstamp modifiedon modified_on updated_at last_contacted notes_last_contacted
    notes_last_updated last_interaction last_touch last_touch_date last_interesting_moment
    num_contacted_notes num_notes num_associated_deals first_deal_created_date disqualified_reason rejection_reason
    qualified_on mql_date sql_date is_unread_by_owner last_viewed_date last_referenced_date last_transfer_date
    last_stage_change_date last_stage_change_in_days forecast_category_name days_to_close hubspot_owner_assigneddate
    hubspot_team_id hs_latest_source num_conversion_events num_unique_conversion_events hs_predictivecontactscore
    hs_predictivecontactscore_v2 hs_predictivescoringtier hs_deal_stage_probability hs_is_closed hs_is_closed_won
    opportunity_rating_code lead_quality_code sales_stage sales_stage_code step_name stage_id actual_value
    actual_close_date estimated_value estimated_amount estimated_close_date close_probability last_on_hold_time
    on_hold_time last_used_in_campaign qualification_comments behavior_score demographic_score relative_score urgency
    lead_revenue_stage_id revenue_stage
    likelihood_to_close contact_priority times_contacted number_of_times_contacted number_of_sales_activities
    number_of_associated_deals associated_deal sends_since_last_engagement next_activity_date recent_sales_email_opened_date
    first_response_time has_opted_out_of_email unread_by_owner lost_to competitor_lost_to loss_reason win_reason
    time_last_seen last_page_seen event_revenue number_of_unique_forms_submitted status_reason actual_revenue est_revenue
    est_close_date pipeline_phase relative_urgency conversion_time modified_time modified_by last_modified_by
    confirm_interest evaluate_fit initial_communication schedule_follow_up_prospect schedule_follow_up_qualify
    qualifying_opportunity_id budget_status purchase_process follow_up_date next_step
    mkto_is_customer mkto_is_partner person_score person_status lead_stage sales_status sales_outcome call_outcome call_result
    call_status call_disposition disposition contact_outcome final_status outcome
    previous_stage previous_status previous_lead_status previous_owner opportunity_name lost_remarks lost_date lost_at won_at won_time lost_time
    update_time weighted_value expected_close_date est_value est_close lost_reason_detail days_to_conversion
    recent_conversion latest_source latest_traffic_source time_of_last_session time_of_last_visit last_referring_site last_engagement_date
    last_email_received last_email_sent total_activities done_activities activities_to_do email_messages_count closed_deals won_deals lost_deals
    next_follow_up next_followup_date followup_date next_call_date
""".split())  # fmt: skip
"""Names, in the vocabularies of the public CRMs, of fields that somebody overwrites after the lead was created."""

ABROAD = frozenset("""
    leadstatus lead_inhaber leadinhaber kontaktinhaber lifecycle_phase zustandiger_mitarbeiter zustandiger letzte_aktivitat datum_der_letzten_aktivitat
    zuletzt_geandert zuletzt_geandert_am letzte_anderung geandert_am zuletzt_kontaktiert konvertiert konvertiert_am konvertierungsdatum verlustgrund
    absagegrund ablehnungsgrund statusgrund verkaufsphase abschlussdatum wiedervorlage wiedervorlagedatum nachster_schritt kundenstatus
    statut_de_la_piste statut_du_lead statut_du_contact proprietaire_du_contact proprietaire_de_la_piste proprietaire_du_lead derniere_activite
    date_de_la_derniere_activite date_de_derniere_activite derniere_modification date_de_derniere_modification phase_du_cycle_de_vie
    etape_du_cycle_de_vie motif_de_perte motif_de_la_perte raison_de_la_perte date_de_conversion prochaine_etape derniere_conversion
    estado_del_lead estado_del_candidato etapa_del_ciclo_de_vida fase_del_ciclo_de_vida propietario_del_contacto propietario_del_lead
    propietario_del_candidato ultima_actividad fecha_de_la_ultima_actividad fecha_de_ultima_actividad ultima_modificacion
    fecha_de_ultima_modificacion motivo_de_perdida motivo_de_la_perdida fecha_de_conversion etapa_del_negocio proximo_paso ultima_conversion
    fecha_de_seguimiento
    estagio_no_funil estagio_do_funil etapa_do_funil status_do_lead dono_do_lead proprietario_do_lead proprietario_do_contato motivo_de_perda
    motivo_da_perda ultima_conversao ultima_atividade data_da_ultima_atividade data_de_fechamento data_de_conversao proximo_passo
    leadeigenaar eigenaar_van_contactpersoon laatste_activiteit reden_van_verlies levenscyclusfase
    stato_del_lead stato_lead proprietario_del_contatto ultima_attivita motivo_della_perdita fase_del_ciclo_di_vita
""".split())  # fmt: skip
"""The same as CRMs name them in German, French, Spanish, Portuguese, Dutch and Italian."""

MUTABLE_STARTS = (
    "converted_", "hs_date_entered_", "hs_date_exited_", "hs_time_in_", "hs_v2_",
    "hs_lifecyclestage_", "recent_deal_", "recent_conversion_", "notes_last_", "hs_sales_email_", "hs_email_", "hs_last",
    "marketing_emails_", "became_a_", "became_an_", "date_entered_", "date_exited_",
    "hs_latest_", "latest_source_", "hs_time_to_", "hs_analytics_last_", "hs_analytics_num_", "hs_analytics_average_",
)  # fmt: skip
FIXED = frozenset(("hs_email_domain",))  # named alike, but known at creation
JOINED = frozenset(name.replace("_", "") for name in MUTABLE)
LAST_SEEN = re.compile(r"^last_(\w+_)?(activity|interesting|modified|contacted|touch|login|seen|visit|open|click)(_|$)")
RESCORED = re.compile(
    r"(^|_)(activity|engagement|profile|behaviou?r|behaviou?ral|fit|interest|intent|lead|contact|account|demographic|predictive|quality|pardot|nurture)"
    r"_(score|index|grade|rating|points|tier|segment)$"
)
"""Names of the scores and grades that marketing tools keep up to date; when they were computed, nobody can tell."""

MANY = r"(number_of|num|no_of|nr_of|count_of|total|anzahl|numero_de|nombre_de|total_de)"
EFFORT = r"(calls?|call_attempts?|contact_attempts?|dials?|follow_?ups?|touch(es|points)?|sales_activities|activities|meetings?|demos?|kontaktversuche?|anrufe?|llamadas|intentos_de_llamada|ligacoes|appels|relances)"
SEEN = r"(page_?views|sessions|form_submissions|event_completions|conversions|conversoes|conversiones)"
COUNTED = re.compile(
    rf"^{MANY}_({EFFORT}|{SEEN})(_|$)|^average_page_?views$|^{EFFORT}_(count|made|connected|attempts|tries|done|held|completed|attended)$"
    r"|^(call|contact|dial)_attempts$|^intentos_de_(llamada|contacto)$|^(talk|call|handling)_(time|duration|minutes|seconds)(_|$)"
)
"""Names of what is counted up while a lead is worked, or lives on a site."""

SPAN = r"(days?|hours?|weeks?|months?|minutes?|time|duration)"
STATE = r"(stages?|status|phases?|steps?|pipeline|funnel|queue|sales)"
END = (
    r"(clos\w*|won|win|lost|loss|conver\w*|sale|sold|qualif\w*|validat\w*|purchas\w*|decision|sign(ed|ing|ature)?|mql|sql|opportunity|deal"
    r"|enrol\w*|accept\w*|contact\w*|respon\w*|outcome|result)"
)
ELAPSED = re.compile(
    rf"(^|_)(elapsed|lapsed)(_|$)|(^|_){SPAN}_(spent_)?(in|at|per|within|on)_(\w+_)?{STATE}(_|$)"
    rf"|(^|_){SPAN}_(\w+_)?(to|until|till|through|thru|before)_(\w+_)?{END}(_|$)"
    rf"|(^|_){STATE}_(\w+_)?(changes?|transitions?|moves?|updates?|switches)(_|$)|(^|_)(changes?|transitions?|moves?)_(of|in)_{STATE}(_|$)"
    rf"|^{MANY}_(\w+_)?{STATE}(_|$)|(^|_)(ratio|share|pct|percent|percentage|proportion|fraction)_(of_)?(\w+_)?{SPAN}(_|$)"
    rf"|(^|_){SPAN}_(\w+_)?(ratio|share|pct|percent|percentage|proportion|fraction)$|(^|_)cycle_(length|days|time|duration)$"
    r"|(^|_)(deal|opportunity|pipeline)_(age|duration|length|velocity)(_|$)|(^|_)(age|duration)_of_(deal|opportunity)$|^days_(open|worked|idle|stale|stalled)$"
    rf"|^open_days$|(^|_){SPAN}_since_(creat\w*|lead|open\w*|assign\w*|entered|entry|identified|{STATE})(_|$)"
)
"""Names of what is measured over a lead's life, which ends with the outcome: elapsed time, changes of stage, shares of time by stage."""

STEP = re.compile(
    r"(^|_)(test_drive|site_visit|visit|demo|quotation|quote|proposal|contract|agreement|nda|kyc|fees?|token|deposit|invoice|booking|payment|finance|loan|documents?)"
    r"_(done|taken|given|held|attended|completed|sent|paid|approved|sanctioned|submitted|signed|received)$"
)
"""Names of steps on the way to a sale that come after the first contact."""


def snake_case(column: str) -> str:
    """Spell a column's name in lower case with underscores, without accents.

    Examples
    --------
    >>> snake_case("Lead Status"), snake_case("ConvertedDate"), snake_case("property_lifecyclestage")
    ('lead_status', 'converted_date', 'property_lifecyclestage')
    """
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column)
    return re.sub(r"[^a-z0-9]+", "_", without_accents(split)).strip("_")


def is_mutable(column: str) -> bool:
    """Tell whether a column's name is that of a field which CRMs overwrite.

    Examples
    --------
    >>> [is_mutable(c) for c in ("Lead Status", "ConvertedDate", "property_lifecyclestage", "amount_requested", "source")]
    [True, True, True, False, False]
    """
    name = snake_case(column)
    if name in ABROAD or name in FIXED:
        return name in ABROAD
    name = (
        re.sub(r"^(property|properties|lead|contact|deal|person|prospect|opportunity)_(?=\w)", "", name)
        if name not in MUTABLE
        else name
    )
    name = name.removesuffix("_c")
    return (
        name in MUTABLE
        or name.replace("_", "") in JOINED
        or name.startswith(MUTABLE_STARTS)
        or bool(LAST_SEEN.match(name))
    )


def is_rescored(column: str) -> bool:
    """Tell whether a column's name is that of a score which tools compute again and again.

    Examples
    --------
    >>> [is_rescored(c) for c in ("Activity Score", "profile_index", "Fit_Grade__c", "credit_score", "segment")]
    [True, True, True, False, False]
    """
    return bool(RESCORED.search(snake_case(column).removesuffix("_c")))


def is_counted(column: str) -> bool:
    """Tell whether a column's name is that of something counted up, or ticked off, while a lead is worked.

    Examples
    --------
    >>> [is_counted(c) for c in ("Call Attempts", "Number of Pageviews", "test_drive_done", "Application Fee Paid", "visits", "calls")]
    [True, True, True, True, False, False]
    """
    name = snake_case(column).removesuffix("_c")
    return bool(COUNTED.search(name) or STEP.search(name))


def is_elapsed(column: str) -> bool:
    """Tell whether a column's name is that of what is measured over a lead's whole life, up to its end.

    Examples
    --------
    >>> [is_elapsed(c) for c in ("Elapsed Days In Sales Stage", "Sales Stage Change Count", "Ratio Days Validated To Total Days", "days_to_close")]
    [True, True, True, True]
    >>> [is_elapsed(c) for c in ("Total Time Spent on Website", "contract_months", "previous_days_to_close", "stage", "lifetime")]
    [False, False, False, False, False]
    """
    return bool(ELAPSED.search(snake_case(column).removesuffix("_c"))) and not tells_of_the_past(column)


def mutable_attribute(gate: GateContext) -> Iterator[Answer]:
    """Refuse attributes that CRMs overwrite, unless history gives their value at as_of (law 3)."""
    history = (
        "a flat file has no history of it" if gate.config.is_flat else "or give its field history under tables.history"
    )
    for a in gate.judged:
        if is_mutable(a.column):
            yield (
                f"{a.table}.{a.column}", "has the name of a field that CRMs overwrite, often after the outcome", "attributes fixed at creation",
                f"drop it, {history}; if it is another field, accept LL201 with a reason for {a.column}", 0,
            )  # fmt: skip


def rescored_attribute(gate: GateContext) -> Iterator[Answer]:
    """Tell attributes named as what tools or sales keep up to date, unless they are declared or have a history."""
    history = "" if gate.config.is_flat else "give its history, "
    for a in gate.judged:
        if is_mutable(a.column) or gate.declared(a) or not (is_rescored(a.column) or is_counted(a.column)):
            continue
        score = is_rescored(a.column)
        named = (
            "a score that tools recompute as the lead acts"
            if score
            else "a count or a step that grows while a lead is worked"
        )
        yield (
            f"{a.table}.{a.column}", f"has the name of {named}", "its value as it stood at creation",
            f"drop it, {history}or name it in tables.{a.table}.known_at_creation if it is frozen then", 0,
        )  # fmt: skip
