"""Documents in MongoDB and sources that read them, by either driver."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path

import pymongo
import pytest

from loaders.mongo.client import Driver
from loaders.mongo.source import MongoSource
from tests.data import mongo_course


@pytest.fixture(params=list(Driver))
def driver(request) -> Driver:
    return request.param


@pytest.fixture
def database(mongo_url):
    """The database of the test, to write into."""
    with pymongo.MongoClient(mongo_url) as client:
        yield client.get_default_database()


@pytest.fixture
def open_source(mongo_url, driver):
    """Opens a source on the database of the test; both stores and the forum are in it."""

    @asynccontextmanager
    async def open_it(**options):
        name = mongo_url.rpartition("/")[2]
        async with MongoSource(
            mongo_url, **{"forum_database": name, "driver": driver, **options}
        ) as source:
            yield source

    return open_it


@pytest.fixture
def put_course(database):
    """Writes a course of the split modulestore."""

    def put(*blocks, policy=None, version=None):
        database["modulestore.active_versions"].insert_one(version or mongo_course.active_version())
        database["modulestore.structures"].insert_one(mongo_course.structure(*blocks))
        content = {} if policy is None else {"grading_policy": policy}
        database["modulestore.definitions"].insert_one(mongo_course.definition(**content))

    return put


@pytest.fixture(scope="session")
def demo_folder() -> Path:
    """The Open edX demo course as it is exported, which is not part of the project."""
    folder = Path(__file__).resolve().parents[4] / "shared" / "data" / "demo-course" / "course"
    if not folder.is_dir():
        pytest.skip("the folder of real samples, ../shared/data, is absent")
    return folder
