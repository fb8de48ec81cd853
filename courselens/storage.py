"""Open the store of aggregates: the configured PostgreSQL, or the embedded one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aggregates.embedded import EmbeddedPostgres
from aggregates.store import Store
from courselens.settings import Settings
from indicators.registry import Registry


@asynccontextmanager
async def open_store(settings: Settings, registry: Registry) -> AsyncIterator[Store]:
    """The store, its tables brought up to the registry's declarations.

    Raises:
        StoreError: the server cannot be started or does not answer in time.
    """
    embedded: EmbeddedPostgres | None = None
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
    else:
        embedded = EmbeddedPostgres(settings.postgres_path)
        url = await asyncio.to_thread(embedded.start)
    try:
        store = await Store.connect(
            url, registry=registry, deadline_seconds=settings.database_timeout_seconds
        )
        try:
            await store.migrate()
            yield store
        finally:
            await store.close()
    finally:
        if embedded is not None:
            await asyncio.to_thread(embedded.stop)
