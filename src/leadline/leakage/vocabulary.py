"""Words with which sales writes down an outcome, an attempt to reach somebody, or a judgement.

Some say it whatever the column is about (`won`, `not interested`, `did not pick up`); others are answers of forms,
too (`working`, `not sure`, `existing customer`), and count only beside a second one.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["ABROAD", "LOOSE_ABROAD", "could_be_an_answer", "tells_of_the_past", "without_accents", "written_by_sales"]


# What sales writes down in Spanish, Portuguese, French, German, Dutch and Italian, without accents.


ABROAD = """
    \\bno (le )?interesad[oa]s?\\b|\\bno le interesa\\b|\\bno (contesta|responde|contesto|respondio|localizad[oa])\\b|\\b(volver a|vuelve a) llamar\\b
    |\\bllamar (luego|despues|mas tarde)\\b|\\btelefono apagado\\b|\\bnumero (equivocado|incorrecto|invalido)\\b|\\bbuzon de voz\\b|\\bilocalizable\\b
    |^ya (es|esta|compro|tiene|inscrito)\\b|\\bse inscribira\\b|^matriculad[oa]\\b|\\bcita (agendada|concertada)\\b|\\b(propuesta|cotizacion) enviada\\b
    |\\bpresupuesto enviado\\b|^(cerrado )?(ganado|perdido)$|^(descartado|convertido)$
    |\\bsem (resposta|retorno|contato)\\b|\\bnao (tem interesse|atende|atendeu|responde|respondeu|interessad[oa])\\b|\\bligar (depois|mais tarde|novamente)\\b
    |\\bretornar (a )?ligacao\\b|\\bnumero errado\\b|\\bcaixa postal\\b|\\bproposta (enviada|aceita|recusada)\\b|\\breuniao agendada\\b|^(ganho|desqualificado)$
    |^ja (e|comprou|possui)\\b|^lead qualificado$
    |\\bpas interesse(e)?\\b|\\bne repond pas\\b|\\bpas de reponse\\b|\\binjoignable\\b|\\b(a rappeler|rappeler plus tard)\\b|\\b(mauvais|faux) numero\\b|\\b(messagerie|repondeur)\\b
    |\\b(rdv|rendez-vous) (pris|fixe)\\b|\\bdevis (envoye|signe|refuse)\\b|\\bproposition envoyee\\b|^(gagne|perdu)$|^deja client|\\bsans suite\\b
    |\\bkein(en?)? (interesse|bedarf)\\b|\\bnicht (erreicht|erreichbar|interessiert)\\b|\\bruckruf\\b|\\b(spater|erneut|nochmal) anrufen\\b|\\btermin (vereinbart|abgesagt)\\b
    |\\bangebot (verschickt|versandt|gesendet|abgelehnt|angenommen)\\b|\\bfalsche (ruf)?nummer\\b|^(gewonnen|verloren|wiedervorlage|unqualifiziert|disqualifiziert)$|^bereits kunde
    |\\bauftrag (erteilt|erhalten)\\b
    |\\bgeen (interesse|gehoor|reactie)\\b|\\bterugbellen\\b|\\bofferte (verstuurd|verzonden)\\b|\\bniet (geinteresseerd|bereikbaar)\\b|\\bafspraak gemaakt\\b|\\bverkeerd nummer\\b
    |\\bnon (interessat[oa]|risponde|raggiungibile)\\b|\\bda richiamare\\b|\\bnumero errato\\b|\\bpreventivo inviato\\b|\\bappuntamento fissato\\b|^gia cliente
"""

"""Said of a lead whatever the column is about."""

LOOSE_ABROAD = """
    ^(cliente|interesad[oa]|caliente|tibi[oa]|fri[oa]|vendid[oa]|cerrado|inscrit[oa]|puede ser|no seguro|pesimo|(alta|media|baja) (relevancia|calidad)|en curso)$
    |^(interessad[oa]|quente|morno|fechado|perdido|talvez)$|\\bsem (interesse|orcamento)\\b|\\bsin (interes|presupuesto)\\b
    |^(client|chaud|tiede|froid|signe|interesse|en cours)$
    |^(kunde|bestandskunde|interessent|heiss|warm|kalt|offen|abgeschlossen|verkauft|in bearbeitung|storniert)$
    |^(klant|heet|koud|gesloten|gewonnen|verloren)$|^(cliente acquisito|caldo|tiepido|freddo|vinto|perso)$
"""

"""The same, but forms have them as answers, too."""

WHOLE = """
    won|lost|converted|not converted|qualified|unqualified|not qualified|disqualified|junk|recycled|unresponsive|ringing
    |deal (won|lost|closed)|proposal sent|quote sent|contract (sent|signed)|follow[ -]?up( \\d)?|open deal|not connected
    |(admission|booking|sale|deal|enrol(l)?ment) (taken|done|confirmed|complete|completed)|(seat|unit|flat|car) booked
    |(fees?|token|deposit|payment) (paid|received)|payment (link )?sent|offer accepted|(documents?|payment) pending
    |dropped|dropped out|plan dropped|dnp|rnr|cbl
"""

"""Said of a lead when they are the whole value."""

LOOSE_WHOLE = """
    closed|open|sold|purchased|bought|enrolled|admitted|signed|customer|existing customer|client|rejected|spam|dead|dormant
    |nurture|contacted|connected|interested|busy|no show|hot|warm|cold|worst|not sure|might be|may ?be|working|in progress
    |negotiation|ni
"""

"""The same, but forms have them as answers, too."""

PHRASES = """
    ^(closed|lost|won|sold|signed|converted)\\b.{0,20}\\b(by|to|with|won|lost|converted|elsewhere|competitor)\\b
    |^already (a|an|is|enrolled|purchased|bought|has|have|working with)\\b|\\b(joined|bought|enrolled|looking) (another|other|elsewhere)\\b
    |\\b(not|never|no longer) (interested|reachable|responding|answering|picking|contactable|looking|convinced)\\b
    |\\bno (answer|response|reply)\\b|\\b(did|does|do)( not|n'?t) (answer|respond|reply|pick|want|qualify)\\b
    |\\bwill (revert|call|respond|reply|think|decide|get back|join|buy|enrol)\\b|\\bshall (take|call|join|decide)\\b
    |\\b(call|called|get|got|come) ?back\\b|\\bswitched off\\b|\\bout of (reach|coverage|service)\\b|\\bvoice ?mail\\b|\\bleft (a )?message\\b
    |\\b(hang|hung|hangs) ?up\\b|\\bhangup\\b|\\b(wrong|invalid|bad|disconnected) (number|phone|e-?mail|contact)\\b
    |\\bunreachable\\b|\\bfollow(ed)?[ -]?up (done|needed|required|call|later)\\b|\\bin (touch|contact|discussion|negotiations?) with\\b
    |\\b(meeting|demo|visit|call|interview) (held|done|given|completed|attended|missed)\\b
    |\\battempt(ed)? (to )?contact|\\b(1st|2nd|3rd|first|second|third|final) attempt\\b|\\bchose (a )?competitor\\b|\\bwent with\\b
    |^(potential|hot|warm|cold|good|bad|dead|junk|serious) (lead|customer|client|buyer|prospect)s?$
"""

"""Said of a lead wherever they stand in the value."""

LOOSE_PHRASES = """
    \\b(very|highly|somewhat|slightly) (interested|convinced)\\b|\\bnot eligible\\b|\\bno (contact|interest|budget|requirement)\\b|\\bbudget (issue|constraint)\\b
    |\\bstill (thinking|deciding|considering)\\b|\\bneeds? (more )?time\\b
    |^(very )?(high|medium|low) in \\w+$|^(high|medium|low|good|poor|bad) (quality|relevance|interest|potential|intent|fit)$
"""

LINES = re.compile(r"\s*\n\s*")


def _any(whole: str, phrases: str, abroad: str) -> re.Pattern[str]:
    return re.compile("|".join(LINES.sub("", part) for part in (f"^({whole})$", phrases, abroad)))


SURE = _any(WHOLE, PHRASES, ABROAD)

LOOSE = _any(LOOSE_WHOLE, LOOSE_PHRASES, LOOSE_ABROAD)

PAST = re.compile(
    r"(^|_)(previous|previously|prev|prior|past|former|earlier|historic|historical|last_campaign|p?outcome_prev|poutcome)(_|$)"
)


def without_accents(text: str) -> str:
    """Spell text in lower case without accents.

    Examples
    --------
    >>> without_accents("Última Conversión"), without_accents("Heiß")
    ('ultima conversion', 'heiss')
    """
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


def _plain(level: str) -> str:
    return re.sub(r"[^\w'&-]+", " ", without_accents(level)).strip()


def written_by_sales(level: str) -> bool:
    """Tell whether a value states an outcome, an attempt to reach somebody, or a judgement of sales.

    Examples
    --------
    >>> [written_by_sales(w) for w in ("not interested", "switched off", "lost to competitor", "no contesta", "kein Interesse")]
    [True, True, True, True, True]
    >>> [written_by_sales(w) for w in ("customer success manager", "organic search", "low voltage", "callao", "married")]
    [False, False, False, False, False]
    """
    said = _plain(level)
    return bool(SURE.search(said) or LOOSE.search(said))


def could_be_an_answer(level: str) -> bool:
    """Tell whether a value that sales writes down is an answer of forms, too.

    Examples
    --------
    >>> [could_be_an_answer(w) for w in ("not sure", "existing customer", "working", "not interested", "won")]
    [True, True, True, False, False]
    """
    return not SURE.search(_plain(level))


def tells_of_the_past(column: str) -> bool:
    """Tell whether a column's name says that it is about an earlier campaign or contact, which was over at creation.

    Examples
    --------
    >>> [tells_of_the_past(c) for c in ("poutcome", "Previous Outcome", "outcome_prev", "Call Outcome")]
    [True, True, True, False]
    """
    return bool(PAST.search(re.sub(r"[^a-z0-9]+", "_", column.lower())))
