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
from tests.mariadb import MariaDB, find_mariadbd, run_on_mysql
from tests.postgres import PostgresServer
from tests.redis import RedisServer, find_redis_server

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


@pytest.fixture(scope="module")
def postgres_process() -> Iterator[PostgresServer]:
    """A running server of the module's own, which its tests may kill."""
    server = PostgresServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def redis_process() -> Iterator[RedisServer]:
    """A running server of the module's own, which its tests may kill and empty."""
    program = find_redis_server()
    if program is None:
        reason = "redis-server is not installed"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    server = RedisServer(program)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def redis_url(request: pytest.FixtureRequest) -> str:
    """URL of a Redis database for the tests of one module."""
    url = os.environ.get("COURSELENS_TEST_REDIS_URL")
    if url:
        return url
    server: RedisServer = request.getfixturevalue("redis_process")
    return server.url


@pytest.fixture(scope="session")
def mysql_server() -> Iterator[str]:
    """URL of a MySQL or MariaDB server on which databases may be made."""
    url = os.environ.get("COURSELENS_TEST_MYSQL_URL")
    if url:
        yield url
        return
    server = _start_mariadb()
    yield server.url
    server.remove()


@pytest.fixture(scope="module")
def mysql_url(mysql_server: str) -> Iterator[str]:
    """URL of an empty database for the tests of one module."""
    name = f"courselens_test_{os.getpid()}_{next(_numbers)}"
    run_on_mysql(mysql_server, f"CREATE DATABASE {name}")
    yield urlunsplit(urlsplit(mysql_server)._replace(path=f"/{name}"))
    run_on_mysql(mysql_server, f"DROP DATABASE {name}")


@pytest.fixture(scope="module")
def mysql_process() -> Iterator[MariaDB]:
    """A running server of the module's own, which its tests may kill and pause."""
    server = _start_mariadb()
    yield server
    server.remove()


def _start_mariadb() -> MariaDB:
    program = find_mariadbd()
    if program is None:
        reason = "mariadbd is not installed; install it, or set COURSELENS_TEST_MYSQL_URL"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    server = MariaDB(program)
    server.start()
    return server
