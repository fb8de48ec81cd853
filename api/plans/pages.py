"""Pages of students: what is made of the rows of a statement for each field of the connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aggregates.filters import Cursor
from api.context import CourseSource
from api.cursors import write_cursor
from api.plans.builder import Build, Deopt, make_struct
from api.plans.chosen import Choice, Chosen
from api.plans.student_answer import USER_ID, Beside, StudentAnswer
from api.schema.records import Nested, Record, Row
from api.types.connection import PAGE_INFO, page_info_row
from api.types.courses import BY_COURSE_KEY


class Page(Protocol):
    """What was read for a page."""

    @property
    def rows(self) -> Sequence[Any]:
        """What each student is made of."""

    @property
    def has_next(self) -> bool:
        """More follow."""

    @property
    def has_previous(self) -> bool:
        """It is not the first."""

    def cursor(self, row: Any) -> str:
        """The place of a student in the list."""

    def node(self, build: Build, row: Any) -> Any:
        """A student's part of the answer."""

    def nodes(self, build: Build) -> list[Any]:
        """All of them."""


@dataclass(frozen=True, slots=True)
class CoursePage:
    """Of one course; a row is the statement's."""

    rows: Sequence[Any]
    beside: Beside
    course: CourseSource
    order: str
    has_next: bool
    has_previous: bool

    def cursor(self, row: Any) -> str:
        """As `Page.cursor`."""
        place = Cursor(row[0], row[USER_ID])
        return write_cursor(self.order, place.encode())

    def node(self, build: Build, row: Any) -> Any:
        """As `Page.node`."""
        return build(row, *self.beside, self.course)

    def nodes(self, build: Build) -> list[Any]:
        """As `Page.nodes`."""
        return [build(row, *self.beside, self.course) for row in self.rows]


@dataclass(frozen=True, slots=True)
class OwnPage:
    """Of the viewer in several courses; a row is the statement's, what is beside it, the course."""

    rows: Sequence[tuple[Any, list[Any], list[Any], CourseSource]]
    has_next: bool
    has_previous: bool

    def cursor(self, row: Any) -> str:
        """As `Page.cursor`."""
        return write_cursor(BY_COURSE_KEY, row[-1].record.course_key)

    def node(self, build: Build, row: Any) -> Any:
        """As `Page.node`."""
        return build(*row)

    def nodes(self, build: Build) -> list[Any]:
        """As `Page.nodes`."""
        return [build(*row) for row in self.rows]


def compile_page(
    answer: StudentAnswer, choice: Choice, connection: Record, one: Chosen
) -> tuple[tuple[Callable[[Page], Any], ...], type]:
    """What makes each field of a connection, and the struct that takes them.

    Raises:
        Deopt: it asks for more than columns.
    """
    below = choice.of(one.below, frozenset({connection.name}))
    nested = {part.name: part.record for part in connection.fields if isinstance(part, Nested)}
    parts = [_part(answer, choice, connection, nested, part) for part in below]
    return tuple(parts), make_struct(connection.name, [part.key for part in below])


def _part(
    answer: StudentAnswer,
    choice: Choice,
    connection: Record,
    nested: Mapping[str, Record],
    one: Chosen,
) -> Callable[[Page], Any]:
    if one.name == "__typename":
        return lambda page: connection.name
    if one.name == "pageInfo":
        info = answer.builder.rows(PAGE_INFO, one.below)
        return lambda page: info(_info(page))
    if one.name == "nodes":
        build = answer.compile(nested["nodes"], one)
        return lambda page: page.nodes(build)
    if one.name == "edges":
        return _edges(answer, choice, nested["edges"], one)
    raise Deopt("shape")


def _info(page: Page) -> Row:
    rows = page.rows
    ends = (page.cursor(rows[0]), page.cursor(rows[-1])) if rows else None
    return page_info_row(ends, has_next=page.has_next, has_previous=page.has_previous)


def _edges(
    answer: StudentAnswer, choice: Choice, edge: Record, one: Chosen
) -> Callable[[Page], Any]:
    below = choice.of(one.below, frozenset({edge.name}))
    struct = make_struct(edge.name, [part.key for part in below])
    student = next(part.record for part in edge.fields if isinstance(part, Nested))
    makers: list[Callable[[Page, Any], Any]] = []
    for part in below:
        if part.name == "__typename":
            makers.append(lambda page, row: edge.name)
        elif part.name == "cursor":
            makers.append(lambda page, row: page.cursor(row))
        else:
            makers.append(_node(answer.compile(student, part)))
    return lambda page: [struct(*[make(page, row) for make in makers]) for row in page.rows]


def _node(build: Build) -> Callable[[Page, Any], Any]:
    return lambda page, row: page.node(build, row)
