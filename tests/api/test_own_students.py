"""The viewer as a student of each of their courses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from api.cursors import write_cursor
from courselens.tokens import issue_token
from tests.data.many_courses import PEOPLE, key_of, one_of_many
from tests.data.served_courses import GLOBAL, NOBODY, NOW, Served, serve, signing_key
from tests.data.stored_course import Person

ME, OTHER = PEOPLE[6], PEOPLE[7]
STRANGER, TEACHER, ORG_TEACHER = 610_001, 610_002, 610_003
COURSES = 5
LEFT_IN = 4
"""The number of the course that everybody here but the other people has left."""

PAGE = """
query($first: Int! = 25, $after: String) {
  viewer { students(first: $first, after: $after) {
    totalCount
    edges { cursor node { course { key } } }
    nodes { userId isEnrolled }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  } }
}
"""
STUDENT = """
  id userId username cohort enrolledAt isEnrolled
  course { __typename id key title org start end computedAt }
  indicators {
    toyTime { seconds standing { percentile classMedian n } meta { asOf status } }
    toyChapters { rows { chapter { key displayName } seconds } meta { missingSource } }
    toyPosts { posts }
    toyDiary { posts }
  }
"""
ALL = f"{{ viewer {{ students {{ nodes {{ {STUDENT} }} }} }} }}"
ONE = f"query($c: ID!) {{ viewer {{ student(course: $c) {{ {STUDENT} }} }} }}"


@pytest.fixture(scope="module")
async def many(postgres_url: str) -> AsyncIterator[Served]:
    people = [Person(user_id, username=f"p-{user_id}") for user_id in (TEACHER, ORG_TEACHER)]
    gone = [replace(person, in_l=False) for person in people]
    courses = []
    for number in range(1, COURSES + 1):
        course = one_of_many(
            number,
            others=gone if number == LEFT_IN else people if number < 3 else (),
            org="Uni" if number == LEFT_IN else "Many",
            roles=[
                {"user_id": TEACHER, "course_key": key_of(2), "org": "Many", "role": "staff"},
                {"user_id": ORG_TEACHER, "org": "Uni", "role": "instructor"},
            ],
        )
        courses.append(course)
    async with serve(postgres_url, courses) as served:
        yield served


async def page(many: Served, user_id: int, **variables: Any) -> dict[str, Any]:
    answer = await many.ask(PAGE, user_id=user_id, **variables)
    assert "errors" not in answer, answer["errors"]
    students: dict[str, Any] = answer["data"]["viewer"]["students"]
    return students


def keys(students: dict[str, Any]) -> list[str]:
    return [edge["node"]["course"]["key"] for edge in students["edges"]]


async def test_pages_join_up_to_all_courses(many: Served) -> None:
    for _ in range(2):  # by the stock executor, then by a plan
        found: list[str] = []
        after = None
        for size in (2, 2, 1):
            students = await page(many, ME, first=2, after=after)
            assert students["totalCount"] == COURSES
            assert [node["userId"] for node in students["nodes"]] == [ME] * size
            info = students["pageInfo"]
            assert info["hasNextPage"] is (size == 2)
            assert info["hasPreviousPage"] is (after is not None)
            assert info["startCursor"] == students["edges"][0]["cursor"]
            after = info["endCursor"]
            found += keys(students)
        assert found == [key_of(number) for number in range(1, COURSES + 1)]
        assert keys(await page(many, ME, after=after)) == []


async def test_every_node_is_what_the_student_of_that_course_is(many: Served) -> None:
    answers = [await many.ask(ALL, user_id=ME) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert "errors" not in answers[0]
    for number, node in enumerate(answers[0]["data"]["viewer"]["students"]["nodes"], start=1):
        one = await many.ask(ONE, user_id=ME, c=key_of(number))
        assert "errors" not in one
        assert node == one["data"]["viewer"]["student"]
        assert node["course"]["title"] == "Toy"
        assert node["indicators"]["toyTime"]["seconds"] == 700.0 + number


@pytest.mark.parametrize(
    ("user_id", "numbers"),
    [
        (ME, [1, 2, 3, 4, 5]),
        (TEACHER, [1, 2]),  # has left the fourth
        (ORG_TEACHER, [1, 2, 4]),  # has left the fourth, and belongs to its team
        (GLOBAL, []),  # sees all courses, and is a student of none
        (STRANGER, []),
        (NOBODY, []),
    ],
)
async def test_courses_are_those_where_the_viewer_may_see_their_own_row(
    many: Served, user_id: int, numbers: list[int]
) -> None:
    students = await page(many, user_id)
    assert keys(students) == [key_of(number) for number in numbers]
    assert students["totalCount"] == len(numbers)
    for number in range(1, COURSES + 1):
        one = await many.ask(ONE, user_id=user_id, c=key_of(number))
        assert bool(one["data"]["viewer"]["student"]) == (number in numbers), number


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        (["user:me"], [1, 2, 3, 4, 5]),
        (["content_org:Uni"], [4]),
        (["content_org:Many"], [1, 2, 3, 5]),
        (["content_org:Elsewhere"], []),
    ],
)
async def test_a_token_narrows_the_courses(
    many: Served, filters: list[str], numbers: list[int]
) -> None:
    token = issue_token(signing_key(), user_id=ME, username="me", now=NOW, filters=filters)
    for _ in range(2):
        answer = await many.client.post(
            "/graphql", json={"query": PAGE}, headers={"authorization": f"JWT {token}"}
        )
        body = answer.json()
        assert "errors" not in body, body
        students = body["data"]["viewer"]["students"]
        assert keys(students) == [key_of(number) for number in numbers]
        assert students["totalCount"] == len(numbers)


async def test_what_the_team_may_not_see_of_students_it_does_not_see_of_itself(
    many: Served,
) -> None:
    query = """{ viewer { students(first: 2) { nodes {
      course { key } indicators { toyDiary { posts } toyPosts { posts } }
    } } } }"""
    for _ in range(3):
        answer = await many.ask(query, user_id=TEACHER)
        assert [error["path"] for error in answer["errors"]] == [
            ["viewer", "students", "nodes", 1, "indicators", "toyDiary"]
        ]
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        own, team = answer["data"]["viewer"]["students"]["nodes"]
        assert own["indicators"] == {"toyDiary": {"posts": None}, "toyPosts": {"posts": None}}
        assert team["indicators"] == {"toyDiary": None, "toyPosts": {"posts": None}}


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"first": -1}, "BAD_REQUEST"),
        ({"first": 101}, "LIMIT_EXCEEDED"),
        ({"after": "none"}, "BAD_CURSOR"),
        ({"after": write_cursor("username:asc", "a")}, "BAD_CURSOR"),
    ],
)
async def test_a_page_that_cannot_be_is_refused(
    many: Served, variables: dict[str, Any], code: str
) -> None:
    for _ in range(3):
        answer = await many.ask(PAGE, user_id=ME, **variables)
        assert answer["data"] == {"viewer": {"students": None}}
        assert [error["extensions"]["code"] for error in answer["errors"]] == [code]


async def test_an_empty_page_tells_how_many_there_are(many: Served) -> None:
    students = await page(many, ME, first=0)
    assert (students["totalCount"], students["edges"]) == (COURSES, [])
    assert students["pageInfo"]["hasNextPage"] is True


async def test_nobody_has_no_courses(many: Served) -> None:
    answer = await many.ask(PAGE)
    assert answer["data"] == {"viewer": None}
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_courses_below_a_student_are_courses(many: Served) -> None:
    query = """{ viewer { students { nodes { course {
      key indicators { toyTime { activeLearners } } student(userId: ME) { course { key } }
    } } } } }""".replace("ME", str(ME))
    for _ in range(2):
        answer = await many.ask(query, user_id=ME)
        assert "errors" not in answer, answer["errors"]
        for number, node in enumerate(answer["data"]["viewer"]["students"]["nodes"], start=1):
            course = node["course"]
            assert course["student"] == {"course": {"key": key_of(number)}}
            assert course["indicators"]["toyTime"]["activeLearners"] == 25
    other = await many.ask(query, user_id=OTHER)
    assert {error["extensions"]["code"] for error in other["errors"]} == {"FORBIDDEN"}
