"""The root of the schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import strawberry

from api.access.policy import Viewer, require_viewer
from api.context import Context, context_of
from api.cursors import read_id
from api.reading.students import STUDENT_ID
from api.schema.fields import Argument, Info, Node, TypeMaker, resolved
from api.schema.records import Record, Row
from api.schema.selection import selection_of
from api.types.course import read_student
from api.types.course_facts import COURSE_ID, CourseNode
from api.types.courses import course_connection, courses_field
from api.types.indicator_info import INDICATOR_INFO, indicator_rows
from api.types.viewer import viewer_type
from courselens.domain import BUILT_IN
from courselens.errors import QueryError
from indicators.contract import Cost


def query_type(maker: TypeMaker, student: Record, course: type) -> type:
    """The type `Query`; `student` and `course` are those of the registry."""
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
    return await _find_course(context_of(info), {"key": key})


async def _find_course(context: Context, arguments: Mapping[str, Any]) -> CourseNode:
    return CourseNode(await context.course(arguments["key"]))


def _viewer(root: None, info: Info) -> Viewer:
    return require_viewer(context_of(info).viewer)


async def _find_viewer(context: Context, _arguments: Mapping[str, Any]) -> Viewer:
    return require_viewer(context.viewer)


DIRECT = {("Query", "course"): _find_course, ("Query", "viewer"): _find_viewer}
"""What gives the value of a field without the schema's machinery, by type and field."""


def _indicators(root: None, info: Info) -> list[Row]:
    context = context_of(info)
    registry = context.catalog.registry
    if any(
        one.cost is Cost.LIVE and one.provider != BUILT_IN for one in registry.indicators.values()
    ):
        context.is_momentary = True  # what is switched off is another thing in a moment
    return indicator_rows(registry, context.live.code.problems)


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
