"""What sales writes down in Spanish, Portuguese, French, German, Dutch and Italian, without accents."""

from __future__ import annotations

__all__ = ["ABROAD", "LOOSE_ABROAD"]

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
