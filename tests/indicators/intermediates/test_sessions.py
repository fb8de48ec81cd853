"""Sessions: runs of events without a long gap."""

from __future__ import annotations

from courselens.testing import CourseBuilder, worked_example
from tests.data.intermediates import rows_of


def sessions_of(course: CourseBuilder, **options: object) -> list[tuple[int, int]]:
    rows = rows_of("sessions", course, **{"as_of": "2024-03-06"} | options)
    return [((row["end_us"] - row["start_us"]) // 10**6, row["events"]) for row in rows]


def test_sessions_of_the_worked_example():
    assert sessions_of(worked_example()) == [(1200, 7), (660, 3)]


def test_a_gap_of_the_limit_is_still_one_session():
    course = CourseBuilder().student(1).event(1, "2024-03-04T10:00", "page", "a")
    course.event(1, "2024-03-04T10:30", "page", "a")
    assert sessions_of(course) == [(1800, 2)]
    assert sessions_of(course, inactivity_s=1799) == [(0, 1), (0, 1)]


def test_a_session_belongs_where_it_starts_and_is_not_cut():
    course = CourseBuilder().student(1)
    for time in ("04T23:50", "05T00:10", "05T10:00"):
        course.event(1, f"2024-03-{time}", "page", "a")
    assert sessions_of(course, end="2024-03-05", start="2024-03-04") == [(1200, 2)]
    assert sessions_of(course, start="2024-03-05") == [(0, 1)]


def test_learners_have_their_own_sessions():
    course = CourseBuilder().event(1, "2024-03-04T10:00", "page", "a")
    course.event(2, "2024-03-04T10:10", "page", "a").event(1, "2024-03-04T10:20", "page", "a")
    assert sessions_of(course) == [(1200, 2), (0, 1)]
