"""The wire of server-sent events, as GraphQL over SSE has it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.api.subscriptions.refreshing import refresh
from tests.data.served_courses import BIG, STAFF, Served
from tests.streaming import Event, events

TITLE = "subscription($c: ID!) { courseRefreshed(key: $c) { title } }"
QUERY = "query($c: ID!) { course(key: $c) { title } }"


async def test_stream_says_what_it_is(served: Served) -> None:
    async with events(served.app, TITLE, headers=served.headers(STAFF), c=BIG) as stream:
        assert stream.status == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["cache-control"] == "no-store"
        assert stream.headers["x-accel-buffering"] == "no"
        assert stream.headers["connection"] == "close"
        assert stream.headers["x-request-id"]
        assert "content-length" not in stream.headers
        await stream.next()
    assert stream.text.startswith(b"event: next\nid: ")


async def test_silent_stream_shows_that_it_is_there(served: Served) -> None:
    async with events(served.app, TITLE, headers=served.headers(STAFF), c=BIG) as stream:
        await stream.next()
        assert await stream.next(comments=True) == Event("", None)
        assert await stream.next(comments=True) == Event("", None)


async def test_who_comes_again_is_not_told_the_same_again(served: Served) -> None:
    headers = served.headers(STAFF)
    async with events(served.app, TITLE, headers=headers, c=BIG) as stream:
        first = await stream.next()
        assert first is not None
        assert first.id
    again = {**headers, "last-event-id": first.id}
    async with events(served.app, TITLE, headers=again, c=BIG) as stream:
        await refresh(served, title="new")
        event = await stream.next()
        assert event is not None
        assert event.data["data"]["courseRefreshed"]["title"] == "new"
        assert event.id != first.id
    async with events(served.app, TITLE, headers=again, c=BIG) as stream:
        missed = await stream.next()
        assert missed is not None
        assert missed.id == event.id


async def test_ids_of_two_viewers_differ(served: Served) -> None:
    ids = set()
    for user_id in (STAFF, 900_003):
        async with events(served.app, TITLE, headers=served.headers(user_id), c=BIG) as stream:
            event = await stream.next()
            assert event is not None
            ids.add(event.id)
    assert len(ids) == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_query_is_one_event(served: Served, method: str) -> None:
    headers = served.headers(STAFF)
    async with events(served.app, QUERY, headers=headers, method=method, c=BIG) as stream:
        event = await stream.next()
        assert event is not None
        assert event.data["data"] == {"course": {"title": "canary-title-big"}}
        assert event.data["extensions"]["cost"]["requested"] > 0
        assert await stream.next() == Event("complete", None)
        assert await stream.next() is None
    assert stream.text.endswith(b"event: complete\ndata:\n\n")


async def test_subscription_may_come_by_get(served: Served) -> None:
    headers = served.headers(STAFF)
    async with events(served.app, TITLE, headers=headers, method="GET", c=BIG) as stream:
        event = await stream.next()
        assert event is not None
        assert event.data["data"]["courseRefreshed"]["title"]


@pytest.mark.parametrize(
    "query",
    [
        "subscription { courseRefreshed(key: ",
        "subscription { nothing }",
        'subscription { a: courseRefreshed(key: "a") { key } b: courseRefreshed(key: "a") { key }}',
        "subscription { __typename }",
    ],
)
async def test_document_that_is_refused_is_an_event(served: Served, query: str) -> None:
    async with events(served.app, query, headers=served.headers(STAFF)) as stream:
        assert stream.status == 200
        event = await stream.next()
        assert event is not None
        assert event.data.keys() == {"errors"}
        assert await stream.next() == Event("complete", None)


async def test_mutation_does_not_come_by_get(served: Served) -> None:
    query = "mutation($c: ID!) { refreshCourse(key: $c) { state } }"
    headers = served.headers(STAFF)
    async with events(served.app, query, headers=headers, method="GET", c=BIG) as stream:
        assert stream.status == 405
        assert stream.headers["allow"] == "POST"


async def test_token_that_does_not_hold_is_no_stream(served: Served) -> None:
    headers = {"authorization": "JWT forged"}
    async with events(served.app, TITLE, headers=headers, c=BIG) as stream:
        assert stream.status == 401
        body = await stream.body()
        assert body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_cookies_count_for_pages_of_ours_alone(served: Served) -> None:
    head, _, signature = served.token(STAFF).rpartition(".")
    cookies = f"edx-jwt-cookie-header-payload={head}; edx-jwt-cookie-signature={signature}"
    cases: list[tuple[str, dict[str, str], int]] = [
        ("POST", {"sec-fetch-site": "same-origin"}, 200),
        ("POST", {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}, 401),
        ("GET", {"sec-fetch-site": "same-origin"}, 401),
    ]
    for method, headers, status in cases:
        given = {"cookie": cookies, **headers}
        async with events(served.app, TITLE, headers=given, method=method, c=BIG) as stream:
            assert stream.status == status


async def test_who_does_not_want_events_is_told_how_to_follow(served: Served) -> None:
    answer = await served.client.post(
        "/graphql", json={"query": TITLE, "variables": {"c": BIG}}, headers=served.headers(STAFF)
    )
    assert answer.status_code == 406
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "BAD_REQUEST"
    assert "text/event-stream" in error["message"]


async def test_failure_of_ours_is_told_without_our_insides(served: Served) -> None:
    async with events(served.app, TITLE, headers=served.headers(STAFF), c=BIG) as stream:
        await stream.next()
        await served.database.fetch("ALTER TABLE courses RENAME COLUMN org TO lost")
        try:
            await served.database.fetch("UPDATE courses SET run_id = run_id + 1000")
            event: Any = await stream.next(comments=True)  # an outage is sat out
            assert event == Event("", None)
        finally:
            await served.database.fetch("ALTER TABLE courses RENAME COLUMN lost TO org")
        event = await stream.next()
        assert orjson.dumps(event.data).find(b"lost") == -1
        assert event.data["data"]["courseRefreshed"]["title"] == "canary-title-big"
