"""Streams on real sockets: what the protocol below them does and does not do to them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from api.http.gate import Gate
from api.http.protocol import BoundedSocket, Deadlines, make_protocol
from courselens.serving import Server

KEEP_ALIVE_SECONDS = 0.1
SECONDS = 10.0


class QuickSocket(BoundedSocket):
    send_seconds = 0.2


class Site:
    """An echo, a torrent, and a page that never ends; on one port."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.is_cut = asyncio.Event()
        self.is_streaming = asyncio.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        routes = [
            WebSocketRoute("/echo", self.echo),
            WebSocketRoute("/torrent", self.torrent),
            Route("/page", self.page),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes),
            http=make_protocol(self.gate, Deadlines(leaving=0.1, silent=0.1)),
            ws=QuickSocket,
            ws_max_size=100,
            ws_per_message_deflate=False,
            log_level="critical",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,  # type: ignore[arg-type]
            timeout_graceful_shutdown=1,
        )
        self.server = Server(config, self.listener, self.gate)

    async def echo(self, talk: WebSocket) -> None:
        await talk.accept()
        async for text in talk.iter_text():
            await talk.send_text(text)

    async def torrent(self, talk: WebSocket) -> None:
        await talk.accept()
        try:
            while True:
                await talk.send_text("x" * 1_000_000)
        finally:
            self.is_cut.set()

    async def page(self, _: Request) -> StreamingResponse:
        async def lines() -> AsyncIterator[bytes]:
            yield b":\n\n"
            self.is_streaming.set()
            await self.gate.leaving.wait()

        return StreamingResponse(lines())


@asynccontextmanager
async def running() -> AsyncIterator[Site]:
    site = Site()
    task = asyncio.create_task(site.server.run_until_stopped())
    await site.server.is_ready.wait()
    try:
        yield site
    finally:
        site.server.should_exit = True
        await task
        site.listener.close()


async def test_socket_outlives_the_time_for_which_connections_are_kept() -> None:
    async with running() as site, connect(f"ws://127.0.0.1:{site.port}/echo") as talk:
        for text in ("a", "b"):
            await asyncio.sleep(3 * KEEP_ALIVE_SECONDS)
            await talk.send(text)
            assert await talk.recv() == text


async def test_message_that_is_too_large_closes_the_socket() -> None:
    async with running() as site, connect(f"ws://127.0.0.1:{site.port}/echo") as talk:
        await talk.send("x" * 101)
        with pytest.raises(ConnectionClosed):
            await talk.recv()
        assert talk.close_code == 1009


async def test_who_does_not_read_is_cut_off() -> None:
    async with running() as site:
        _, writer = await asyncio.open_connection("127.0.0.1", site.port, limit=1_000)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(
            b"GET /torrent HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        async with asyncio.timeout(SECONDS):
            await site.is_cut.wait()
        writer.transport.abort()


@pytest.mark.parametrize("accept", ["text/event-stream", "application/json"])
async def test_stream_of_events_is_no_question_that_waits(accept: str) -> None:
    async with running() as site:
        _, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(f"GET /page HTTP/1.1\r\nhost: a\r\naccept: {accept}\r\n\r\n".encode())
        async with asyncio.timeout(SECONDS):
            await site.is_streaming.wait()
        assert site.gate.waiting == (accept == "application/json")
        writer.close()
