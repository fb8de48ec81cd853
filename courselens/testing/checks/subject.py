"""What the checks look at: one indicator, a course to compute it on, and what came out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from courselens.domain import from_us
from courselens.testing.built import BuiltCourse, Course
from courselens.testing.running import run_course
from indicators.contract import Indicator
from indicators.registry import Registry
from indicators.result import CourseResults, Result
from indicators.shape import Part, Shape

Rows = dict[tuple[str, str], list[dict[str, Any]]]
"""Rows by subject column (`user_id` or `group_id`) and part."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that does not hold."""

    problem: str
    fix: str

    def __str__(self) -> str:
        """One line; what a refusal says of its own fix is enough."""
        return self.problem if "Fix: " in self.problem else f"{self.problem}. Fix: {self.fix}"


class NotApplicable(Exception):
    """A check has nothing to look at; the text says why."""


class Subject:
    """An indicator and its results on a course.

    Args:
        indicator: what is checked.
        registry: where it is registered.
        course: rows of everything that it needs.
        database_url: a PostgreSQL on which databases may be made; None: an embedded one.
    """

    def __init__(
        self,
        indicator: Indicator,
        registry: Registry,
        course: Course,
        *,
        database_url: str | None = None,
    ) -> None:
        self.indicator = indicator
        self.registry = registry
        self.course = BuiltCourse.of(course).covering_its_events()
        self.database_url = database_url

    @property
    def key(self) -> str:
        """Key of the indicator."""
        return self.indicator.key

    @cached_property
    def results(self) -> CourseResults:
        """The indicator on the course as it is."""
        return run_course(self.key, self.course, registry=self.registry)

    @property
    def result(self) -> Result:
        """The same, without the roster."""
        return self.results.results[0]

    def run(self, course: BuiltCourse | None = None, **options: Any) -> CourseResults:
        """The indicator on a variant of the course, at the same `as_of`."""
        options.setdefault("as_of", from_us(self.result.envelope.as_of_us).isoformat())
        chosen = self.course if course is None else course
        return run_course(self.key, chosen, registry=self.registry, **options)

    @property
    def levels(self) -> dict[str, Shape]:
        """Shapes by subject column, of the levels that the indicator has."""
        shapes = {
            "user_id": self.registry.student_shape(self.key),
            "group_id": self.registry.group_shape(self.key),
        }
        return {subject: shape for subject, shape in shapes.items() if shape}

    def parts(self, result: Result) -> Iterator[tuple[str, Part, pa.Table]]:
        """Subject column, part and rows of everything that a result has."""
        tables = {"user_id": result.student, "group_id": result.group}
        for subject, shape in self.levels.items():
            for part in shape.parts:
                if part.name in tables[subject]:
                    yield subject, part, tables[subject][part.name]


Check = Callable[[Subject], Iterator[Finding]]


def rows_of(subject: Subject, result: Result) -> Rows:
    """All rows of a result as plain values."""
    return {(by, part.name): table.to_pylist() for by, part, table in subject.parts(result)}


def first_difference(left: Rows, right: Rows) -> str | None:
    """Where two results differ first, in words; None where they are equal."""
    for where in left:
        ours, theirs = left[where], right.get(where, [])
        if len(ours) != len(theirs):
            return f"{where[1]} by {where[0]}: {len(ours)} rows, then {len(theirs)}"
        for one, other in zip(ours, theirs, strict=True):
            if one != other:
                return f"{where[1]} by {where[0]}: {one}, then {other}"
    return None
