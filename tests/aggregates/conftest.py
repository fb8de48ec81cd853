"""A migrated store on the module's database, with the toy indicators."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aggregates.store import Store
from indicators.registry import Registry
from tests.data.toy_indicators import toy_registry


@pytest.fixture
def registry() -> Registry:
    return toy_registry()


@pytest.fixture
async def store(postgres_url: str, registry: Registry) -> AsyncIterator[Store]:
    store = await Store.connect(postgres_url, registry=registry, pool_size=3)
    try:
        await store.migrate()
        yield store
    finally:
        await store.close()
