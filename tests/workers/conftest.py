"""A migrated store on the module's database, and an empty ledger on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aggregates.store import Store
from tests.data.toy_indicators import toy_registry
from workers.ledger import Ledger


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[Store]:
    store = await Store.connect(postgres_url, registry=toy_registry(), pool_size=4)
    try:
        await store.migrate()
        await store.database.fetch("TRUNCATE work, rejected_messages")
        yield store
    finally:
        await store.close()


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return Ledger(store.database, lease_seconds=5)
