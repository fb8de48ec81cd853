"""Who sees what: every door of the schema, for every kind of viewer, on every kind of course."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any

import orjson
import pytest
from graphql import GraphQLSchema

from api.cursors import write_id
from api.documents.limits import Limits
from api.schema.assembled import assemble
from tests.data.doors import DOORS, doors_of, question
from tests.data.guarded_api import send
from tests.data.served_courses import (
    BETA,
    BIG,
    GLOBAL,
    LEFT,
    NOBODY,
    NOWHERE,
    ORG_INSTRUCTOR,
    SMALL,
    SMALL_STAFF,
    SMALL_STUDENTS,
    STAFF,
    STUDENTS,
    Served,
    big_course,
    serve,
    served_registry,
    small_course,
)

ME, CLASSMATE = STUDENTS[0], STUDENTS[1]
VIEWERS = (
    None, ME, LEFT, SMALL_STUDENTS[0], STAFF, ORG_INSTRUCTOR, GLOBAL, BETA, SMALL_STAFF, NOBODY,
)  # fmt: skip
TEAM = {BIG: {STAFF, ORG_INSTRUCTOR, GLOBAL}, SMALL: {SMALL_STAFF, GLOBAL}, NOWHERE: set()}
ENROLLED = {BIG: set(STUDENTS), SMALL: set(SMALL_STUDENTS), NOWHERE: set()}
MEMBERS = {BIG: (*STUDENTS, LEFT), SMALL: SMALL_STUDENTS, NOWHERE: ()}
TITLES = {BIG: "canary-title-big", SMALL: "canary-title-small"}

# Indicators that each kind of viewer sees of the big course, by privacy class and level.
STUDENTS_SEEN_BY_TEAM = {
    "toyTime", "toyProgress", "toyChapters", "toyPosts", "toyMissing", "toyLater",
}  # fmt: skip
SEEN_BY_SELF = {"toyTime", "toyChapters", "toyPosts", "toyDiary", "toyMissing", "toyLater"}
CLASS_SEEN_BY_STUDENTS = {"toyTime", "toyChapters", "toyMissing", "toyLater", "toyBands"}
CLASS_SEEN_BY_TEAM = CLASS_SEEN_BY_STUDENTS | {"toyProgress", "toyPosts"}


@pytest.fixture(scope="module")
async def open_served(postgres_url: str) -> AsyncIterator[Served]:
    limits = Limits(tokens=10_000, fields=20_000, depth=20, aliases=1_000, cost=1_000_000)
    async with serve(postgres_url, [big_course(), small_course()], limits=limits) as served:
        yield served


@cache
def schema() -> GraphQLSchema:
    return assemble(served_registry()).schema


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value


async def ask(
    served: Served, door: tuple[str, str], viewer: int | None, course: str, user: int = ME
) -> dict[str, Any]:
    """Ask for everything behind a door, and look whether anything came that must not."""
    response = await send(
        served,
        question(schema(), door),
        None if viewer is None else served.token(viewer),
        course=course,
        user=user,
        id=write_id("Student", course, user),
    )
    answer: dict[str, Any] = response.json()
    check_canaries(answer, viewer)
    return answer


def check_canaries(answer: dict[str, Any], viewer: int | None) -> None:
    """No name, id or title of anybody or anything that the viewer may not see."""
    told = orjson.dumps(answer).decode()
    assert "canary-traceback" not in told
    for course, members in MEMBERS.items():
        if viewer in TEAM[course]:
            continue
        for member in members:
            if member != viewer:
                assert f"canary-{member}" not in told
                assert member not in list(leaves(answer["data"]))
                assert write_id("Student", course, member) not in told
        if viewer not in ENROLLED[course] and course in TITLES:
            assert TITLES[course] not in told


def codes(answer: dict[str, Any]) -> set[str]:
    return {error["extensions"]["code"] for error in answer.get("errors", ())}


def seen(indicators: dict[str, Any]) -> set[str]:
    return {name for name, value in indicators.items() if value is not None}


def test_every_field_that_reads_something_is_a_door() -> None:
    assert doors_of(schema()) == set(DOORS)


@pytest.mark.parametrize("door", DOORS, ids=".".join)
async def test_nothing_but_the_list_of_indicators_is_told_to_nobody(
    open_served: Served, door: tuple[str, str]
) -> None:
    for course in (BIG, SMALL, NOWHERE):
        answer = await ask(open_served, door, None, course)
        if door == ("Query", "indicators"):
            assert len(answer["data"]["indicators"]) == len(served_registry().indicators)
        else:
            assert set(leaves(answer["data"])) == {None}
            assert codes(answer) == {"UNAUTHENTICATED"}


@pytest.mark.parametrize("viewer", VIEWERS[1:])
async def test_a_course_is_told_to_its_team_and_its_students(
    open_served: Served, viewer: int
) -> None:
    for course in (BIG, SMALL, NOWHERE):
        answer = await ask(open_served, ("Query", "course"), viewer, course)
        if viewer in TEAM[course] | ENROLLED[course]:
            assert answer["data"]["course"]["title"] == TITLES[course]
        else:
            assert answer["data"]["course"] is None
            assert codes(answer) == {"UNKNOWN_COURSE" if viewer == GLOBAL else "FORBIDDEN"}


@pytest.mark.parametrize("viewer", VIEWERS[1:])
@pytest.mark.parametrize("door", [("Query", "courses"), ("Viewer", "courses")], ids=".".join)
async def test_lists_hold_the_courses_that_may_be_seen(
    open_served: Served, viewer: int, door: tuple[str, str]
) -> None:
    answer = await ask(open_served, door, viewer, BIG)
    found = answer["data"]["viewer"] if door[0] == "Viewer" else answer["data"]
    expected = {c for c in (BIG, SMALL) if viewer in TEAM[c] | ENROLLED[c]}
    assert {node["key"] for node in found["courses"]["nodes"]} == expected
    assert "errors" not in answer


@pytest.mark.parametrize("viewer", VIEWERS[1:])
async def test_a_course_that_is_hidden_and_one_that_is_not_there_look_the_same(
    open_served: Served, viewer: int
) -> None:
    for door in DOORS:
        if viewer in TEAM[BIG] | ENROLLED[BIG] or "$course" not in DOORS[door]:
            continue
        hidden = await ask(open_served, door, viewer, BIG)
        absent = await ask(open_served, door, viewer, NOWHERE)
        for answer in (hidden, absent):
            for error in answer["errors"]:
                del error["extensions"]["requestId"]
        as_text = orjson.dumps(hidden).replace(BIG.encode(), NOWHERE.encode())
        assert as_text == orjson.dumps(absent)


@pytest.mark.parametrize("viewer", VIEWERS[1:])
async def test_class_is_told_to_its_students_as_far_as_privacy_goes(
    open_served: Served, viewer: int
) -> None:
    for course in (BIG, SMALL):
        answer = await ask(open_served, ("Course", "indicators"), viewer, course)
        if viewer not in TEAM[course] | ENROLLED[course]:
            assert answer["data"]["course"] is None
            continue
        found = answer["data"]["course"]["indicators"]
        is_team = viewer in TEAM[course]
        expected = CLASS_SEEN_BY_TEAM if is_team else CLASS_SEEN_BY_STUDENTS
        if course == SMALL:  # nothing has failed there: not even computed
            expected = expected | {"toyFailed"}
        assert seen(found) == expected
        assert codes(answer) <= {"FORBIDDEN", "INDICATOR_FAILED"}


@pytest.mark.parametrize("viewer", VIEWERS[1:])
@pytest.mark.parametrize("field", ["cohorts", "cohort", "group", "students"])
async def test_groups_and_rosters_are_for_the_team(
    open_served: Served, viewer: int, field: str
) -> None:
    for course in (BIG, SMALL):
        answer = await ask(open_served, ("Course", field), viewer, course)
        found = answer["data"]["course"]
        if viewer in TEAM[course]:
            assert field == "cohort" or found[field] is not None
        else:
            assert found in (None, {field: None})
            assert codes(answer) == {"FORBIDDEN"}


@pytest.mark.parametrize("viewer", VIEWERS[1:])
@pytest.mark.parametrize("user", [ME, CLASSMATE, LEFT, NOBODY])
@pytest.mark.parametrize("door", [("Course", "student"), ("Query", "node")], ids=".".join)
async def test_a_student_is_told_to_the_team_and_to_themselves(
    open_served: Served, viewer: int, user: int, door: tuple[str, str]
) -> None:
    answer = await ask(open_served, door, viewer, BIG, user)
    data = answer["data"]
    found = data["node"] if door[0] == "Query" else data["course"] and data["course"]["student"]
    exists = user in MEMBERS[BIG]
    if viewer in TEAM[BIG] and exists:
        assert found["userId"] == user
        assert seen(found["indicators"]) == STUDENTS_SEEN_BY_TEAM
    elif viewer == user and viewer in ENROLLED[BIG]:
        assert found["userId"] == user
        assert seen(found["indicators"]) == SEEN_BY_SELF
    else:
        assert found is None
        assert codes(answer) == (set() if viewer in TEAM[BIG] else {"FORBIDDEN"})


@pytest.mark.parametrize("viewer", VIEWERS[1:])
async def test_viewers_see_themselves_as_students(open_served: Served, viewer: int) -> None:
    for course in (BIG, SMALL):
        answer = await ask(open_served, ("Viewer", "student"), viewer, course)
        found = answer["data"]["viewer"]["student"]
        if viewer in ENROLLED[course]:
            assert found["userId"] == viewer
            expected = SEEN_BY_SELF | ({"toyFailed"} if course == SMALL else set())
            assert seen(found["indicators"]) == expected
        else:
            assert found is None


async def test_roster_shows_no_student_an_indicator_that_is_theirs_alone(
    open_served: Served,
) -> None:
    answer = await ask(open_served, ("Course", "students"), STAFF, BIG)
    nodes = answer["data"]["course"]["students"]["nodes"]
    assert [node["username"] for node in nodes] == [f"canary-{user}" for user in STUDENTS]
    for node in nodes:
        assert seen(node["indicators"]) == STUDENTS_SEEN_BY_TEAM


async def test_name_of_somebody_else_is_as_good_as_none(open_served: Served) -> None:
    for username in (f"canary-{CLASSMATE}", "nobody-at-all"):
        answer = await open_served.ask(
            "query($c: ID!, $n: String!) { course(key: $c) { student(username: $n) { id } } }",
            user_id=ME,
            c=BIG,
            n=username,
        )
        assert answer["data"]["course"]["student"] is None
        assert answer["errors"][0]["message"] == "you may not see this student"


async def test_small_class_is_not_told_to_its_students(open_served: Served) -> None:
    query = (
        "query($c: ID!) { course(key: $c) { indicators { toyTime {"
        " n mean sum histogram { count } activeLearners meanSeconds meta { suppressed n } } } } }"
    )
    told = await open_served.ask(query, user_id=SMALL_STUDENTS[0], c=SMALL)
    assert told["data"]["course"]["indicators"]["toyTime"] == {
        "n": None,
        "mean": None,
        "sum": None,
        "histogram": None,
        "activeLearners": None,
        "meanSeconds": None,
        "meta": {"suppressed": True, "n": None},
    }
    told = await open_served.ask(query, user_id=SMALL_STAFF, c=SMALL)
    assert told["data"]["course"]["indicators"]["toyTime"]["n"] == 5
    assert told["data"]["course"]["indicators"]["toyTime"]["meta"]["suppressed"] is False


async def test_class_is_told_to_students_without_small_numbers(open_served: Served) -> None:
    query = (
        "query($c: ID!) { course(key: $c) { indicators {"
        " toyTime { n mean median p25 minimum maximum histogram { lower upper count }"
        "   meta { suppressed } }"
        " toyBands { rows { band learners others share } meta { suppressed } } } } }"
    )
    told = (await open_served.ask(query, user_id=ME, c=BIG))["data"]["course"]["indicators"]
    assert told["toyTime"] == {
        "n": 25,
        "mean": 1300.0,
        "median": 1300.0,
        "p25": None,  # six people on one side are fewer than ten
        "minimum": None,
        "maximum": None,
        # Bins of 120 s from 100 s hold 2 1 1 1 1 2 1 1 1 ... : the first eight are the first ten.
        "histogram": [
            # Their border of 1,060 s is rounded as all numbers of so few are.
            {"lower": None, "upper": 1100.0, "count": 10},
            {"lower": 1100.0, "upper": None, "count": 15},
        ],
        "meta": {"suppressed": True},
    }
    # Five learners are hidden, every other cell could be had from them and a total, and rows
    # without anything are left out.
    assert told["toyBands"] == {"rows": [], "meta": {"suppressed": True}}


async def test_own_place_is_told_in_steps(open_served: Served) -> None:
    query = (
        "query($c: ID!) { viewer { student(course: $c) { indicators {"
        " toyTime { seconds standing { percentile classMedian classP25 n } }"
        " toyPosts { posts standing { n } } } } } }"
    )
    answer = await open_served.ask(query, user_id=STUDENTS[3], c=BIG)
    assert answer["data"]["viewer"]["student"]["indicators"] == {
        # The fourth of 25: (3 + 0.5) / 25 = 14 %, told as 15.
        "toyTime": {
            "seconds": 400.0,
            "standing": {"percentile": 15.0, "classMedian": 1300.0, "classP25": None, "n": 25},
        },
        # Its class is not for students, and a place in it tells about the class.
        "toyPosts": {"posts": 4, "standing": None},
    }
    assert codes(answer) == {"FORBIDDEN"}
