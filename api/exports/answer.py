"""What is sent for a file, whole or as it is made."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Send

from api.exports.export import Export
from api.exports.own import OwnExport
from api.exports.question import Form


class Answer:
    """What is sent, and how far it has come.

    Attributes:
        request_id: of the request, for the header and the log.
        has_begun: something was sent, so that nothing can be refused any more.
        is_left: the client went before the end.
        rows: that were sent.
    """

    def __init__(self, request: Request, send: Send, request_id: str) -> None:
        self._request = request
        self._send = send
        self.request_id = request_id
        self.has_begun = False
        self.is_left = False
        self.rows = 0

    async def whole(self, response: Response) -> None:
        """Send an answer that is there already."""
        self.has_begun = True
        response.headers["x-request-id"] = self.request_id
        await response(self._request.scope, self._request.receive, self._send)

    async def stream(
        self, export: Export | OwnExport, form: Form, headers: Mapping[str, str]
    ) -> None:
        """Send a file as it is made; nothing more once the client has gone."""
        start = MutableHeaders(headers)
        start["x-request-id"] = self.request_id
        gone = asyncio.create_task(self._gone())
        self.has_begun = True
        try:
            await self._send({"type": "http.response.start", "status": 200, "headers": start.raw})
            if self._request.method != "HEAD":
                async with aclosing(export.pieces(form)) as pieces:
                    async for piece, done in pieces:
                        if gone.done():
                            self.is_left = True
                            return
                        if piece:
                            await self._send(_body(piece, is_last=False))
                        self.rows = done
            await self._send(_body(b"", is_last=True))
        finally:
            gone.cancel()

    async def _gone(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass


def _body(piece: bytes, *, is_last: bool) -> dict[str, object]:
    return {"type": "http.response.body", "body": piece, "more_body": not is_last}
