"""What all tests share: servers, and asyncio as the only event loop."""

from __future__ import annotations

import pytest

pytest_plugins = ["tests.commands", "tests.mongo_server.fixtures", "tests.servers"]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
