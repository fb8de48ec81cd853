"""Whole tables of a course as statements: what exports read, and how many rows that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aggregates.conditions import StudentQuery
from aggregates.fields import FieldRef
from aggregates.filters import Order, StudentFilter
from aggregates.layout import Layout, PartTable, column_of
from aggregates.naming import quote
from aggregates.records import CourseRecord
from aggregates.student_statements import ROSTER
from indicators.result import COURSE_GROUP
from indicators.shape import Field


@dataclass(frozen=True, slots=True)
class BlockName:
    """The display name of the block that another column has the key of."""

    of: FieldRef | Field


StudentColumn = str | FieldRef | Field | BlockName
"""Of the roster by name; a scalar field; a field of the part that is read; or a block's name."""


@dataclass(frozen=True, slots=True)
class Place:
    """A number in which students are compared, its unit, and what the class has."""

    ref: FieldRef
    unit: str | None
    class_numbers: tuple[float | None, ...]
    class_count: int | None


@dataclass(frozen=True, slots=True)
class Statement:
    """A SELECT without LIMIT: rows of `course_key`, then the columns that were asked for."""

    select: str
    source: str
    order_by: str
    args: tuple[object, ...]

    @property
    def sql(self) -> str:
        """The statement."""
        return f"SELECT {self.select} {self.source} ORDER BY {self.order_by}"

    @property
    def count_sql(self) -> str:
        """How many rows it has."""
        return f"SELECT count(*) FROM (SELECT {self.select} {self.source}) AS counted"


def student_table(
    layout: Layout,
    course: CourseRecord,
    columns: Sequence[StudentColumn],
    *,
    filter: StudentFilter,
    order: Order,
    part: PartTable | None = None,
    user_id: int | None = None,
) -> Statement:
    """Enrolled students that match, in order: one row each, or their rows of a part.

    `user_id`: of one student alone; None: of all.

    Raises:
        UnknownIndicator, BadParameter: the filter, order or a column names what nobody declares.
    """
    query = StudentQuery(layout, course.course_id)
    names = _BlockNames()
    students = _students(query, course, filter, order, user_id)
    listed = [_student_column(query, names, column) for column in columns]
    joined = query.joins()
    order_by = students.order_by
    if part is not None:
        joined += f" JOIN {quote(part.name)} p ON p.course_id = $1 AND p.user_id = s.user_id"
        order_by += ", p.ordinal"
    return Statement(
        ", ".join([students.key, *listed]),
        f"FROM students s{joined}{names.joins} WHERE {students.where}",
        order_by,
        tuple(query.args),
    )


def standing_table(
    layout: Layout,
    course: CourseRecord,
    places: Sequence[Place],
    *,
    filter: StudentFilter,
    order: Order,
    user_id: int | None = None,
) -> Statement:
    """Enrolled students that match, in order, with one row for each number.

    Rows are `user_id`, `username`, the field, its unit, the student's percentile rank, and what
    the place says of the class.

    Raises:
        UnknownIndicator, BadParameter: as `student_table`.
    """
    query = StudentQuery(layout, course.course_id)
    students = _students(query, course, filter, order, user_id)
    lines = []
    for ordinal, place in enumerate(places):
        texts = [f"{query.argument(text)}::text" for text in (place.ref.field, place.unit)]
        rank = query.column(place.ref, standing=True)
        means = [f"{query.argument(number)}::float8" for number in place.class_numbers]
        count = f"{query.argument(place.class_count)}::bigint"
        lines.append(f"({', '.join([*texts, rank, *means, count, str(ordinal)])})")
    width = len(places[0].class_numbers) + 4
    cells = [f"c{index}" for index in range(width)]
    return Statement(
        ", ".join([students.key, "s.user_id", "s.username", *(f"p.{cell}" for cell in cells)]),
        f"FROM students s{query.joins()} CROSS JOIN LATERAL (VALUES {', '.join(lines)})"
        f" AS p({', '.join(cells)}, ordinal) WHERE {students.where}",
        f"{students.order_by}, p.ordinal",
        tuple(query.args),
    )


def group_table(
    course: CourseRecord, part: PartTable, columns: Sequence[Field | BlockName], *, of_course: bool
) -> Statement:
    """Rows of a part about the class, or about all other groups with `group_id`, kind and name."""
    names = _BlockNames()
    listed = [_part_column(names, column) for column in columns]
    source = f"FROM {quote(part.name)} p"
    if not of_course:
        listed = ["p.group_id", "g.kind", "g.name", *listed]
        source += " JOIN groups g ON g.course_id = $1 AND g.group_id = p.group_id"
    return Statement(
        ", ".join(["$2::text", *listed]),
        f"{source}{names.joins} WHERE p.course_id = $1"
        f" AND p.group_id {'=' if of_course else '<>'} $3::text",
        "p.group_id, p.ordinal",
        (course.course_id, course.course_key, COURSE_GROUP),
    )


@dataclass(frozen=True, slots=True)
class _Students:
    """Parts of a statement over students `s`."""

    key: str
    where: str
    order_by: str


def _students(
    query: StudentQuery,
    course: CourseRecord,
    filter: StudentFilter,
    order: Order,
    user_id: int | None,
) -> _Students:
    key = f"{query.argument(course.course_key)}::text"
    conditions = ["s.course_id = $1", "s.in_l", *query.conditions(filter)]
    if user_id is not None:
        conditions.append(f"s.user_id = {query.argument(user_id)}::bigint")
    return _Students(key, " AND ".join(conditions), query.order_by(order))


class _BlockNames:
    """Joins to the blocks whose names are asked for."""

    def __init__(self) -> None:
        self.joins = ""
        self._count = 0

    def of(self, key: str) -> str:
        alias = f"b{self._count}"
        self._count += 1
        self.joins += (
            f" LEFT JOIN blocks {alias} ON {alias}.course_id = $1 AND {alias}.block_key = {key}"
        )
        return f"{alias}.display_name"


def _student_column(query: StudentQuery, names: _BlockNames, column: StudentColumn) -> str:
    if isinstance(column, str):
        # By its place, so that nothing but a known name can get into the statement.
        return f"s.{ROSTER[ROSTER.index(column)]}" if column != "user_id" else "s.user_id"
    if isinstance(column, FieldRef):
        return query.column(column)
    if isinstance(column, BlockName) and isinstance(column.of, FieldRef):
        return names.of(query.column(column.of))
    return _part_column(names, column)


def _part_column(names: _BlockNames, column: Field | BlockName) -> str:
    if isinstance(column, BlockName):
        assert isinstance(column.of, Field)  # noqa: S101 - parts have no scalar fields
        return names.of(f"p.{quote(column_of(column.of))}")
    return f"p.{quote(column_of(column))}"
