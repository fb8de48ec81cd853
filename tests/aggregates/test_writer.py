"""A refresh replaces a course in one transaction, or changes nothing."""

from __future__ import annotations

import asyncio
import dataclasses

import asyncpg
import pytest

from aggregates import writer
from aggregates.fields import FieldRef
from aggregates.filters import Order, StudentFilter
from aggregates.store import Store
from courselens.errors import ResultRefused
from indicators.registry import Registry
from indicators.result import CourseResults
from tests.data.stored_course import (
    COMPUTED_US,
    COURSE_KEY,
    Person,
    build_course,
    build_result,
)

SECONDS = FieldRef("toy_time", "seconds")


def seconds_course(
    registry: Registry, seconds: float | None, *, students: int = 3, course_key: str = COURSE_KEY
) -> CourseResults:
    """All students have the same value, in the wide table, the group and the chapter rows."""
    users = range(1, students + 1)
    time = build_result(
        registry.indicator("toy_time"),
        course_key=course_key,
        student={"values": [{"user_id": user, "seconds": seconds} for user in users]},
        group={
            "values": [{"group_id": "course", "active_learners": 1, "mean_seconds": seconds}],
        },
        summaries=[
            {"group_id": "course", "field": "seconds", "n": students, "n_null": 0, "mean": seconds}
        ],
    )
    chapters = build_result(
        registry.indicator("toy_chapters"),
        course_key=course_key,
        student={
            "rows": [{"user_id": user, "chapter": "c1", "seconds": seconds} for user in users]
        },
    )
    people = [Person(user) for user in users]
    return build_course(people, [time, chapters], course_key=course_key)


async def dump(url: str) -> dict[str, list[str]]:
    """Every row of every table but the runs' times, as text."""
    connection = await asyncpg.connect(url)
    names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    found: dict[str, list[str]] = {}
    for (name,) in names:
        rows = await connection.fetch(f'SELECT t::text FROM "{name}" t ORDER BY 1')
        found[name] = [row[0] for row in rows]
    await connection.close()
    return found


async def read_seconds(store: Store, course_key: str = COURSE_KEY) -> list[float | None]:
    course = await store.reader.course(course_key)
    assert course is not None
    found = await store.reader.student_values(course, [1, 2, 3], [SECONDS], standing=False)
    return [found[user][SECONDS.column] for user in (1, 2, 3)]


async def test_a_refresh_replaces_what_was_there(store: Store, registry: Registry):
    first = await store.write(seconds_course(registry, 1.0), input_digest="1", cursors={"log": 5})
    second = await store.write(
        seconds_course(registry, 2.0, students=2), input_digest="2", cursors={"log": 9}
    )
    assert second.changed
    assert second.run_id > first.run_id
    assert await read_seconds(store) == [2.0, 2.0, None]
    assert await store.cursors(COURSE_KEY) == {"log": 9}
    course = await store.reader.course(COURSE_KEY)
    assert course is not None
    assert course.run_id == second.run_id
    assert await store.reader.count_students(course, StudentFilter()) == 2


async def test_the_same_again_changes_no_row(store: Store, registry: Registry, postgres_url: str):
    course = seconds_course(registry, 7.0)
    first = await store.write(course, input_digest="same", cursors={"log": 1})
    before = await dump(postgres_url)
    later = [
        dataclasses.replace(
            result,
            envelope=dataclasses.replace(result.envelope, computed_us=COMPUTED_US + 60_000_000),
        )
        for result in course.results
    ]
    again = await store.write(
        dataclasses.replace(course, results=tuple(later)), input_digest="same", cursors={"log": 1}
    )
    assert not again.changed
    assert again.run_id == first.run_id
    assert await dump(postgres_url) == before


async def test_the_same_numbers_keep_the_newer_cursor(store: Store, registry: Registry):
    course = seconds_course(registry, 7.5)
    await store.write(course, input_digest="cursor", cursors={"log": 1})
    again = await store.write(course, input_digest="cursor", cursors={"log": 2})
    assert not again.changed
    assert await store.cursors(COURSE_KEY) == {"log": 2}


@pytest.mark.parametrize(
    "change", [{"version": 2}, {"as_of_us": COMPUTED_US}, {"parameters": {"tz": "Europe/Madrid"}}]
)
async def test_another_version_or_parameter_is_written(
    store: Store, registry: Registry, change: dict[str, object]
):
    course = seconds_course(registry, 1.0)
    await store.write(course, input_digest="same", cursors={})
    first, *others = course.results
    changed = dataclasses.replace(first, envelope=dataclasses.replace(first.envelope, **change))
    again = dataclasses.replace(course, results=(changed, *others))
    assert (await store.write(again, input_digest="same", cursors={})).changed


async def test_a_refused_result_leaves_the_old_numbers(
    store: Store, registry: Registry, postgres_url: str
):
    await store.write(seconds_course(registry, 1.0), input_digest="good", cursors={})
    before = await dump(postgres_url)
    with pytest.raises(ResultRefused, match="toy_time, seconds"):
        await store.write(seconds_course(registry, float("nan")), input_digest="bad", cursors={})
    assert await dump(postgres_url) == before


async def test_other_courses_are_left_alone(store: Store, registry: Registry):
    other = "course-v1:Uni+Other+2026"
    await store.write(seconds_course(registry, 5.0, course_key=other), input_digest="1", cursors={})
    await store.write(seconds_course(registry, 6.0), input_digest="other", cursors={})
    assert await read_seconds(store, other) == [5.0, 5.0, 5.0]


async def test_a_repeatable_reader_sees_the_old_course_until_it_ends(
    store: Store, registry: Registry, postgres_url: str
):
    await store.write(seconds_course(registry, 1.0), input_digest="old", cursors={})
    reader = await asyncpg.connect(postgres_url)
    question = (
        "SELECT ARRAY[(SELECT sum(toy_time__seconds) FROM student_values_courselens v"
        " JOIN courses USING (course_id) WHERE course_key = $1),"
        " (SELECT sum(seconds) FROM toy_chapters__s__rows"
        " JOIN courses USING (course_id) WHERE course_key = $1)]"
    )
    async with reader.transaction(isolation="repeatable_read"):
        assert await reader.fetchval(question, COURSE_KEY) == [3.0, 3.0]
        await store.write(seconds_course(registry, 2.0), input_digest="new", cursors={})
        assert await reader.fetchval(question, COURSE_KEY) == [3.0, 3.0]
    assert await reader.fetchval(question, COURSE_KEY) == [6.0, 6.0]
    await reader.close()


async def test_a_statement_sees_one_version_while_refreshes_run(store: Store, registry: Registry):
    await store.write(seconds_course(registry, 0.0, students=50), input_digest="0", cursors={})
    course = await store.reader.course(COURSE_KEY)
    assert course is not None
    done = asyncio.Event()

    async def refresh() -> None:
        for number in range(1, 9):
            results = seconds_course(registry, float(number), students=50)
            await store.write(results, input_digest=str(number), cursors={})
        done.set()

    seen: set[float | None] = set()
    task = asyncio.create_task(refresh())
    while not done.is_set():
        page = await store.reader.student_page(
            course, filter=StudentFilter(), order=Order(SECONDS), after=None, first=100
        )
        values = {cursor.value for cursor in page.cursors}
        assert len(page.students) == 50
        assert len(values) == 1, "two versions in one answer"
        seen |= values
    await task
    assert len(seen) > 1


async def test_two_refreshes_of_one_course_wait_for_each_other(store: Store, registry: Registry):
    results = [seconds_course(registry, float(value)) for value in range(4)]
    reports = await asyncio.gather(
        *(
            store.write(one, input_digest=f"race {number}", cursors={})
            for number, one in enumerate(results)
        )
    )
    latest = max(reports, key=lambda report: report.run_id)
    value = float(reports.index(latest))
    assert await read_seconds(store) == [value] * 3


async def test_a_big_course_is_vacuumed(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writer, "VACUUM_ROWS", 3)
    key = "course-v1:Uni+Big+2026"
    report = await store.write(
        seconds_course(registry, 1.0, course_key=key), input_digest="big", cursors={}
    )
    assert set(report.vacuumed) >= {"students", "student_values_courselens", "memberships"}
    assert "envelopes" not in report.vacuumed


async def test_hostile_text_is_text(store: Store):
    evil = "x'; drop table students; --"
    people = [Person(1, cohort=evil, username='"; --'), Person(2, cohort="Blue")]
    key = "course-v1:Uni+Evil';--+2026"
    await store.write(build_course(people, [], course_key=key), input_digest="1", cursors={})
    course = await store.reader.course(key)
    assert course is not None
    page = await store.reader.student_page(
        course, filter=StudentFilter(cohorts=(evil,)), order=Order("cohort"), after=None, first=9
    )
    assert [student.user_id for student in page.students] == [1]
    behind = await store.reader.student_page(
        course,
        filter=StudentFilter(cohorts=(evil, "Blue")),
        order=Order("cohort", descending=True),
        after=page.cursors[0],
        first=9,
    )
    assert [student.cohort for student in behind.students] == ["Blue"]
    found = await store.reader.student(course, username='"; --')
    assert found is not None
    assert found.user_id == 1
    assert await store.reader.count_students(course, StudentFilter()) == 2
