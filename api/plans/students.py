"""Students straight from a statement: columns of the roster and stored scalar values, no rows.

This is the shape of nearly all requests, so it has a way of its own: one statement, and one
generated function from its records to the answer. What is not of this shape, or not simply
granted, is left to the resolvers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aggregates.filters import Cursor, StudentFilter
from aggregates.records import CourseRecord, StudentRecord
from aggregates.student_statements import ROSTER
from api.access.policy import Grant, Viewer, decide
from api.context import Catalog, Context, CourseSource
from api.cursors import write_cursor
from api.plans.builder import Build, Builder, Deopt, StaleCourse, make_struct
from api.plans.chosen import Choice, Chosen
from api.plans.student_answer import USER_ID, Beside, StudentAnswer
from api.schema.fields import given
from api.schema.records import Nested, Record, Row
from api.types.connection import PAGE_DEFAULT, PAGE_INFO, check_first, page_info_row
from api.types.course import read_place
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
        return self.build(_current(course.record, row), *beside, course.record.course_key)

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
        roster = tuple(_current(record, row))[-1 - len(ROSTER) : -1]
        student = StudentRecord(viewer.user_id, *roster)
        context.know_student(record, viewer.user_id, student)
        course = await context.course(course_key)
        if decide(course.access, Level.STUDENT, own=True) is not Grant.EXACT:
            return NOT_SIMPLE
        beside = await self.answer.beside(context, course, own=True)
        return NOT_SIMPLE if beside is None else self.build(row, *beside, course_key)


@dataclass(frozen=True, slots=True)
class StudentList:
    """A page of students, all enrolled ones in some order."""

    answer: StudentAnswer
    parts: tuple[Callable[[_Page], Any], ...]
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
        page = _Page(
            rows[:first],
            beside,
            course.record.course_key,
            order_name(order),
            has_next=len(rows) > first,
            has_previous=after is not None,
        )
        return self.struct(*[part(page) for part in self.parts])


@dataclass(slots=True)
class _Page:
    """What was read for a page."""

    rows: Sequence[Any]
    beside: Beside
    course_key: str
    order: str
    has_next: bool
    has_previous: bool

    def cursor(self, row: Any) -> str:
        place = Cursor(row[0], row[USER_ID])
        return write_cursor(self.order, place.encode())

    def info(self) -> Row:
        ends = (self.cursor(self.rows[0]), self.cursor(self.rows[-1])) if self.rows else None
        return page_info_row(ends, has_next=self.has_next, has_previous=self.has_previous)


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
    """A field that gives a page of students.

    Raises:
        Deopt: it asks for more than columns.
    """
    answer = StudentAnswer(catalog, Builder(choice))
    below = choice.of(one.below, frozenset({connection.name}))
    nested = {part.name: part.record for part in connection.fields if isinstance(part, Nested)}
    parts = [_connection_part(answer, choice, connection, nested, part) for part in below]
    struct = make_struct(connection.name, [part.key for part in below])
    return StudentList(answer, tuple(parts), struct)


def _connection_part(
    answer: StudentAnswer,
    choice: Choice,
    connection: Record,
    nested: Mapping[str, Record],
    one: Chosen,
) -> Callable[[_Page], Any]:
    if one.name == "__typename":
        return lambda page: connection.name
    if one.name == "pageInfo":
        info = answer.builder.rows(PAGE_INFO, one.below)
        return lambda page: info(page.info())
    if one.name == "nodes":
        build = answer.compile(nested["nodes"], one)
        return lambda page: [build(row, *page.beside, page.course_key) for row in page.rows]
    if one.name == "edges":
        return _edges(answer, choice, nested["edges"], one)
    raise Deopt("shape")


def _edges(
    answer: StudentAnswer, choice: Choice, edge: Record, one: Chosen
) -> Callable[[_Page], Any]:
    below = choice.of(one.below, frozenset({edge.name}))
    struct = make_struct(edge.name, [part.key for part in below])
    student = next(part.record for part in edge.fields if isinstance(part, Nested))
    makers: list[Callable[[_Page, Any], Any]] = []
    for part in below:
        if part.name == "__typename":
            makers.append(lambda page, row: edge.name)
        elif part.name == "cursor":
            makers.append(_Page.cursor)
        else:
            makers.append(_node(answer.compile(student, part)))
    return lambda page: [struct(*[make(page, row) for make in makers]) for row in page.rows]


def _node(build: Build) -> Callable[[_Page, Any], Any]:
    return lambda page, row: build(row, *page.beside, page.course_key)
