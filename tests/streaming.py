"""Streams of an application in this process: server-sent events and WebSockets, over ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.types import ASGIApp, Message

SECONDS = 10.0
"""For what is sure to come."""
PROTOCOL = "graphql-transport-ws"


@dataclass(frozen=True, slots=True)
class Event:
    """One event; a comment has no name, the end of the stream is None instead."""

    name: str
    data: Any
    id: str | None = None


class Connection:
    """One end of an ASGI conversation."""

    def __init__(self, app: ASGIApp, scope: dict[str, Any]) -> None:
        self._received: asyncio.Queue[Message] = asyncio.Queue()
        self._sent: asyncio.Queue[Message] = asyncio.Queue()
        full = {"asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", **scope}
        full |= {"path": "/graphql", "raw_path": b"/graphql", "client": ("127.0.0.1", 1)}
        full |= {"server": ("test", 80), "root_path": ""}
        self.task = asyncio.create_task(self._run(app, full))

    async def _run(self, app: ASGIApp, scope: dict[str, Any]) -> None:
        await app(scope, self._received.get, self._sent.put)
        await self._sent.put({"type": "over"})

    def say(self, message: Message) -> None:
        """What the application is to receive."""
        self._received.put_nowait(message)

    async def hear(self) -> Message:
        """What it sends next."""
        async with asyncio.timeout(SECONDS):
            heard = asyncio.ensure_future(self._sent.get())
            await asyncio.wait({heard, self.task}, return_when=asyncio.FIRST_COMPLETED)
            if not heard.done():
                self.task.result()
            return await heard

    def nothing_more(self) -> bool:
        """Whether nothing was sent that was not heard."""
        return self._sent.empty()

    async def leave(self, goodbye: Message) -> None:
        """Go, and wait until the application has noticed."""
        self.say(goodbye)
        async with asyncio.timeout(SECONDS):
            await self.task


class Events(Connection):
    """A response of server-sent events, or what came instead."""

    status: int
    headers: dict[str, str]
    text: bytes = b""

    async def begin(self) -> None:
        """Wait for the first line and the headers."""
        start = await self.hear()
        self.status = start["status"]
        self.headers = {name.decode(): value.decode() for name, value in start["headers"]}

    async def next(self, *, comments: bool = False) -> Event | None:
        """The next event; None: the stream is over."""
        while True:
            message = await self.hear()
            if message["type"] == "over":
                return None
            self.text += message["body"]
            if message["body"]:
                event = _parsed(message["body"])
                if event.name or comments:
                    return event

    async def body(self) -> Any:
        """The whole body of an answer that is no stream."""
        found = b""
        while (message := await self.hear())["type"] != "over":
            found += message["body"]
        return orjson.loads(found)


def _parsed(chunk: bytes) -> Event:
    assert chunk.endswith(b"\n\n")
    assert chunk.count(b"\n\n") == 1
    fields = dict(line.split(":", 1) for line in chunk.decode().strip("\n").split("\n"))
    data = fields.get("data", "").strip()
    name = fields.get("event", "retry" if "retry" in fields else "").strip()
    known = fields.get("id")
    return Event(name, orjson.loads(data) if data else None, known and known.strip())


@asynccontextmanager
async def events(
    app: ASGIApp,
    query: str,
    *,
    headers: Mapping[str, str] | None = None,
    method: str = "POST",
    **variables: Any,
) -> AsyncIterator[Events]:
    """Ask for a stream of events; leaves at the end of the block."""
    body = orjson.dumps({"query": query, "variables": variables})
    given = {"accept": "text/event-stream", "content-type": "application/json", **(headers or {})}
    text = {"query": query, "variables": orjson.dumps(variables).decode()}
    stream = Events(
        app,
        {
            "type": "http",
            "method": method,
            "scheme": "http",
            "query_string": urlencode(text).encode() if method == "GET" else b"",
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        },
    )
    stream.say({"type": "http.request", "body": body if method == "POST" else b""})
    try:
        await stream.begin()
        yield stream
    finally:
        await stream.leave({"type": "http.disconnect"})


class Socket(Connection):
    """A WebSocket."""

    refusal: Message | None = None

    def send(self, **message: Any) -> None:
        """A message; `kind` is its type."""
        kind = message.pop("kind", None)
        text = orjson.dumps({"type": kind, **message} if kind else message).decode()
        self.say({"type": "websocket.receive", "text": text})

    async def receive(self) -> dict[str, Any]:
        """The next message, or `{"closed": code}`, or `{"refused": status}`."""
        if self.refusal is not None:
            return {"refused": self.refusal["status"]}
        message = await self.hear()
        if message["type"] == "websocket.send":
            found: dict[str, Any] = orjson.loads(message["text"])
            return found
        assert message["type"] == "websocket.close"
        assert len(message["reason"].encode()) <= 123
        return {"closed": message["code"]}

    async def open(self, **payload: Any) -> None:
        """Say who one is; fails unless that is taken."""
        self.send(kind="connection_init", payload=payload)
        assert await self.receive() == {"type": "connection_ack"}

    def subscribe(self, name: str, query: str, **variables: Any) -> None:
        """Ask a question."""
        payload = {"query": query, "variables": variables}
        self.send(kind="subscribe", id=name, payload=payload)


@asynccontextmanager
async def socket(
    app: ASGIApp, *, headers: Mapping[str, str] | None = None, protocol: str | None = PROTOCOL
) -> AsyncIterator[Socket]:
    """Open a WebSocket; leaves at the end of the block."""
    opened = Socket(
        app,
        {
            "type": "websocket",
            "scheme": "ws",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
            "subprotocols": [protocol] if protocol else [],
            "extensions": {"websocket.http.response": {}},
        },
    )
    opened.say({"type": "websocket.connect"})
    accepted = await opened.hear()
    if accepted["type"] == "websocket.accept":
        assert accepted["subprotocol"] == protocol or protocol != PROTOCOL
    else:
        opened.refusal = accepted
    try:
        yield opened
    finally:
        await opened.leave({"type": "websocket.disconnect", "code": 1000})
