"""Lists of courses: those that the viewer may see."""

from __future__ import annotations

from strawberry.types.field import StrawberryField

from api.context import Context, CourseSource, context_of
from api.cursors import read_cursor, write_cursor
from api.fields import Argument, Info, TypeMaker, given, plain, resolved
from api.policy import TEAM_ROLES, Access, is_global_staff, is_team, require_viewer
from api.records import Row
from api.types.connection import PAGE_DEFAULT, PAGE_INFO, check_first, connection_row
from api.types.course import CourseNode

_ORDER = "course_key:asc"


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
    check_first(first)
    after = given(after)
    place = None if after is None else read_cursor(after, _ORDER)
    sources = await _visible(context, place, first + 1)
    page = sources[:first]
    return connection_row(
        [CourseNode(source) for source in page],
        [write_cursor(_ORDER, source.record.course_key) for source in page],
        has_next=len(sources) > first,
        has_previous=after is not None,
    )


async def _visible(context: Context, after: str | None, first: int) -> list[CourseSource]:
    """Courses behind a key that the policy lets the viewer see, and how they stand to them."""
    viewer = require_viewer(context.viewer)
    roles = await context.viewer_roles()
    if is_global_staff(roles):
        records = await context.reader.courses(None, after=after, first=first)
        return [CourseSource(record, Access(is_team=True)) for record in records]
    team = [role for role in roles if role.role in TEAM_ROLES]
    enrolled = set(await context.reader.enrolled_courses(viewer.user_id))
    keys = enrolled.union(role.course_key for role in team if role.course_key)
    orgs = sorted({role.org for role in team if role.org and not role.course_key})
    records = await context.reader.courses(sorted(keys), orgs=orgs, after=after, first=first)
    found = []
    for record in records:
        is_of_team = is_team(roles, record)
        access = Access(is_of_team, is_enrolled=record.course_key in enrolled and not is_of_team)
        found.append(CourseSource(record, access))
    return found
