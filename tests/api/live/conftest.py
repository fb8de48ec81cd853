"""One platform for all modules, its numbers stored once; each test has sources of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest

from indicators.registry import Registry
from tests.data.live_plugin import plugin_registry
from tests.data.platform import LiveServed, Platform, make_platform, serve_live
from tests.data.served_courses import serve
from tests.servers import start_mariadb


@pytest.fixture(scope="package")
def registry() -> Registry:
    return plugin_registry()


@pytest.fixture(scope="package")
def platform(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with ExitStack() as stack:
        mariadb = start_mariadb()
        stack.callback(mariadb.remove)
        yield make_platform(tmp_path_factory.mktemp("platform"), registry, stack, mariadb)


@pytest.fixture(scope="module")
async def stored_url(postgres_url: str, platform: Platform, registry: Registry) -> str:
    """URL of a store with the platform's numbers."""
    async with serve(postgres_url, [platform.results], registry=registry):
        return postgres_url


@pytest.fixture
async def live(
    platform: Platform, stored_url: str, registry: Registry
) -> AsyncIterator[LiveServed]:
    """The API with all the time in the world."""
    platform.heal()
    async with serve_live(platform, stored_url, registry, courses=(), deadline=20.0) as live:
        yield live
    platform.heal()
