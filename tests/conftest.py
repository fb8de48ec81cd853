"""What all tests share: servers, and asyncio as the only event loop."""

from __future__ import annotations

import pytest

pytest_plugins = [
    "tests.commands",
    "tests.mongo_server.fixtures",
    "tests.orphans",
    "tests.servers",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run modules with slow tests first, so that no worker is left with one when all others end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
