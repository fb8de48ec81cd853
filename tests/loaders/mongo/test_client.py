"""The client: its errors, deadlines and settings, by either driver."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pymongo
import pytest

from courselens.errors import SourceRefused, SourceUnavailable
from loaders.circuit import Circuit
from loaders.mongo.client import connect, disconnect
from loaders.mongo.source import MongoSource
from tests.data.mongo_course import KEY, active_version, block, structure
from tests.mongo_server.process import fail_commands

DEADLINE_SECONDS = 0.5


@pytest.fixture
def open_own(mongo_process, driver):
    """Opens a source on a server of its own that has one course."""
    with pymongo.MongoClient(mongo_process.url) as client:
        store = client["openedx"]
        store["modulestore.active_versions"].insert_one(active_version())
        store["modulestore.structures"].insert_one(structure(block("course", "course")))

    def open_it(**options):
        given = {"driver": driver, "deadline_seconds": DEADLINE_SECONDS, **options}
        return MongoSource(mongo_process.url, **given)

    return open_it


async def ask_until_answered(ask):
    """Try again later, as callers do: a driver looks for a lost server only now and then."""
    for _ in range(60):
        try:
            return await ask()
        except SourceUnavailable:
            await asyncio.sleep(0.05)
    raise AssertionError("the source did not come back")


async def test_a_killed_server_is_unavailable_and_comes_back(open_own, mongo_process):
    async with open_own(circuit=Circuit("mongodb", failures=1000)) as source:
        before = await source.course_keys()
        mongo_process.kill()
        with pytest.raises(SourceUnavailable) as caught:
            await source.course_keys()
        mongo_process.start()
        after = await ask_until_answered(source.course_keys)

    assert caught.value.deadline_seconds == DEADLINE_SECONDS
    assert before == after == [KEY]


async def test_a_hung_server_is_unavailable_and_comes_back(open_own, mongo_process):
    async with open_own(circuit=Circuit("mongodb", failures=1000)) as source:
        await source.course_keys()
        mongo_process.suspend()
        # Far more than the deadline: a call that never ends fails here instead of hanging on.
        async with asyncio.timeout(30):
            with pytest.raises(SourceUnavailable):
                await source.course_keys()
        mongo_process.resume()
        assert await ask_until_answered(source.course_keys) == [KEY]


async def test_closing_on_a_hung_server_holds_up_nobody(open_own, mongo_process):
    source = open_own()
    await source.course_keys()
    mongo_process.suspend()
    closing = asyncio.ensure_future(source.close())
    await asyncio.sleep(0)

    assert not closing.done()
    mongo_process.resume()
    await closing


async def test_a_server_that_was_never_there_is_unavailable(driver):
    async with MongoSource("mongodb://127.0.0.1:1", driver=driver, deadline_seconds=0.2) as source:
        with pytest.raises(SourceUnavailable, match=r"mongodb did not answer within 0\.2 s"):
            await source.probe()


async def test_a_slow_answer_is_given_up(open_own, mongo_process):
    fail_commands(mongo_process.url, "find", times=2, blockConnection=True, blockTimeMS=5000)

    async with open_own() as source:
        with pytest.raises(SourceUnavailable):
            await source.course_keys()


async def test_a_connection_that_breaks_once_is_not_noticed(open_own, mongo_process):
    async with open_own(deadline_seconds=10.0) as source:
        fail_commands(mongo_process.url, "find", closeConnection=True)
        assert await source.course_keys() == [KEY]


@pytest.mark.parametrize("code", [50, 91])
async def test_a_statement_that_took_too_long_or_met_a_shutdown_can_be_tried_again(
    open_own, mongo_process, code
):
    fail_commands(mongo_process.url, "find", times=2, errorCode=code)

    async with open_own() as source:
        with pytest.raises(SourceUnavailable) as caught:
            await source.course_keys()

    assert caught.value.retryable


async def test_a_lost_cursor_is_unavailable_and_the_next_reading_is_whole(
    open_own, mongo_process, monkeypatch
):
    monkeypatch.setattr("loaders.mongo.client.BATCH", 2)
    with pymongo.MongoClient(mongo_process.url) as client:
        client["openedx"]["modulestore.active_versions"].insert_many(
            [active_version(run=f"R{number}") for number in range(4)]
        )
    fail_commands(mongo_process.url, "getMore", errorCode=43)

    async with open_own() as source:
        with pytest.raises(SourceUnavailable, match="how far"):
            await source.course_keys()
        assert len(await source.course_keys()) == 5


async def test_a_dead_server_is_asked_only_now_and_then(open_own, mongo_process):
    now = [0.0]
    circuit = Circuit("mongodb", failures=2, cool_down_seconds=10, clock=lambda: now[0])
    async with open_own(circuit=circuit) as source:
        fail_commands(mongo_process.url, "find", times=2, errorCode=50)
        for _ in range(2):
            with pytest.raises(SourceUnavailable):
                await source.course_keys()
        with pytest.raises(SourceUnavailable, match="failed 2 times"):
            await source.course_keys()
        now[0] = 10.0
        assert await source.course_keys() == [KEY]


async def test_a_question_that_was_given_up_leaves_the_circuit_as_it_was(open_own, mongo_process):
    async with open_own(deadline_seconds=10.0) as source:
        fail_commands(mongo_process.url, "find", blockConnection=True, blockTimeMS=200)
        question = asyncio.ensure_future(source.course_keys())
        await asyncio.sleep(0.05)
        question.cancel()
        with pytest.raises(asyncio.CancelledError):
            await question
        assert await source.course_keys() == [KEY]


async def test_an_account_that_may_not_read_is_told_what_it_needs(open_own, mongo_process):
    fail_commands(mongo_process.url, "find", times=3, errorCode=13)

    async with open_own() as source:
        for _ in range(3):  # an answer each time, so the circuit stays closed
            with pytest.raises(SourceRefused, match=r"openedx.modulestore.active_versions.*`read`"):
                await source.course_keys()
        assert await source.course_keys() == [KEY]


@pytest.mark.parametrize(
    "url",
    ["mysql://there", "mongodb://", "mongodb://a:secret:c", "mongodb://u:secret@h/?w"],
)
async def test_a_url_that_cannot_be_used_is_refused_without_its_secrets(driver, url):
    with pytest.raises(SourceRefused, match="write it as mongodb://") as caught:
        MongoSource(url, driver=driver)

    assert "secret" not in str(caught.value)


async def test_secrets_of_the_url_are_in_no_error(driver):
    async with MongoSource(
        "mongodb://me:secret@127.0.0.1:1", driver=driver, deadline_seconds=0.2
    ) as source:
        with pytest.raises(SourceUnavailable) as caught:
            await source.course_keys()

    assert "secret" not in str(caught.value)


async def test_the_url_says_where_reads_go_and_goes_before_the_defaults(driver):
    client = connect(
        "mongodb://127.0.0.1:1/?readPreference=secondaryPreferred&maxPoolSize=2",
        driver=driver,
        deadline_seconds=0.2,
    )
    assert client.options.read_preference.mongos_mode == "secondaryPreferred"
    assert client.options.pool_options.max_pool_size == 2
    assert client.options.server_selection_timeout == 0.2
    await disconnect(client)


def test_one_module_alone_imports_a_driver():
    root = Path(__file__).parents[3]
    packages = ("aggregates", "api", "courselens", "indicators", "loaders", "workers")
    driver = re.compile(r"^\s*(import|from) (motor|pymongo)\b", re.MULTILINE)
    found = [
        path.relative_to(root).as_posix()
        for package in packages
        for path in (root / package).rglob("*.py")
        if driver.search(path.read_text(encoding="utf-8"))
    ]

    assert found == ["loaders/mongo/client.py"]
