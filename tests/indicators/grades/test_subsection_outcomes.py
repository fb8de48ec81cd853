"""Outcomes per graded subsection."""

from __future__ import annotations

import pytest

from courselens.testing import run_indicator
from tests.data.graded_course import AS_OF, grade, graded_course

COUNTS = ("honours", "pass", "fail", "not_done", "n_null")


def students(course, *user_ids, **columns):
    for user_id in user_ids:
        course.student(user_id, enrolled="2024-03-04", **columns)
    return course


def rows(course, group="course", **parameters):
    result = run_indicator("subsection_outcomes", course, as_of=AS_OF, **parameters)
    assert result.envelope.error is None
    return [row for row in result.group["rows"].to_pylist() if row["group_id"] == group]


def counts(course, subsection, **options):
    (row,) = [row for row in rows(course, **options) if row["subsection"] == subsection]
    return tuple(row[name] for name in COUNTS)


def test_shares_of_the_points_decide_between_honours_pass_and_fail():
    # Pass 0.6, honours 0.8; 9, 8, 6 and 5.9 of 10 points, and one who did nothing.
    course = students(graded_course(), 1, 2, 3, 4, 5)
    for user_id, points in enumerate((9.0, 8.0, 6.0, 5.9), start=1):
        grade(course, user_id, "H1", points)
    first, *others = rows(course)
    assert first == {
        "group_id": "course",
        "subsection": "H1",
        "assignment_type": "Homework",
        "honours": 2,
        "pass": 1,
        "fail": 1,
        "not_done": 1,
        "n_null": 0,
        "mean_ratio": pytest.approx(0.7225, rel=1e-12),  # (0.9 + 0.8 + 0.6 + 0.59) / 4
        "median_ratio": pytest.approx(0.7, rel=1e-12),
    }
    assert [row["subsection"] for row in others] == ["H2", "H3", "E1"]
    assert all(row["not_done"] == 5 and row["mean_ratio"] is None for row in others)


def test_who_cannot_see_a_subsection_is_in_n_null():
    course = students(graded_course(), 1, mode="verified")
    students(course, 2, mode="audit")
    course.add("block_access", block_key="E1", constraint_key="c", partition_id=50, group_id=2)
    grade(course, 1, "E1", 9.0)
    assert counts(course, "E1") == (1, 0, 0, 0, 1)


def test_subsections_unreleased_ungraded_or_without_a_type_have_no_row():
    course = students(graded_course(), 1)
    course.block("late", "sequential", under="C2", graded=True, assignment_type="Exam",
                 released_us="2025-01-01")  # fmt: skip
    course.block("team", "sequential", under="C2", graded=True, assignment_type="Exam",
                 visible_to_staff_only=True)  # fmt: skip
    course.block("free", "sequential", under="C2", graded=True)
    course.block("lesson", "sequential", under="C2", assignment_type="Exam")
    grade(course, 1, "H1", 9.0)
    assert [row["subsection"] for row in rows(course)] == ["H1", "H2", "H3", "E1"]


def test_one_released_at_as_of_has_a_row():
    course = students(graded_course(), 1)
    course.block("now", "sequential", under="C2", graded=True, assignment_type="Exam",
                 released_us=AS_OF)  # fmt: skip
    grade(course, 1, "H1", 9.0)
    assert rows(course)[-1]["subsection"] == "now"


def test_an_attempt_without_points_to_earn_cannot_be_classed():
    course = students(graded_course(), 1)
    grade(course, 1, "H1", 0.0, possible_graded=0.0)
    assert counts(course, "H1") == (0, 0, 0, 0, 1)
    assert rows(course)[0]["mean_ratio"] is None


def test_an_override_counts_as_an_attempt():
    course = students(graded_course(), 1)
    grade(course, 1, "H1", 10.0, first_attempted_us=None, overridden=True)
    assert counts(course, "H1") == (1, 0, 0, 0, 0)


def test_cohorts_are_counted_apart():
    course = students(graded_course(), 1, 2, cohort="A")
    students(course, 3, cohort="B")
    grade(course, 1, "H1", 9.0)
    grade(course, 3, "H1", 1.0)
    assert counts(course, "H1", group="cohort:A") == (1, 0, 0, 1, 0)
    assert counts(course, "H1", group="cohort:B") == (0, 0, 1, 0, 0)


def test_given_marks_move_the_classes():
    course = students(graded_course(), 1)
    grade(course, 1, "H1", 9.0)
    assert counts(course, "H1", pass_cutoff=0.5, honours_cutoff=0.95) == (0, 1, 0, 0, 0)


def test_the_course_team_and_those_who_left_do_not_count():
    course = students(graded_course(), 1)
    students(course, 2, is_staff=True)
    students(course, 3, is_active=False)
    for user_id in (1, 2, 3):
        grade(course, user_id, "H1", 9.0)
    assert counts(course, "H1") == (1, 0, 0, 0, 0)


def test_a_course_of_nobody_has_nothing_but_zeros():
    course = students(graded_course(), 1, is_staff=True)
    grade(course, 1, "H1", 9.0)
    assert counts(course, "H1") == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("missing", ["blocks", "subsection_grades"])
def test_without_its_sources_it_is_null_and_says_so(missing):
    course = students(graded_course(), 1)
    grade(course, 1, "H1", 9.0)
    del course.rows[missing]
    result = run_indicator("subsection_outcomes", course, as_of=AS_OF)
    assert missing in result.envelope.missing_source
    assert result.group["rows"].num_rows == 0
