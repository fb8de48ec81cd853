"""Whole answers on real sockets: the same to the byte as uvicorn's own way of sending them."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterable

import pytest
import uvicorn
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from api.http.gate import Gate
from api.http.messages import json_response
from api.http.protocol import Deadlines, make_protocol
from courselens.serving import Server

BIG = 8_000_000
WRITES: list[bytes] = []
"""What the protocol handed to its sockets, write by write."""


class Noting:
    """A transport that notes what is written."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def write(self, data: bytes) -> None:
        WRITES.append(bytes(data))
        self._transport.write(data)

    def writelines(self, pieces: Iterable[bytes]) -> None:
        self.write(b"".join(pieces))

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer; on `/wrapped` through a `send` of somebody who wants to see the answer."""
    request = Request(scope, receive)

    async def wrapped(message: dict) -> None:  # type: ignore[type-arg]
        await send(message)

    size = BIG if request.url.path == "/big" else 3
    response = json_response("x" * size, status=200 if size == 3 else 201)
    await response(scope, receive, wrapped if request.url.path == "/wrapped" else send)


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Both loops that a process may serve on."""
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture
async def port() -> AsyncIterator[int]:
    gate = Gate(8)

    class Protocol(make_protocol(gate, Deadlines())):  # type: ignore[misc]
        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(Noting(transport))

    config = uvicorn.Config(app, http=Protocol, log_level="critical", lifespan="off")
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(config, listener, gate)
    serving = asyncio.create_task(server.run_until_stopped())
    await server.is_ready.wait()
    WRITES.clear()
    yield listener.getsockname()[1]
    server.should_exit = True
    await serving


async def asked(port: int, *requests: bytes) -> bytes:
    """All that the server says to requests sent together, the last of which closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"".join(requests))
    said = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    return re.sub(rb"date: [^\r]*", b"date: ?", said)


def request(path: str, method: str = "GET", *, close: bool = True) -> bytes:
    last = "connection: close\r\n" if close else ""
    return f"{method} {path} HTTP/1.1\r\nhost: a\r\n{last}\r\n".encode()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_answer_is_the_same_either_way(port: int, method: str) -> None:
    whole = await asked(port, request("/", method))
    assert whole == await asked(port, request("/wrapped", method))
    assert whole.startswith(b"HTTP/1.1 200 OK\r\n")
    assert whole.endswith(b'\r\n\r\n"xxx"' if method == "GET" else b"\r\n\r\n")
    assert b"connection: close" in whole


async def test_answer_on_a_connection_that_stays_is_one_write(port: int) -> None:
    said = await asked(port, request("/", close=False), request("/wrapped"))
    first, second = re.findall(rb"HTTP/1\.1 200 OK.*?\"xxx\"", said, re.DOTALL)
    assert first == second.replace(b"connection: close\r\n", b"")
    whole, *parts = WRITES
    assert whole.endswith(b'"xxx"')
    assert len(parts) == 2  # uvicorn's own way: the head, the body


async def test_answers_keep_their_order_and_size(port: int) -> None:
    said = await asked(port, request("/big", close=False), request("/", close=False), request("/"))
    statuses = re.findall(rb"HTTP/1\.1 (\d+)", said)
    assert statuses == [b"201", b"200", b"200"]
    assert said.count(b"x" * 3 + b'"') == 3
    assert f"content-length: {BIG + 2}".encode() in said


async def test_client_that_is_gone_is_no_failure(port: int) -> None:
    for _ in range(5):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request("/big", close=False))
        await writer.drain()
        writer.transport.abort()
    assert b"200 OK" in await asked(port, request("/"))
