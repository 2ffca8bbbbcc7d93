"""Words with which sales writes down an outcome, an attempt to reach somebody, or a judgement, in plain English."""

from __future__ import annotations

import re

__all__ = ["tells_of_the_past", "written_by_sales"]

WHOLE = """
    won|lost|closed|open|sold|purchased|bought|enrolled|admitted|signed|converted|not converted|customer|existing customer|client
    |qualified|unqualified|not qualified|disqualified|rejected|junk|spam|dead|dormant|nurture|recycled|unresponsive|contacted
    |interested|busy|ringing|no show|hot|warm|cold|worst|not sure|might be|may ?be|deal (won|lost|closed)
    |working|in progress|negotiation|proposal sent|quote sent|contract (sent|signed)|follow[ -]?up|open deal
"""
"""Said of a lead when they are the whole value."""

PHRASES = """
    ^(closed|lost|won|sold|signed|converted)\\b.{0,20}\\b(by|to|with|won|lost|converted|elsewhere|competitor)\\b
    |^already (a|an|is|enrolled|purchased|bought|has|have|working with)\\b
    |\\b(not|never|no longer|very|highly|somewhat|slightly) (interested|reachable|responding|answering|picking|contactable|eligible|looking|convinced)\\b
    |\\bno (answer|response|reply|contact|interest|budget|requirement)\\b|\\b(did|does|do)( not|n'?t) (answer|respond|reply|pick|want|qualify)\\b
    |\\bwill (revert|call|respond|reply|think|decide|get back|join|buy|enrol)\\b|\\bshall (take|call|join|decide)\\b
    |\\b(call|called|get|got|come) ?back\\b|\\bswitched off\\b|\\bout of (reach|coverage|service)\\b|\\bvoice ?mail\\b|\\bleft (a )?message\\b
    |\\b(hang|hung|hangs) ?up\\b|\\bhangup\\b|\\b(wrong|invalid|bad|disconnected) (number|phone|e-?mail|contact)\\b
    |\\bunreachable\\b|\\bfollow(ed)?[ -]?up (done|needed|required|call|later)\\b|\\bin (touch|contact|discussion|negotiations?) with\\b
    |\\bstill (thinking|deciding|considering)\\b|\\bneeds? (more )?time\\b|\\b(meeting|demo|visit|call|interview) (held|done|given|completed|attended|missed)\\b
    |\\battempt(ed)? (to )?contact|\\b(1st|2nd|3rd|first|second|third|final) attempt\\b|\\bchose (a )?competitor\\b|\\bwent with\\b
    |^(very )?(high|medium|low) in \\w+$|^(high|medium|low|good|poor|bad) (quality|relevance|interest|potential|intent|fit)$
    |^(potential|hot|warm|cold|good|bad|dead|junk|serious) (lead|customer|client|buyer|prospect)s?$
"""
"""Said of a lead wherever they stand in the value."""

LINES = re.compile(r"\s*\n\s*")
SALES = re.compile(f"^({LINES.sub('', WHOLE)})$|{LINES.sub('', PHRASES)}")
PAST = re.compile(
    r"(^|_)(previous|previously|prev|prior|past|former|earlier|historic|historical|last_campaign|p?outcome_prev|poutcome)(_|$)"
)


def written_by_sales(level: str) -> bool:
    """Tell whether a value, in lower case, states an outcome, an attempt to reach somebody, or a judgement of sales.

    Examples
    --------
    >>> [written_by_sales(w) for w in ("not interested", "switched off", "lost to competitor", "high in relevance", "won")]
    [True, True, True, True, True]
    >>> [written_by_sales(w) for w in ("customer success manager", "organic search", "low voltage", "callao", "married")]
    [False, False, False, False, False]
    """
    return bool(SALES.search(re.sub(r"[^\w'&-]+", " ", level).strip()))


def tells_of_the_past(column: str) -> bool:
    """Tell whether a column's name says that it is about an earlier campaign or contact, which was over at creation.

    Examples
    --------
    >>> [tells_of_the_past(c) for c in ("poutcome", "Previous Outcome", "outcome_prev", "Call Outcome")]
    [True, True, True, False]
    """
    return bool(PAST.search(re.sub(r"[^a-z0-9]+", "_", column.lower())))
