"""Run the API in this process until it is told to stop."""

from __future__ import annotations

import asyncio
import math
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from aggregates.store import Store
from api.access.auth import TokenAuth
from api.access.policy import ProfileFilters, RoleSource
from api.access.roles import LiveRoles, RoleCache
from api.app import create_app
from api.documents.accepted import DocumentRules
from api.documents.limits import Limits
from api.http.gate import Gate
from api.http.protocol import BoundedProtocol, BoundedSocket, Deadlines, make_protocol
from api.http.rates import LocalRates, Rates, SharedRates
from api.metrics import Metrics
from api.options import Options
from api.subscriptions.places import StreamLimits
from courselens.errors import CourselensError
from courselens.installed import load_installed
from courselens.live import open_live_source
from courselens.monitoring import shown_metrics
from courselens.settings import Settings
from courselens.storage import open_store
from courselens.tokens import make_key

if TYPE_CHECKING:
    from loaders.live import LiveSource

QUIET_SECONDS = 1.0
"""How long a stopping process waits for the request of a client that has just connected."""
LEAVING_SECONDS = 5
"""How long it waits for answers that are over their deadline, before it ends them."""


class AddressInUse(CourselensError):
    """The address to listen on cannot be had."""

    code = "ADDRESS_IN_USE"

    def __init__(self, host: str, port: int, reason: str) -> None:
        self.host = host
        self.port = port
        super().__init__(f"cannot listen on {host}:{port}: {reason}; choose another --port")


class Server(uvicorn.Server):
    """A server that says when it answers and at which address, and leaves without dropping anyone.

    Args:
        config: uvicorn's.
        listener: the socket to listen on.
        gate: says that the process is stopping.
        notice_seconds: how long it serves on once it is told to stop, while `/readyz` says so.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        listener: socket.socket,
        gate: Gate,
        *,
        notice_seconds: float = 0.0,
    ) -> None:
        super().__init__(config)
        self._listener = listener
        self._gate = gate
        self._notice_seconds = notice_seconds
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

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: say so, answer whoever has connected, then close.

        From now on every answer closes its connection, so that clients go elsewhere; what stays
        open ends after the notice. Who has connected and said nothing yet has `QUIET_SECONDS` to
        do so.
        """
        self._gate.is_draining = True
        for connection in self.server_state.connections:
            if isinstance(connection, BoundedProtocol):
                connection.leave()
        await asyncio.sleep(self._notice_seconds)
        self._gate.leaving.set()
        until = time.monotonic() + QUIET_SECONDS
        while self.server_state.connections and time.monotonic() < until:  # noqa: ASYNC110 - a set
            await asyncio.sleep(0.05)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal to stop, and forget it: nobody shall raise it again.

        uvicorn does once it has stopped. That would end the process before the database is closed,
        and leave an embedded one running.
        """
        super().handle_exit(sig, frame)
        self._captured_signals.clear()

    async def run_until_stopped(self) -> None:
        """Serve until a signal or `should_exit` asks to stop."""
        await self.serve([self._listener])


@asynccontextmanager
async def prepared_server(settings: Settings) -> AsyncIterator[Server]:
    """A server on the configured address, not yet started, with its store open.

    Raises:
        AddressInUse: the address cannot be had; found out before anything is opened.
        StoreError: the database cannot be opened.
        BadParameter, SourceRefused: the URL of a source cannot be used.
        BadKeys: the keys of the platform's tokens cannot be used.
        MetricsAddressInUse: that of the metrics cannot be had.
    """
    listener = _listen(settings)
    with listener:
        registry = await asyncio.to_thread(load_installed, settings)
        local = make_key(settings.keys_path).verifying(settings.token_rules)
        auth = TokenAuth(settings.key_ring(local), origins=settings.cookie_origins)
        gate, metrics = Gate(settings.concurrent_questions), Metrics()
        limits = Limits(
            cost=settings.cost_limit, deadline_seconds=settings.question_deadline_seconds
        )
        async with (
            open_store(settings, registry) as store,
            open_live_source(settings) as live,
            _open_rates(settings) as rates,
            store.notices.listening(),
        ):
            app = create_app(
                registry,
                store,
                auth,
                Options(
                    roles=RoleCache(_roles(settings, store, live), seconds=settings.roles_seconds),
                    live=live,
                    live_deadline_seconds=settings.live_deadline_seconds,
                    graphiql=settings.graphiql,
                    limits=limits,
                    rules=DocumentRules(
                        registered_only=settings.registered_documents_only,
                        from_clients=settings.documents_from_clients,
                        introspection=settings.introspection,
                    ),
                    rates=rates,
                    gate=gate,
                    streams=StreamLimits(open=settings.open_subscriptions),
                    profile_filters=ProfileFilters(settings.profile_filters),
                    allowed_hosts=settings.allowed_hosts,
                    cors_origins=sorted({*settings.cors_origins, *settings.cookie_origins}),
                    cors_cookies=bool(settings.cookie_origins),
                    kept_bytes=settings.answer_cache_mb * 1024 * 1024,
                    metrics=metrics,
                    exports_at_once=settings.concurrent_exports,
                    export_deadline_seconds=settings.export_deadline_seconds,
                    stop_limit_seconds=settings.stop_limit_seconds,
                ),
            )
            config = uvicorn.Config(
                app,
                http=make_protocol(gate, Deadlines()),
                ws=BoundedSocket,
                ws_max_size=limits.body_bytes,
                ws_per_message_deflate=False,
                log_level="warning",
                access_log=False,  # nothing would be written, and every line be made all the same
                server_header=False,
                timeout_graceful_shutdown=_patience(limits, settings),
            )
            with shown_metrics(metrics, settings.metrics_host, settings.metrics_port):
                yield Server(config, listener, gate, notice_seconds=settings.stop_notice_seconds)


def new_loop() -> asyncio.AbstractEventLoop:
    """An event loop to serve on: uvloop's, a fifth cheaper a request, where there is one."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


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


def _patience(limits: Limits, settings: Settings) -> int:
    """Seconds for answers under way: until questions and files have ended by themselves."""
    longest = max(limits.deadline_seconds, settings.stop_limit_seconds)
    return math.ceil(longest) + LEAVING_SECONDS


def _roles(settings: Settings, store: Store, live: LiveSource | None) -> RoleSource:
    """The platform's own roles where its MySQL is configured, else those of the last refresh."""
    if settings.mysql_url is None or live is None:
        return store.reader
    return LiveRoles(
        live,
        store.reader,
        deadline_seconds=settings.live_deadline_seconds,
        outage_seconds=settings.roles_outage_seconds,
    )


@asynccontextmanager
async def _open_rates(settings: Settings) -> AsyncIterator[Rates | None]:
    """The buckets of askers' points; None where nobody counts."""
    if not settings.points_per_minute:
        yield None
    elif settings.rates_url is None:
        yield LocalRates(settings.points_per_minute)
    else:
        shared = SharedRates(settings.rates_url.get_secret_value(), settings.points_per_minute)
        try:
            yield shared
        finally:
            await shared.close()


def _listen(settings: Settings) -> socket.socket:
    host, port = settings.host, settings.port
    try:
        if settings.listen_fd is not None:
            return socket.socket(fileno=settings.listen_fd)
        return socket.create_server((host, port))
    except OSError as exc:
        raise AddressInUse(host, port, exc.strerror or str(exc)) from exc
