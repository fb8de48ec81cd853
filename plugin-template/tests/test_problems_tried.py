"""Problems tried, worked out by hand, ahead and at request time."""

from __future__ import annotations

import asyncio

from courselens.testing import (
    CourseBuilder,
    check_indicator,
    run_indicator,
    run_live_students,
    student_rows,
)

KEY = "my_indicators_problems_tried"


def course() -> CourseBuilder:
    """1 tried P1 and P2 and opened P3, 2 watched a video, 3 did nothing."""
    course = CourseBuilder().student(1).student(2).student(3)
    for problem, attempts in (("P1", 1), ("P2", 4), ("P3", None)):
        course.add(
            "module_states",
            user_id=1,
            block_key=problem,
            block_type="problem",
            attempts=attempts,
        )
    return course.add("module_states", user_id=2, block_key="V1", block_type="video")


def test_problems_without_an_answer_do_not_count():
    assert student_rows(run_indicator(KEY, course())) == [(1, 2), (2, 0), (3, 0)]


def test_the_value_of_this_moment_is_the_same():
    found = asyncio.run(run_live_students(KEY, course(), [1, 2, 3]))
    assert {user_id: value.problems for user_id, value in found.items()} == {1: 2, 2: 0, 3: 0}


def test_the_contract_holds(courselens_database_url: str):
    check_indicator(KEY, database_url=courselens_database_url)
