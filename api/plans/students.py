"""Students straight from a statement: columns of the roster and stored scalar values, no rows.

This is the shape of nearly all requests, so it has a way of its own: one statement, and one
generated function from its records to the answer. What is not of this shape, or not simply
granted, is left to the resolvers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aggregates.filters import StudentFilter
from aggregates.records import CourseRecord, StudentRecord
from aggregates.student_statements import ROSTER
from api.access.policy import Grant, Viewer, decide
from api.context import Catalog, Context, CourseSource
from api.cursors import read_cursor
from api.plans.builder import Build, Builder, StaleCourse
from api.plans.chosen import Choice, Chosen
from api.plans.pages import CoursePage, OwnPage, Page, compile_page
from api.plans.student_answer import USER_ID, StudentAnswer
from api.reading.own import read_own
from api.schema.fields import given
from api.schema.records import Record
from api.side_by_side import side_by_side
from api.types.connection import PAGE_DEFAULT, check_first
from api.types.course import read_place
from api.types.courses import BY_COURSE_KEY
from api.types.filters import order_name, read_order
from courselens.domain import Level

NOT_SIMPLE = object()
"""Given where the resolver must be asked."""


@dataclass(frozen=True, slots=True)
class OneStudent:
    """A student by id."""

    answer: StudentAnswer
    build: Build

    async def asked(
        self, context: Context, course: CourseSource, arguments: Mapping[str, Any]
    ) -> Any:
        """As `make`, of the student whose id is given."""
        user_id = given(arguments.get("user_id"))
        if user_id is None or given(arguments.get("username")) is not None:
            return NOT_SIMPLE
        return await self.make(context, course, user_id)

    async def make(self, context: Context, course: CourseSource, user_id: int) -> Any:
        """The student's part of the answer, or `NOT_SIMPLE`."""
        own = bool(context.viewer and user_id == context.viewer.user_id)
        if decide(course.access, Level.STUDENT, own=own) is not Grant.EXACT:
            return NOT_SIMPLE
        beside = await self.answer.beside(context, course, own=own)
        if beside is None:
            return NOT_SIMPLE
        row = await context.reader.student_row(course.record, user_id, self.answer.columns)
        if row is None:
            return NOT_SIMPLE
        return self.build(_current(course.record, row), *beside, course)

    async def own(self, context: Context, viewer: Viewer, course_key: str) -> Any:
        """The viewer's part of the answer as a student, or `NOT_SIMPLE`."""
        record = await context.find_course(course_key)
        if record is None:
            return NOT_SIMPLE
        columns = [*self.answer.columns, *ROSTER]
        row = await context.reader.student_row(record, viewer.user_id, columns)
        if row is None:
            return NOT_SIMPLE
        # Whether they are enrolled decides what they may see, and is in the same row.
        first = USER_ID + 1 + len(self.answer.columns)
        roster = tuple(_current(record, row))[first : first + len(ROSTER)]
        student = StudentRecord(viewer.user_id, *roster)
        context.know_student(record, viewer.user_id, student)
        course = await context.course(course_key)
        if decide(course.access, Level.STUDENT, own=True) is not Grant.EXACT:
            return NOT_SIMPLE
        beside = await self.answer.beside(context, course, own=True)
        return NOT_SIMPLE if beside is None else self.build(row, *beside, course)


@dataclass(frozen=True, slots=True)
class StudentList:
    """A page of students, all enrolled ones in some order."""

    answer: StudentAnswer
    parts: tuple[Callable[[Page], Any], ...]
    struct: type

    async def make(
        self, context: Context, course: CourseSource, arguments: Mapping[str, Any]
    ) -> Any:
        """The connection's part of the answer, or `NOT_SIMPLE`."""
        if given(arguments.get("filter")) is not None:
            return NOT_SIMPLE
        if decide(course.access, Level.STUDENT) is not Grant.EXACT:
            return NOT_SIMPLE
        beside = await self.answer.beside(context, course, own=False)
        if beside is None:
            return NOT_SIMPLE
        first = check_first(arguments.get("first", PAGE_DEFAULT), context.page_limit)
        order = read_order(context.catalog, course.access, given(arguments.get("order_by")))
        after = given(arguments.get("after"))
        rows = await context.reader.student_rows(
            course.record,
            self.answer.columns,
            filter=StudentFilter(),
            order=order,
            after=read_place(after, order),
            first=first + 1,
        )
        if not rows and context.is_hasty:
            raise StaleCourse
        for row in rows[:1]:
            _current(course.record, row)
        page = CoursePage(
            rows[:first],
            beside,
            course,
            order_name(order),
            has_next=len(rows) > first,
            has_previous=after is not None,
        )
        return self.struct(*[part(page) for part in self.parts])


@dataclass(frozen=True, slots=True)
class OwnStudents:
    """A page of the viewer's courses: the viewer as a student of each."""

    answer: StudentAnswer
    parts: tuple[Callable[[Page], Any], ...]
    struct: type

    async def make(self, context: Context, viewer: Viewer, arguments: Mapping[str, Any]) -> Any:
        """The connection's part of the answer, or `NOT_SIMPLE`."""
        if self.answer.is_live(context):
            return NOT_SIMPLE
        first = check_first(arguments.get("first", PAGE_DEFAULT), context.page_limit)
        after = given(arguments.get("after"))
        place = None if after is None else read_cursor(after, BY_COURSE_KEY)
        found = await read_own(context, viewer, self.answer.columns, after=place, first=first + 1)
        page = found[:first]
        if len(page) > 1:
            context.read_together()
        told = await side_by_side(
            self.answer.beside(context, course, own=True) for course, _ in page
        )
        rows = [
            (row, *beside, course)
            for (course, row), beside in zip(page, told, strict=True)
            if beside is not None
        ]
        if len(rows) < len(page):
            return NOT_SIMPLE
        made = OwnPage(rows, has_next=len(found) > first, has_previous=after is not None)
        return self.struct(*[part(made) for part in self.parts])


def _current(course: CourseRecord, row: Any) -> Any:
    """The row, if it is of the course's run.

    Raises:
        StaleCourse: it is of another.
    """
    if row[-1] != course.run_id:
        raise StaleCourse
    return row


def compile_student(catalog: Catalog, choice: Choice, student: Record, one: Chosen) -> OneStudent:
    """A field that gives one student.

    Raises:
        Deopt: it asks for more than columns.
    """
    answer = StudentAnswer(catalog, Builder(choice))
    return OneStudent(answer, answer.compile(student, one))


def compile_students(
    catalog: Catalog, choice: Choice, connection: Record, one: Chosen
) -> StudentList:
    """A field that gives a page of a course's students.

    Raises:
        Deopt: it asks for more than columns.
    """
    answer = StudentAnswer(catalog, Builder(choice))
    return StudentList(answer, *compile_page(answer, choice, connection, one))


def compile_own_students(
    catalog: Catalog, choice: Choice, connection: Record, one: Chosen
) -> OwnStudents:
    """A field that gives a page of the viewer as a student.

    Raises:
        Deopt: it asks for more than columns.
    """
    answer = StudentAnswer(catalog, Builder(choice))
    return OwnStudents(answer, *compile_page(answer, choice, connection, one))
