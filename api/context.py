"""What one request knows: who asks, of what store, and what it has looked up already.

A context serves one request and is never shared: what one viewer looked up is nobody else's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from aggregates.fields import FieldRef
from aggregates.reader import Reader
from aggregates.records import CourseRecord, RoleRecord, StudentRecord
from api.fields import Info
from api.policy import (
    Access,
    RoleSource,
    Viewer,
    is_global_staff,
    is_team,
    require,
    require_viewer,
)
from api.shapes import Values
from api.suppression import K_MIN
from courselens.domain import Level
from courselens.errors import AccessError, UnknownCourse
from indicators.registry import Registry

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Catalog:
    """What the registry offers, as the schema names it.

    Attributes:
        values: indicators by snake_case key.
        by_field: the same by GraphQL field.
        metrics: numeric student fields by the name filters and orders have for them.
    """

    registry: Registry
    values: Mapping[str, Values]
    by_field: Mapping[str, Values]
    metrics: Mapping[str, FieldRef]


@dataclass(slots=True)
class Context:
    """One request."""

    viewer: Viewer | None
    reader: Reader
    roles: RoleSource
    catalog: Catalog
    k_min: int = K_MIN
    _asked: dict[object, asyncio.Future[Any]] = field(default_factory=dict)

    async def once(self, key: object, look_up: Callable[[], Awaitable[T]]) -> T:
        """What `look_up` gives, asked for once a request however many fields want it."""
        if key not in self._asked:
            self._asked[key] = asyncio.ensure_future(look_up())
        return cast("T", await self._asked[key])

    async def viewer_roles(self) -> Sequence[RoleRecord]:
        """The signed-in viewer's roles."""
        viewer = require_viewer(self.viewer)
        return await self.once("roles", lambda: self.roles.roles(viewer.user_id))

    async def course(self, course_key: str) -> CourseSource:
        """A course, if the viewer may see it.

        Raises:
            Unauthenticated: nobody is signed in.
            AccessError: there is none, or the viewer may not see it: these look the same.
            UnknownCourse: there is none, told to those who see all.
        """
        roles = await self.viewer_roles()
        record = await self.once(("course", course_key), lambda: self.reader.course(course_key))
        if record is None:
            if is_global_staff(roles):
                raise UnknownCourse(course_key)
            raise AccessError(f"you may not see course {course_key!r}")
        access = await self.once(("access", course_key), lambda: self._access(record))
        require(access, Level.COURSE, what=f"course {course_key!r}")
        return CourseSource(record, access)

    async def student(self, course: CourseRecord, user_id: int) -> StudentRecord | None:
        """A student of a course, None if there is none."""
        return await self.once(
            ("student", course.course_key, user_id),
            lambda: self.reader.student(course, user_id=user_id),
        )

    async def _access(self, course: CourseRecord) -> Access:
        viewer = require_viewer(self.viewer)
        if is_team(await self.viewer_roles(), course):
            return Access(is_team=True)
        student = await self.student(course, viewer.user_id)
        return Access(is_enrolled=student is not None and student.in_l)


@dataclass(frozen=True, slots=True)
class CourseSource:
    """A course and how the viewer stands to it."""

    record: CourseRecord
    access: Access


def context_of(info: Info) -> Context:
    """The request that a resolver works for."""
    context: Context = info.context
    return context
