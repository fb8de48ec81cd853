"""The ASGI application: its routes, and how a request becomes an answer."""

from __future__ import annotations

import asyncio

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from aggregates.store import Store
from api.auth import TokenAuth
from api.context import Context
from api.errors import internal_refusal, log_failure, render_refusal
from api.explorer import explorer_routes
from api.http import Refused, json_response, read_question, request_id_of, write_answer
from api.limits import Limits
from api.operations import Operations
from api.policy import RoleSource
from api.schema import Assembled, assemble, schema_sdl
from api.suppression import K_MIN
from courselens.errors import StoreError, Unauthenticated
from indicators.registry import Registry

READY_SECONDS = 2.0

logger = structlog.get_logger(__name__)


def create_app(
    registry: Registry,
    store: Store,
    auth: TokenAuth,
    *,
    roles: RoleSource | None = None,
    graphiql: bool = True,
    limits: Limits | None = None,
    k_min: int = K_MIN,
) -> Starlette:
    """Make the application.

    Args:
        registry: the indicators that the schema is made of.
        store: an open store of the same registry; whoever opened it closes it.
        auth: reads viewers from tokens.
        roles: where roles are looked up; by default the store.
        graphiql: whether the explorer is served.
        limits: how large questions may be.
        k_min: people below which nothing is told to those who may not see named students.
    """
    assembled = assemble(registry)
    for refused in (*registry.errors, *assembled.refused):
        logger.warning("plugin left out", problem=str(refused))
    doors = _Doors(assembled, store, auth, roles or store.reader, limits or Limits(), k_min)
    routes: list[BaseRoute] = [
        Route("/graphql", doors.graphql, methods=["GET", "POST"]),
        Route("/schema.graphql", doors.schema, methods=["GET"]),
        Route("/healthz", doors.health, methods=["GET"]),
        Route("/readyz", doors.ready, methods=["GET"]),
    ]
    if graphiql:
        routes.append(Route("/", doors.home, methods=["GET"]))
        routes += explorer_routes(assembled.schema)
    return Starlette(routes=routes)


class _Doors:
    """What the routes lead to."""

    def __init__(
        self,
        assembled: Assembled,
        store: Store,
        auth: TokenAuth,
        roles: RoleSource,
        limits: Limits,
        k_min: int,
    ) -> None:
        self._catalog = assembled.catalog
        self._operations = Operations(assembled.schema, limits)
        self._sdl = schema_sdl(assembled.catalog.registry)
        self._reader = store.reader
        self._auth = auth
        self._roles = roles
        self._limits = limits
        self._k_min = k_min

    async def graphql(self, request: Request) -> Response:
        request_id = request_id_of(request)
        try:
            response = await self._answer(request, request_id)
        except Unauthenticated as error:
            response = json_response({"errors": [render_refusal(error, request_id)]}, 401)
            response.headers["www-authenticate"] = "JWT"
        except Refused as refused:
            refusal = render_refusal(refused.cause, request_id)
            response = json_response({"errors": [refusal]}, refused.status)
        except Exception as error:  # an edge: a client gets an answer without our insides
            log_failure(error, request_id)
            response = json_response({"errors": [internal_refusal(request_id)]}, 500)
        response.headers["x-request-id"] = request_id
        return response

    async def _answer(self, request: Request, request_id: str) -> Response:
        viewer = self._auth.viewer(request.headers.get("authorization"))
        question = await read_question(request, self._limits)
        context = Context(viewer, self._reader, self._roles, self._catalog, self._k_min)
        answer = await self._operations.answer(question, context)
        return write_answer(request, answer, request_id)

    async def schema(self, _request: Request) -> Response:
        return PlainTextResponse(self._sdl)

    async def home(self, _request: Request) -> Response:
        return RedirectResponse("/graphiql")

    async def health(self, _request: Request) -> Response:
        """Whether the process answers."""
        return json_response({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        """Whether the store answers too."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._reader.courses([], after=None, first=1)
        except (StoreError, TimeoutError):
            return json_response({"status": "unready", "store": "does not answer"}, 503)
        return json_response({"status": "ready", "store": "ok"})
