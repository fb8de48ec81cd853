"""Answers as server-sent events: GraphQL over SSE, in its mode of distinct connections."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.errors import internal_refusal, log_failure, render_refusal
from api.http.messages import EVENT_STREAM, VARY, answer_body
from api.operations import Answer
from api.subscriptions.following import Leaving
from courselens.errors import CourselensError

_BEAT = b":\n\n"
_COMPLETE = b"event: complete\ndata:\n\n"
_RETRY_MS = (200, 2_000)
"""When clients of a process that leaves come again; not all of them at once."""


class EventStream(Response):
    """A response that goes on until the answers end, the client goes, or the process leaves.

    The id of an event is the version of its answer. A client that comes again with the last one in
    `Last-Event-ID` is not sent the same again.

    Args:
        first: the first answer, which is there already.
        answers: those after it.
        request_id: told with errors.
        known: the version that the client has.
        beat_seconds: after so long without an event it is sent a comment.
    """

    media_type = EVENT_STREAM

    def __init__(
        self,
        first: Answer,
        answers: AsyncGenerator[Answer],
        request_id: str,
        *,
        known: str | None,
        beat_seconds: float,
    ) -> None:
        super().__init__(
            headers={
                "cache-control": "no-store",
                "connection": "close",  # what comes again comes to a process that stays
                "vary": VARY,
                "x-accel-buffering": "no",  # nginx would hold events back
                "x-content-type-options": "nosniff",
            }
        )
        del self.headers["content-length"]
        self._first = first
        self._answers = answers
        self._request_id = request_id
        self._known = known
        self._beat_seconds = beat_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""
        tasks: list[asyncio.Task[None]] = []
        async with aclosing(self._answers):
            try:
                start = {"type": "http.response.start", "status": self.status_code}
                await send({**start, "headers": self.raw_headers})
                tasks = [
                    asyncio.create_task(self._tell(send)),
                    asyncio.create_task(self._beat(send)),
                    asyncio.create_task(_until_gone(receive)),
                ]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _tell(self, send: Send) -> None:
        try:
            if self._first.version is None or self._first.version != self._known:
                await self._next(send, self._first)
            async for answer in self._answers:
                await self._next(send, answer)
        except Leaving:
            # Without `complete`: there is more, from another process.
            await _send(send, f"retry: {random.randint(*_RETRY_MS)}\n\n".encode())  # noqa: S311
            return
        except CourselensError as error:
            await self._event(send, {"errors": [render_refusal(error, self._request_id)]})
        except Exception as error:  # an edge: a client gets an answer without our insides
            log_failure(error, self._request_id)
            await self._event(send, {"errors": [internal_refusal(self._request_id)]})
        await _send(send, _COMPLETE)

    async def _next(self, send: Send, answer: Answer) -> None:
        await self._event(send, answer_body(answer, self._request_id), answer.version)

    async def _event(self, send: Send, body: object, version: str | None = None) -> None:
        name = b"event: next\n" if version is None else f"event: next\nid: {version}\n".encode()
        await _send(send, b"%sdata: %s\n\n" % (name, msgspec.json.encode(body)))

    async def _beat(self, send: Send) -> None:
        while True:
            await asyncio.sleep(self._beat_seconds)
            await _send(send, _BEAT)


async def _send(send: Send, chunk: bytes) -> None:
    await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
