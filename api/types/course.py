"""A course: its facts, and the fields below which numbers are read."""

from __future__ import annotations

from typing import Any

from aggregates.filters import Cursor, Order
from aggregates.records import GroupRecord
from api.access.policy import require
from api.context import Context, CourseSource, context_of
from api.cursors import read_cursor, write_cursor
from api.reading.groups import read_ad_hoc, read_groups
from api.reading.students import read_students
from api.schema.fields import Argument, Info, TypeMaker, given, resolved
from api.schema.records import Record, Row
from api.schema.selection import Selection, selection_of
from api.schema.shapes import Values
from api.types.connection import PAGE_DEFAULT, check_first, connection_row
from api.types.course_facts import COURSE_FACTS, CourseNode
from api.types.filters import FilterInputs, order_name, read_compared, read_filter, read_order
from api.types.group import cohort_record, compared_group, course_indicators, group_summary
from api.types.student import student_connection
from courselens.domain import Level
from courselens.errors import BadCursor, BadParameter, LimitExceeded, QueryError
from indicators.result import COURSE_GROUP

_COHORT = "cohort"
COMPARED_GROUPS = 10
"""Most groups that are compared at a time."""


def course_type(
    maker: TypeMaker, values: tuple[Values, ...], student: Record, inputs: FilterInputs
) -> type:
    """The type `Course` of a registry."""
    cohort = maker.record(cohort_record(values))
    compared = maker.record(compared_group(values))
    students = maker.record(student_connection(student))
    filter_ = Argument(inputs.filter | None, "Which students; none given: all enrolled.")
    fields = maker.plain_fields(COURSE_FACTS)
    indicators = course_indicators(values)
    if indicators:
        returns = maker.record(indicators) | None
        fields.append(
            resolved("indicators", _indicators, returns, description=indicators.description)
        )
    fields += [
        resolved(
            "cohorts",
            _cohorts,
            list[cohort] | None,  # type: ignore[valid-type]
            description="Its cohorts by name. For the course team.",
        ),
        resolved(
            "cohort",
            _cohort,
            cohort | None,
            description="A cohort by name; null: there is none. For the course team.",
            arguments={"name": Argument(str, "Its name.")},
        ),
        resolved(
            "group",
            _group,
            maker.record(group_summary(values)) | None,
            description="Whoever matches a filter, as a group. For the course team.",
            arguments={"filter": Argument(inputs.filter, "Which students.")},
        ),
        resolved(
            "compare",
            _compare,
            list[compared] | None,  # type: ignore[valid-type]
            description="Groups side by side, in the order given. For the course team.",
            arguments={
                "groups": Argument(
                    list[inputs.group],  # type: ignore[name-defined]
                    f"At most {COMPARED_GROUPS}; they may overlap.",
                )
            },
        ),
        resolved(
            "students",
            _students,
            students | None,
            description="Its students, page by page. For the course team.",
            arguments={
                "first": Argument(int, "How many, at most 100."),
                "after": Argument(str | None, "`endCursor` of the page before."),
                "filter": filter_,
                "order_by": Argument(inputs.order | None, "Order; none given: by username."),
            },
        ),
        resolved(
            "student",
            _student,
            maker.record(student) | None,
            description="One student, by id or name. For the course team, and for oneself.",
            arguments={
                "user_id": Argument(int | None, "The platform's id. Give this or `username`."),
                "username": Argument(str | None, "Name of the account."),
            },
        ),
    ]
    return maker.object("Course", fields, description=COURSE_FACTS.description, is_node=True)


async def _indicators(root: CourseNode, info: Info) -> Row:
    context, source = context_of(info), root.source
    groups = await _groups(context, source)
    size = next((group.members for group in groups if group.group_id == COURSE_GROUP), 0)
    rows = await read_groups(
        context, source, {COURSE_GROUP: size}, selection_of(info), level=Level.COURSE
    )
    return rows[COURSE_GROUP]


async def _cohorts(root: CourseNode, info: Info) -> list[Row]:
    context, source = context_of(info), root.source
    require(source.access, Level.GROUP, what="the cohorts of this course")
    groups = [group for group in await _groups(context, source) if group.kind == _COHORT]
    return await _cohort_rows(context, source, groups, selection_of(info))


async def _cohort(root: CourseNode, info: Info, name: str) -> Row | None:
    context, source = context_of(info), root.source
    require(source.access, Level.GROUP, what="the cohorts of this course")
    groups = [
        group
        for group in await _groups(context, source)
        if group.kind == _COHORT and group.name == name
    ]
    rows = await _cohort_rows(context, source, groups, selection_of(info))
    return rows[0] if rows else None


async def _cohort_rows(
    context: Context, source: CourseSource, groups: list[GroupRecord], selection: Selection
) -> list[Row]:
    sizes = {group.group_id: group.members for group in groups}
    below = selection.at("indicators")
    found = await read_groups(context, source, sizes, below, level=Level.GROUP) if sizes else {}
    return [
        {"name": group.name, "size": group.members, "indicators": found[group.group_id]}
        for group in sorted(groups, key=lambda group: group.name)
    ]


async def _group(root: CourseNode, info: Info, filter: Any) -> Row:
    context, source = context_of(info), root.source
    require(source.access, Level.GROUP, what="groups of students")
    wanted = read_filter(context.catalog, source.access, filter)
    rows = await read_ad_hoc(context, source, [wanted], selection_of(info))
    return rows[0]


async def _compare(root: CourseNode, info: Info, groups: list[Any]) -> list[Row]:
    context, source = context_of(info), root.source
    require(source.access, Level.GROUP, what="groups of students")
    if len(groups) > COMPARED_GROUPS:
        raise LimitExceeded("groups", len(groups), COMPARED_GROUPS)
    wanted = read_compared(context.catalog, source.access, groups)
    if not wanted:
        return []
    filters = [filter for _, filter in wanted]
    rows = await read_ad_hoc(context, source, filters, selection_of(info))
    return [{"label": label, **row} for (label, _), row in zip(wanted, rows, strict=True)]


async def _students(
    root: CourseNode,
    info: Info,
    first: int = PAGE_DEFAULT,
    after: str | None = None,
    filter: Any = None,
    order_by: Any = None,
) -> Row:
    context, source = context_of(info), root.source
    require(source.access, Level.STUDENT, what="the students of this course")
    check_first(first, context.page_limit)
    after = given(after)
    wanted = read_filter(context.catalog, source.access, given(filter))
    order = read_order(context.catalog, source.access, given(order_by))
    selection = selection_of(info)
    page = await context.reader.student_page(
        source.record, filter=wanted, order=order, after=read_place(after, order), first=first
    )
    below = selection.at("edges", "node").merged(selection.at("nodes"))
    nodes = await read_students(context, source, page.students, below, own=False)
    name = order_name(order)
    cursors = [write_cursor(name, cursor.encode()) for cursor in page.cursors]
    row = dict(
        connection_row(nodes, cursors, has_next=page.has_next, has_previous=after is not None)
    )
    if "totalCount" in selection:
        row["total_count"] = await context.reader.count_students(source.record, wanted)
    return row


async def _student(
    root: CourseNode, info: Info, user_id: int | None = None, username: str | None = None
) -> Row | None:
    user_id, username = given(user_id), given(username)
    if (user_id is None) == (username is None):
        raise QueryError("student: give either `userId` or `username`")
    return await read_student(
        context_of(info),
        root.source,
        selection_of(info, of_type="Student"),
        user_id=user_id,
        username=username,
    )


async def read_student(
    context: Context,
    source: CourseSource,
    selection: Selection,
    *,
    user_id: int | None = None,
    username: str | None = None,
) -> Row | None:
    """One student, None if there is none.

    Raises:
        AccessError: the viewer may not see whom was asked for, whether they exist or not.
    """
    if user_id is not None:
        student = await context.student(source.record, user_id)
    else:
        student = await context.reader.student(source.record, username=username)
    own = bool(student and context.viewer and student.user_id == context.viewer.user_id)
    require(source.access, Level.STUDENT, own=own, what="this student")
    if student is None:
        return None
    rows = await read_students(context, source, [student], selection, own=own)
    return rows[0]


async def _groups(context: Context, source: CourseSource) -> list[GroupRecord]:
    return await context.once(
        ("groups", source.record.course_key), lambda: context.reader.groups(source.record)
    )


def read_place(after: str | None, order: Order) -> Cursor | None:
    """The place that a cursor means in an order; None: the beginning.

    Raises:
        BadCursor: it is none of ours, or of another order.
    """
    if after is None:
        return None
    try:
        return Cursor.decode(read_cursor(after, order_name(order)))
    except BadParameter:
        raise BadCursor("is none that this API gave") from None
