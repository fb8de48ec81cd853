"""Of several courses each is told what it is told alone, by one statement for all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from aggregates.fields import FieldRef
from aggregates.filters import Order, StudentFilter
from aggregates.layout import Layout
from aggregates.reader import Reader
from aggregates.records import CourseRecord, OwnCourses
from aggregates.store import Store
from indicators.registry import Registry
from indicators.result import COURSE_GROUP
from tests.data.many_courses import PEOPLE, key_of, one_of_many
from tests.data.served_courses import served_registry
from tests.data.stored_course import Person

COURSES = 3
LEFT = 600_090
TIME = FieldRef("toy_time", "seconds")
POSTS = FieldRef("toy_posts", "posts")
BY_TIME = Order(TIME, descending=True)
GREEN = StudentFilter(cohorts=("Green",))


@pytest.fixture
def registry() -> Registry:
    return served_registry()


@pytest.fixture
async def courses(store: Store) -> list[CourseRecord]:
    for number in range(1, COURSES + 1):
        left = Person(LEFT, in_l=False)
        org = "Other" if number == COURSES else "Many"
        course = one_of_many(number, others=(left,), org=org)
        await store.write(course, input_digest="1", cursors={})
    return await store.reader.courses(None, after=None, first=10)


BESIDE = ("course_", "place_", "place_0", "place_1")
Question = Callable[[Reader, CourseRecord], Awaitable[Any]]
QUESTIONS: dict[str, Question] = {
    "groups": lambda reader, course: reader.groups(course),
    "envelopes": lambda reader, course: reader.envelopes(course, ["toy_time", "toy_bands"]),
    "released": lambda reader, course: reader.released(course, ["toy_time", "toy_chapters"]),
    "student by id": lambda reader, course: reader.student(course, user_id=PEOPLE[2]),
    "student by name": lambda reader, course: reader.student(course, username="many-3"),
    "nobody": lambda reader, course: reader.student(course, username="none"),
    "row": lambda reader, course: reader.student_row(course, PEOPLE[0], [POSTS, "cohort"]),
    "page": lambda reader, course: reader.student_page(
        course, filter=StudentFilter(), order=BY_TIME, after=None, first=4
    ),
    "filtered": lambda reader, course: reader.student_page(
        course, filter=GREEN, order=Order("username"), after=None, first=40
    ),
    "count": lambda reader, course: reader.count_students(course, GREEN),
    "values": lambda reader, course: reader.student_values(
        course, [*PEOPLE[:3], 5], [TIME, POSTS], standing=True
    ),
    "rows": lambda reader, course: reader.rows(
        course, "toy_chapters", "student", "rows", [*PEOPLE[:3], 5]
    ),
    "rows of groups": lambda reader, course: reader.rows(
        course, "toy_chapters", "group", "rows", [COURSE_GROUP, "none"]
    ),
    "summaries": lambda reader, course: reader.summaries(course, [COURSE_GROUP, "none"], [TIME]),
    "blocks": lambda reader, course: reader.blocks(course, [f"chapter-{n}" for n in (1, 2, 3, 4)]),
}


def plain(found: Any) -> Any:
    """Rows as tuples without what only several have; the rest as it is."""
    if isinstance(found, dict):
        return {key: plain(value) for key, value in found.items()}
    if isinstance(found, list):
        return [plain(one) for one in found]
    if hasattr(found, "items"):  # a row of the driver
        return {key: value for key, value in found.items() if key not in BESIDE}
    return found


@pytest.mark.parametrize("name", QUESTIONS)
async def test_each_course_is_told_what_it_is_told_alone(
    store: Store, registry: Registry, courses: list[CourseRecord], name: str
) -> None:
    ask = QUESTIONS[name]
    alone = [await ask(Reader(store.database, Layout(registry)), course) for course in courses]
    reader = Reader(store.database, Layout(registry)).together()
    before = store.database.statements
    # twice of the last, as two fields of a course may ask the same
    found = await asyncio.gather(*(ask(reader, course) for course in (*courses, courses[-1])))
    assert store.database.statements == before + 1
    assert [plain(one) for one in found] == [plain(one) for one in (*alone, alone[-1])]


async def test_pages_of_several_courses_keep_their_order(
    store: Store, courses: list[CourseRecord]
) -> None:
    reader = store.reader.together()
    rows = await asyncio.gather(
        *(
            reader.student_rows(
                course, [TIME], filter=StudentFilter(), order=BY_TIME, after=None, first=3
            )
            for course in reversed(courses)
        )
    )
    assert [[row[2] for row in page] for page in rows] == [
        [2500.0 + number, 2400.0 + number, 2300.0 + number] for number in (3, 2, 1)
    ]
    assert {row[-1] for page in rows for row in page} == {course.run_id for course in courses}


async def test_what_was_read_together_is_remembered_for_everybody(
    store: Store, courses: list[CourseRecord]
) -> None:
    together = store.reader.together()
    await asyncio.gather(*(together.envelopes(course, ["toy_time"]) for course in courses))
    before = store.database.statements
    assert store.reader.remembered_envelopes(courses[0]) is not None
    assert "toy_time" in await store.reader.envelopes(courses[2], ["toy_time"])
    assert store.database.statements == before


ME = OwnCourses(PEOPLE[3], [], [], None)
GONE = OwnCourses(LEFT, [], [], None)


@pytest.mark.parametrize(
    ("own", "numbers"),
    [
        (ME, [1, 2, 3]),
        (replace(ME, within_orgs=["Other"]), [3]),
        (replace(ME, within_orgs=[]), []),
        (GONE, []),
        (replace(GONE, team_keys=[key_of(2)]), [2]),
        (replace(GONE, team_orgs=["Other"]), [3]),
        (replace(GONE, team_keys=None), [1, 2, 3]),
        (replace(GONE, team_keys=None, within_orgs=["Many"]), [1, 2]),
        (OwnCourses(5, None, [], None), []),
    ],
)
async def test_own_rows_are_those_of_courses_one_may_be_told_of(
    store: Store, courses: list[CourseRecord], own: OwnCourses, numbers: list[int]
) -> None:
    before = store.database.statements
    found = await store.reader.own_rows(own, [TIME, "in_l"], after=None, first=10)
    assert store.database.statements == before + 1
    assert [course.course_key for course, _ in found] == [key_of(number) for number in numbers]
    known = {course.course_key: course for course in courses}
    assert [course for course, _ in found] == [known[key_of(number)] for number in numbers]
    for number, (course, row) in zip(numbers, found, strict=True):
        seconds = 400.0 + number if own.user_id == PEOPLE[3] else None
        assert row == (None, own.user_id, seconds, own.user_id != LEFT, course.run_id)
    assert await store.reader.count_own(own) == len(numbers)


async def test_own_rows_go_on_behind_a_key(store: Store, courses: list[CourseRecord]) -> None:
    found = await store.reader.own_rows(ME, ["username"], after=key_of(1), first=1)
    assert [course.course_key for course, _ in found] == [key_of(2)]
