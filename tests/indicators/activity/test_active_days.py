"""Active days of students, and active students of days."""

from __future__ import annotations

from datetime import date

from courselens.testing import (
    CourseBuilder,
    group_rows,
    run_indicator,
    student_rows,
    worked_example,
)


def learners() -> CourseBuilder:
    """1 (cohort A) on 4 and 6 March, 2 (cohort B) on 6 March at 23:30, 3 never, 9 in the team."""
    course = CourseBuilder().course(start_us="2024-03-04")
    course.student(1, cohort="A").student(2, cohort="B").student(3).student(9)
    course.add("course_roles", user_id=9, role="staff")
    course.event(1, "2024-03-04T10:00:00", "page", "_info_")
    course.event(1, "2024-03-04T22:00:00", "page", "_info_")
    course.event(1, "2024-03-06T10:00:00", "page", "_info_")
    course.event(2, "2024-03-06T23:30:00", "page", "_info_")
    course.event(3, "2024-03-05T10:00:00", "edx.course.enrollment.activated")
    course.event(9, "2024-03-05T10:00:00", "page", "_info_")
    return course


def day(number: int) -> date:
    return date(2024, 3, number)


def test_one_day_of_the_worked_example():
    result = run_indicator("active_days", worked_example(), as_of="2024-03-05")
    assert student_rows(result) == [(1, 1)]


def test_days_are_distinct_and_enrolment_is_no_activity():
    result = run_indicator("active_days", learners(), as_of="2024-03-08")
    assert student_rows(result) == [(1, 2), (2, 1), (3, 0)]
    (summary,) = (r for r in result.summaries.to_pylist() if r["group_id"] == "course")
    assert (summary["n"], summary["mean"], summary["sum"]) == (3, 1.0, 3.0)


def test_every_day_of_the_window_has_a_row_null_where_no_logs_are():
    result = run_indicator(
        "active_days", learners(), start="2024-03-03", as_of="2024-03-08",
        covered=("2024-03-04", "2024-03-06"),
    )  # fmt: skip
    assert group_rows(result) == [
        (day(3), None), (day(4), 1), (day(5), 0), (day(6), 2), (day(7), None),
    ]  # fmt: skip
    assert group_rows(result, group="cohort:B")[3] == (day(6), 1)
    assert result.envelope.partial


def test_the_time_zone_rules_where_a_day_ends():
    result = run_indicator("active_days", learners(), as_of="2024-03-08", tz="Europe/Madrid")
    # 22:00 and 23:30 UTC are 23:00 and 00:30 in Madrid
    assert student_rows(result) == [(1, 2), (2, 1), (3, 0)]
    assert group_rows(result)[2:4] == [(day(6), 1), (day(7), 1)]


def test_the_window_cuts_days():
    result = run_indicator(
        "active_days", learners(), start="2024-03-05", end="2024-03-06T12:00:00", as_of="2024-03-08"
    )
    assert student_rows(result) == [(1, 1), (2, 0), (3, 0)]
    assert group_rows(result) == [(day(5), 0), (day(6), 1)]


def test_without_logs_there_is_no_result():
    result = run_indicator("active_days", CourseBuilder().student(1), as_of="2024-03-05")
    assert result.envelope.missing_source == ("events",)
    assert result.student["values"].to_pylist() == [{"user_id": 1, "days": None}]
