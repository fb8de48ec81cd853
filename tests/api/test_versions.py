"""Entity tags: the same answer is not sent twice, and nobody gets another's."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from aggregates.layout import Layout
from aggregates.store import Store
from tests.data.served_courses import (
    BIG,
    GLOBAL,
    SMALL,
    STAFF,
    STUDENTS,
    Served,
    big_course,
    serve,
    served_registry,
    small_course,
)

TITLE = "query($c: ID!) { course(key: $c) { title computedAt } }"


@pytest.fixture
async def served(postgres_url: str) -> AsyncIterator[Served]:
    async with serve(postgres_url, [big_course(), small_course()]) as served:
        yield served


async def get(
    served: Served,
    query: str = TITLE,
    *,
    user_id: int | None = STAFF,
    tag: str | None = None,
    course: str = BIG,
    **headers: str,
) -> httpx.Response:
    sent = {**served.headers(user_id), **headers}
    if tag is not None:
        sent["if-none-match"] = tag
    return await served.client.get(
        "/graphql", params={"query": query, "variables": f'{{"c":"{course}"}}'}, headers=sent
    )


async def test_answer_that_has_not_changed_is_not_sent_again(served: Served) -> None:
    first = await get(served)
    assert first.headers["cache-control"] == "private, no-cache"
    assert set(first.headers["vary"].split(", ")) == {"Accept", "Authorization", "Cookie"}
    tag = first.headers["etag"]
    for sent in (tag, f"W/{tag}", f'"other", {tag}'):
        again = await get(served, tag=sent)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == "private, no-cache"
    assert (await get(served, tag='"other"')).status_code == 200


async def test_refresh_changes_the_tag(served: Served) -> None:
    tag = (await get(served)).headers["etag"]
    async with serve(served.database.url, []) as again:
        assert (await get(again, tag=tag)).status_code == 304
        store = Store(again.database, Layout(served_registry()), write_deadline_seconds=60)
        await store.write(big_course(), input_digest="2", cursors={})
        changed = await get(again, tag=tag)
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


async def test_tags_differ_by_all_that_an_answer_depends_on(served: Served) -> None:
    tags = [
        (await get(served)).headers["etag"],
        (await get(served, user_id=GLOBAL)).headers["etag"],
        (await get(served, user_id=STUDENTS[0])).headers["etag"],
        (await get(served, user_id=STUDENTS[1])).headers["etag"],
        (await get(served, user_id=GLOBAL, course=SMALL)).headers["etag"],
        (await get(served, TITLE + " ")).headers["etag"],
        (await get(served, accept="application/graphql-response+json")).headers["etag"],
    ]
    assert len(set(tags)) == len(tags)


async def test_role_that_is_withdrawn_changes_the_tag(served: Served) -> None:
    query = "{ courses { nodes { key } } }"
    tag = (await get(served, query)).headers["etag"]
    assert (await get(served, query, tag=tag)).status_code == 304
    gone = await served.database.fetch(
        "DELETE FROM course_roles WHERE user_id = $1 RETURNING org, course_key, role", STAFF
    )
    assert gone
    answer = await get(served, query, tag=tag)
    assert answer.status_code == 200
    assert answer.json()["data"]["courses"]["nodes"] == []
    denied = await get(served, tag=tag)
    assert "etag" not in denied.headers
    for org, course_key, role in gone:
        await served.database.fetch(
            "INSERT INTO course_roles VALUES ($1, $2, $3, $4)", STAFF, org, course_key, role
        )


async def test_errors_are_not_kept(served: Served) -> None:
    for answer in (
        await get(served, course="nowhere"),
        await get(served, "{ nothing }"),
        await get(served, "{"),
    ):
        assert "etag" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"


async def test_answer_to_a_post_is_always_sent_and_kept_by_nobody(served: Served) -> None:
    tag = (await get(served)).headers["etag"]
    body = {"query": TITLE, "variables": {"c": BIG}}
    headers = {**served.headers(STAFF), "if-none-match": tag}
    answer = await served.client.post("/graphql", json=body, headers=headers)
    assert answer.status_code == 200
    assert "etag" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
