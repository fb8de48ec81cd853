"""Number of enrolled students."""

from __future__ import annotations

from courselens.testing import CourseBuilder, group_rows, run_indicator


def roster() -> CourseBuilder:
    """1 and 2 enrolled, 3 left, 9 in the team, 5 retired; 1 active in the last week, 2 before."""
    course = CourseBuilder().course(start_us="2024-03-04")
    course.student(1, cohort="A").student(2, cohort="B", mode="verified")
    course.student(3, cohort="B", is_active=False).student(9)
    course.student(5, username="retired__user_0123456789")
    course.add("course_roles", user_id=9, role="beta_testers")
    course.event(1, "2024-03-13T00:00:00", "page", "_info_")
    course.event(2, "2024-03-12T23:59:59", "page", "_info_")
    course.event(3, "2024-03-14T00:00:00", "page", "_info_")
    return course.event(9, "2024-03-14T00:00:00", "page", "_info_")


def counts(course: CourseBuilder, group: str = "course", **options: object) -> list:
    result = run_indicator("enrollment_count", course, as_of="2024-03-20", **options)  # type: ignore[arg-type]
    return group_rows(result, "values", group=group)


def test_enrolled_ever_enrolled_and_active_in_seven_days():
    assert counts(roster()) == [(2, 3, 1)]


def test_cohorts_and_tracks_are_counted_too():
    course = roster()
    result = run_indicator("enrollment_count", course, as_of="2024-03-20")
    assert group_rows(result, "values", group="cohort:B") == [(1, 2, 0)]
    assert group_rows(result, "values", group="mode:verified") == [(1, 1, 0)]


def test_the_team_counts_when_asked_for():
    assert counts(roster(), include_staff=True) == [(3, 4, 2)]


def test_who_left_counts_when_asked_for():
    assert counts(roster(), include_unenrolled=True) == [(3, 3, 2)]


def test_activity_is_null_without_logs_of_the_week():
    assert counts(roster(), covered=("2024-03-01", "2024-03-12")) == [(2, 3, None)]
    course = roster()
    del course.rows["events"]
    assert counts(course) == [(2, 3, None)]


def test_nobody_is_zero():
    assert counts(CourseBuilder().student(3, is_active=False)) == [(0, 1, None)]
    course = CourseBuilder().student(9, is_staff=True)
    assert counts(course) == [(0, 0, None)]


def test_without_any_enrolment_source_there_is_no_result():
    result = run_indicator("enrollment_count", CourseBuilder().course(), as_of="2024-03-20")
    assert result.envelope.missing_source == ("enrollments",)
    assert group_rows(result, "values") == [(None, None, None)]
