"""Parsed courses by structure, for ever: a structure never changes, publishing makes a new one."""

from __future__ import annotations

from collections import OrderedDict

from loaders.mongo.course import LoadedCourse


class StructureCache:
    """Keeps the courses that were asked for last, at most `size` of them."""

    def __init__(self, size: int = 200) -> None:
        self._size = size
        self._kept: OrderedDict[tuple[str, str], LoadedCourse] = OrderedDict()

    def get(self, course_key: str, version: str) -> LoadedCourse | None:
        """The course at this version, if it is kept."""
        found = self._kept.get((course_key, version))
        if found is not None:
            self._kept.move_to_end((course_key, version))
        return found

    def keep(self, course: LoadedCourse) -> None:
        """Keep a course that has a version."""
        if course.version is None:
            return
        self._kept[course.course_key, course.version] = course
        self._kept.move_to_end((course.course_key, course.version))
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)
