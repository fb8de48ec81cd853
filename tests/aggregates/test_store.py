"""The store as a whole: digests, deadlines, errors."""

from __future__ import annotations

import asyncio
import contextlib

import asyncpg
import pytest

from aggregates.store import Store
from courselens.errors import StoreError
from indicators.registry import Registry
from tests.data.stored_course import (
    COURSE_KEY,
    Person,
    build_course,
    build_result,
)
from tests.data.toy_indicators import (
    Posts,
    build_registry,
    declare,
)


def posts_registry(version: int = 1) -> Registry:
    return build_registry([declare("posts_made", student=Posts, version=version)])


async def test_the_digest_holds_while_facts_and_versions_do(postgres_url: str):
    registry = posts_registry()
    store = await Store.connect(postgres_url, registry=registry)
    await store.migrate()
    assert (await store.course_digests()).get(COURSE_KEY) is None
    assert await store.cursors(COURSE_KEY) == {}
    result = build_result(
        registry.indicator("posts_made"), student={"values": [{"user_id": 1, "posts": 1}]}
    )
    await store.write(build_course([Person(1)], [result]), input_digest="abc", cursors={"f": 1})
    assert (await store.course_digests()).get(COURSE_KEY) == "abc"
    await store.close()

    newer = await Store.connect(postgres_url, registry=posts_registry(version=2))
    await newer.migrate()
    assert (await newer.course_digests()).get(COURSE_KEY) is None
    await newer.close()


async def test_a_server_that_is_not_there_is_named_in_plain_words():
    with pytest.raises(StoreError, match="is the server running") as info:
        await Store.connect("postgresql://nobody@127.0.0.1:1/none", registry=posts_registry())
    assert info.value.retryable


async def test_a_locked_table_is_waited_for_until_the_deadline(postgres_url: str):
    store = await Store.connect(postgres_url, registry=posts_registry(), deadline_seconds=0.5)
    await store.migrate()
    blocker = await asyncpg.connect(postgres_url)
    async with blocker.transaction():
        await blocker.execute("LOCK TABLE courses IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreError, match=r"within 0\.5 s"):
            await store.reader.course(COURSE_KEY)
    await blocker.close()
    await store.reader.course(COURSE_KEY)
    await store.close()


async def test_a_pool_that_is_used_up_is_waited_for_until_the_deadline(postgres_url: str):
    store = await Store.connect(
        postgres_url, registry=posts_registry(), pool_size=1, deadline_seconds=0.5
    )
    await store.migrate()
    blocker = await asyncpg.connect(postgres_url)
    async with blocker.transaction():
        await blocker.execute("LOCK TABLE courses IN ACCESS EXCLUSIVE MODE")
        answers = await asyncio.gather(
            *(store.reader.course(COURSE_KEY) for _ in range(3)), return_exceptions=True
        )
    assert all(isinstance(answer, StoreError) for answer in answers)
    await blocker.close()
    await store.close()


async def test_a_killed_connection_is_replaced(postgres_url: str):
    store = await Store.connect(postgres_url, registry=posts_registry(), pool_size=1)
    await store.migrate()
    killer = await asyncpg.connect(postgres_url)
    await killer.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'courselens' AND datname = current_database()"
    )
    await killer.close()
    # Whether the pool has noticed yet is a matter of luck; after one failure it must have.
    with contextlib.suppress(StoreError):
        await store.reader.course("x")
    assert await store.reader.course("x") is None
    await store.close()
