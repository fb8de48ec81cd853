"""What one request knows: who asks, of what store, and what it has looked up already.

A context serves one request and is never shared: what one viewer looked up is nobody else's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from graphql.pyutils import Path

from aggregates.reader import Reader
from aggregates.records import CourseRecord, RoleRecord, StudentRecord
from aggregates.small_numbers import K_MIN
from aggregates.work import Work
from api.access.policy import (
    Access,
    ProfileFilters,
    RoleSource,
    Viewer,
    is_global_staff,
    refusal,
    require,
    require_viewer,
    stand,
)
from api.live.batch import Batch
from api.schema.fields import Info
from api.schema.shapes import Metric, Values
from courselens.domain import Level
from courselens.errors import SourceUnavailable, UnknownCourse
from indicators.registry import Registry

T = TypeVar("T")
Used = tuple[str, int, Access]
"""A course that an answer tells about: its key, run, and how the viewer stands to it."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """What the registry offers, as the schema names it.

    Attributes:
        values: indicators by snake_case key.
        by_field: the same by GraphQL field.
        metrics: scalar student fields by the name filters and orders have for them.
        profile_filters: who may filter and order by profiles.
    """

    registry: Registry
    values: Mapping[str, Values]
    by_field: Mapping[str, Values]
    metrics: Mapping[str, Metric]
    profile_filters: ProfileFilters


@dataclass(slots=True)
class Context:
    """One request."""

    viewer: Viewer | None
    reader: Reader
    roles: RoleSource
    catalog: Catalog
    live: Batch
    k_min: int = K_MIN
    page_limit: int = 100
    used: set[Used] = field(default_factory=set)
    """Courses that the answer tells about."""
    work: Work | None = None
    """Where work is asked for; None where no mutation comes in."""
    is_hasty: bool = False
    """Courses may be as they were remembered: whoever reads their numbers finds out if not."""
    is_about_all: bool = False
    """The answer depends on which courses there are, not on those in `used` alone."""
    is_momentary: bool = False
    """The answer holds what may change without a refresh or any other notice."""
    is_unsure: bool = False
    """The viewer's roles cannot be looked up, and count as none."""
    _asked: dict[object, asyncio.Future[Any]] = field(default_factory=dict)
    _kept: dict[tuple[str | int, ...], object] = field(default_factory=dict)

    def start_again(self) -> None:
        """Forget what was looked up, and look everything up that is needed."""
        self.is_hasty = self.is_about_all = False
        self.used.clear()
        self._asked.clear()
        self._kept.clear()

    def read_together(self) -> None:
        """From now on read what is asked of several courses by one statement."""
        self.reader = self.reader.together()

    def know_student(
        self, course: CourseRecord, user_id: int, student: StudentRecord | None
    ) -> None:
        """Take a student, or that there is none, as looked up."""
        known = asyncio.get_running_loop().create_future()
        known.set_result(student)
        self._asked["student", course.course_key, user_id] = known

    def keep(self, path: Sequence[str | int], result: object) -> None:
        """Remember what the resolver at a path gave, or raised, for whoever asks it again."""
        self._kept[tuple(path)] = result

    def kept(self, path: Path) -> tuple[object] | None:
        """What was kept of a path; None where nothing was."""
        key = tuple(path.as_list()) if self._kept else ()
        return (self._kept[key],) if key in self._kept else None

    async def once(self, key: object, look_up: Callable[[], Awaitable[T]]) -> T:
        """What `look_up` gives, asked for once a request however many fields want it."""
        known = self._asked.get(key)
        if known is not None:
            return cast("T", known.result() if known.done() else await known)
        # Without a task of its own: each would cost a turn of the event loop.
        asked = self._asked[key] = asyncio.get_running_loop().create_future()
        try:
            found = await look_up()
        except asyncio.CancelledError:
            asked.cancel()
            raise
        except BaseException as error:
            asked.set_exception(error)
            asked.exception()  # nobody else may be waiting for it
            raise
        asked.set_result(found)
        return found

    async def viewer_roles(self) -> Sequence[RoleRecord]:
        """The signed-in viewer's roles, those that count with this token."""
        viewer = require_viewer(self.viewer)
        return viewer.held(await self.once("roles", lambda: self._roles(viewer)))

    async def _roles(self, viewer: Viewer) -> Sequence[RoleRecord]:
        """None of them, where they cannot be looked up: students still see what is theirs."""
        try:
            return await self.roles.roles(viewer.user_id)
        except SourceUnavailable:
            self.is_unsure = self.is_momentary = True
            return ()

    def stand(
        self, roles: Sequence[RoleRecord], course: CourseRecord, *, is_enrolled: bool
    ) -> Access:
        """How the signed-in viewer, of whom `viewer_roles` gave the roles, stands to a course."""
        access = stand(
            require_viewer(self.viewer),
            roles,
            course,
            is_enrolled=is_enrolled,
            profile_filters=self.catalog.profile_filters,
        )
        return access._replace(is_unsure=True) if self.is_unsure else access

    async def course(self, course_key: str) -> CourseSource:
        """A course, if the viewer may see it.

        Raises:
            Unauthenticated: nobody is signed in.
            AccessError: there is none, or the viewer may not see it: these look the same.
            SourceUnavailable: likewise, and the viewer's roles cannot be looked up.
            UnknownCourse: there is none, told to those who see all.
        """
        viewer, roles = require_viewer(self.viewer), await self.viewer_roles()
        record = await self.find_course(course_key)
        if record is None:
            if is_global_staff(roles) and viewer.reach.orgs is None:
                raise UnknownCourse(course_key)
            raise refusal(Access(is_unsure=self.is_unsure), f"course {course_key!r}")
        access = self.stand(roles, record, is_enrolled=True)
        if access.is_enrolled:
            access = await self.once(("access", course_key), lambda: self._access(record, roles))
        require(access, Level.COURSE, what=f"course {course_key!r}")
        return self.use(CourseSource(record, access))

    async def find_course(self, course_key: str) -> CourseRecord | None:
        """A course, whoever may see it; None: there is none."""
        return await self.once(("course", course_key), lambda: self._find_course(course_key))

    async def _find_course(self, course_key: str) -> CourseRecord | None:
        remembered = self.reader.remembered_course(course_key) if self.is_hasty else None
        return remembered or await self.reader.course(course_key)

    def use(self, source: CourseSource) -> CourseSource:
        """Note that the answer tells about a course, or about its place in a list."""
        record, access = source.record, source.access
        self.used.add((record.course_key, record.run_id, access))
        return source

    async def student(self, course: CourseRecord, user_id: int) -> StudentRecord | None:
        """A student of a course, None if there is none."""
        return await self.once(
            ("student", course.course_key, user_id),
            lambda: self.reader.student(course, user_id=user_id),
        )

    async def _access(self, course: CourseRecord, roles: Sequence[RoleRecord]) -> Access:
        """How a viewer who does not belong to the team stands to a course."""
        viewer = require_viewer(self.viewer)
        student = await self.student(course, viewer.user_id)
        is_enrolled = student is not None and student.in_l
        return self.stand(roles, course, is_enrolled=is_enrolled)


@dataclass(frozen=True, slots=True)
class CourseSource:
    """A course and how the viewer stands to it."""

    record: CourseRecord
    access: Access


def context_of(info: Info) -> Context:
    """The request that a resolver works for."""
    context: Context = info.context
    return context
