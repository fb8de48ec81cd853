"""Days on which somebody's enrolment changed."""

from __future__ import annotations

from datetime import date

from courselens.domain import day_number
from courselens.testing import CourseBuilder
from tests.data.intermediates import rows_of


def days_of(course: CourseBuilder, **options: object) -> list[tuple]:
    given = {"start": "2024-03-01", "as_of": "2024-03-20"} | options
    first = day_number(date(2024, 3, 1))
    return [
        (row["day"] - first + 1, *list(row.values())[2:])
        for row in rows_of("enrollment_days", course, **given)
    ]


def enrol(course: CourseBuilder, when: str, change: str, mode: str | None) -> CourseBuilder:
    return course.event(1, f"2024-03-{when}", f"edx.course.enrollment.{change}", mode=mode)


def test_one_row_per_day_with_the_state_at_its_end():
    course = enrol(CourseBuilder().student(1), "02T10:00", "activated", "audit")
    enrol(course, "02T11:00", "deactivated", "audit")
    enrol(course, "02T12:00", "activated", "honor")
    enrol(course, "05T10:00", "mode_changed", "verified")
    enrol(course, "07T10:00", "deactivated", None)
    # (day, enrolled, mode, joined, left, enrolled before, mode before)
    assert days_of(course) == [
        (2, True, "honor", 2, 1, None, None),
        (5, True, "verified", 0, 0, True, "honor"),
        (7, False, "verified", 0, 1, True, "verified"),
    ]
    assert days_of(course, definition="insights")[0] == (2, True, "honor", 1, 0, None, None)


def test_events_at_one_instant_follow_the_input():
    course = enrol(CourseBuilder().student(1), "02T10:00", "activated", "audit")
    enrol(course, "02T10:00", "deactivated", "audit")
    assert days_of(course) == [(2, False, "audit", 1, 1, None, None)]


def test_what_was_before_the_window_is_one_row_on_its_eve():
    course = enrol(CourseBuilder().student(1), "02T10:00", "activated", "audit")
    enrol(course, "03T10:00", "deactivated", "audit")
    enrol(course, "05T10:00", "activated", "audit")
    enrol(course, "09T10:00", "deactivated", "audit")
    rows = days_of(course, start="2024-03-05", end="2024-03-09")
    assert [(row[0], row[1]) for row in rows] == [(4, False), (5, True)]


def test_logs_without_enrolment_events_are_no_source():
    course = CourseBuilder().student(1, enrolled="2024-03-02").event(1, "2024-03-03", "page", "a")
    assert days_of(course) == [(2, True, "audit", 1, 0, None, None)]
