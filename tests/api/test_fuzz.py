"""Whatever is sent: no 5xx, no stack trace, no answer over the deadline, only listed codes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.api.fuzzing import LIMITS, run
from tests.data.served_courses import Served, big_course, serve, small_course


@pytest.fixture(scope="module")
async def fuzzed(postgres_url: str) -> AsyncIterator[Served]:
    async with serve(postgres_url, [big_course(), small_course()], limits=LIMITS) as served:
        yield served


async def test_any_request_is_answered_or_refused(fuzzed: Served) -> None:
    assert await run(fuzzed, seed=1, requests=400) == []
