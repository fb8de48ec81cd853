"""The ASGI application: its routes, and what they lead to."""

from __future__ import annotations

import structlog
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route, WebSocketRoute

from aggregates.store import Store
from api.access.auth import TokenAuth
from api.doors import Doors
from api.explorer import explorer_routes
from api.exports.door import PATH
from api.http.application import Application
from api.http.guards import guards_of
from api.options import Options
from api.schema.assembled import assemble
from indicators.registry import Registry

logger = structlog.get_logger(__name__)


def create_app(
    registry: Registry, store: Store, auth: TokenAuth, options: Options | None = None
) -> Starlette:
    """Make the application.

    Args:
        registry: the indicators that the schema is made of.
        store: an open store of the same registry; whoever opened it closes it.
        auth: reads viewers from tokens.
        options: all the rest.
    """
    options = options or Options()
    assembled = assemble(registry, options.profile_filters)
    for refused in (*registry.errors, *assembled.refused):
        logger.warning("plugin left out", problem=str(refused))
    doors = Doors(assembled, store, auth, options)
    health = [
        Route("/healthz", doors.health, methods=["GET"]),
        Route("/readyz", doors.ready, methods=["GET"]),
    ]
    routes: list[BaseRoute] = [
        WebSocketRoute("/graphql", doors.sockets.take),
        Route(PATH, doors.exports, methods=["GET"]),
    ]
    if options.rules.introspection:
        routes.append(Route("/schema.graphql", doors.schema, methods=["GET"]))
    if options.graphiql:
        routes.append(Route("/", doors.home, methods=["GET"]))
        routes += explorer_routes(assembled.schema)
    return Application(
        "/graphql",
        doors.graphql,
        routes=routes,
        open_routes=health,
        guards=guards_of(
            options.allowed_hosts, options.cors_origins, cors_cookies=options.cors_cookies
        ),
    )
