"""What the script asks for, and the shapes of the answers. Every number may be missing: null."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec
from courselens_client import Client

SUMMARY = """
query Summary($course: ID!) {
  course(key: $course) {
    title
    computedAt
    indicators {
      timeOnCourse { n median meta { missingSource } }
      courseGrade { n mean passedLearners }
    }
  }
}
"""

ROSTER = """
query Roster($course: ID!, $first: Int!, $after: String) {
  course(key: $course) {
    students(
      first: $first
      after: $after
      orderBy: { indicator: TIME_ON_COURSE, direction: DESC }
    ) {
      nodes { username indicators { timeOnCourse { seconds } courseGrade { ratio } } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""


class Shape(msgspec.Struct, rename="camel"):
    """An object of an answer: names in camelCase there, in snake_case here."""


class Meta(Shape):
    """Why a value is missing."""

    missing_source: list[str] | None


class TimeSummary(Shape):
    """Time on course of the class; `median` in seconds."""

    n: int | None
    median: float | None
    meta: Meta


class GradeSummary(Shape):
    """Grades of the class; `mean` from 0 to 1."""

    n: int | None
    mean: float | None
    passed_learners: int | None


class ClassIndicators(Shape):
    """The class in numbers."""

    time_on_course: TimeSummary | None
    course_grade: GradeSummary | None


class CourseSummary(Shape):
    """A course at a glance."""

    title: str | None
    computed_at: datetime
    indicators: ClassIndicators | None


class Time(Shape):
    """A student's time on course."""

    seconds: float | None


class Grade(Shape):
    """A student's grade, `ratio` from 0 to 1."""

    ratio: float | None


class StudentIndicators(Shape):
    """A student in numbers."""

    time_on_course: Time | None
    course_grade: Grade | None


class Student(Shape):
    """A row of the roster."""

    username: str | None
    indicators: StudentIndicators | None


class PageInfo(Shape):
    """Where to go on."""

    has_next_page: bool
    end_cursor: str | None


class Students(Shape):
    """A page of the roster."""

    nodes: list[Student]
    page_info: PageInfo


class Roster(Shape):
    """A course and a page of its students; null, with an error, for whoever is not of its team."""

    students: Students | None


class SummaryData(Shape):
    """Data of `SUMMARY`."""

    course: CourseSummary | None


class RosterData(Shape):
    """Data of `ROSTER`."""

    course: Roster | None


def read_summary(client: Client, course_key: str) -> CourseSummary | None:
    """The class of a course; None: there is no such course, or the viewer may not see it."""
    return client.ask(SUMMARY, {"course": course_key}, SummaryData).complete().course


def read_roster(client: Client, course_key: str, *, page_size: int = 100) -> Iterator[Student]:
    """All students, longest time first, page by page.

    Who joins or leaves meanwhile moves nobody else to another page.

    Raises:
        RequestFailed: `FORBIDDEN`, the viewer is not of the course's team; or no answer came.
    """
    after: str | None = None
    while True:
        variables = {"course": course_key, "first": page_size, "after": after}
        course = client.ask(ROSTER, variables, RosterData).complete().course
        if course is None or course.students is None:
            return
        yield from course.students.nodes
        if not course.students.page_info.has_next_page:
            return
        after = course.students.page_info.end_cursor
