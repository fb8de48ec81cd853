"""Run a worker or a scheduler as a service: until a signal, through outages of the database."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import structlog

from aggregates.store import Store
from courselens.errors import StoreError
from courselens.installed import load_installed
from courselens.settings import Settings
from courselens.storage import open_store
from indicators.registry import Registry
from workers.broker import Bell
from workers.ledger import Ledger
from workers.running import COMMAND
from workers.scheduler import Scheduler
from workers.worker import Worker

_AGAIN_SECONDS = 2.0


async def run_worker(
    settings: Settings,
    *,
    with_scheduler: bool = False,
    registry: Registry | None = None,
    command: Sequence[str] = COMMAND,
) -> None:
    """Work until a signal asks to stop.

    Args:
        settings: of the installation.
        with_scheduler: also schedule, in this process.
        registry: whose declarations the tables follow; what is installed if not given.
        command: what runs a task.

    Raises:
        BrokerError: the broker's URL names nothing that can be used.
    """

    async def work(store: Store, stop: asyncio.Event) -> None:
        ledger = Ledger(store.database, lease_seconds=settings.lease_seconds)
        worker = Worker(settings, ledger, store.database.url, command=command)
        bell = Bell(broker_url(settings), on_ring=worker.on_ring(), on_reject=worker.on_reject())
        bell.listen()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(worker.run(stop))
                if with_scheduler:
                    group.create_task(Scheduler(settings, store, ledger, bell).run(stop))
        finally:
            await asyncio.to_thread(bell.close)

    known = await asyncio.to_thread(load_installed, settings) if registry is None else registry
    await _serve(settings, known, work)


async def run_scheduler(settings: Settings, *, registry: Registry | None = None) -> None:
    """Lead or stand by until a signal asks to stop.

    Args:
        settings: of the installation.
        registry: whose indicators are kept fresh; what is installed if not given.

    Raises:
        BrokerError: the broker's URL names nothing that can be used.
    """

    async def schedule(store: Store, stop: asyncio.Event) -> None:
        ledger = Ledger(store.database, lease_seconds=settings.lease_seconds)
        bell = Bell(broker_url(settings))
        try:
            await Scheduler(settings, store, ledger, bell).run(stop)
        finally:
            await asyncio.to_thread(bell.close)

    known = await asyncio.to_thread(load_installed, settings) if registry is None else registry
    await _serve(settings, known, schedule)


@asynccontextmanager
async def open_ledger(settings: Settings) -> AsyncIterator[tuple[Store, Ledger]]:
    """The ledger, for a question or two.

    Raises:
        StoreError: the database cannot be opened.
    """
    async with open_store(settings, await asyncio.to_thread(load_installed, settings)) as store:
        yield store, Ledger(store.database, lease_seconds=settings.lease_seconds)


def broker_url(settings: Settings) -> str | None:
    """The broker's URL with its password."""
    return settings.broker_url.get_secret_value() if settings.broker_url else None


async def _serve(
    settings: Settings,
    registry: Registry,
    run: Callable[[Store, asyncio.Event], Awaitable[None]],
) -> None:
    # Their statements are short ones: a server that vanished is to be noticed within a lease.
    deadline = min(settings.database_timeout_seconds, settings.lease_seconds / 2)
    settings = settings.model_copy(update={"database_timeout_seconds": deadline})
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    while not stop.is_set():
        try:
            async with open_store(settings, registry) as store:
                await run(store, stop)
        except* StoreError as group:
            # A service that starts before its database waits for it; one that loses its tables
            # makes them anew.
            told = "; ".join(str(error) for error in group.exceptions)
            structlog.get_logger().warning("waiting for the database", error=told)
            await asyncio.sleep(_AGAIN_SECONDS)
