"""Real servers as fixtures: a URL from the environment if set, else a private process."""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from aggregates.embedded import EmbeddedPostgres

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a server on which databases may be made."""
    url = os.environ.get("COURSELENS_TEST_DATABASE_URL")
    if url:
        yield url
        return
    with (
        # Not pytest's folder: the server's user must be able to enter it.
        tempfile.TemporaryDirectory(prefix="courselens-") as folder,
        EmbeddedPostgres(Path(folder) / "pg") as server,
    ):
        yield server.url


@pytest.fixture(scope="module")
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty database for the tests of one module."""
    name = f"courselens_test_{os.getpid()}_{next(_numbers)}"
    asyncio.run(_execute(postgres_server, f"CREATE DATABASE {name}"))
    yield urlunsplit(urlsplit(postgres_server)._replace(path=f"/{name}"))
    asyncio.run(_execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)"))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
