"""The two courses, served once a module."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.data.served_courses import Served, big_course, serve, small_course


@pytest.fixture(scope="module")
async def served(postgres_url: str) -> AsyncIterator[Served]:
    async with serve(postgres_url, [big_course(), small_course()]) as served:
        yield served
