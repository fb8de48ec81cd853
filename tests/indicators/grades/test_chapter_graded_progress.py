"""Graded progress per chapter."""

from __future__ import annotations

import pytest

from courselens.testing import CourseBuilder, run_indicator, worked_example
from tests.data.graded_course import AS_OF, grade, state


def one_chapter(*, problems: int = 4) -> CourseBuilder:
    """One graded sequential of problems of one point in C1; C2 has nothing graded."""
    course = CourseBuilder().course(pass_cutoff=0.6).block("course", "course")
    course.block("C1", "chapter", under="course")
    course.block("S1", "sequential", under="C1", graded=True, assignment_type="Homework")
    for number in range(1, problems + 1):
        course.block(f"P{number}", "problem", under="S1", weight=1.0)
    course.block("C2", "chapter", under="course")
    course.block("S2", "sequential", under="C2")
    course.block("P9", "problem", under="S2", weight=1.0)
    return course


def answer(course, user_id, **points: float):
    for problem, earned in points.items():
        state(course, user_id, problem, grade=earned, max_grade=1.0, attempts=1)


def run(course, **options):
    result = run_indicator("chapter_graded_progress", course, as_of=AS_OF, **options)
    assert result.envelope.error is None
    return result


def progress(course, user_id=1, **options):
    return {
        row["chapter"]: (row["completed_percent"], row["score_percent"])
        for row in run(course, **options).student["rows"].to_pylist()
        if row["user_id"] == user_id
    }


def group_progress(course, group="course"):
    return {
        row["chapter"]: (row["completed_percent"], row["score_percent"])
        for row in run(course).group["rows"].to_pylist()
        if row["group_id"] == group
    }


def test_the_example_of_the_catalogue():
    # 4 problems of 1 point, 3 attempted, 2 correct.
    course = one_chapter().student(1, enrolled="2024-03-04")
    answer(course, 1, P1=1.0, P2=1.0, P3=0.0)
    assert progress(course) == {"C1": (75.0, 50.0), "C2": (None, None)}


def test_the_worked_example_by_its_events_and_states():
    # C1: P1 and P2 tried and right; C2: P3 tried and wrong.
    course = worked_example()
    answer(course, 1, P1=1.0, P2=1.0, P3=0.0)
    assert progress(course) == {"C1": (100.0, 100.0), "C2": (100.0, 0.0)}


def test_persistent_grades_give_the_score():
    course = one_chapter().student(1, enrolled="2024-03-04")
    answer(course, 1, P1=1.0)
    grade(course, 1, "S1", 3.0, possible_graded=4.0)
    assert progress(course)["C1"] == (25.0, 75.0)


def test_one_who_did_nothing_has_zero():
    course = one_chapter().student(1, enrolled="2024-03-04").student(2, enrolled="2024-03-04")
    answer(course, 2, P1=1.0)
    assert progress(course)["C1"] == (0.0, 0.0)


def test_problems_that_a_learner_cannot_see_are_not_counted_and_neither_are_their_points():
    course = one_chapter().student(1, enrolled="2024-03-04")
    for problem in ("P3", "P4"):
        course.add(
            "block_access", block_key=problem, constraint_key="c", partition_id=50, group_id=2
        )
    answer(course, 1, P1=1.0, P3=1.0)
    assert progress(course)["C1"] == (50.0, 50.0)


def test_unreleased_problems_are_not_counted():
    course = one_chapter().student(1, enrolled="2024-03-04")
    course.block("P5", "problem", under="S1", weight=1.0, released_us="2025-01-01")
    answer(course, 1, P1=1.0, P2=1.0)
    assert progress(course)["C1"] == (50.0, 50.0)


def test_chapters_that_learners_cannot_see_have_no_row():
    course = one_chapter().student(1, enrolled="2024-03-04")
    course.block("C3", "chapter", under="course", released_us="2025-01-01")
    course.block("C4", "chapter", under="course", visible_to_staff_only=True)
    course.block("C5", "chapter", under="course")
    course.add("block_access", block_key="C5", constraint_key="c", partition_id=50, group_id=2)
    answer(course, 1, P1=1.0)
    assert list(progress(course)) == ["C1", "C2"]


def test_open_response_assessments_are_not_counted_as_problems():
    course = one_chapter().student(1, enrolled="2024-03-04")
    course.block("essay", "openassessment", under="S1")
    answer(course, 1, P1=1.0)
    assert progress(course)["C1"] == (25.0, 25.0)


def test_a_group_has_the_mean_of_those_with_a_value():
    # Completed 75 and 25 percent, score 50 and 25 percent; cohort B is one learner.
    course = one_chapter()
    for user_id, cohort in ((1, "A"), (2, "B")):
        course.student(user_id, enrolled="2024-03-04", cohort=cohort)
    answer(course, 1, P1=1.0, P2=1.0, P3=0.0)
    answer(course, 2, P1=1.0)
    assert group_progress(course) == {"C1": (50.0, 37.5), "C2": (None, None)}
    assert group_progress(course, "cohort:B")["C1"] == (25.0, 25.0)


def test_the_course_team_has_no_rows():
    course = one_chapter().student(1, enrolled="2024-03-04", is_staff=True)
    course.student(2, enrolled="2024-03-04")
    answer(course, 1, P1=1.0)
    assert progress(course, 1) == {}
    assert progress(course, 1, include_staff=True)["C1"] == (25.0, 25.0)


def test_a_course_of_nobody_has_no_rows():
    course = one_chapter().student(1, enrolled="2024-03-04", is_staff=True)
    answer(course, 1, P1=1.0)
    assert run(course).student["rows"].num_rows == 0


@pytest.mark.parametrize("missing", ["blocks", "module_states"])
def test_without_its_sources_it_is_null_and_says_so(missing):
    course = one_chapter().student(1, enrolled="2024-03-04")
    answer(course, 1, P1=1.0)
    grade(course, 1, "S1", 3.0)
    del course.rows[missing]
    result = run(course)
    assert missing in result.envelope.missing_source
    assert result.student["rows"].num_rows == 0
