"""Real servers as fixtures: a URL from the environment if set, else a private process."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from tests.mariadb import MariaDB, find_mariadbd, run_on_mysql
from tests.postgres import PostgresServer
from tests.programs import required
from tests.redis import RedisServer, find_redis_server

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres_server(courselens_database_url: str) -> str:
    """URL of a server on which databases may be made: that of the test kit."""
    return courselens_database_url


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
    server = RedisServer(required(find_redis_server(), "redis-server is not installed"))
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
    server = start_mariadb()
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
    server = start_mariadb()
    yield server
    server.remove()


def start_mariadb() -> MariaDB:
    reason = "mariadbd is not installed; install it, or set COURSELENS_TEST_MYSQL_URL"
    server = MariaDB(required(find_mariadbd(), reason))
    server.start()
    return server
