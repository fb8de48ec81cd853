"""Snapshots: one moment for all statements, and nothing left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from aggregates.fields import FieldRef
from aggregates.filters import Order, StudentFilter
from aggregates.store import Store
from aggregates.tables import student_table
from courselens.errors import BadParameter, StoreError, UnknownIndicator
from tests.data.stored_course import (
    COURSE_KEY,
    Person,
    build_course,
)
from tests.data.toy_indicators import toy_registry


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[Store]:
    store = await Store.connect(postgres_url, registry=toy_registry())
    await store.migrate()
    await store.write(build_course([Person(1), Person(2)], []), input_digest="1", cursors={})
    yield store
    await store.close()


async def others(store: Store) -> int:
    """Connections to the database outside the pool, by what they say of themselves."""
    (row,) = await store.database.fetch(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name <> 'courselens' AND backend_type = 'client backend'"
    )
    return int(row[0])


async def test_reader_sees_the_moment_of_the_first_statement(store: Store) -> None:
    async with store.snapshot(patience_seconds=60) as snapshot:
        before = await snapshot.reader.course(COURSE_KEY)
        await store.write(build_course([Person(3)], []), input_digest="2", cursors={})
        assert await snapshot.reader.course(COURSE_KEY) == before
        assert before is not None
        assert await snapshot.reader.count_students(before, StudentFilter()) == 2
    after = await store.reader.course(COURSE_KEY)
    assert after is not None
    assert await store.reader.count_students(after, StudentFilter()) == 1


async def test_rows_come_in_batches_and_are_as_many_as_counted(store: Store) -> None:
    async with store.snapshot(patience_seconds=60) as snapshot:
        course = await snapshot.reader.course(COURSE_KEY)
        assert course is not None
        statement = student_table(
            snapshot.layout, course, ["user_id"], filter=StudentFilter(), order=Order("user_id")
        )
        assert await snapshot.count(statement) == 2
        batches = [[tuple(row) for row in rows] async for rows in snapshot.batches(statement, 1)]
    assert batches == [[(COURSE_KEY, 1)], [(COURSE_KEY, 2)]]


async def test_name_that_nobody_declares_gets_into_no_statement(store: Store) -> None:
    course = await store.reader.course(COURSE_KEY)
    assert course is not None
    async with store.snapshot(patience_seconds=60) as snapshot:
        for column, error in (
            ("user_id; --", ValueError),
            (FieldRef("nothing", "seconds"), UnknownIndicator),
            (FieldRef("toy_time", "nothing"), BadParameter),
        ):
            with pytest.raises(error):
                student_table(
                    snapshot.layout, course, [column], filter=StudentFilter(), order=Order()
                )


async def test_value_that_no_column_can_hold_is_the_askers(store: Store) -> None:
    async with store.snapshot(patience_seconds=60) as snapshot:
        with pytest.raises(BadParameter):
            await snapshot.reader.course("a\0b")


async def nobody_else(store: Store) -> None:
    async with asyncio.timeout(10):
        while await others(store):
            await asyncio.sleep(0.02)


async def read_and(store: Store, problem: Exception | None) -> None:
    async with store.snapshot(patience_seconds=60) as snapshot:
        await snapshot.reader.course(COURSE_KEY)
        assert await others(store) == 1
        if problem:
            raise problem


async def test_connection_ends_with_its_snapshot_whatever_happens(store: Store) -> None:
    await read_and(store, None)
    await nobody_else(store)
    with pytest.raises(ValueError, match="of whoever reads"):
        await read_and(store, ValueError("of whoever reads"))
    await nobody_else(store)


async def read_with_a_pause(store: Store) -> None:
    async with store.snapshot(patience_seconds=0.1) as snapshot:
        await snapshot.reader.course(COURSE_KEY)
        await store.database.fetch("SELECT pg_sleep(0.5)")
        await snapshot.reader.courses(None, after=None, first=1)


async def test_snapshot_that_is_silent_too_long_is_ended_by_the_database(store: Store) -> None:
    with pytest.raises(StoreError):
        await read_with_a_pause(store)


async def test_snapshot_writes_nothing(store: Store) -> None:
    with pytest.raises(StoreError):
        async with store.snapshot(patience_seconds=60) as snapshot:
            await snapshot.fetch("DELETE FROM students RETURNING 1")
