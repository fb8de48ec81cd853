"""Run the API in this process until it is told to stop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from api.app import create_app
from api.auth import TokenAuth
from courselens.errors import CourselensError
from courselens.settings import Settings
from courselens.storage import open_store
from courselens.tokens import TokenRules, make_key
from indicators.registry import load_registry


class AddressInUse(CourselensError):
    """The address to listen on cannot be had."""

    code = "ADDRESS_IN_USE"

    def __init__(self, host: str, port: int, reason: str) -> None:
        self.host = host
        self.port = port
        super().__init__(f"cannot listen on {host}:{port}: {reason}; choose another --port")


class Server(uvicorn.Server):
    """A server that says when it answers, and at which address."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        super().__init__(config)
        self._listener = listener
        self.is_ready = asyncio.Event()

    @property
    def address(self) -> str:
        """Where it listens."""
        host, port = self._listener.getsockname()[:2]
        return f"http://{host}:{port}"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening."""
        await super().startup(sockets)
        self.is_ready.set()

    async def run_until_stopped(self) -> None:
        """Serve until a signal or `should_exit` asks to stop."""
        await self.serve([self._listener])


@asynccontextmanager
async def prepared_server(settings: Settings) -> AsyncIterator[Server]:
    """A server on the configured address, not yet started, with its store open.

    Raises:
        AddressInUse: the address cannot be had; found out before anything is opened.
        StoreError: the database cannot be opened.
    """
    listener = _listen(settings.host, settings.port)
    with listener:
        registry = load_registry()
        rules = TokenRules(settings.token_issuer, settings.token_audience)
        async with open_store(settings, registry) as store:
            app = create_app(
                registry,
                store,
                TokenAuth.of(make_key(settings.keys_path), rules=rules),
                graphiql=settings.graphiql,
            )
            config = uvicorn.Config(
                app, log_level="warning", server_header=False, timeout_graceful_shutdown=10
            )
            yield Server(config, listener)


@asynccontextmanager
async def running_server(settings: Settings) -> AsyncIterator[Server]:
    """A server that answers, stopped at the end of the block."""
    async with prepared_server(settings) as server:
        serving = asyncio.create_task(server.run_until_stopped())
        try:
            await server.is_ready.wait()
            yield server
        finally:
            server.should_exit = True
            await serving


def _listen(host: str, port: int) -> socket.socket:
    try:
        listener = socket.create_server((host, port))
    except OSError as exc:
        raise AddressInUse(host, port, exc.strerror or str(exc)) from exc
    return listener
