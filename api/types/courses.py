"""Lists of courses: those that the viewer may see."""

from __future__ import annotations

from strawberry.types.field import StrawberryField

from api.access.policy import Grant, courses_of_team, decide, require_viewer
from api.context import Context, CourseSource, context_of
from api.cursors import read_cursor, write_cursor
from api.schema.fields import Argument, Info, TypeMaker, given, plain, resolved
from api.schema.records import Row
from api.types.connection import PAGE_DEFAULT, PAGE_INFO, check_first, connection_row
from api.types.course_facts import CourseNode
from courselens.domain import Level

BY_COURSE_KEY = "course_key:asc"
"""The order of lists of courses, as their cursors name it."""


def course_connection(maker: TypeMaker, course: type) -> type:
    """The type `CourseConnection`."""
    edge = maker.object(
        "CourseEdge",
        [
            plain("cursor", str, "Its place; pass it as `after`."),
            plain("node", course, "The course."),
        ],
        description="A course and its place in the list.",
    )
    return maker.object(
        "CourseConnection",
        [
            plain("edges", list[edge], "With their cursors."),  # type: ignore[valid-type]
            plain("nodes", list[course], "Without."),  # type: ignore[valid-type]
            plain("page_info", maker.record(PAGE_INFO), "Where to go on."),
        ],
        description="A page of courses.",
    )


def courses_field(connection: type) -> StrawberryField:
    """The field `courses`, of the query and of the viewer."""
    return resolved(
        "courses",
        _courses,
        connection | None,
        description="Courses the viewer may see, by key: own ones and those of the team.",
        arguments={
            "first": Argument(int, "How many, at most 100."),
            "after": Argument(str | None, "`endCursor` of the page before."),
        },
    )


async def _courses(
    root: object, info: Info, first: int = PAGE_DEFAULT, after: str | None = None
) -> Row:
    context = context_of(info)
    check_first(first, context.page_limit)
    after = given(after)
    place = None if after is None else read_cursor(after, BY_COURSE_KEY)
    sources = await _visible(context, place, first + 1)
    page = sources[:first]
    if len(page) > 1:
        context.read_together()
    return connection_row(
        [CourseNode(source) for source in page],
        [write_cursor(BY_COURSE_KEY, source.record.course_key) for source in page],
        has_next=len(sources) > first,
        has_previous=after is not None,
    )


async def _visible(context: Context, after: str | None, first: int) -> list[CourseSource]:
    """Courses behind a key that the policy lets the viewer see, and how they stand to them."""
    context.is_about_all = True
    viewer = require_viewer(context.viewer)
    roles = await context.viewer_roles()
    keys, orgs = courses_of_team(roles)
    enrolled: set[str] = set()
    if keys is not None:
        enrolled = set(await context.reader.enrolled_courses(viewer.user_id))
        keys = sorted({*keys, *enrolled})
    records = await context.reader.courses(
        keys, orgs=orgs, within_orgs=viewer.reach.orgs, after=after, first=first
    )
    found = []
    for record in records:
        access = context.stand(roles, record, is_enrolled=record.course_key in enrolled)
        if decide(access, Level.COURSE) is not Grant.DENIED:
            found.append(context.use(CourseSource(record, access)))
    return found
