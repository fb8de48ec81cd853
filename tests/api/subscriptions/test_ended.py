"""Who waits for a refresh is told of its end, also where it found nothing new."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aggregates.work import Kind
from tests.api.subscriptions.refreshing import refresh
from tests.data.served_courses import BIG, SMALL, SMALL_STAFF, STAFF, STUDENTS, Served
from tests.streaming import Event, events, socket
from workers.ledger import Ledger
from workers.work import Claim

NUMBERS = "subscription($c: ID!) { courseRefreshed(key: $c) { title computedAt } }"
ASK = "mutation($c: ID!) { refreshCourse(key: $c) { state } }"


@pytest.fixture
def ledger(served: Served) -> Ledger:
    return Ledger(served.database, lease_seconds=60)


@pytest.fixture(autouse=True)
async def no_work(served: Served) -> None:
    await served.database.fetch("TRUNCATE work")


async def claimed(served: Served, ledger: Ledger) -> Claim:
    """A refresh of the big course that the team asked for and a worker has begun."""
    answer = await served.ask(ASK, user_id=STAFF, c=BIG)
    assert answer["data"] == {"refreshCourse": {"state": "QUEUED"}}
    claim = await ledger.claim("worker", kinds=[Kind.REFRESH_COURSE])
    assert claim is not None
    return claim


async def heard(served: Served, since: int) -> None:
    async with asyncio.timeout(10):
        while served.store.notices.position == since:
            await asyncio.sleep(0.01)


def course(event: Event | None) -> Any:
    assert event is not None
    assert event.name == "next"
    assert "errors" not in event.data
    return event.data["data"]["courseRefreshed"]


async def test_same_numbers_are_told_again(served: Served, ledger: Ledger) -> None:
    async with events(served.app, NUMBERS, headers=served.headers(STAFF), c=BIG) as stream:
        first = await stream.next()
        ids = {first and first.id}
        for _ in range(2):
            await ledger.finish(await claimed(served, ledger))
            event = await stream.next()
            assert course(event) == course(first)
            ids.add(event and event.id)
        assert len(ids) == 3


async def test_socket_and_students_are_told_too(served: Served, ledger: Ledger) -> None:
    async with socket(served.app) as talk:
        await talk.open(Authorization=f"JWT {served.token(STUDENTS[0])}")
        talk.subscribe("1", NUMBERS, c=BIG)
        first = await talk.receive()
        await ledger.finish(await claimed(served, ledger))
        again = await talk.receive()
        assert again["payload"]["data"] == first["payload"]["data"]


async def test_failure_is_an_end_and_another_try_is_none(served: Served, ledger: Ledger) -> None:
    async with events(served.app, NUMBERS, headers=served.headers(STAFF), c=BIG) as stream:
        first = await stream.next()
        since = served.store.notices.position
        claim = await claimed(served, ledger)
        await ledger.fail(claim, code="STORE_UNAVAILABLE", error="x", retryable=True)
        await served.database.fetch("UPDATE work SET due_at = clock_timestamp()")
        again = await ledger.claim("worker")
        assert again is not None
        await ledger.fail(again, code="UNKNOWN_COURSE", error="x", retryable=False)
        assert course(await stream.next()) == course(first)
        assert served.store.notices.position == since + 1


async def test_new_numbers_are_told_once(served: Served, ledger: Ledger) -> None:
    async with events(served.app, NUMBERS, headers=served.headers(STAFF), c=BIG) as stream:
        await stream.next()
        claim = await claimed(served, ledger)
        await refresh(served, title="new")
        assert course(await stream.next())["title"] == "new"
        since = served.store.notices.position
        await ledger.finish(claim)
        await heard(served, since)
        await refresh(served, title="newer")
        assert course(await stream.next())["title"] == "newer"


async def test_followers_of_other_courses_are_not_woken(served: Served, ledger: Ledger) -> None:
    headers = served.headers(SMALL_STAFF)
    async with events(served.app, NUMBERS, headers=headers, c=SMALL) as stream:
        first = await stream.next()
        since = served.store.notices.position
        await served.database.fetch(
            "INSERT INTO work (kind, subject, priority, state, due_at, started_at, asked_by)"
            " SELECT 'refresh_course', $1 || n, 30, 'running', now(), now(), 'scheduler'"
            " FROM generate_series(1, 100) AS n",
            BIG,
        )
        await served.database.fetch("UPDATE work SET state = 'done', finished_at = now()")
        async with asyncio.timeout(10):
            while served.store.notices.position < since + 100:
                await asyncio.sleep(0.01)
        assert served.store.notices.is_fresh(since, None)
        await served.database.fetch(
            "UPDATE courses SET display_name = 'last', run_id = 1000 + run_id"
            " WHERE course_key = $1",
            SMALL,
        )
        assert course(await stream.next()) == {**course(first), "title": "last"}


async def test_who_comes_again_is_told_of_an_end_that_they_missed(
    served: Served, ledger: Ledger
) -> None:
    headers = served.headers(STAFF)
    async with events(served.app, NUMBERS, headers=headers, c=BIG) as stream:
        first = await stream.next()
        claim = await claimed(served, ledger)
    assert first is not None
    await ledger.finish(claim)
    again = {**headers, "last-event-id": str(first.id)}
    async with events(served.app, NUMBERS, headers=again, c=BIG) as stream:
        missed = await stream.next()
        assert course(missed) == course(first)
        assert missed is not None
    again["last-event-id"] = str(missed.id)
    async with events(served.app, NUMBERS, headers=again, c=BIG) as stream:
        await refresh(served, title="after")
        assert course(await stream.next())["title"] == "after"


async def test_end_is_found_without_a_notice(served: Served, ledger: Ledger) -> None:
    async with events(served.app, NUMBERS, headers=served.headers(STAFF), c=BIG) as stream:
        first = await stream.next()
        claim = await claimed(served, ledger)
        await served.database.fetch("ALTER TABLE work DISABLE TRIGGER refresh_ended")
        try:
            await ledger.finish(claim)
        finally:
            await served.database.fetch("ALTER TABLE work ENABLE TRIGGER refresh_ended")
        assert course(await stream.next()) == course(first)
