"""Refreshes of the big course, as a worker would commit them."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pyarrow as pa

from indicators.result import CourseResults
from loaders.datasets import COURSE_ROLES
from tests.data.served_courses import Served, big_course

_numbers = itertools.count(2)


async def refresh(served: Served, **changes: Any) -> None:
    """Store the course anew; `title` and `roles` may be others."""
    course = big_course()
    if "title" in changes:
        facts = {**course.course, "display_name": changes["title"]}
        course = dataclasses.replace(course, course=facts)
    if "roles" in changes:
        roles = pa.Table.from_pylist(changes["roles"], schema=COURSE_ROLES.schema)
        course = dataclasses.replace(course, roles=roles)
    await write(served, course)


async def write(served: Served, course: CourseResults) -> None:
    """Store a course as the result of new facts."""
    await served.store.write(course, input_digest=f"facts {next(_numbers)}", cursors={})
