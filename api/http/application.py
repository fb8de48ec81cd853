"""The application: Starlette's routes, and a shorter way to the one that nearly all ask for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

_METHODS = ("GET", "POST")

Answer = Callable[[Request], Awaitable[Response]]


class Application(Starlette):
    """Routes behind guards.

    Requests of the main route pass the guards and nothing else: to be handed through Starlette's
    layers and tables costs as much as the statement of a small question. `answer` lets no exception
    out, so nothing is lost.

    Args:
        path: of the main route.
        answer: answers its requests.
        routes: the others that are guarded.
        open_routes: those that are not.
        guards: middleware.
    """

    def __init__(
        self,
        path: str,
        answer: Answer,
        *,
        routes: Sequence[BaseRoute],
        open_routes: Sequence[BaseRoute],
        guards: Sequence[Middleware],
    ) -> None:
        guarded: list[BaseRoute] = [Route(path, answer, methods=_METHODS), *routes]
        if guards:
            guarded = [Mount("", routes=guarded, middleware=guards)]
        super().__init__(routes=[*open_routes, *guarded])
        self._path = path
        self._main: ASGIApp = _answering(answer)
        for kind, args, kwargs in reversed(guards):
            self._main = kind(self._main, *args, **kwargs)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if (
            scope["type"] == "http"
            and scope["path"] == self._path
            and scope["method"] in _METHODS
            and not scope.get("root_path")
        ):
            await self._main(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def _answering(answer: Answer) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await answer(Request(scope, receive, send))
        await response(scope, receive, send)

    return app
