"""Attempts at problems."""

from __future__ import annotations

import pytest

from courselens.testing import CourseBuilder, run_indicator, worked_example

DAY = "2024-03-04T"
RATES = ("first_try_correct_rate", "final_correct_rate", "show_answer_rate")


def course_of(*students, **options):
    course = CourseBuilder().course(start_us="2024-03-04").block("course", "course")
    course.block("C1", "chapter", under="course").block("S1", "sequential", under="C1")
    course.block("U1", "vertical", under="S1").block("P1", "problem", under="U1")
    course.block("P2", "problem", under="U1")
    for user_id in students:
        course.student(user_id, **options)
    return course


def check(course, user_id, time, *answers, problem="P1"):
    for place, answer in enumerate(answers):
        course.event(user_id, f"{DAY}{time}:{place:02}", "problem_check", problem, success=answer)
    return course


def attempts(course, **options):
    return run_indicator("problem_attempts", course, **{"as_of": "2024-03-05", **options})


def of_students(result):
    return {
        (r["user_id"], r["problem"]): (
            r["submissions"],
            r["first_try_correct"],
            r["correct"],
            r["showed_answer"],
        )
        for r in result.student["rows"].to_pylist()
    }


def of_group(result, group="course"):
    rows = [r for r in result.group["rows"].to_pylist() if r["group_id"] == group]
    return {r.pop("problem"): r for r in rows if r.pop("group_id")}


def test_attempts_of_the_worked_example():
    assert of_students(attempts(worked_example())) == {
        (1, "P1"): (2, False, True, False),
        (1, "P2"): (1, True, True, False),
        (1, "P3"): (1, False, False, False),
    }


def test_a_group_counts_those_who_attempted():
    course = course_of(1, 2, 3, 4)
    check(course, 1, "10:00", "incorrect", "incorrect", "correct")
    check(course, 2, "10:00", "correct", "incorrect")
    check(course, 3, "10:00", "incorrect")
    assert of_group(attempts(course)) == {
        "P1": {
            "attempted": 3,
            "submissions": 6,
            "mean_submissions": 2.0,
            "median_submissions": 2.0,
            "first_try_correct_rate": pytest.approx(1 / 3),
            "final_correct_rate": pytest.approx(1 / 3),
            "show_answer_rate": 0.0,
        }
    }


def test_an_answer_shown_counts_before_the_first_correct_submission_only():
    course = course_of(1, 2, 3, 4)
    for user_id, time in ((1, "09:00"), (2, "11:00"), (3, "11:00"), (4, "09:00")):
        course.event(user_id, DAY + time, "showanswer", "P1")
    check(course, 1, "10:00", "correct")  # shown before
    check(course, 2, "10:00", "correct")  # shown after
    check(course, 3, "10:00", "incorrect")  # never correct
    result = attempts(course)  # 4 looked but never tried
    assert [row[3] for row in of_students(result).values()] == [True, False, True]
    assert of_group(result)["P1"]["show_answer_rate"] == pytest.approx(2 / 3)


def test_at_one_instant_the_order_of_the_log_tells_whether_help_came_first():
    course = course_of(1, 2)
    course.event(1, DAY + "10:00", "showanswer", "P1")
    course.event(1, DAY + "10:00", "problem_check", "P1", success="correct")
    course.event(2, DAY + "10:00", "problem_check", "P1", success="correct")
    course.event(2, DAY + "10:00", "showanswer", "P1")
    assert [row[3] for row in of_students(attempts(course)).values()] == [True, False]


def test_points_earned_in_part_count_as_correct_if_asked():
    course = course_of(1).event(
        1, DAY + "10:00", "problem_check", "P1", success="incorrect", grade=1.0, max_grade=2.0
    )
    assert of_group(attempts(course))["P1"]["final_correct_rate"] == 0.0
    partial = attempts(course, partial_counts_as_correct=True)
    assert of_group(partial)["P1"]["final_correct_rate"] == 1.0


def test_a_window_sees_only_the_submissions_and_answers_in_it():
    course = check(course_of(1), 1, "10:00", "incorrect")
    course.event(1, DAY + "10:30", "showanswer", "P1")
    check(course, 1, "11:00", "correct")
    result = attempts(course, start=DAY + "10:45", end=DAY + "12:00")
    assert of_students(result) == {(1, "P1"): (1, True, True, False)}


def test_groups_hold_their_own_members_and_nobody_of_the_team():
    course = course_of().student(1, cohort="a").student(2, cohort="b").student(3, is_staff=True)
    check(course, 1, "10:00", "correct")
    check(course, 2, "10:00", "incorrect", "incorrect")
    check(course, 3, "10:00", "correct")
    result = attempts(course)
    assert set(of_students(result)) == {(1, "P1"), (2, "P1")}
    assert of_group(result, "cohort:a")["P1"]["submissions"] == 1
    assert of_group(result, "cohort:b")["P1"]["mean_submissions"] == 2.0
    assert of_group(result)["P1"]["mean_submissions"] == 1.5
    everyone = attempts(course, include_staff=True)
    assert of_group(everyone)["P1"]["attempted"] == 3


def test_problems_come_in_course_order_and_removed_ones_not_at_all():
    course = course_of(1)
    check(course, 1, "10:00", "correct", problem="P2")
    check(course, 1, "10:01", "correct", problem="P1")
    check(course, 1, "10:02", "correct", problem="gone")
    assert [key[1] for key in of_students(attempts(course))] == ["P1", "P2"]


def test_without_a_structure_every_problem_has_a_row():
    course = CourseBuilder().student(1, enrolled="2024-03-04")
    check(course, 1, "10:00", "correct", problem="P9")
    assert set(of_students(attempts(course))) == {(1, "P9")}


def test_without_logs_there_are_no_attempts():
    result = attempts(course_of(1))
    assert result.envelope.missing_source == ("events",)
    assert of_students(result) == {}


def test_nobody_tried_gives_no_rows():
    course = course_of(1).event(1, DAY + "10:00", "page", "S1")
    assert of_group(attempts(course)) == {}
