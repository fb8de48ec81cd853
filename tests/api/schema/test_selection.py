from __future__ import annotations

import pytest

from tests.data.served_courses import BIG, STAFF, STUDENTS, Served

HEAD = "query($c: ID!, $yes: Boolean = true, $no: Boolean = false) { course(key: $c) { "
WANTED = {"toyTime": {"seconds": 100.0}, "toyPosts": {"posts": 1}}


@pytest.mark.parametrize(
    "below",
    [
        "indicators { toyTime { seconds } toyPosts { posts } }",
        "indicators { toyTime { seconds } } indicators { toyPosts { posts } }",
        "... on Student { indicators { toyTime { seconds } ...F } }",
        "...S indicators { toyPosts { posts } }",
        "indicators { toyTime @include(if: $yes) { seconds } toyPosts @skip(if: $no) { posts } }",
        "indicators { ... @include(if: $yes) { toyTime { seconds } } toyPosts { posts } }",
    ],
)
async def test_however_it_is_written_the_same_is_read(served: Served, below: str) -> None:
    fragments = ""
    if "...F" in below:
        fragments += " fragment F on StudentIndicators { toyPosts { posts } }"
    if "...S" in below:
        fragments += " fragment S on Student { ... { indicators { toyTime { seconds } } } }"
    # Strawberry's schema refuses unused variables: both are used on a field of no weight.
    used = " a: title @include(if: $yes) b: title @skip(if: $no) "
    query = f"{HEAD}{used} student(userId: {STUDENTS[0]}) {{ {below} }} }} }}{fragments}"
    answer = await served.ask(query, user_id=STAFF, c=BIG)
    assert "errors" not in answer
    assert answer["data"]["course"]["student"]["indicators"] == WANTED


async def test_aliases_of_one_field_get_what_each_asks_for(served: Served) -> None:
    answer = await served.ask(
        f"query($c: ID!) {{ course(key: $c) {{ student(userId: {STUDENTS[0]}) {{"
        " a: indicators { x: toyTime { seconds } } b: indicators { toyTime { s: seconds } } } } }",
        user_id=STAFF,
        c=BIG,
    )
    assert answer["data"]["course"]["student"] == {
        "a": {"x": {"seconds": 100.0}},
        "b": {"toyTime": {"s": 100.0}},
    }


async def test_same_document_obeys_other_variables(served: Served) -> None:
    query = (
        "query($c: ID!, $f: Boolean!) { course(key: $c) { indicators {"
        " toyTime @include(if: $f) { n } toyPosts @skip(if: $f) { n } } } }"
    )
    for flag, expected in (
        (True, {"toyTime": {"n": 25}}),
        (False, {"toyPosts": {"n": 25}}),
        (True, {"toyTime": {"n": 25}}),
    ):
        answer = await served.ask(query, user_id=STAFF, c=BIG, f=flag)
        assert answer["data"]["course"]["indicators"] == expected


async def test_typename_alone_reads_nothing(served: Served) -> None:
    query = (
        "query($c: ID!) { course(key: $c) { indicators { __typename toyTime { __typename } } } }"
    )
    await served.ask(query, user_id=STAFF, c=BIG)
    before = served.database.statements
    answer = await served.ask(query, user_id=STAFF, c=BIG)
    assert answer["data"]["course"]["indicators"] == {
        "__typename": "CourseIndicators",
        "toyTime": {"__typename": "ToyTime"},
    }
    # Roles and course; groups, and the envelope that says whether the indicator failed, are known.
    assert served.database.statements - before == 2
