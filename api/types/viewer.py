"""Who asks, and what belongs to them."""

from __future__ import annotations

import strawberry
from strawberry.types.field import StrawberryField

from api.access.policy import Viewer
from api.context import context_of
from api.schema.fields import Argument, Info, TypeMaker, resolved
from api.schema.records import Column, Record, Row
from api.schema.selection import selection_of
from api.types.course import read_student

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
        courses,
    ]
    return maker.object("Viewer", fields, description=VIEWER_FACTS.description)


async def _student(root: Viewer, info: Info, course: str) -> Row | None:
    context = context_of(info)
    source = await context.course(course)
    selection = selection_of(info, of_type="Student")
    return await read_student(context, source, selection, user_id=root.user_id)
