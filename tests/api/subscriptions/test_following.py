"""Who follows a course is told of every refresh, and of nothing that is not theirs."""

from __future__ import annotations

from typing import Any

import pytest

from api.http.gate import Gate
from api.http.rates import LocalRates
from api.subscriptions.places import StreamLimits
from tests.api.subscriptions.refreshing import refresh
from tests.data.served_courses import (
    BIG,
    LEFT,
    SMALL,
    STAFF,
    STUDENTS,
    Served,
    big_course,
    serve,
)
from tests.streaming import Event, Events, events

STREAMS = StreamLimits(check_seconds=0.2)
COURSE = "subscription($c: ID!) { courseRefreshed(key: $c) { title students { totalCount } } }"
TITLE = "subscription($c: ID!) { courseRefreshed(key: $c) { title } }"


def title(event: Event | None) -> Any:
    assert event is not None
    assert event.name == "next"
    assert "errors" not in event.data
    return event.data["data"]["courseRefreshed"]["title"]


def code(event: Event | None) -> str:
    assert event is not None
    assert event.name == "next"
    (error,) = event.data["errors"]
    found: str = error["extensions"]["code"]
    return found


async def completes(stream: Events) -> bool:
    event = await stream.next()
    return event == Event("complete", None) and await stream.next() is None


async def test_state_comes_first_and_then_every_refresh(served: Served) -> None:
    async with events(served.app, COURSE, headers=served.headers(STAFF), c=BIG) as stream:
        first = await stream.next()
        assert title(first) == "canary-title-big"
        assert first is not None
        assert first.data["data"]["courseRefreshed"]["students"] == {"totalCount": 25}
        for changed in ("second", "third"):
            await refresh(served, title=changed)
            assert title(await stream.next()) == changed


async def test_refreshes_that_nobody_waits_for_are_one(served: Served) -> None:
    async with events(served.app, TITLE, headers=served.headers(STAFF), c=BIG) as stream:
        await stream.next()
        for number in range(5):
            await refresh(served, title=f"title {number}")
        seen = [title(await stream.next())]
        while seen[-1] != "title 4":
            seen.append(title(await stream.next()))
        assert len(seen) <= 5
        assert sorted(set(seen)) == seen


async def test_other_courses_are_no_news(served: Served) -> None:
    async with events(served.app, TITLE, headers=served.headers(STAFF), c=BIG) as stream:
        await stream.next()
        await served.database.fetch(
            "UPDATE courses SET run_id = run_id WHERE course_key = $1", SMALL
        )
        await served.database.fetch(
            "UPDATE courses SET run_id = 1000 + run_id WHERE course_key = $1", SMALL
        )
        await refresh(served, title="after")
        assert title(await stream.next()) == "after"


async def test_nothing_is_missed_while_nobody_listens(postgres_url: str) -> None:
    async with (
        serve(postgres_url, [big_course()], streams=STREAMS) as served,
        events(served.app, TITLE, headers=served.headers(STAFF), c=BIG) as stream,
    ):
        assert await stream.next() is not None
        await refresh(served, title="found by looking")
        assert title(await stream.next()) == "found by looking"


async def test_student_is_told_what_students_are_told(served: Served) -> None:
    headers = served.headers(STUDENTS[0])
    async with events(served.app, COURSE, headers=headers, c=BIG) as stream:
        event = await stream.next()
        assert code(event) == "FORBIDDEN"
        assert event is not None
        assert event.data["data"]["courseRefreshed"] == {
            "title": "canary-title-big",
            "students": None,
        }
        assert event.data["errors"][0]["path"] == ["courseRefreshed", "students"]
        await refresh(served, title="for students too")
        event = await stream.next()
        assert event is not None
        assert event.data["data"]["courseRefreshed"]["title"] == "for students too"


@pytest.mark.parametrize("user_id", [None, LEFT, 1])
async def test_stranger_is_refused_and_the_stream_ends(served: Served, user_id: int | None) -> None:
    async with events(served.app, TITLE, headers=served.headers(user_id), c=BIG) as stream:
        assert code(await stream.next()) == ("FORBIDDEN" if user_id else "UNAUTHENTICATED")
        assert await completes(stream)


async def test_withdrawn_role_ends_the_stream_before_anything_more_is_told(served: Served) -> None:
    async with events(served.app, COURSE, headers=served.headers(STAFF), c=BIG) as stream:
        await stream.next()
        await refresh(served, title="not for them", roles=[])
        event = await stream.next()
        assert code(event) == "FORBIDDEN"
        assert event is not None
        assert event.data["data"] == {"courseRefreshed": None}
        assert await completes(stream)
        assert b"not for them" not in stream.text


async def test_role_that_is_taken_by_hand_ends_the_stream(served: Served) -> None:
    async with events(served.app, TITLE, headers=served.headers(STAFF), c=BIG) as stream:
        await stream.next()
        await served.database.fetch("DELETE FROM course_roles WHERE user_id = $1", STAFF)
        assert code(await stream.next()) == "FORBIDDEN"
        assert await completes(stream)


async def test_leaving_the_course_ends_the_stream_of_a_student(served: Served) -> None:
    headers = served.headers(STUDENTS[0])
    async with events(served.app, TITLE, headers=headers, c=BIG) as stream:
        await stream.next()
        await served.database.fetch(
            "UPDATE students SET in_l = false WHERE user_id = $1", STUDENTS[0]
        )
        assert code(await stream.next()) == "FORBIDDEN"
        assert await completes(stream)


async def test_deleted_course_ends_the_stream(served: Served) -> None:
    async with events(served.app, TITLE, headers=served.headers(STAFF), c=BIG) as stream:
        await stream.next()
        await served.database.fetch("DELETE FROM courses WHERE course_key = $1", BIG)
        assert code(await stream.next()) == "FORBIDDEN"
        assert await completes(stream)


async def test_stream_ends_where_the_points_end(postgres_url: str) -> None:
    async with serve(
        postgres_url, [big_course()], rates=LocalRates(500), streams=STREAMS
    ) as served:
        await refresh(served)
        async with events(served.app, COURSE, headers=served.headers(STAFF), c=BIG) as stream:
            told = 0
            while (event := await stream.next()) and "errors" not in event.data:
                told += 1
                await refresh(served, title=f"title {told}")
            assert told >= 1
            assert code(event) == "RATE_LIMITED"
            assert await completes(stream)


async def test_viewer_has_so_many_subscriptions(served: Served) -> None:
    headers = served.headers(STAFF)
    async with (
        events(served.app, TITLE, headers=headers, c=BIG) as first,
        events(served.app, TITLE, headers=headers, c=BIG) as second,
        events(served.app, TITLE, headers=headers, c=BIG) as third,
        events(served.app, TITLE, headers=served.headers(STUDENTS[0]), c=BIG) as other,
    ):
        for stream in (first, second, other):
            assert title(await stream.next()) == "canary-title-big"
        assert code(await third.next()) == "LIMIT_EXCEEDED"
        assert await completes(third)
    async with events(served.app, TITLE, headers=headers, c=BIG) as again:
        assert title(await again.next()) == "canary-title-big"


async def test_full_process_sends_away_with_retry_after(served: Served) -> None:
    streams = [
        events(served.app, TITLE, headers=served.headers(user_id), c=BIG)
        for user_id in STUDENTS[:6]
    ]
    for opening in streams:
        await (await opening.__aenter__()).next()
    async with events(served.app, TITLE, headers=served.headers(STAFF), c=BIG) as stream:
        assert stream.status == 503
        assert int(stream.headers["retry-after"]) > 0
    for opening in streams:
        await opening.__aexit__(None, None, None)


async def test_process_that_leaves_ends_streams_without_completing_them(
    served: Served, gate: Gate
) -> None:
    async with events(served.app, TITLE, headers=served.headers(STAFF), c=BIG) as stream:
        await stream.next()
        gate.leaving.set()
        event = await stream.next()
        assert event is not None
        assert event.name == "retry"
        assert await stream.next() is None
    # Who still finds it is told the state, and comes again elsewhere.
    async with events(served.app, TITLE, headers=served.headers(STAFF), c=BIG) as stream:
        assert title(await stream.next()) == "canary-title-big"
        event = await stream.next()
        assert event is not None
        assert event.name == "retry"
        assert await stream.next() is None
