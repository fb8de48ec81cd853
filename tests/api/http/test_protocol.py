"""The protocol on real sockets, with deadlines short enough to wait for."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from api.http.gate import Gate
from api.http.protocol import Deadlines, make_protocol
from courselens.serving import Server

DEADLINES = Deadlines(header=0.4, body=0.2, send=0.5, leaving=0.3, header_bytes=2_000)
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n"
BIG = 20_000_000


class Site:
    """A server of this process, and what its one page waits for."""

    def __init__(self, gate: Gate, deadlines: Deadlines) -> None:
        self.gate = gate
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.clients: list[Client] = []
        routes = [
            Route("/", self.page, methods=["GET", "POST"]),
            Route("/big", lambda _: Response(b"x" * BIG)),
            Route("/healthz", lambda _: PlainTextResponse("ok")),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes),
            http=make_protocol(gate, deadlines),
            log_level="critical",
            timeout_keep_alive=2,
            timeout_graceful_shutdown=5,
        )
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.server = Server(config, self.listener, gate)

    async def page(self, request: Request) -> Response:
        try:
            body = await request.body()
        except ClientDisconnect:
            return Response(status_code=400)
        with self.gate.entered():
            await self.go_on.wait()
        return PlainTextResponse(b"got " + body)

    async def connect(self) -> Client:
        reader, writer = await asyncio.open_connection(*self.listener.getsockname())
        client = Client(reader, writer)
        self.clients.append(client)
        return client


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def rest(self) -> bytes:
        """Everything until the server closes."""
        async with asyncio.timeout(10):
            return await self.reader.read()

    async def answer(self) -> bytes:
        """Headers and body of one answer."""
        async with asyncio.timeout(10):
            head = await self.reader.readuntil(b"\r\n\r\n")
            (length,) = [
                int(line.partition(b":")[2])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length")
            ]
            return head + await self.reader.readexactly(length)


@asynccontextmanager
async def serving(
    gate: Gate | None = None, deadlines: Deadlines = DEADLINES
) -> AsyncIterator[Site]:
    site = Site(gate or Gate(), deadlines)
    task = asyncio.create_task(site.server.run_until_stopped())
    await site.server.is_ready.wait()
    try:
        yield site
    finally:
        site.go_on.set()
        for client in site.clients:
            client.writer.close()
            with contextlib.suppress(OSError):
                await client.writer.wait_closed()
        site.server.should_exit = True
        await task


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serving() as site:
        yield site


async def test_question_is_answered_and_the_connection_kept(site: Site) -> None:
    client = await site.connect()
    for _ in range(2):
        client.send(POST + b"hello")
        assert (await client.answer()).endswith(b"got hello")


async def test_questions_sent_together_are_answered_in_order(site: Site) -> None:
    client = await site.connect()
    client.send(POST + b"first" + POST + b"secon" + GET)
    told = [(await client.answer()).partition(b"\r\n\r\n")[2] for _ in range(3)]
    assert told == [b"got first", b"got secon", b"got "]


async def test_who_says_nothing_is_hung_up_on(site: Site) -> None:
    client = await site.connect()
    assert await client.rest() == b""


async def test_headers_that_trickle_in_are_not_waited_for(site: Site) -> None:
    client = await site.connect()
    began = time.monotonic()
    reading = asyncio.create_task(client.rest())
    for byte in GET:
        if reading.done():
            break
        client.send(bytes([byte]))
        await asyncio.sleep(0.05)
    assert (await reading).startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began < 3 * DEADLINES.header


async def test_second_question_has_a_deadline_too(site: Site) -> None:
    client = await site.connect()
    client.send(GET)
    await client.answer()
    client.send(GET[:10])
    assert (await client.rest()).startswith(b"HTTP/1.1 408 ")


async def test_body_that_does_not_come_is_not_waited_for(site: Site) -> None:
    client = await site.connect()
    client.send(POST + b"he")
    began = time.monotonic()
    await client.rest()
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("pieces", [1, 40])
async def test_headers_have_a_size(site: Site, pieces: int) -> None:
    client = await site.connect()
    client.send(b"GET / HTTP/1.1\r\nhost: a\r\n")
    reading = asyncio.create_task(client.rest())
    for _ in range(pieces):
        client.send(b"x: " + b"y" * (4_000 // pieces) + b"\r\n")
        await asyncio.sleep(0.005)
        if reading.done():
            break
    else:
        client.send(b"\r\n")
    assert (await reading).startswith(b"HTTP/1.1 431 ")


async def test_empty_lines_keep_no_connection_open(site: Site) -> None:
    client = await site.connect()
    client.send(GET)
    await client.answer()
    client.send(b"\r\n")
    began = time.monotonic()
    assert await client.rest() == b""
    assert time.monotonic() - began < 4


async def test_who_does_not_read_is_hung_up_on(site: Site) -> None:
    client = await site.connect()
    client.send(b"GET /big HTTP/1.1\r\nhost: a\r\n\r\n")
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    async with asyncio.timeout(5):
        while site.server.server_state.connections:
            await asyncio.sleep(0.05)


async def test_busy_server_says_so_at_once_but_is_healthy() -> None:
    gate = Gate(4)
    async with serving(gate) as site:
        site.go_on.clear()
        waiting = [await site.connect() for _ in range(4)]
        for client in waiting:
            client.send(GET)
        while not gate.is_full():
            await asyncio.sleep(0.01)
        other = await site.connect()
        other.send(POST + b"hello")
        refused = await other.answer()
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1\r\n" in refused
        assert b'"code":"OVERLOADED","retryable":true,"requestId":"' in refused
        other.send(GET.replace(b"/ ", b"/healthz "))
        assert (await other.answer()).endswith(b"ok")
        site.go_on.set()
        for client in waiting:
            assert (await client.answer()).startswith(b"HTTP/1.1 200 ")
        other.send(GET)
        assert (await other.answer()).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("head", "has_body"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", True),
        (b"HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", False),
        (POST.replace(b"\r\n\r\n", b"\r\nexpect: 100-continue\r\n\r\n"), True),
    ],
)
async def test_who_is_turned_away_and_will_not_ask_again_is_hung_up_on(
    head: bytes, has_body: bool
) -> None:
    gate = Gate(1)
    async with serving(gate) as site:
        with gate.entered():
            client = await site.connect()
            client.send(head)
            told, _, body = (await client.rest()).partition(b"\r\n\r\n")
    assert told.startswith(b"HTTP/1.1 503 ")
    assert b"connection: close" in told
    assert bool(body) is has_body


async def test_stopping_server_answers_whoever_has_begun() -> None:
    async with serving() as site:
        site.go_on.clear()
        running, half, silent, idle = [await site.connect() for _ in range(4)]
        running.send(GET)
        idle.send(GET.replace(b"/ ", b"/healthz "))
        await idle.answer()
        half.send(GET[:20])
        await asyncio.sleep(0.1)
        site.server.should_exit = True
        while not site.gate.is_draining:
            await asyncio.sleep(0.01)
        silent.send(GET)
        half.send(GET[20:])
        site.go_on.set()
        for client in (running, half, silent):
            told = await client.rest()
            assert told.startswith(b"HTTP/1.1 200 ")
            assert b"connection: close" in told
        assert await idle.rest() == b""


async def test_connection_that_came_last_has_a_moment_to_speak() -> None:
    async with serving(deadlines=Deadlines()) as site:
        late = await site.connect()
        while not site.server.server_state.connections:
            await asyncio.sleep(0.01)
        site.server.should_exit = True
        while site.server.servers[0].is_serving():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        late.send(GET)
        assert (await late.rest()).startswith(b"HTTP/1.1 200 ")


async def test_half_a_question_does_not_hold_up_a_stopping_server() -> None:
    async with serving() as site:
        half = await site.connect()
        half.send(GET[:20])
        await asyncio.sleep(0.05)
        began = time.monotonic()
        site.server.should_exit = True
        told = await half.rest()
        assert told == b"" or told.startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - began < 4
