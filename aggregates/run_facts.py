"""What a course's stored numbers say about themselves, read once a version."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar, cast

from aggregates.records import CourseRecord

T = TypeVar("T")

KEPT_COURSES = 256
_NOTHING: tuple[None, dict[Hashable, Any]] = (None, {})


class RunFacts:
    """Facts of courses by the run that stored them: such rows change with the run only.

    Args:
        kept: courses that are remembered; the least recently used goes.
    """

    def __init__(self, *, kept: int = KEPT_COURSES) -> None:
        self._kept = kept
        self._facts: OrderedDict[int, tuple[int, dict[Hashable, Any]]] = OrderedDict()
        self._courses: OrderedDict[str, CourseRecord] = OrderedDict()

    def course(self, course_key: str) -> CourseRecord | None:
        """A course as it was last remembered."""
        return self._courses.get(course_key)

    def remember_course(self, course: CourseRecord) -> None:
        """Take a course as the latest."""
        self._courses[course.course_key] = course
        self._courses.move_to_end(course.course_key)
        if len(self._courses) > self._kept:
            self._courses.popitem(last=False)

    def known(self, course: CourseRecord, name: Hashable) -> Any:
        """A fact of this version of a course if it was read; None: it was not."""
        run_id, facts = self._facts.get(course.course_id, _NOTHING)
        return facts.get(name) if run_id == course.run_id else None

    async def fact(
        self,
        course: CourseRecord,
        name: Hashable,
        read: Callable[[], Awaitable[tuple[int | None, T]]],
    ) -> T:
        """A fact of this version of a course.

        Args:
            course: the version is its `run_id`.
            name: of the fact.
            read: gives the fact, and the run that the same statement found stored. Of another run
                than the course's it is not remembered.
        """
        run_id, facts = self._facts.get(course.course_id, (None, {}))
        if run_id == course.run_id and name in facts:
            self._facts.move_to_end(course.course_id)
            return cast("T", facts[name])
        found_run_id, fact = await read()
        if found_run_id == course.run_id:
            self.remember(course, name, fact)
        return fact

    def remember(self, course: CourseRecord, name: Hashable, fact: object) -> None:
        """Take a fact of this version of a course; it was read with its run."""
        run_id, facts = self._facts.get(course.course_id, (None, {}))
        if run_id != course.run_id:
            facts = {}
            self._facts[course.course_id] = (course.run_id, facts)
        facts[name] = fact
        self._facts.move_to_end(course.course_id)
        if len(self._facts) > self._kept:
            self._facts.popitem(last=False)
