"""Learner segments."""

from __future__ import annotations

import pytest

from courselens.testing import CourseBuilder, run_indicator, worked_example

AS_OF = "2024-03-18"  # the week from 11 March, the one before from 4 March
THIS, BEFORE = "2024-03-12T10:00", "2024-03-05T10:00"


def course_of(*students):
    course = CourseBuilder().course(start_us="2024-03-04")
    for user_id in students:
        course.student(user_id, enrolled="2024-03-04")
    return course


def play(course, user_id, videos, when=THIS):
    for number in range(videos):
        course.event(user_id, when, "play_video", f"V{number}", current_seconds=0.0)


def check(course, user_id, *answers, when=THIS):
    for number, answer in enumerate(answers):
        course.event(user_id, when, "problem_check", f"P{number}", success=answer)


def post(course, user_id, posts):
    for _ in range(posts):
        course.event(user_id, THIS, "edx.forum.response.created", "_forum_")


def segments(course, **options):
    result = run_indicator("learner_segment", course, **{"as_of": AS_OF, **options})
    assert result.envelope.error is None
    return {row["user_id"]: row["segments"] for row in result.student["values"].to_pylist()}


def sizes(course, group="course", **options):
    result = run_indicator("learner_segment", course, **{"as_of": AS_OF, **options})
    rows = [row for row in result.group["rows"].to_pylist() if row["group_id"] == group]
    return {row["segment"]: row["learners"] for row in rows}


def test_the_most_active_by_one_metric_are_highly_engaged():
    course = course_of(1, 2, 3, 4, 5)
    for user_id, videos in ((1, 1), (2, 2), (3, 3), (4, 4), (5, 10)):
        play(course, user_id, videos)  # 85th percentile 6.4
    assert segments(course) == {1: [], 2: [], 3: [], 4: [], 5: ["highly_engaged"]}


def test_zeros_of_active_learners_are_part_of_the_percentiles():
    course = course_of(1, 2, 3)
    post(course, 1, 1)
    play(course, 2, 1)
    play(course, 3, 1)
    # posts 0, 0, 1: place 1.7, so 0.7; videos 0, 1, 1: the 85th percentile is 1, the 15th 0.3
    assert segments(course) == {key: ["highly_engaged"] for key in (1, 2, 3)}


def test_a_metric_that_is_the_same_for_all_places_nobody():
    course = course_of(1, 2)
    for user_id in (1, 2):
        play(course, user_id, 1)
    assert segments(course) == {1: [], 2: []}


def test_those_with_most_attempts_per_correct_problem_struggle():
    course = course_of(1, 2, 3)
    check(course, 1, "correct")  # 1 attempt per correct problem
    check(course, 2, "correct", "incorrect")  # 2
    check(course, 3, "correct", "incorrect", "incorrect", "incorrect")  # 4
    # place 1.7: 3.4. Learner 3 also tried most problems.
    assert segments(course) == {1: [], 2: [], 3: ["highly_engaged", "struggling"]}


def test_attempts_without_a_correct_problem_are_infinitely_many():
    course = course_of(1, 2, 3)
    check(course, 1, "correct")
    check(course, 2, "correct")
    check(course, 3, "incorrect")
    # correct 1, 1, 0: the 15th percentile is 0.3, the 85th 1
    assert segments(course) == {
        1: ["highly_engaged"],
        2: ["highly_engaged"],
        3: ["struggling"],
    }


def test_activity_of_the_two_weeks_tells_who_drifts_away():
    course = course_of(1, 2, 3)
    play(course, 1, 1, when=BEFORE)
    play(course, 2, 1)
    course.event(3, THIS, "page", "S1")  # reading is no activity here
    assert segments(course) == {1: ["disengaging"], 2: [], 3: ["inactive"]}


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2024-03-11T00:00", []),
        ("2024-03-10T23:59:59", ["disengaging"]),
        ("2024-03-04T00:00", ["disengaging"]),
        ("2024-03-03T23:59:59", ["inactive"]),
    ],
)
def test_weeks_are_half_open_and_end_at_as_of(when, expected):
    course = course_of(1)
    play(course, 1, 1, when=when)
    assert segments(course, covered=("2024-03-01", "2024-03-17")) == {1: expected}


def test_those_who_left_are_told_and_still_placed():
    course = course_of(1).student(2, is_active=False).student(3, is_active=False)
    play(course, 1, 1)
    play(course, 2, 5)
    assert segments(course) == {
        1: [],
        2: ["highly_engaged", "unenrolled"],
        3: ["inactive", "unenrolled"],
    }


def test_the_team_counts_only_under_insights():
    course = course_of(1).student(2, is_staff=True)
    play(course, 1, 1)
    play(course, 2, 9)
    assert segments(course) == {1: []}
    assert segments(course, definition="insights") == {1: [], 2: ["highly_engaged"]}


def test_groups_count_their_members_by_segment_with_zeros():
    course = CourseBuilder().course(start_us="2024-03-04")
    course.student(1, cohort="a").student(2, cohort="b").student(3, cohort="b")
    play(course, 1, 1)
    play(course, 2, 5)
    assert sizes(course, "cohort:b") == {
        "highly_engaged": 1,
        "struggling": 0,
        "disengaging": 0,
        "inactive": 1,
        "unenrolled": 0,
    }
    assert list(sizes(course).values()) == [1, 0, 0, 1, 0]


def test_the_only_learner_of_the_worked_example_is_in_no_segment():
    assert segments(worked_example(), as_of="2024-03-05") == {1: []}


def test_without_logs_segments_are_null():
    assert segments(course_of(1)) == {1: None}
