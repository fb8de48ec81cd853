"""What can be followed: a course's numbers."""

from __future__ import annotations

import strawberry

from api.context import context_of
from api.schema.fields import Argument, Info, TypeMaker, resolved
from api.types.course_facts import CourseNode


def subscription_type(maker: TypeMaker, course: type) -> type:
    """The type `Subscription`; `course` is the registry's type of a course.

    Its field is a field like any other: `api/subscriptions` asks it again when there is news.
    """
    return maker.object(
        "Subscription",
        [
            resolved(
                "course_refreshed",
                _course_refreshed,
                course | None,
                description="A course as it is now, and again whenever a refresh has ended, or the "
                "viewer's rights to it changed. Where a refresh found nothing new, or failed, "
                "`computedAt` is as before. Null, and the end, when it may not be seen.",
                arguments={"key": Argument(strawberry.ID, "Course key, `course-v1:…`.")},
            ),
        ],
        description="What can be followed, over server-sent events or a WebSocket.",
    )


async def _course_refreshed(root: None, info: Info, key: str) -> CourseNode:
    return CourseNode(await context_of(info).course(key))
