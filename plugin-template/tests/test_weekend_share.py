"""The share of activity on weekends, worked out by hand."""

from __future__ import annotations

from courselens.testing import CourseBuilder, check_indicator, run_indicator, student_rows

KEY = "my_indicators_weekend_share"


def course() -> CourseBuilder:
    """1 comes on Friday and Saturday, 2 on Monday, 3 never."""
    course = CourseBuilder().course(start_us="2024-03-01")
    course.student(1).student(2).student(3)
    friday = course.steps_of(1, "2024-03-01T10:00").opens("_info_")
    friday.after(days=1).opens("_info_").after(minutes=5).posts().after(minutes=5).leaves()
    course.steps_of(2, "2024-03-04T10:00").opens("_info_")
    return course


def test_the_share_is_null_for_those_who_did_nothing():
    result = run_indicator(KEY, course())
    assert student_rows(result) == [(1, 0.75), (2, 0.0), (3, None)]


def test_days_are_those_of_the_time_zone():
    late = CourseBuilder().student(1)
    late.steps_of(1, "2024-03-01T23:30").opens("_info_")  # Saturday in Madrid
    assert student_rows(run_indicator(KEY, late)) == [(1, 0.0)]
    assert student_rows(run_indicator(KEY, late, tz="Europe/Madrid")) == [(1, 1.0)]


def test_the_contract_holds(courselens_database_url: str):
    check_indicator(KEY, database_url=courselens_database_url)
