"""The root of the schema."""

from __future__ import annotations

import strawberry

from api.context import Catalog, context_of
from api.cursors import read_id
from api.fields import Argument, Info, Node, TypeMaker, resolved
from api.policy import Viewer, require_viewer
from api.reading.students import STUDENT_ID
from api.records import Row
from api.selection import selection_of
from api.types.course import COURSE_ID, CourseNode, course_type, read_student
from api.types.courses import course_connection, courses_field
from api.types.filters import make_filter_inputs
from api.types.indicator_info import INDICATOR_INFO, indicator_rows
from api.types.student import student_record
from api.types.viewer import viewer_type
from courselens.errors import QueryError


def query_type(maker: TypeMaker, catalog: Catalog) -> type:
    """The type `Query` of a registry."""
    values = tuple(catalog.values.values())
    student = student_record(values)
    course = course_type(maker, values, student, make_filter_inputs(maker, catalog))
    connection = course_connection(maker, course)
    info_type = maker.record(INDICATOR_INFO)
    return maker.object(
        "Query",
        [
            resolved(
                "course",
                _course,
                course | None,
                description="A course by its key.",
                arguments={"key": Argument(strawberry.ID, "Course key, `course-v1:…`.")},
            ),
            courses_field(connection),
            resolved(
                "viewer",
                _viewer,
                viewer_type(maker, student, courses_field(connection)) | None,
                description="Who asks.",
            ),
            resolved(
                "indicators",
                _indicators,
                list[info_type],  # type: ignore[valid-type]
                description="Every learning metric that is installed; open to everybody.",
            ),
            resolved(
                "node",
                _node,
                Node | None,
                description="A course or student by global id; null: there is none.",
                arguments={"id": Argument(strawberry.ID, "Global id.")},
            ),
        ],
        description="Learning analytics of Open edX courses. Numbers are read-only, carry their "
        "unit in the name, and are null where they are missing: `meta` says why.",
    )


async def _course(root: None, info: Info, key: str) -> CourseNode:
    return CourseNode(await context_of(info).course(key))


def _viewer(root: None, info: Info) -> Viewer:
    return require_viewer(context_of(info).viewer)


def _indicators(root: None, info: Info) -> list[Row]:
    return indicator_rows(context_of(info).catalog.registry)


async def _node(root: None, info: Info, id: str) -> CourseNode | Row | None:
    context = context_of(info)
    require_viewer(context.viewer)
    kind, *key = read_id(id)
    if kind == COURSE_ID and len(key) == 1:
        return CourseNode(await context.course(key[0]))
    if kind == STUDENT_ID and len(key) == 2 and key[1].removeprefix("-").isdecimal():
        source = await context.course(key[0])
        selection = selection_of(info, of_type="Student")
        return await read_student(context, source, selection, user_id=int(key[1]))
    raise QueryError(f"{id!r} is no id of this API")
