"""Which fields are answered without their resolvers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from api.access.policy import Viewer
from api.context import Catalog, Context, CourseSource
from api.plans.builder import Deopt
from api.plans.chosen import Choice, Chosen
from api.plans.students import (
    OneStudent,
    OwnStudents,
    compile_own_students,
    compile_student,
    compile_students,
)
from api.schema.records import Record
from api.types.course_facts import CourseNode

Simple = Callable[[Any, Context, Mapping[str, Any]], Awaitable[Any]]
"""From an object, a request and arguments to a field's part of the answer, or `NOT_SIMPLE`."""


class Shortcuts:
    """Fields that are answered without their resolvers, where what they ask for is simple.

    Args:
        catalog: the indicators.
        records: the plain types.
    """

    def __init__(self, catalog: Catalog, records: Mapping[str, Record]) -> None:
        self._catalog = catalog
        self._records = records

    def find(self, type_name: str, one: Chosen, choice: Choice) -> Simple | None:
        """The short cut for a field of a type; None: there is none."""
        try:
            match type_name, one.name:
                case "Course", "students":
                    record = self._records["StudentConnection"]
                    students = compile_students(self._catalog, choice, record, one)
                    return _of_course(students.make)
                case "Course", "student":
                    record = self._records["Student"]
                    return _of_course(compile_student(self._catalog, choice, record, one).asked)
                case "Viewer", "student":
                    record = self._records["Student"]
                    return _of_viewer(compile_student(self._catalog, choice, record, one))
                case "Viewer", "students":
                    record = self._records["StudentConnection"]
                    return _all_of_viewer(compile_own_students(self._catalog, choice, record, one))
        except Deopt:
            return None
        return None


def _of_course(
    make: Callable[[Context, CourseSource, Mapping[str, Any]], Awaitable[Any]],
) -> Simple:
    async def simple(node: CourseNode, context: Context, arguments: Mapping[str, Any]) -> Any:
        return await make(context, node.source, arguments)

    return simple


def _of_viewer(student: OneStudent) -> Simple:
    async def simple(viewer: Viewer, context: Context, arguments: Mapping[str, Any]) -> Any:
        return await student.own(context, viewer, arguments["course"])

    return simple


def _all_of_viewer(students: OwnStudents) -> Simple:
    async def simple(viewer: Viewer, context: Context, arguments: Mapping[str, Any]) -> Any:
        return await students.make(context, viewer, arguments)

    return simple
