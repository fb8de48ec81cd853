"""Every commit that changes answers is heard, and an outage counts as a change of everything."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import orjson
import pytest

from aggregates.notices import ANSWER_SECONDS, BEAT_SECONDS, CHANNEL, Notices
from aggregates.store import Store
from courselens.errors import LeaseLost
from indicators.registry import Registry
from tests.aggregates.test_roles import OTHER_KEY, refresh, role
from tests.data.stored_course import (
    COURSE_KEY,
    Person,
    build_course,
)
from tests.data.toy_indicators import (
    Posts,
    build_registry,
    declare,
    toy_registry,
)
from tests.postgres import PostgresServer
from tests.proxy import TcpProxy

SECONDS = 10.0
"""For what is sure to come."""


@asynccontextmanager
async def heard_by(notices: Notices) -> AsyncIterator[Notices]:
    async with notices.listening():
        await until_connected(notices)
        yield notices


async def until_connected(notices: Notices, *, is_connected: bool = True) -> None:
    async with asyncio.timeout(SECONDS):
        while notices.is_connected is not is_connected:
            await asyncio.sleep(0.01)


@pytest.fixture
async def notices(store: Store) -> AsyncIterator[Notices]:
    # Others' connection: what is heard is heard across processes.
    async with heard_by(Notices(store.database)) as notices:
        yield notices


async def heard_after(notices: Notices, since: int, course_key: str = COURSE_KEY) -> int:
    async with asyncio.timeout(SECONDS):
        return await notices.news(course_key, since)


async def settled(store: Store, notices: Notices) -> int:
    """The position once all that was told was heard: notices come in the order of the commits."""
    last = f"the last {uuid.uuid4()}"
    told = orjson.dumps({"course": last}).decode()
    await store.database.fetch("SELECT pg_notify($1, $2)", CHANNEL, told)
    return await heard_after(notices, notices.roles_position, last)


async def test_refresh_is_heard_of_by_its_course_alone(store: Store, notices: Notices):
    await refresh(store, "one", key=OTHER_KEY)
    since = await settled(store, notices)
    waiting = asyncio.create_task(notices.news(OTHER_KEY, since))
    await refresh(store, "two")
    assert await heard_after(notices, since) == since + 1
    assert not notices.is_fresh(since, [COURSE_KEY])
    assert not notices.is_fresh(since, [OTHER_KEY, COURSE_KEY])
    assert not notices.is_fresh(since, None)
    assert notices.is_fresh(since, [OTHER_KEY])
    assert notices.is_fresh(since + 1, None)
    assert not waiting.done()
    waiting.cancel()


async def test_same_numbers_again_are_no_change(store: Store, notices: Notices):
    await refresh(store, "same", role(7, "staff", course_key=COURSE_KEY))
    since = await settled(store, notices)
    assert not await refresh(store, "same", role(7, "staff", course_key=COURSE_KEY))
    assert await settled(store, notices) == since + 1


async def test_new_numbers_with_the_same_roles_leave_the_roles(store: Store, notices: Notices):
    await refresh(store, "before", role(7, "staff", course_key=COURSE_KEY), role(8, "global_staff"))
    await settled(store, notices)
    since = notices.roles_position
    await refresh(store, "after", role(7, "staff", course_key=COURSE_KEY), role(8, "global_staff"))
    await settled(store, notices)
    assert notices.roles_position == since
    assert [row.role for row in await store.reader.roles(7)] == ["staff"]


@pytest.mark.parametrize("withdrawn", [7, 8])
async def test_roles_are_heard_of_by_every_course(
    store: Store, notices: Notices, withdrawn: int
) -> None:
    roles = {7: role(7, "staff", course_key=COURSE_KEY), 8: role(8, "global_staff")}
    await refresh(store, f"with {withdrawn}", *roles.values())
    since = await settled(store, notices)
    del roles[withdrawn]
    await refresh(store, f"without {withdrawn}", *roles.values())
    await heard_after(notices, since, OTHER_KEY)
    assert notices.roles_position > since
    assert not notices.is_fresh(since, [])


async def test_refresh_that_is_undone_is_not_heard_of(store: Store, notices: Notices):
    async def lost(_: object) -> None:
        raise LeaseLost(1)

    since = notices.position
    with pytest.raises(LeaseLost):
        await store.write(
            build_course([Person(1)], []), input_digest="lost", cursors={}, guard=lost
        )
    assert await settled(store, notices) == since + 1


END = "UPDATE work SET state = $1, finished_at = now() WHERE state = 'running'"


async def running(store: Store, kind: str, subject: str) -> None:
    await store.database.fetch("TRUNCATE work")
    await store.database.fetch(
        "INSERT INTO work (kind, subject, priority, state, due_at, asked_by)"
        " VALUES ($1, $2, 10, 'running', now(), 'test')",
        kind,
        subject,
    )


@pytest.mark.parametrize("state", ["done", "failed", "parked"])
async def test_end_of_a_refresh_wakes_its_course_alone_and_changes_no_answer(
    store: Store, notices: Notices, state: str
) -> None:
    await running(store, "refresh_course", COURSE_KEY)
    since = await settled(store, notices)
    waiting = asyncio.create_task(notices.news(OTHER_KEY, since))
    await store.database.fetch(END, state)
    assert await heard_after(notices, since) == since + 1
    assert notices.is_fresh(since, [COURSE_KEY])
    assert notices.is_fresh(since, None)
    assert not waiting.done()
    waiting.cancel()


@pytest.mark.parametrize(
    ("kind", "subject", "state"),
    [
        ("refresh_course", COURSE_KEY, "due"),  # given back
        ("sync_tables", COURSE_KEY, "done"),
        ("refresh_course", "x" * 8_000, "done"),  # no notice can carry it
    ],
)
async def test_other_work_is_not_told_and_ends_nevertheless(
    store: Store, notices: Notices, kind: str, subject: str, state: str
) -> None:
    await running(store, kind, subject)
    since = await settled(store, notices)
    await store.database.fetch(END, state)
    assert await settled(store, notices) == since + 1
    (row,) = await store.database.fetch("SELECT state FROM work")
    assert row["state"] == state


async def test_deleted_course_is_heard_of(store: Store, notices: Notices):
    await refresh(store, "to be deleted")
    since = await settled(store, notices)
    await store.database.fetch("DELETE FROM courses WHERE course_key = $1", COURSE_KEY)
    await heard_after(notices, since)
    assert not notices.is_fresh(since, [COURSE_KEY])
    assert notices.is_fresh(since, [OTHER_KEY])


async def test_key_that_no_notice_can_carry_changes_everything(store: Store, notices: Notices):
    since = notices.position
    assert await refresh(store, "long", key="course-v1:Uni+" + "x" * 8_000)
    await heard_after(notices, since)
    assert not notices.is_fresh(since, [OTHER_KEY])


async def test_new_column_changes_everything(postgres_url: str, store: Store, notices: Notices):
    since = notices.position
    registry = build_registry([*toy_registry().indicators.values(), declare("new", student=Posts)])
    newer = await Store.connect(postgres_url, registry=registry)
    assert await newer.migrate()
    await newer.close()
    await heard_after(notices, since)
    assert not notices.is_fresh(since, [COURSE_KEY])


async def test_who_does_not_listen_knows_nothing(store: Store):
    notices = Notices(store.database)
    assert not notices.is_connected
    assert not notices.is_fresh(notices.position, [])


async def test_silence_is_no_connection(store: Store):
    now = 0.0
    notices = Notices(store.database, clock=lambda: now)
    async with heard_by(notices):
        assert notices.is_fresh(notices.position, None)
        now = BEAT_SECONDS + ANSWER_SECONDS + 0.01  # as after a stop of the whole process
        assert not notices.is_fresh(notices.position, None)


async def test_cut_connection_is_made_again_and_everything_may_have_changed(store: Store):
    notices = Notices(store.database)
    async with heard_by(notices):
        since = notices.position
        await store.database.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await heard_after(notices, since)
        await until_connected(notices)
        assert not notices.is_fresh(since, [COURSE_KEY])
        assert notices.is_fresh(notices.position, [COURSE_KEY])


@pytest.mark.slow
async def test_vanished_server_is_noticed_and_its_return_too(registry: Registry):
    server = PostgresServer()
    server.start()
    parts = urlsplit(server.url)
    assert parts.hostname
    assert parts.port
    with TcpProxy(parts.hostname, parts.port) as proxy:
        here = urlunsplit(parts._replace(netloc=f"postgres@127.0.0.1:{proxy.port}"))
        store = await Store.connect(here, registry=registry, deadline_seconds=1)
        await store.migrate()
        async with heard_by(Notices(store.database)) as notices:
            since = notices.position
            proxy.leave_half_open()
            await until_connected(notices, is_connected=False)
            await until_connected(notices)
            assert not notices.is_fresh(since, [])
            server.kill()
            await until_connected(notices, is_connected=False)
            since = notices.position
            server.start()
            await heard_after(notices, since)
            await until_connected(notices)
        await store.close()
    server.remove()
