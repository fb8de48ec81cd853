"""MongoDB for tests: the URL of a real one if it is set, else the wire-protocol test server."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import pymongo
import pytest

from tests.mongo_server.process import MongoProcess

_numbers = itertools.count()


@pytest.fixture(scope="session")
def mongo_server(tmp_path_factory) -> Iterator[str]:
    """URL of a server on which databases may be made."""
    url = os.environ.get("COURSELENS_TEST_MONGO_URL")
    if url:
        yield url
        return
    server = MongoProcess(tmp_path_factory.mktemp("mongo"))
    yield server.url
    server.kill()


@pytest.fixture
def mongo_url(mongo_server: str) -> Iterator[str]:
    """URL of an empty database, named in the URL, for one test."""
    name = f"courselens_test_{os.getpid()}_{next(_numbers)}"
    yield urlunsplit(urlsplit(mongo_server)._replace(path=f"/{name}"))
    with pymongo.MongoClient(mongo_server) as client:
        client.drop_database(name)


@pytest.fixture(scope="session")
def _mongo_process(tmp_path_factory) -> Iterator[MongoProcess]:
    server = MongoProcess(tmp_path_factory.mktemp("mongo-process"))
    yield server
    server.kill()


@pytest.fixture
def mongo_process(_mongo_process: MongoProcess) -> MongoProcess:
    """An empty test server for a test that stops, kills or restarts it."""
    _mongo_process.reset()
    return _mongo_process
