"""The two courses, served to those who follow them; each test begins with their first numbers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from api.http.gate import Gate
from api.subscriptions.places import StreamLimits
from tests.api.subscriptions.refreshing import refresh
from tests.data.served_courses import Served, big_course, serve, small_course

CHECK_SECONDS = 0.2
"""So often a subscription looks by itself."""
STREAMS = StreamLimits(
    open=6,
    of_viewer=2,
    of_socket=3,
    check_seconds=CHECK_SECONDS,
    beat_seconds=0.1,
    init_seconds=0.3,
)


@pytest.fixture(scope="module")
def gate() -> Gate:
    return Gate()


@pytest.fixture(scope="module")
async def server(postgres_url: str, gate: Gate) -> AsyncIterator[Served]:
    courses = [big_course(), small_course()]
    async with (
        serve(postgres_url, courses, streams=STREAMS, gate=gate) as served,
        served.store.notices.listening(),
    ):
        async with asyncio.timeout(10):
            while not served.store.notices.is_connected:
                await asyncio.sleep(0.01)
        yield served


@pytest.fixture
async def served(server: Served, gate: Gate) -> Served:
    gate.leaving.clear()
    await refresh(server)  # whatever the test before has left
    return server
