"""Lead sets that nobody here has seen: re-created from how public exports and competitions look, with what is a leak in each.

A stranger is (columns, outcomes, leaks, honest): columns that must be refused or asked about, and columns that must be left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Stranger = tuple[dict[str, Any], np.ndarray, set[str], set[str]]
SIZE = 2_500


def drawn(rng: np.random.Generator, size: int, **shares: float) -> np.ndarray:
    """Words by their shares; underscores are blanks."""
    weights = np.array(list(shares.values()))
    return rng.choice([w.replace("_", " ") for w in shares], size, p=weights / weights.sum())


def either(
    rng: np.random.Generator, y: np.ndarray, words: list[Any], positive: list[int], negative: list[int]
) -> list[Any]:
    """Words with other weights for positives than for negatives; None is a word, too."""
    p, q = np.array(positive) / sum(positive), np.array(negative) / sum(negative)
    pick = np.where(y == 1, rng.choice(len(words), len(y), p=p), rng.choice(len(words), len(y), p=q))
    return [words[i] for i in pick]


def happens(rng: np.random.Generator, logit: np.ndarray, shift: float) -> np.ndarray:
    """Outcomes of a logit."""
    return (rng.random(len(logit)) < 1 / (1 + np.exp(-logit - shift))).astype(int)


def spanish_courses(rng: np.random.Generator, n: int = SIZE) -> Stranger:
    """A Spanish school's leads: what advisers wrote is in Spanish; the occupation is honest and strong, for a form's answer."""
    work = drawn(rng, n, Desempleado=60, Profesional_en_activo=12, Estudiante=6)
    y = happens(rng, 1.3 * (work == "Profesional en activo") + rng.normal(size=n) / 2, -0.7)
    remarks = [
        "Se inscribirá tras leer el correo",
        "No contesta",
        "Teléfono apagado",
        "No interesado",
        "Volver a llamar",
        None,
    ]
    columns = {
        "Origen": drawn(rng, n, API=4, Página_de_inicio=5, Formulario=1), "Ocupación actual": work,
        "Ciudad": drawn(rng, n, Seleccione=6, Madrid=2, Bogotá=2), "Visitas totales": rng.poisson(3, n),
        "Observaciones del asesor": either(rng, y, remarks, [45, 3, 2, 1, 9, 40], [2, 20, 9, 15, 12, 42]),
        "Calidad": either(rng, y, ["Alta relevancia", "Puede ser", "No seguro", "Pésimo", None], [25, 30, 9, 1, 35], [5, 12, 14, 12, 57]),
        "Última actividad": either(rng, y, ["Correo abierto", "SMS enviado", "Chat"], [3, 5, 2], [5, 2, 3]),
        "Propietario del contacto": either(rng, y, ["a", "b", "c"], [1, 1, 1], [1, 1, 2]),
    }  # fmt: skip
    leaks = {"Observaciones del asesor", "Calidad", "Última actividad", "Propietario del contacto"}
    return columns, y, leaks, {"Origen", "Ocupación actual", "Ciudad", "Visitas totales"}


def hubspot_contacts(rng: np.random.Generator, n: int = SIZE) -> Stranger:
    """An export of contacts under the labels of the screen; half of what is overwritten is too weak to be noticed by its figures."""
    source = drawn(rng, n, Organic_Search=4, Paid_Search=3, Referrals=1, Offline_Sources=3)
    y = happens(rng, 0.9 * (source == "Referrals") + rng.normal(size=n) / 2, -2.0)
    weak = either(rng, y, ["a", "b", "c"], [4, 3, 3], [3, 4, 3])
    columns = {
        "Original Source": source, "First Conversion": drawn(rng, n, Demo=2, Ebook=4, Newsletter=4),
        "Number of Employees": np.exp(rng.normal(4, 1.5, n)).round(), "Industry": either(rng, y, ["RETAIL", "INSURANCE", None], [3, 2, 4], [3, 2, 5]),
        "Lifecycle Stage": either(rng, y, ["opportunity", "lead", "subscriber"], [9, 1, 0], [0, 7, 3]),
        "Recent Deal Amount": np.where(y == 1, np.exp(rng.normal(9, 1, n)), np.nan), "Latest Source": weak, "Recent Conversion": weak,
        "Contact owner": weak, "Number of Sales Activities": rng.poisson(1 + y), "Time of Last Session": weak,
    }  # fmt: skip
    honest = {"Original Source", "First Conversion", "Number of Employees", "Industry"}
    return columns, y, set(columns) - honest, honest


def call_centre(rng: np.random.Generator, n: int = SIZE) -> Stranger:
    """An admission office with short hands of its own, and an employee's referral that converts at 60 %."""
    source = drawn(rng, n, Portal=50, Ads=20, Walk_in=10, Employee_referral=4)
    y = (rng.random(n) < np.where(source == "Employee referral", 0.6, np.where(source == "Walk in", 0.3, 0.12))).astype(
        int
    )
    remarks = ["DNP", "CBL", "Admission taken", "Joined other institute", "Details sent", "Language barrier"]
    steps = ["Payment link sent", "Form filled", "Details shared", "Fresh", "Not connected"]
    columns = {
        "Source": source, "Course": drawn(rng, n, MBA=4, BBA=3, MCA=2), "12th %": np.where(rng.random(n) < 0.4, np.nan, rng.normal(70, 9, n)),
        "Agent remark": either(rng, y, remarks, [8, 10, 50, 1, 30, 1], [30, 20, 1, 9, 36, 4]), "Sub stage": either(rng, y, steps, [40, 40, 16, 1, 3], [2, 6, 30, 30, 32]),
        "Fee receipt": [f"R{i % 40}" if won else None for i, won in enumerate(y)], "Talk time (sec)": np.where(y == 1, rng.gamma(3, 150, n), rng.gamma(1, 110, n)),
    }  # fmt: skip
    return columns, y, {"Agent remark", "Sub stage", "Fee receipt", "Talk time (sec)"}, {"Source", "Course", "12th %"}


def form_answers(rng: np.random.Generator, n: int = 2 * SIZE) -> Stranger:
    """Answers of a form in words that sales has, too; all were there at creation, and all matter."""
    work, known = drawn(rng, n, Working=5, Student=4, Retired=1), drawn(rng, n, Existing_customer=2, New=8)
    when, budget = drawn(rng, n, Now=3, Within_a_month=3, Not_sure=4), drawn(rng, n, No_budget=3, Less=4, More=3)
    source = drawn(rng, n, Warm_introduction=1, Cold_call=4, Open_day=2, Customer_referral=2)
    logit = (
        1.1 * (work == "Working")
        + 0.9 * (known == "Existing customer")
        - 0.9 * (when == "Not sure")
        - 0.8 * (budget == "No budget")
    )
    y = happens(rng, logit + 0.8 * (source == "Warm introduction") - 0.6 * (source == "Cold call"), -2.0)
    before = np.where(known == "New", "", drawn(rng, n, not_interested=5, bought=3, no_answer=2))
    columns = {
        "work": work,
        "relation": known,
        "when": when,
        "budget": budget,
        "source": source,
        "previous campaign": before,
    }
    return columns, y, set(), set(columns)


def drifting_noise(rng: np.random.Generator, n: int = SIZE) -> Stranger:
    """Sixty columns of noise, fields that appear in the second year, and a base rate that grows with them."""
    time = np.arange(n) / n
    y = (rng.random(n) < 0.06 + 0.3 * time).astype(int)
    columns: dict[str, Any] = {
        "new form field": [w if late else None for w, late in zip(drawn(rng, n, a=1, b=1), rng.random(n) < 2 * time - 0.4, strict=True)],
        "campaign": [f"C{int(t * 15)}" for t in time], "price list": np.floor(time * 12), "agreed": drawn(rng, n, Yes=8, No=2),
    }  # fmt: skip
    for i in range(20):
        columns[f"number {i}"] = np.where(rng.random(n) < i / 21, np.nan, rng.exponential(1, n))
        columns[f"word {i}"] = rng.choice([f"w{k}" for k in range(3 + 5 * i)], n)
        columns[f"rare {i}"] = (rng.random(n) < 0.02).astype(int)
    return columns, y, set(), set(columns)


def leaks_in_company(rng: np.random.Generator, n: int = SIZE) -> Stranger:
    """A CRM in which several fields were overwritten: each is about as strong as all others together."""
    fit = rng.normal(size=n)
    y = happens(rng, fit, -2.0)
    comments = ["Termin vereinbart", "kein Interesse", "nicht erreicht", "Angebot verschickt", None]
    columns = {
        "fit": fit, "region": drawn(rng, n, EMEA=4, AMER=4, APAC=2),
        "priority": either(rng, y, ["P1", "P2", "P3"], [80, 15, 5], [5, 30, 65]), "depth": rng.normal(size=n) + 0.85 * y,
        "comment": either(rng, y, comments, [30, 1, 3, 40, 26], [4, 28, 26, 5, 37]),
        "rival": either(rng, y, ["X", "Y", None], [0, 0, 1], [1, 1, 2]), "revenue": np.where(rng.random(n) < np.where(y == 1, 0.95, 0.1), 5.0, np.nan),
    }  # fmt: skip
    return columns, y, {"priority", "comment", "rival", "revenue"}, {"fit", "region"}


def new_fields(rng: np.random.Generator, n: int = SIZE) -> Stranger:
    """Fields that exist since last autumn only: over the whole file, what they give away is thin."""
    late = np.arange(n) > 0.7 * n
    y = happens(rng, rng.normal(size=n) / 2, -1.2)
    columns = {
        "source": drawn(rng, n, a=3, b=2, c=1), "demo result": [w if there else None for w, there in zip(drawn(rng, n, x=1, z=1), late & (rng.random(n) < 0.05 + 0.9 * y), strict=True)],
        "grade": np.where(late, rng.normal(size=n) + 1.8 * y, np.nan), "seats": np.where(late, rng.normal(size=n) + 0.3 * y, np.nan),
        "old form": [w if then else None for w, then in zip(drawn(rng, n, q=1, w=1), ~late & (rng.random(n) < 0.6), strict=True)],
    }  # fmt: skip
    return columns, y, {"demo result", "grade"}, {"source", "seats", "old form"}


FLAT: tuple[Callable[[np.random.Generator], Stranger], ...] = (
    spanish_courses, hubspot_contacts, call_centre, form_answers, drifting_noise, new_fields,
)  # fmt: skip
