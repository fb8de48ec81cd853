"""Who asks, and what belongs to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import strawberry
from strawberry.types.field import StrawberryField

from aggregates.records import StudentRecord
from aggregates.student_statements import ROSTER
from api.access.policy import Viewer
from api.context import Context, CourseSource, context_of
from api.cursors import read_cursor, write_cursor
from api.reading.own import own_courses, read_own
from api.reading.students import read_students
from api.schema.fields import Argument, Info, TypeMaker, given, resolved
from api.schema.records import Column, Record, Row
from api.schema.selection import Selection, selection_of
from api.side_by_side import side_by_side
from api.types.connection import PAGE_DEFAULT, check_first, connection_row
from api.types.course import read_student
from api.types.courses import BY_COURSE_KEY
from api.types.student import student_connection

VIEWER_FACTS = Record(
    "Viewer",
    "Who asks.",
    (
        Column("user_id", int, "The platform's id of the user.", nullable=False),
        Column("username", str, "Name of the account.", nullable=False),
    ),
)


def viewer_type(maker: TypeMaker, student: Record, courses: StrawberryField) -> type:
    """The type `Viewer`."""
    fields = [
        *maker.plain_fields(VIEWER_FACTS),
        resolved(
            "student",
            _student,
            maker.record(student) | None,
            description="The viewer as a student of a course; null: the viewer is none.",
            arguments={"course": Argument(strawberry.ID, "Course key.")},
        ),
        resolved(
            "students",
            _students,
            maker.record(student_connection(student)) | None,
            description="The viewer as a student of each of their courses, by key of the course. "
            "Courses that they have left are told to those of the team.",
            arguments={
                "first": Argument(int, "How many, at most 100."),
                "after": Argument(str | None, "`endCursor` of the page before."),
            },
        ),
        courses,
    ]
    return maker.object("Viewer", fields, description=VIEWER_FACTS.description)


async def _student(root: Viewer, info: Info, course: str) -> Row | None:
    context = context_of(info)
    source = await context.course(course)
    selection = selection_of(info, of_type="Student")
    return await read_student(context, source, selection, user_id=root.user_id)


async def _students(
    root: Viewer, info: Info, first: int = PAGE_DEFAULT, after: str | None = None
) -> Row:
    context, selection = context_of(info), selection_of(info)
    check_first(first, context.page_limit)
    after = given(after)
    place = None if after is None else read_cursor(after, BY_COURSE_KEY)
    found = await read_own(context, root, ROSTER, after=place, first=first + 1)
    page = found[:first]
    below = selection.at("edges", "node").merged(selection.at("nodes"))
    connection = connection_row(
        await _own_rows(context, page, below),
        [write_cursor(BY_COURSE_KEY, course.record.course_key) for course, _ in page],
        has_next=len(found) > first,
        has_previous=after is not None,
    )
    if "totalCount" not in selection:
        return connection
    total = await context.reader.count_own(await own_courses(context, root))
    return {**connection, "total_count": total}


async def _own_rows(
    context: Context, page: Sequence[tuple[CourseSource, tuple[Any, ...]]], below: Selection
) -> list[Row]:
    """Rows of `Student`, read side by side."""
    if len(page) > 1:
        context.read_together()

    async def read(course: CourseSource, row: tuple[Any, ...]) -> Row:
        student = StudentRecord(*row[1 : 2 + len(ROSTER)])
        with context.live.running():
            (found,) = await read_students(context, course, [student], below, own=True)
        return found

    with context.live.waiting():
        return await side_by_side(read(course, row) for course, row in page)
