"""Points of learners in subsections and blocks."""

from __future__ import annotations

import pytest

from courselens.domain import to_us
from courselens.testing import CourseBuilder
from tests.data.graded_course import AS_OF, grade, graded_course, state
from tests.data.intermediates import result_of, rows_of


def score_rows(course, kind, *columns, **options):
    rows = rows_of("scores", course, as_of=AS_OF, **options)
    return {
        (row["user_id"], row["block_key"]): tuple(row[column] for column in columns)
        for row in rows
        if row["kind"] == kind
    }


def subsections(course, *columns, **options):
    columns = columns or ("earned", "possible", "attempted")
    return score_rows(course, "subsection", *columns, **options)


def blocks(course, *columns, **options):
    columns = columns or ("earned", "possible", "attempted")
    return score_rows(course, "block", *columns, **options)


def us(text):
    from datetime import datetime

    return to_us(datetime.fromisoformat(text))


def one_student(**course):
    return graded_course(**course).student(1, enrolled="2024-03-04")


def test_every_graded_subsection_has_a_row_and_without_a_grade_all_its_points_are_missed():
    course = one_student()
    grade(course, 1, "H1", 9.0)
    assert subsections(course) == {
        (1, "H1"): (9.0, 10.0, True),
        (1, "H2"): (0.0, 10.0, False),
        (1, "H3"): (0.0, 10.0, False),
        (1, "E1"): (0.0, 10.0, False),
    }


def test_a_grade_row_without_attempt_is_none_unless_it_is_overridden():
    course = one_student()
    grade(course, 1, "H1", 0.0, first_attempted_us=None)
    grade(course, 1, "H2", 7.0, first_attempted_us=None, overridden=True)
    found = subsections(course, "attempted", "overridden", "earned")
    assert found[1, "H1"] == (False, False, 0.0)
    assert found[1, "H2"] == (True, True, 7.0)


def test_times_of_a_subsection_are_its_first_attempt_and_its_last_change():
    course = one_student()
    grade(course, 1, "H1", 9.0, modified_us="2024-03-12")
    found = subsections(course, "first_us", "last_us")
    assert found[1, "H1"] == (us("2024-03-10"), us("2024-03-12"))
    assert found[1, "H2"] == (None, None)


def test_subsections_that_are_not_graded_have_no_row():
    course = one_student().block("N1", "sequential", under="C1")
    grade(course, 1, "N1", 1.0)
    assert (1, "N1") not in subsections(course)


def test_points_of_hidden_staff_only_and_unreleased_blocks_are_not_possible():
    course = one_student()
    grade(course, 1, "H2", 1.0)
    course.block("H1-late", "problem", under="H1-unit", weight=5.0, released_us="2025-01-01")
    course.block("H1-team", "problem", under="H1-unit", weight=5.0, visible_to_staff_only=True)
    course.block("H1-verified", "problem", under="H1-unit", weight=5.0)
    course.block("H1-zero", "problem", under="H1-unit", weight=0.0)
    course.add(
        "block_access", block_key="H1-verified", constraint_key="c", partition_id=50, group_id=2
    )
    course.student(2, enrolled="2024-03-04", mode="verified")
    found = subsections(course, "possible")
    assert found[1, "H1"] == (10.0,)
    assert found[2, "H1"] == (15.0,)


def unweighted_course():
    course = CourseBuilder().course(pass_cutoff=0.6).block("course", "course")
    course.block("C1", "chapter", under="course")
    course.block("S1", "sequential", under="C1", graded=True, assignment_type="Homework")
    course.block("P1", "problem", under="S1")
    for user_id in range(1, 6):
        course.student(user_id, enrolled="2024-03-04")
    return course


def test_without_a_weight_a_block_counts_as_in_the_learners_own_state():
    # Two of three learners have 4 points, so 4 are usual; the third keeps 2.
    course = unweighted_course()
    for user_id, points in ((1, 4.0), (2, 4.0), (3, 2.0)):
        state(course, user_id, "P1", grade=1.0, max_grade=points, attempts=1)
    found = subsections(course)
    assert [found[user_id, "S1"] for user_id in (1, 3, 5)] == [
        (1.0, 4.0, True),
        (1.0, 2.0, True),
        (0.0, 4.0, False),
    ]


def test_of_two_equally_usual_weights_the_smaller_is_taken():
    course = unweighted_course()
    state(course, 1, "P1", grade=1.0, max_grade=4.0, attempts=1)
    state(course, 2, "P1", grade=1.0, max_grade=3.0, attempts=1)
    assert subsections(course, "possible")[5, "S1"] == (3.0,)


def test_a_block_of_which_nobody_knows_the_points_is_left_out_for_all():
    course = unweighted_course().block("P2", "problem", under="S1")
    state(course, 1, "P1", grade=1.0, max_grade=4.0, attempts=1)
    assert subsections(course, "possible")[1, "S1"] == (4.0,)


def test_weights_of_the_course_team_do_not_tell_what_is_usual():
    course = unweighted_course().student(9, enrolled="2024-03-04", is_staff=True)
    state(course, 9, "P1", grade=1.0, max_grade=4.0, attempts=1)
    assert subsections(course, "possible")[1, "S1"] == (0.0,)


def test_where_points_are_not_all_known_those_of_other_learners_grades_are_taken():
    course = unweighted_course().block("P2", "problem", under="S1", weight=3.0)
    grade(course, 1, "S1", 5.0, possible_graded=8.0)
    assert subsections(course)[2, "S1"] == (0.0, 8.0, False)


def test_without_persistent_grades_they_are_added_up_from_states():
    # H1: 3 of 4 raw points weigh 7.5 of 10.
    course = one_student()
    state(course, 1, "H1-problem", grade=3.0, max_grade=4.0, attempts=2)
    state(course, 1, "H2-problem", grade=0.0, max_grade=4.0)
    found = subsections(course)
    assert found[1, "H1"] == (7.5, 10.0, True)
    assert found[1, "H2"] == (0.0, 10.0, False)


def test_a_table_of_persistent_grades_without_rows_of_the_course_counts_as_none():
    course = one_student()
    course.rows["subsection_grades"] = []
    state(course, 1, "H1-problem", grade=3.0, max_grade=4.0, attempts=2)
    assert subsections(course)[1, "H1"] == (7.5, 10.0, True)


def test_where_there_are_persistent_grades_states_do_not_make_up_for_a_missing_one():
    course = one_student()
    grade(course, 1, "H2", 1.0)
    state(course, 1, "H1-problem", grade=3.0, max_grade=4.0, attempts=2)
    assert subsections(course)[1, "H1"] == (0.0, 10.0, False)


def test_states_of_hidden_blocks_do_not_add_to_a_subsection():
    course = one_student()
    course.add(
        "block_access", block_key="H1-problem", constraint_key="c", partition_id=50, group_id=2
    )
    state(course, 1, "H1-problem", grade=3.0, max_grade=4.0, attempts=2)
    assert subsections(course)[1, "H1"] == (0.0, 0.0, False)


def test_open_response_assessments_are_unknown_and_not_added_up():
    course = one_student()
    course.block("H1-essay", "openassessment", under="H1-unit", weight=5.0)
    state(course, 1, "H1-problem", grade=3.0, max_grade=4.0, attempts=2)
    state(course, 1, "H1-essay", block_type="openassessment")
    assert subsections(course)[1, "H1"] == (7.5, 10.0, True)
    assert blocks(course)[1, "H1-essay"] == (None, None, None)


@pytest.mark.parametrize(
    ("columns", "attempted"),
    [
        ({"grade": 0.0, "max_grade": 4.0}, False),
        ({"grade": 0.0, "max_grade": 4.0, "attempts": 0, "done": False}, False),
        ({"grade": 0.0, "max_grade": 4.0, "attempts": 1}, True),
        ({"grade": 1.0, "max_grade": 4.0, "done": True}, True),
    ],
)
def test_a_problem_is_attempted_by_its_state_and_not_by_a_grade_of_zero(columns, attempted):
    course = one_student()
    state(course, 1, "H1-problem", **columns)
    earned = columns["grade"] * 10 / 4 if attempted else None
    assert blocks(course)[1, "H1-problem"] == (earned, 10.0, attempted)


@pytest.mark.parametrize(
    ("source", "rows"),
    [("server", {(1, "H1-problem"): (None, 10.0, True)}), ("browser", {})],
)
def test_one_valid_check_is_an_attempt(source, rows):
    course = one_student()
    grade(course, 1, "H2", 1.0)
    course.event(1, "2024-03-10T10:00", "problem_check", "H1-problem", source=source)
    assert blocks(course) == rows


def test_a_check_after_as_of_is_no_attempt():
    course = one_student()
    grade(course, 1, "H2", 1.0)
    course.event(1, "2024-07-01T10:00", "problem_check", "H1-problem")
    assert blocks(course) == {}


@pytest.mark.parametrize(("points", "attempted"), [(0.0, True), (None, False)])
def test_other_scored_types_are_attempted_when_there_is_a_grade(points, attempted):
    course = one_student()
    course.block("drag", "drag-and-drop-v2", under="H1-unit", weight=2.0)
    state(course, 1, "drag", block_type="drag-and-drop-v2", grade=points, max_grade=1.0)
    assert blocks(course, "attempted")[1, "drag"] == (attempted,)


def test_times_of_a_block_come_from_checks_and_the_last_submission():
    course = one_student()
    course.event(1, "2024-03-10T10:00", "problem_check", "H1-problem")
    course.event(1, "2024-03-10T11:00", "problem_check", "H1-problem")
    state(course, 1, "H1-problem", attempts=3, last_submission_us="2024-03-10T12:00")
    state(course, 1, "H2-problem", attempts=1, last_submission_us="2024-03-11T12:00")
    state(course, 1, "H3-problem", attempts=2, last_submission_us="2024-03-12T12:00")
    assert blocks(course, "first_us", "last_us") == {
        (1, "H1-problem"): (us("2024-03-10T10:00"), us("2024-03-10T12:00")),
        (1, "H2-problem"): (us("2024-03-11T12:00"), us("2024-03-11T12:00")),
        (1, "H3-problem"): (None, us("2024-03-12T12:00")),
    }


def test_blocks_that_are_not_scored_or_no_longer_there_have_no_row():
    course = one_student()
    course.block("text", "html", under="H1-unit")
    course.block("ungraded", "problem", under="H1-unit", weight=0.0)
    for block in ("text", "ungraded", "gone"):
        state(course, 1, block, grade=1.0, max_grade=1.0, attempts=1)
    assert blocks(course) == {}


def test_those_who_left_have_scores_and_the_course_team_has_none():
    course = graded_course().student(1, enrolled="2024-03-04", is_active=False)
    course.student(2, enrolled="2024-03-04", is_staff=True)
    for user_id in (1, 2, 3):
        grade(course, user_id, "H1", 5.0)
    assert {user_id for user_id, _ in subsections(course)} == {1}


def test_without_a_structure_only_persistent_grades_with_graded_points_are_there():
    course = CourseBuilder().student(1, enrolled="2024-03-04")
    grade(course, 1, "H1", 5.0)
    grade(course, 1, "N1", 0.0, possible_graded=0.0)
    assert subsections(course) == {(1, "H1"): (5.0, 10.0, True)}


def test_without_grades_and_states_scores_are_missing_both_sources():
    result = result_of("scores", one_student(), as_of=AS_OF)
    assert result.envelope.missing_source == ("subsection_grades", "module_states")
    assert result.envelope.error is None


def test_states_without_a_structure_do_not_stand_in_for_grades():
    course = CourseBuilder().student(1, enrolled="2024-03-04")
    state(course, 1, "H1-problem", grade=3.0, max_grade=4.0, attempts=2)
    assert result_of("scores", course, as_of=AS_OF).envelope.missing_source == (
        "subsection_grades",
    )
