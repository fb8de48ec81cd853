"""A course of 100,000 students with values of all kinds, made in the store itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aggregates.store import Store
from tests.data.stored_course import (
    Person,
    build_course,
)
from tests.data.toy_indicators import toy_registry

STUDENTS = 100_000


@asynccontextmanager
async def large_store(postgres_url: str) -> AsyncIterator[Store]:
    """A store of the toy indicators with the course."""
    registry = toy_registry()
    store = await Store.connect(postgres_url, registry=registry, deadline_seconds=60)
    try:
        await store.migrate()
        roles = [{"user_id": 900_001, "role": "global_staff"}]
        course = build_course([Person(1)], [], roles=roles)
        await store.write(course, input_digest="1", cursors={})
        for statement in (_ROSTER, _VALUES, "ANALYZE"):
            await store.database.execute(statement, deadline_seconds=60)
        yield store
    finally:
        await store.close()


_ROSTER = (
    "INSERT INTO students (course_id, user_id, username, mode, year_of_birth, enrolled_at,"
    " in_l, in_e) SELECT course_id, n, 'student' || n, 'audit', 1990, now(), true, true"
    f" FROM courses, generate_series(2, {STUDENTS}) n"
)
_VALUES = (
    "INSERT INTO student_values_courselens (course_id, user_id, toy_time__seconds,"
    " toy_progress__days, toy_progress__ratio, toy_progress__passed, toy_progress__first_at,"
    " toy_progress__tags) SELECT course_id, n, n * 1.5, n % 90, 0.25, true, now(),"
    f" ARRAY['a', 'b'] FROM courses, generate_series(2, {STUDENTS}) n"
)
