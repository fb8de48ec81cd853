"""Time per block, rolled up to containers."""

from __future__ import annotations

import pytest

from courselens.testing import (
    CourseBuilder,
    group_rows,
    run_indicator,
    student_rows,
    worked_example,
)


def two_cohorts() -> CourseBuilder:
    """C1 > S1 > U1 > V1; learner 1 in A, 2 and 3 in B, 9 in the team; C2 is never visited."""
    course = CourseBuilder().course(start_us="2024-03-04")
    course.block("course", "course").block("C1", "chapter", under="course")
    course.block("S1", "sequential", under="C1").block("U1", "vertical", under="S1")
    course.block("V1", "video", under="U1").block("C2", "chapter", under="course")
    course.student(1, cohort="A").student(2, cohort="B").student(3, cohort="B").student(9)
    course.add("course_roles", user_id=9, role="staff")
    for user, seconds in ((1, "10"), (2, "20"), (9, "30")):
        course.event(user, "2024-03-04T10:00:00", "play_video", "V1")
        course.event(user, f"2024-03-04T10:00:{seconds}", "page", "S1")
    return course


def test_a_container_holds_its_own_time_and_that_of_all_below_it():
    result = run_indicator("time_per_block", worked_example(), as_of="2024-03-05")
    assert student_rows(result, "rows") == [
        (1, "course", 1860.0),
        (1, "C1", 1200.0),
        (1, "S1", 300.0),
        (1, "U1", 180.0),
        (1, "V1", 180.0),
        (1, "S2", 900.0),
        (1, "U2", 600.0),
        (1, "P1", 600.0),
        (1, "P2", 0.0),
        (1, "C2", 660.0),
        (1, "S3", 660.0),
        (1, "U3", 60.0),
        (1, "P3", 60.0),
    ]


def test_groups_have_sums_visitors_means_and_medians_for_every_block():
    result = run_indicator("time_per_block", two_cohorts(), as_of="2024-03-05")
    assert group_rows(result) == [
        ("course", 30.0, 2, 15.0, 15.0),
        ("C1", 30.0, 2, 15.0, 15.0),
        ("S1", 30.0, 2, 15.0, 15.0),
        ("U1", 30.0, 2, 15.0, 15.0),
        ("V1", 30.0, 2, 15.0, 15.0),
        ("C2", 0.0, 0, None, None),
    ]
    assert group_rows(result, group="cohort:B")[0] == ("course", 20.0, 1, 20.0, 20.0)


def test_students_have_rows_only_where_they_were():
    result = run_indicator("time_per_block", two_cohorts(), as_of="2024-03-05")
    assert {row[0] for row in student_rows(result, "rows")} == {1, 2}
    assert "C2" not in {row[1] for row in student_rows(result, "rows")}


def test_pseudo_blocks_and_removed_blocks_come_last_and_count_in_the_course_only():
    course = two_cohorts()
    course.event(3, "2024-03-04T10:00:00", "page", "_forum_")
    course.event(3, "2024-03-04T10:00:05", "play_video", "GONE1")
    course.event(3, "2024-03-04T10:00:06", "play_video", "GONE2")
    course.event(3, "2024-03-04T10:00:08", "page", "S1")
    result = run_indicator("time_per_block", course, as_of="2024-03-05")
    assert [row[1:] for row in student_rows(result, "rows") if row[0] == 3] == [
        ("course", 8.0),
        ("C1", 0.0),
        ("S1", 0.0),
        ("_forum_", 5.0),
        ("_removed_", 3.0),
    ]
    assert group_rows(result)[-2:] == [
        ("_forum_", 5.0, 1, 5.0, 5.0),
        ("_removed_", 3.0, 1, 3.0, 3.0),
    ]


def test_a_credit_that_reaches_into_the_window_is_time_without_a_visit():
    result = run_indicator(
        "time_per_block", worked_example(), start="2024-03-04T10:04:00", as_of="2024-03-05"
    )
    by_block = {row[0]: row[1:] for row in group_rows(result)}
    # pause_video at 10:03 earns until 10:05; only its last minute is inside
    assert by_block["V1"] == (60.0, 0, None, None)
    assert by_block["course"] == (60.0 + 900.0 + 660.0, 1, 1620.0, 1620.0)


def test_without_a_structure_there_is_no_result():
    course = CourseBuilder().student(1).event(1, "2024-03-04T10:00:00", "page", "S1")
    result = run_indicator("time_per_block", course, as_of="2024-03-05")
    assert result.envelope.missing_source == ("blocks",)
    assert result.student["rows"].num_rows == 0


def test_nobody_enrolled_gives_zeros_for_the_course():
    course = worked_example()
    course.rows["enrollments"][0]["is_active"] = False
    result = run_indicator("time_per_block", course, as_of="2024-03-05")
    assert student_rows(result, "rows") == []
    assert group_rows(result)[0] == ("course", 0.0, 0, None, None)


def test_a_past_as_of_cuts_the_events():
    result = run_indicator("time_per_block", worked_example(), as_of="2024-03-04T10:05:00")
    # the gap that would begin at 10:03 ends with no event before as_of
    assert dict(row[1:] for row in student_rows(result, "rows"))["course"] == 180.0


@pytest.mark.parametrize(("policy", "seconds"), [("discard", 900.0), ("cap", 2700.0)])
def test_parameters_of_the_credits_apply(policy: str, seconds: float):
    result = run_indicator(
        "time_per_block", worked_example(), as_of="2024-03-05", gap_policy=policy
    )
    assert dict(row[1:] for row in student_rows(result, "rows"))["S2"] == seconds
