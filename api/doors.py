"""What the routes lead to: how a request becomes an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from aggregates.documents import Documents
from aggregates.store import Store
from aggregates.switched_off import note_off
from api.access.auth import TokenAuth
from api.access.policy import RoleSource, Viewer
from api.access.roles import RoleCache
from api.codes import ErrorCode
from api.context import Context
from api.documents.accepted import AcceptedDocuments, Checker, digest_of
from api.documents.cost import Pricing
from api.errors import code_of, internal_refusal, log_failure, render_refusal
from api.exports.door import ExportDoor
from api.http.messages import Refused, json_response, read_question, request_id_of, write_answer
from api.kept import KeptAnswers
from api.live.batch import Batch, open_batch
from api.live.plugins import PluginCode
from api.metrics import OK
from api.operations import Operations, Question
from api.options import Options
from api.plans.plans import Plans
from api.schema.assembled import Assembled, schema_sdl
from api.subscriptions.events import EventStream
from api.subscriptions.following import Following
from api.subscriptions.places import Places
from api.subscriptions.socket import SocketDoor
from api.versions import Versions
from courselens.errors import Overloaded, StoreError, Unauthenticated

READY_SECONDS = 2.0


class Doors:
    """What the routes lead to.

    Args:
        assembled: the schema of the installed indicators.
        store: an open store of the same registry.
        auth: reads viewers from tokens.
        options: all the rest.

    Attributes:
        exports: `GET /exports/…`.
        sockets: WebSockets to `/graphql`.
    """

    def __init__(
        self, assembled: Assembled, store: Store, auth: TokenAuth, options: Options
    ) -> None:
        roles = options.roles or RoleCache(store.reader)
        self._catalog = assembled.catalog
        self._sdl = schema_sdl(assembled)
        versions = Versions(
            f"{version('courselens')} {digest_of(self._sdl)} {options.limits} {options.k_min}"
            f" {options.profile_filters.value}"
        )
        kept = KeptAnswers(store.notices, options.kept_bytes)
        self._operations = _operations(assembled, store, options, versions, kept)
        self.exports = ExportDoor(
            assembled,
            store,
            auth,
            roles=roles,
            versions=versions,
            limits=options.limits,
            rates=options.rates,
            gate=options.gate,
            k_min=options.k_min,
            metrics=options.metrics,
            at_once=options.exports_at_once,
            deadline_seconds=options.export_deadline_seconds,
            stop_limit_seconds=options.stop_limit_seconds,
        )
        places = Places(options.streams)
        self._following = Following(
            self._operations,
            self._open_context,
            store.notices,
            store.work,
            places,
            options.gate,
            options.streams,
        )
        self.sockets = SocketDoor(
            auth, roles, self._following, places, options.gate, options.streams
        )
        self._store = store
        self._auth = auth
        self._roles = roles
        self._stream_roles = (
            roles.no_older_than(options.streams.roles_seconds)
            if isinstance(roles, RoleCache)
            else roles
        )
        self._options = options
        self._code = PluginCode(on_off=partial(note_off, store.database))
        _watch(assembled, store, options, kept, self._code)

    async def graphql(self, request: Request) -> Response:
        """The answer to a question, whatever happens; for a subscription those that follow."""
        began = time.perf_counter()
        request_id = request_id_of(request.scope["headers"])
        try:
            response, outcome = await self._answer(request, request_id)
        except Unauthenticated as error:
            outcome = error.code
            response = json_response({"errors": [render_refusal(error, request_id)]}, 401)
            response.headers["www-authenticate"] = "JWT"
        except Refused as refused:
            outcome = refused.cause.code
            refusal = render_refusal(refused.cause, request_id)
            response = json_response({"errors": [refusal]}, refused.status)
            if refused.status == 408:  # the rest may still come, and would be read as a request
                response.headers["connection"] = "close"
        except Overloaded as busy:
            outcome = busy.code
            response = json_response({"errors": [render_refusal(busy, request_id)]}, 503)
            response.headers["retry-after"] = str(busy.retry_after_seconds)
        except Exception as error:  # an edge: a client gets an answer without our insides
            outcome = ErrorCode.INTERNAL.value
            log_failure(error, request_id)
            response = json_response({"errors": [internal_refusal(request_id)]}, 500)
        response.raw_headers.append((b"x-request-id", request_id.encode()))
        self._options.metrics.answered(outcome, time.perf_counter() - began)
        return response

    async def _answer(self, request: Request, request_id: str) -> tuple[Response, str]:
        """The response, and what to count it as."""
        question = await read_question(request, self._options.limits)
        if question.is_streamed:
            return await self._stream(request, question, request_id), OK
        is_small = question.is_safe and question.query is None
        with self._options.gate.entered(is_small=is_small):
            viewer = await self._auth.viewer(request, self._roles)
            async with self._open_batch() as live:
                context = self._context(viewer, self._roles, live)
                answer = await self._operations.answer(question, context)
            outcome = code_of(answer.errors[0]) if answer.errors else OK
            return write_answer(request, answer, request_id), outcome

    async def _stream(self, request: Request, question: Question, request_id: str) -> Response:
        answers = self._following.answers(
            question, lambda: self._auth.viewer(request, self._stream_roles)
        )
        first = await anext(answers)
        if first.is_refused:
            response = write_answer(request, first, request_id)
            if response.status_code >= 405:  # of the request, not of what is in it
                return response
        return EventStream(
            first,
            answers,
            request_id,
            known=request.headers.get("last-event-id"),
            beat_seconds=self._options.streams.beat_seconds,
        )

    @asynccontextmanager
    async def _open_context(self, viewer: Viewer | None) -> AsyncIterator[Context]:
        """A context for an answer of a stream."""
        async with self._open_batch() as live:
            yield self._context(viewer, self._stream_roles, live)

    def _open_batch(self) -> Batch:
        return open_batch(
            self._options.live,
            deadline_seconds=self._options.live_deadline_seconds,
            code=self._code,
        )

    def _context(self, viewer: Viewer | None, roles: RoleSource, live: Batch) -> Context:
        return Context(
            viewer,
            self._store.reader,
            roles,
            self._catalog,
            live,
            self._options.k_min,
            work=self._store.work,
        )

    async def schema(self, _request: Request) -> Response:
        """The schema, for generators."""
        return PlainTextResponse(self._sdl)

    async def home(self, _request: Request) -> Response:
        """The way to the explorer."""
        return RedirectResponse("/graphiql")

    async def health(self, _request: Request) -> Response:
        """Whether the process answers."""
        return json_response({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        """Whether the store answers too, and the process takes new connections."""
        if self._options.gate.is_draining:
            return json_response({"status": "unready", "process": "is stopping"}, 503)
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._store.reader.courses([], after=None, first=1)
        except (StoreError, TimeoutError):
            return json_response({"status": "unready", "store": "does not answer"}, 503)
        return json_response({"status": "ready", "store": "ok"})


def _operations(
    assembled: Assembled,
    store: Store,
    options: Options,
    versions: Versions,
    kept: KeptAnswers,
) -> Operations:
    pricing = Pricing(assembled.schema, assembled.catalog, is_live=options.live is not None)
    checker = Checker(
        assembled.schema, pricing, options.limits, introspection=options.rules.introspection
    )
    return Operations(
        assembled.schema,
        AcceptedDocuments(checker, Documents(store.database), options.rules),
        options.limits,
        versions,
        options.rates,
        Plans(assembled.schema, assembled.catalog, assembled.records),
        kept,
        options.metrics,
    )


def _watch(
    assembled: Assembled, store: Store, options: Options, kept: KeptAnswers, code: PluginCode
) -> None:
    """Show what others count."""
    database, notices, gate = store.database, store.notices, options.gate
    refused = len(assembled.catalog.registry.errors) + len(assembled.refused)
    options.metrics.watch(
        {
            "statements": ("Statements read by on PostgreSQL.", lambda: database.statements),
            "requests_shed": ("Requests refused because of too many.", lambda: gate.shed),
            "kept_answers_found": ("Answers given again.", lambda: kept.hits),
            "kept_answers_missed": ("Answers looked for and not found.", lambda: kept.misses),
        },
        is_counter=True,
    )
    options.metrics.watch(
        {
            "questions_inside": ("Questions that are worked on.", lambda: gate.inside),
            "questions_waiting": ("Questions that wait for their turn.", lambda: gate.waiting),
            "kept_answers_bytes": ("Room that kept answers take.", lambda: kept.bytes),
            "changes_heard": (
                "1 while it is heard of refreshes; answers are kept only then.",
                lambda: notices.is_connected,
            ),
            "live_indicators_off": (
                "Live indicators of plugins that are switched off.",
                lambda: len(code.problems),
            ),
            "plugins_refused": ("Problems of plugins at start.", lambda: refused),
        },
        is_counter=False,
    )
