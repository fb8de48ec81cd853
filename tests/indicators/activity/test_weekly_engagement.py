"""Engaged students per week."""

from __future__ import annotations

from datetime import date

from courselens.testing import CourseBuilder, group_rows, run_indicator


def course_of_two_weeks() -> CourseBuilder:
    """Starts on Wednesday 6 March 2024; learner 3 enrols on Monday 11 March."""
    course = CourseBuilder().course(start_us="2024-03-06")
    course.student(1, enrolled="2024-03-01", cohort="A")
    course.student(2, enrolled="2024-03-10T23:59:59", cohort="B")
    course.student(3, enrolled="2024-03-11", cohort="B").student(9, enrolled="2024-03-01")
    course.add("course_roles", user_id=9, role="staff")
    course.event(1, "2024-03-06T10:00:00", "play_video", "V1")
    course.event(1, "2024-03-06T11:00:00", "play_video", "V1", source="mobile")
    course.event(1, "2024-03-10T23:00:00", "problem_check", "P1")
    course.event(2, "2024-03-10T23:59:59", "problem_check", "P1", source="browser")
    course.event(3, "2024-03-12T10:00:00", "edx.forum.response.created", "_forum_", source="server")
    course.event(3, "2024-03-12T10:00:00", "edx.forum.thread.viewed", "_forum_")
    course.event(9, "2024-03-12T10:00:00", "play_video", "V1")
    return course


def week(day: int) -> date:
    return date(2024, 3, day)


def test_each_student_counts_once_a_week_in_every_way():
    result = run_indicator("weekly_engagement", course_of_two_weeks(), as_of="2024-03-18")
    # (week, enrolled, active, video, problem, post, percents, partial); the default window begins
    # on 1 March, the first enrolment, and the logs on 6 March
    assert group_rows(result) == [
        (date(2024, 2, 26), 1, None, None, None, None,
         None, None, None, None, True),
        (week(4), 2, 2, 1, 1, 0, 100.0, 50.0, 50.0, 0.0, True),
        (week(11), 3, 1, 0, 0, 1, 100 / 3, 0.0, 0.0, 100 / 3, True),
    ]  # fmt: skip


def test_groups_have_their_own_weeks():
    result = run_indicator(
        "weekly_engagement", course_of_two_weeks(), start="2024-03-04", as_of="2024-03-18",
        covered=("2024-03-01", "2024-03-20"),
    )  # fmt: skip
    assert group_rows(result, group="cohort:B") == [
        (week(4), 1, 1, 0, 0, 0, 100.0, 0.0, 0.0, 0.0, False),
        (week(11), 2, 1, 0, 0, 1, 50.0, 0.0, 0.0, 50.0, False),
    ]


def test_a_week_without_events_is_zero_where_covered_and_the_current_one_is_partial():
    result = run_indicator(
        "weekly_engagement", course_of_two_weeks(), start="2024-03-11", as_of="2024-03-27",
        covered=("2024-03-01", "2024-03-26"), levels=("course",),
    )  # fmt: skip
    assert [(row[0], row[2], row[-1]) for row in group_rows(result)] == [
        (week(11), 1, False), (week(18), 0, False), (week(25), 0, True),
    ]  # fmt: skip


def test_percents_are_null_while_nobody_is_enrolled():
    course = CourseBuilder().course(start_us="2024-03-04").student(1, enrolled="2024-03-12")
    course.event(1, "2024-03-12T10:00:00", "page", "_info_")
    result = run_indicator(
        "weekly_engagement", course, as_of="2024-03-18", covered=("2024-03-04", "2024-03-17")
    )
    assert [row[1:] for row in group_rows(result)] == [
        (0, 0, 0, 0, 0, None, None, None, None, False),
        (1, 1, 0, 0, 0, 100.0, 0.0, 0.0, 0.0, False),
    ]


def test_enrolment_is_unknown_where_only_activity_tells_who_is_there():
    course = CourseBuilder().event(1, "2024-03-12T10:00:00", "page", "_info_")
    result = run_indicator("weekly_engagement", course, as_of="2024-03-18")
    assert result.envelope.population_basis == "events"
    (row,) = group_rows(result)
    assert row[:3] == (week(11), None, 1)
    assert row[6] is None


def test_mondays_are_those_of_the_time_zone():
    course = (
        CourseBuilder().course(start_us="2024-03-04T12:00:00").student(1, enrolled="2024-03-05")
    )
    course.event(1, "2024-03-10T23:30:00", "page", "_info_")  # Monday 00:30 in Madrid
    result = run_indicator(
        "weekly_engagement", course, as_of="2024-03-18", tz="Europe/Madrid", levels=("course",)
    )
    assert [(row[0], row[2]) for row in group_rows(result)] == [
        (week(4), 0), (week(11), 1), (week(18), None),
    ]  # fmt: skip


def test_insights_counts_the_team_and_who_is_not_enrolled_and_leaves_blank_names_out():
    course = course_of_two_weeks()
    course.event(7, "2024-03-12T10:00:00", "page", "_info_")
    course.event(8, "2024-03-12T10:00:00", "page", "_info_", username=None)
    course.event(6, "2024-03-12T10:00:00", "page", "_info_", username="x" * 31)
    result = run_indicator(
        "weekly_engagement", course, as_of="2024-03-18", levels=("course",), definition="insights"
    )
    assert group_rows(result)[-1][2:6] == (3, 1, 0, 1)
