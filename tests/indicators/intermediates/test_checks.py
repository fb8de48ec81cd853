"""Checks: what counts as one, and as correct."""

from __future__ import annotations

import pytest

from courselens.testing import CourseBuilder, worked_example
from tests.data.intermediates import rows_of

DAY = "2024-03-04T"


def checked(course, **options):
    rows = rows_of("checks", course, **{"as_of": "2024-03-05", **options})
    return sorted(rows, key=lambda row: (row["user_id"], row["ts_us"], row["event_id"]))


def check(course, time, **columns):
    return course.event(1, DAY + time, "problem_check", "P1", **{"success": "incorrect", **columns})


def one_learner():
    return CourseBuilder().course(start_us="2024-03-04").student(1, enrolled="2024-03-04")


def test_checks_of_the_worked_example():
    assert [(r["problem"], r["number"], r["is_correct"]) for r in checked(worked_example())] == [
        ("P1", 1, False),
        ("P1", 2, True),
        ("P2", 1, True),
        ("P3", 1, False),
    ]


def test_only_checks_by_the_server_that_name_their_problem_count():
    course = one_learner()
    check(course, "10:00", source="browser")
    course.event(1, DAY + "10:01", "problem_check", success="correct")
    course.event(1, DAY + "10:02", "problem_save", "P1")
    course.event(1, DAY + "10:03", "problem_check_fail", "P1")
    check(course, "10:04")
    (row,) = checked(course)
    assert row["event_id"] == 4


@pytest.mark.parametrize(
    ("columns", "strict", "partial"),
    [
        ({"success": "correct"}, True, True),
        ({"success": "incorrect"}, False, False),
        ({"success": None}, False, False),
        ({"success": "incorrect", "grade": 2.0, "max_grade": 2.0}, True, True),
        ({"success": "incorrect", "grade": 1.0, "max_grade": 2.0}, False, True),
        ({"success": "incorrect", "grade": 0.0, "max_grade": 2.0}, False, False),
        ({"success": "correct", "grade": 0.0, "max_grade": 0.0}, False, False),
        ({"success": "correct", "grade": 1.0, "max_grade": None}, True, True),
    ],
)
def test_points_decide_whether_an_answer_is_correct(columns, strict, partial):
    course = check(one_learner(), "10:00", **columns)
    assert [row["is_correct"] for row in checked(course)] == [strict]
    rows = checked(course, partial_counts_as_correct=True)
    assert [row["is_correct"] for row in rows] == [partial]


def test_with_a_window_only_what_lies_in_it_is_numbered():
    course = one_learner()
    for time in ("10:00", "10:03", "10:06"):
        check(course, time)
    rows = checked(course, start=DAY + "10:02", end=DAY + "10:06")
    assert [(row["number"], row["event_id"]) for row in rows] == [(1, 1)]
