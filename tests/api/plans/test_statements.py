"""The questions that matter cost as many statements for a thousand students as for one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from aggregates.documents import Documents, StoredDocument
from indicators.result import CourseResults
from tests.data.served_courses import GLOBAL, Served, serve, served_registry, summary
from tests.data.stored_course import (
    Person,
    build_course,
    build_result,
)

COURSE = "course-v1:Uni+Large+2026"
USERS = range(500_001, 501_001)
STUDENT = "username indicators { toyTime { seconds } toyProgress { days ratio } }"
ONE = f"query($c: ID!, $u: Int!) {{ course(key: $c) {{ student(userId: $u) {{ {STUDENT} }} }} }}"
PAGE = (
    "query($c: ID!, $n: Int!) { course(key: $c) { students(first: $n, orderBy:"
    f" {{ profile: USER_ID }}) {{ nodes {{ {STUDENT} }} pageInfo {{ hasNextPage }} }} }} }}"
)
MOBILE = (
    "query($c: ID!) { viewer { student(course: $c) { id indicators {"
    " toyTime { seconds standing { percentile classMedian n } } } } } }"
)


def large_course() -> CourseResults:
    """A thousand students."""
    one = served_registry().indicator
    seconds = [float(number) for number, _ in enumerate(USERS)]
    return build_course(
        [Person(user_id, username=f"canary-{user_id}") for user_id in USERS],
        [
            build_result(
                one("toy_time"),
                student={
                    "values": [
                        {"user_id": user_id, "seconds": value}
                        for user_id, value in zip(USERS, seconds, strict=True)
                    ]
                },
                summaries=[summary("course", "seconds", seconds)],
                course_key=COURSE,
            ),
            build_result(
                one("toy_progress"),
                student={
                    "values": [
                        {"user_id": user_id, "days": 3, "ratio": 0.5, "pace": "slow"}
                        for user_id in USERS
                    ]
                },
                course_key=COURSE,
            ),
        ],
        course_key=COURSE,
        roles=[{"user_id": GLOBAL, "role": "global_staff"}],
        org="Uni",
    )


@pytest.fixture(scope="module")
async def large(postgres_url: str) -> AsyncIterator[Served]:
    async with serve(postgres_url, [large_course()]) as served:
        await Documents(served.database).register([StoredDocument("large.page", PAGE)])
        yield served


async def counted(
    large: Served, asked: dict[str, Any], user_id: int, **variables: Any
) -> tuple[int, Any]:
    """Statements of a question that was asked before, and its data."""
    answer: Any = None
    before = 0
    for _ in range(3):
        before = large.database.statements
        answer = await large.client.post(
            "/graphql",
            json={**asked, "variables": {"c": COURSE, **variables}},
            headers=large.headers(user_id),
        )
    body = answer.json()
    assert "errors" not in body, body
    return large.database.statements - before, body["data"]


async def test_page_of_any_size_is_one_statement_beside_the_roles(large: Served) -> None:
    for asked, sizes in (({"query": PAGE}, (1, 100)), ({"documentId": "large.page"}, (1, 1_000))):
        for size in sizes:
            statements, data = await counted(large, asked, GLOBAL, n=size)
            assert len(data["course"]["students"]["nodes"]) == size
            assert statements == 2


async def test_one_student_is_one_statement_beside_the_roles(large: Served) -> None:
    for user_id in (USERS[0], USERS[99], USERS[999]):
        statements, data = await counted(large, {"query": ONE}, GLOBAL, u=user_id)
        assert data["course"]["student"]["indicators"]["toyTime"]["seconds"] == user_id - USERS[0]
        assert statements == 2


async def test_own_numbers_with_their_place_in_a_class_of_a_thousand(large: Served) -> None:
    found = {user_id: await counted(large, {"query": MOBILE}, user_id) for user_id in USERS[::333]}
    places = [
        data["viewer"]["student"]["indicators"]["toyTime"]["standing"]["percentile"]
        for _, data in found.values()
    ]
    assert places == sorted(places)
    assert len(set(places)) == len(places)
    # What the class was told is remembered.
    assert {statements for statements, _ in found.values()} == {2}
