"""`GET /exports/<course key>/<table>.<form>`: a table as a file, streamed from one snapshot."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import quote, urlencode

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from aggregates.reader import Reader
from aggregates.snapshots import Snapshot
from aggregates.store import Store
from api.access.auth import TokenAuth
from api.access.policy import RoleSource, Viewer, require_viewer
from api.codes import ErrorCode
from api.context import Context, CourseSource
from api.documents.limits import Limits
from api.errors import internal_refusal, log_failure, render_refusal
from api.exports.answer import Answer
from api.exports.export import COST_FACTOR, OPENING_POINTS, Export, file_name
from api.exports.forms import MEDIA_TYPES
from api.exports.own import OwnExport, own_questions
from api.exports.question import (
    OWN,
    ExportQuestion,
    Form,
    check_form,
    parameter_text,
    read_export_question,
)
from api.http.gate import RETRY_SECONDS, Gate
from api.http.messages import VARY, Refused, has_tag, json_response, request_id_of
from api.http.rates import Rates
from api.live.batch import open_batch
from api.metrics import CLIENT_GONE, OK, OTHER_FORM, Metrics
from api.schema.assembled import Assembled
from api.versions import Versions
from courselens.errors import (
    BadParameter,
    CostExceeded,
    CourselensError,
    DeadlineExceeded,
    Overloaded,
    RateLimited,
    Unauthenticated,
)

PATH = "/exports/{course:path}/{file}"
EXPORTS_AT_ONCE = 4
DEADLINE_SECONDS = 300.0
STOP_LIMIT_SECONDS = 30.0

_STATUS: Mapping[str, int] = {
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.BAD_REQUEST: 400,
    ErrorCode.BAD_PARAMETER: 400,
    ErrorCode.LIMIT_EXCEEDED: 400,
    ErrorCode.COST_EXCEEDED: 400,
    ErrorCode.UNKNOWN_COURSE: 404,
    ErrorCode.UNKNOWN_INDICATOR: 404,
    ErrorCode.INDICATOR_FAILED: 409,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.OVERLOADED: 503,
    ErrorCode.SOURCE_UNAVAILABLE: 503,
    ErrorCode.STORE_UNAVAILABLE: 503,
    ErrorCode.DEADLINE_EXCEEDED: 504,
}

logger = structlog.get_logger(__name__)


class ExportDoor:
    """Answers requests for files, as an ASGI application.

    Args:
        assembled: the schema of the installed indicators.
        store: an open store.
        auth: reads viewers from tokens.
        roles: where their roles are looked up.
        versions: names the versions of files.
        limits: how much one question may cost, and so a file.
        rates: how much one asker may ask for; None: as much as they like.
        gate: how much is worked on at a time, questions and files together.
        k_min: people below which nothing is told to those who may not see named students.
        metrics: counts files.
        at_once: files that are given at a time; each has a connection to the database of its own.
        deadline_seconds: for a whole file, however slowly its reader reads.
        stop_limit_seconds: for what is left of one once the process leaves.
    """

    def __init__(
        self,
        assembled: Assembled,
        store: Store,
        auth: TokenAuth,
        *,
        roles: RoleSource,
        versions: Versions,
        limits: Limits,
        rates: Rates | None,
        gate: Gate,
        k_min: int,
        metrics: Metrics,
        at_once: int = EXPORTS_AT_ONCE,
        deadline_seconds: float = DEADLINE_SECONDS,
        stop_limit_seconds: float = STOP_LIMIT_SECONDS,
    ) -> None:
        self._assembled = assembled
        self._store = store
        self._auth = auth
        self._roles = roles
        self._versions = versions
        self._limits = limits
        self._cost_limit = limits.cost * COST_FACTOR
        self._rates = rates
        self._gate = gate
        self._places = Gate(at_once)
        self._k_min = k_min
        self._metrics = metrics
        self._deadline_seconds = deadline_seconds
        self._stop_limit_seconds = stop_limit_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        request_id = request_id_of(request.scope["headers"])
        answer = Answer(request, send, request_id)
        began = time.perf_counter()
        outcome = ErrorCode.OVERLOADED.value  # of what is cancelled: nobody waits any longer
        try:
            outcome = await self._answer(request, answer)
        finally:
            self._metrics.exported(
                _form_word(request), outcome, rows=answer.rows, seconds=time.perf_counter() - began
            )

    async def _answer(self, request: Request, answer: Answer) -> str:
        """Answer a request; gives what to count it as."""
        try:
            with self._gate.entered(), self._places.entered():
                async with self._limited():
                    await self._give(request, answer)
            return CLIENT_GONE if answer.is_left else OK
        except TimeoutError:
            error: Exception = DeadlineExceeded(self._deadline_seconds)
            if self._gate.leaving.is_set():
                error = Overloaded(RETRY_SECONDS)  # another process has the time
        except Exception as problem:  # an edge: a client gets an answer without our insides
            error = problem
        if not answer.has_begun:
            response, outcome = _refusal(error, answer.request_id)
            await answer.whole(response)
            return outcome
        # The client has a part of the file. To end here, without the last chunk, is how HTTP says
        # that there should be more.
        if isinstance(error, CourselensError):
            logger.warning("export broken off", request_id=answer.request_id, code=error.code)
            return error.code
        log_failure(error, answer.request_id)
        return ErrorCode.INTERNAL.value

    @asynccontextmanager
    async def _limited(self) -> AsyncIterator[None]:
        """Until the deadline of a file, or the limit of a stopping process if that comes first.

        Raises:
            TimeoutError: the block took longer.
        """
        async with asyncio.timeout(self._deadline_seconds) as limit:
            leaving = asyncio.create_task(self._bring_forward(limit))
            try:
                yield
            finally:
                leaving.cancel()

    async def _bring_forward(self, limit: asyncio.Timeout) -> None:
        await self._gate.leaving.wait()
        stop = asyncio.get_running_loop().time() + self._stop_limit_seconds
        if not limit.expired() and stop < (limit.when() or math.inf):
            limit.reschedule(stop)

    async def _give(self, request: Request, answer: Answer) -> None:
        viewer = require_viewer(await self._auth.viewer(request, self._roles))
        question, form = self._read(request, viewer)
        await self._charge(viewer, OPENING_POINTS)
        # Before a connection is opened: most who may not see it, or have it already, end here.
        tag, _ = await self._tagged(question, form, viewer, self._store.reader)
        if has_tag(request, tag):
            await answer.whole(Response(None, 304, _kept(tag)))
            return
        async with self._store.snapshot(patience_seconds=self._deadline_seconds) as snapshot:
            tag, source = await self._tagged(question, form, viewer, snapshot.reader)
            export = await self._opened(snapshot, source, question, viewer)
            if form is Form.META and isinstance(export, Export):
                response = json_response(export.meta())
                response.headers.update(_kept(tag))
                await answer.whole(response)
                return
            if export.points > self._cost_limit:
                raise CostExceeded(export.points, self._cost_limit)
            if request.method != "HEAD":
                await self._charge(viewer, export.points)
            await answer.stream(export, form, {**_kept(tag), **_headers(export, form)})

    async def _opened(
        self, snapshot: Snapshot, source: CourseSource, question: ExportQuestion, viewer: Viewer
    ) -> Export | OwnExport:
        if question.table != OWN:
            return await Export.open(self._assembled, snapshot, source, question, k_min=self._k_min)
        tables = own_questions(self._assembled.catalog, source.access, question)
        await self._charge(viewer, OPENING_POINTS * (len(tables) - 1))
        return await OwnExport.open(self._assembled, snapshot, source, question, k_min=self._k_min)

    async def _tagged(
        self, question: ExportQuestion, form: Form, viewer: Viewer, reader: Reader
    ) -> tuple[str, CourseSource]:
        """The file's entity tag, and the course if the viewer may see it."""
        async with open_batch(None, deadline_seconds=self._deadline_seconds) as live:
            catalog = self._assembled.catalog
            context = Context(viewer, reader, self._roles, catalog, live, self._k_min)
            source = await context.course(question.course_key)
            asked = (form.value, question.course_key, question.table, question.as_json())
            return f'"{self._versions.name(asked, context)}"', source

    def _read(self, request: Request, viewer: Viewer) -> tuple[ExportQuestion, Form]:
        table, _, ending = request.path_params["file"].partition(".")
        try:
            form = Form(ending)
        except ValueError:
            raise BadParameter("form", ending, " | ".join(Form)) from None
        question = read_export_question(
            request.path_params["course"],
            table,
            request.query_params.multi_items(),
            self._limits,
            user_id=viewer.user_id,
        )
        check_form(question, form)
        return question, form

    async def _charge(self, viewer: Viewer, points: int) -> None:
        if self._rates is not None:
            await self._rates.take(f"user:{viewer.user_id}", points)


def _kept(tag: str) -> dict[str, str]:
    return {"etag": tag, "cache-control": "private, no-cache", "vary": VARY}


def _headers(export: Export | OwnExport, form: Form) -> dict[str, str]:
    question = export.question
    asked = urlencode(
        [(name, parameter_text(value)) for name, value in question.as_json().items()],
        quote_via=quote,
    )
    headers = {
        "content-type": MEDIA_TYPES[form],
        "content-disposition": f'attachment; filename="{file_name(question, form)}"',
        "courselens-rows": str(export.rows),
        "courselens-run": str(export.source.record.run_id),
        "x-content-type-options": "nosniff",
    }
    if form is not Form.JSON:  # which says itself what it is
        about = f"{quote(question.table)}.{Form.META}" + (f"?{asked}" if asked else "")
        headers["link"] = f'<{about}>; rel="describedby"; type="{MEDIA_TYPES[Form.META]}"'
    return headers


def _form_word(request: Request) -> str:
    """The form that is asked for, as one of few words."""
    ending = request.path_params["file"].partition(".")[2]
    return ending if ending in list(Form) else OTHER_FORM


def _refusal(error: Exception, request_id: str) -> tuple[Response, str]:
    """An answer that says why there is no file, and its code."""
    if isinstance(error, Refused):
        refusal = render_refusal(error.cause, request_id)
        return json_response({"errors": [refusal]}, error.status), error.cause.code
    if not isinstance(error, CourselensError) or error.code not in _STATUS:
        log_failure(error, request_id)
        internal = internal_refusal(request_id)
        return json_response({"errors": [internal]}, 500), ErrorCode.INTERNAL.value
    refusal = render_refusal(error, request_id)
    response = json_response({"errors": [refusal]}, _STATUS[error.code])
    if isinstance(error, RateLimited | Overloaded):
        response.headers["retry-after"] = str(error.retry_after_seconds)
    if isinstance(error, Unauthenticated):
        response.headers["www-authenticate"] = "JWT"
    return response, error.code
