"""The server's routes: what comes in is checked whole before it is answered, and no log line names a lead."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field

import leadline
from leadline.core.point_in_time import format_instant, parse_instant
from leadline.errors import LeadlineError, MissingError, RetryError, UsageError
from leadline.serving.answers import LOOK, Answers
from leadline.workflows.scoring.on_demand import LeadQuestion, LeadScores, NewEvent

__all__ = ["LARGEST_BODY", "PER_SECOND", "create_app"]

LARGEST_BODY = 1_000_000
"""Bytes that a request may have."""

PER_SECOND = 100
"""Requests that are taken within a second, whoever sends them."""

BEARER = HTTPBearer(auto_error=False)
STATUS = {UsageError: 422, MissingError: 404, RetryError: 503}


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Event(_Given):
    """An act that the tables don't have yet."""

    type: str = Field(min_length=1, max_length=200)
    occurred_at: str = Field(max_length=40)


class Lead(_Given):
    """Whom to score."""

    lead_id: str = Field(min_length=1, max_length=200)
    events: list[Event] = Field(default_factory=list, max_length=1000)


class Question(_Given):
    """What is asked: leads, and as of when; now without an instant."""

    leads: list[Lead] = Field(min_length=1, max_length=50)
    as_of: str | None = Field(default=None, max_length=40)


class Refused(LeadlineError):
    """A request that isn't answered, with its status."""

    def __init__(self, status: int, said: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(said)
        self.status, self.headers = status, headers


class Counts:
    """What is counted of the requests, by route and status; no path with an id in it."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.seconds = 0.0
        self.newest: deque[float] = deque(maxlen=PER_SECOND)

    def full(self, now: float) -> bool:
        """Whether a second's requests are taken."""
        if len(self.newest) == PER_SECOND and now - self.newest[0] < 1:
            return True
        self.newest.append(now)
        return False

    def text(self, answers: Answers) -> str:
        """Write what Prometheus reads."""
        tables = answers.tables
        lines = ["# TYPE leadline_requests_total counter"]
        lines += [
            f'leadline_requests_total{{route="{route}",status="{status}"}} {n}'
            for (route, status), n in sorted(self.requests.items())
        ]
        lines += ["# TYPE leadline_request_seconds_total counter", f"leadline_request_seconds_total {self.seconds:.6f}"]
        lines += ["# TYPE leadline_ready gauge", f"leadline_ready {int(tables is not None)}"]
        if tables is not None:
            bundle, age = tables.bundle, time.time() - tables.read_at / 1_000_000
            lines += [
                "# TYPE leadline_model_info gauge",
                f'leadline_model_info{{name="{bundle.name}",version="{bundle.version}"}} 1',
            ]
            lines += ["# TYPE leadline_tables_age_seconds gauge", f"leadline_tables_age_seconds {age:.0f}"]
        return "\n".join(lines) + "\n"


def create_app(answers: Answers, token: str | None) -> FastAPI:
    """Make the server's app.

    Parameters
    ----------
    token : str or None
        What whoever asks must bear; None for nothing.
    """
    app = FastAPI(title="leadline", version=leadline.__version__, description="Scores of single leads, as of now.")
    counts = Counts()
    _errors(app)

    @app.middleware("http")
    async def watched(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
        began = time.monotonic()
        response = _unfit(request, counts, began) or await call(request)
        route = getattr(request.scope.get("route"), "path", "other")
        counts.requests[route, response.status_code] += 1
        counts.seconds += time.monotonic() - began
        return response

    allowed = [Depends(_bearer(token))]
    _questions(app, answers, allowed)
    _states(app, answers, counts, allowed)
    return app


def _questions(app: FastAPI, answers: Answers, allowed: list[Any]) -> None:
    """Add the routes that score."""

    @app.post("/score", dependencies=allowed)
    async def score(question: Question) -> dict[str, Any]:
        """Score a few leads, with acts that the tables don't have yet."""
        asked = [
            LeadQuestion(x.lead_id, tuple(NewEvent(e.type, _instant(e.occurred_at)) for e in x.events))
            for x in question.leads
        ]
        if len({q.lead_id for q in asked}) < len(asked):
            raise UsageError("leads: a lead twice; expected each once; put its events together")
        told = await _asked(answers, asked, None if question.as_of is None else _instant(question.as_of))
        if len(told.unknown) == len(asked):
            raise MissingError(
                "leads: none is known at as_of; expected ids of the table of leads; check them, and as_of"
            )
        return told.to_record()

    @app.get("/leads/{lead_id}", dependencies=allowed)
    async def lead(lead_id: str) -> dict[str, Any]:
        """Score one lead as of now."""
        told = await _asked(answers, [LeadQuestion(lead_id)], None)
        if told.unknown:
            raise MissingError("lead: none of that id is known now; expected an id of the table of leads; check it")
        return told.to_record()

    @app.get("/accounts/{account_id}", dependencies=allowed)
    async def account(account_id: str) -> dict[str, Any]:
        """Score an account's open leads as of now, the best first."""
        tables = answers.tables
        members = () if tables is None else tables.members(account_id)
        if tables is not None and not members:
            raise MissingError(
                "account: none of that id has a lead now; expected an account of the table of leads; check it"
            )
        told = (await _asked(answers, [LeadQuestion(m) for m in members], None)).to_record()
        rows = [row for row in told["scores"] if row["account_id"] == account_id]
        return {"as_of": told["as_of"], "model": told["model"], "account_id": account_id, "scores": rows}


def _states(app: FastAPI, answers: Answers, counts: Counts, allowed: list[Any]) -> None:
    """Add the routes that tell how the server does."""

    @app.get("/health")
    async def health() -> JSONResponse:
        """Tell whether questions can be answered, by which model, and how fresh the tables are."""
        tables = answers.tables
        if tables is None:
            return JSONResponse({"status": "starting", "trouble": answers.trouble}, 503, {"Retry-After": f"{LOOK:.0f}"})
        model = f"{tables.bundle.name} {tables.bundle.version}"
        told = {"model": model, "tables_read_at": format_instant(tables.read_at), "trouble": answers.trouble}
        return JSONResponse({"status": "degraded" if answers.trouble else "ok", **told})

    @app.get("/metrics", dependencies=allowed, response_class=PlainTextResponse)
    async def metrics() -> str:
        """Tell what Prometheus reads."""
        return counts.text(answers)


def _instant(text: str) -> int:
    """Read an instant; what is none is told with the fix."""
    try:
        return parse_instant(text)
    except UsageError as error:
        raise UsageError(f"{error}; mend it") from None


async def _asked(answers: Answers, questions: list[LeadQuestion], as_of: int | None) -> LeadScores:
    if answers.tables is None:
        raise RetryError(f"no model can be had now ({answers.trouble}); expected one; try again later")
    return await asyncio.wrap_future(answers.ask(questions, as_of))


def _bearer(token: str | None) -> Callable[..., None]:
    """Make what lets in whoever bears the token."""

    def allowed(given: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]) -> None:
        if token is not None and (given is None or not hmac.compare_digest(given.credentials.encode(), token.encode())):
            said = "token: missing or wrong; expected `Authorization: Bearer TOKEN`; send the server's own"
            raise Refused(401, said, {"WWW-Authenticate": "Bearer"})

    return allowed


def _unfit(request: Request, counts: Counts, now: float) -> Response | None:
    """Refuse what is too much or too large; a body of unknown length, too, as nobody could stop it."""
    if counts.full(now):
        said = f"requests: more than {PER_SECOND} within a second; expected fewer; wait, or ask about several leads at once"
        return JSONResponse({"detail": said}, 429, {"Retry-After": "1"})
    length = request.headers.get("content-length", "0" if request.method == "GET" else "")
    if "transfer-encoding" in request.headers or not length.isdigit():
        return JSONResponse({"detail": "body: no Content-Length; expected one; send the body whole"}, 411)
    if int(length) > LARGEST_BODY:
        said = f"body: {length} bytes; expected at most {LARGEST_BODY}; ask about fewer leads at once"
        return JSONResponse({"detail": said}, 413)
    return None


def _errors(app: FastAPI) -> None:
    """Answer errors with a status and one sentence."""

    @app.exception_handler(LeadlineError)
    async def refused(_: Request, error: LeadlineError) -> JSONResponse:
        status = error.status if isinstance(error, Refused) else STATUS.get(type(error), 500)
        headers = error.headers if isinstance(error, Refused) else None
        if status == 503:
            headers = {"Retry-After": f"{LOOK:.0f}"}
        return JSONResponse({"detail": str(error)}, status, headers)

    @app.exception_handler(RequestValidationError)
    async def unread(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) if first["type"] != "extra_forbidden" else "body"
        what = "a key that nobody knows" if first["type"] == "extra_forbidden" else first["msg"].lower()
        return JSONResponse({"detail": f"{where}: {what}; expected the body that /docs describes; mend it"}, 422)

    @app.exception_handler(Exception)
    async def bug(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": f"a bug ({type(error).__name__}); expected none; please report it"}, 500)
