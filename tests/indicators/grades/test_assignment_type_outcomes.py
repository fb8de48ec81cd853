"""Outcomes per assignment type."""

from __future__ import annotations

import pytest

from courselens.testing import CourseBuilder, run_indicator
from tests.data.graded_course import AS_OF, grade, graded_course

COUNTS = ("honours", "pass", "fail", "not_done", "n_null")


def students(course, *user_ids, **columns):
    for user_id in user_ids:
        course.student(user_id, enrolled="2024-03-04", **columns)
    return course


def run(course, **parameters):
    result = run_indicator("assignment_type_outcomes", course, as_of=AS_OF, **parameters)
    assert result.envelope.error is None
    return result


def counts(course, assignment_type="Homework", group="course", **parameters):
    (row,) = [
        row
        for row in run(course, **parameters).group["rows"].to_pylist()
        if (row["assignment_type"], row["group_id"]) == (assignment_type, group)
    ]
    return tuple(row[name] for name in COUNTS)


def total(course, group="course", **parameters):
    rows = run(course, **parameters).group["total"].to_pylist()
    (row,) = [row for row in rows if row["group_id"] == group]
    return tuple(row[name] for name in COUNTS)


def one_exam_each(*points: float | None) -> CourseBuilder:
    course = students(graded_course(), *range(1, len(points) + 1))
    for user_id, earned in enumerate(points, start=1):
        if earned is not None:
            grade(course, user_id, "E1", earned)
    return course


def test_the_five_learners_of_the_catalogue():
    # Pass 0.6, so honours 0.8; s = 0.90, 0.80, 0.60, 0.59, none.
    assert counts(one_exam_each(9.0, 8.0, 6.0, 5.9, None), "Exam") == (2, 1, 1, 1, 0)


@pytest.mark.parametrize(
    ("category_score", "expected"),
    [
        ("platform", (0, 1, 0, 0, 0)),  # (0.9 + 0.3) / 2 = 0.60 after dropping the missing one
        ("points", (0, 0, 1, 0, 0)),  # (9 + 3 + 0) / 30 = 0.40
    ],
)
def test_the_drops_of_the_catalogue(category_score, expected):
    course = students(graded_course(), 1)
    grade(course, 1, "H1", 9.0)
    grade(course, 1, "H2", 3.0)
    assert counts(course, category_score=category_score) == expected


@pytest.mark.parametrize(("drops", "expected"), [(0, "fail"), (1, "pass"), (2, "honours")])
def test_the_lowest_shares_are_dropped(drops, expected):
    # 1.0, 0.2, 0.5: mean 0.567, without the lowest 0.75, without the two lowest 1.
    course = students(graded_course(), 1)
    course.rows["grading_policy"][0]["drop_count"] = drops
    for subsection, points in (("H1", 10.0), ("H2", 2.0), ("H3", 5.0)):
        grade(course, 1, subsection, points)
    assert counts(course)[COUNTS.index(expected)] == 1


def test_drops_leave_at_least_one_subsection():
    course = students(graded_course(), 1)
    course.rows["grading_policy"][0]["drop_count"] = 7
    grade(course, 1, "H1", 9.0)
    assert counts(course) == (1, 0, 0, 0, 0)


def test_unreleased_subsections_do_not_count():
    # Of H1 1.0, H2 0.0 and a later H3 one is dropped: 1.0; with H3 it would be 0.5.
    course = students(graded_course(), 1)
    (late,) = [row for row in course.rows["blocks"] if row["block_key"] == "H3"]
    late["released_us"] = 1_900_000_000_000_000
    grade(course, 1, "H1", 10.0)
    assert counts(course) == (1, 0, 0, 0, 0)


def test_a_subsection_that_a_learner_cannot_see_does_not_count_for_them():
    # H2 and H3 are for verified learners: of the other H1 alone is left, nothing to drop.
    course = students(graded_course(), 1, mode="audit")
    students(course, 2, mode="verified")
    for key in ("H2", "H3"):
        course.add("block_access", block_key=key, constraint_key=key, partition_id=50, group_id=2)
    for user_id in (1, 2):
        grade(course, user_id, "H1", 7.0)
    assert counts(course) == (0, 1, 1, 0, 0)  # 0.7, and (0.7 + 0) / 2


def test_who_sees_no_subsection_of_a_type_is_in_n_null():
    course = students(graded_course(), 1, 2)
    course.add("block_access", block_key="E1", constraint_key="E1", partition_id=50, group_id=2)
    grade(course, 1, "H1", 7.0)
    assert counts(course, "Exam") == (0, 0, 0, 0, 2)


def test_a_subsection_without_points_is_left_out_of_the_mean():
    # H2 has no points for this learner: H1 0.7 and H3 0, the lowest dropped.
    course = students(graded_course(), 1)
    grade(course, 1, "H1", 7.0)
    grade(course, 1, "H2", 0.0, possible_graded=0.0)
    assert counts(course) == (0, 1, 0, 0, 0)


def test_a_type_without_released_subsections_has_null_counts():
    course = students(graded_course(), 1, 2)
    course.add("grading_policy", assignment_type="Lab", position=2, drop_count=0, weight=0.0)
    grade(course, 1, "H1", 7.0)
    assert counts(course, "Lab") == (None, None, None, None, 2)


def test_types_come_in_the_order_of_the_policy_and_those_of_no_weight_are_shown():
    course = students(graded_course(), 1)
    course.rows["grading_policy"][0]["weight"] = 0.0
    grade(course, 1, "H1", 9.0)
    rows = run(course).group["rows"].to_pylist()
    types = [row["assignment_type"] for row in rows if row["group_id"] == "course"]
    assert types == ["Homework", "Exam"]


def test_subsections_of_no_type_or_of_one_that_the_policy_does_not_know_are_ignored():
    course = students(graded_course(), 1)
    course.block("free", "sequential", under="C1", graded=True)
    course.block("other", "sequential", under="C1", graded=True, assignment_type="Essay")
    for subsection in ("free", "other"):
        grade(course, 1, subsection, 10.0)
    assert counts(course) == (0, 0, 0, 1, 0)


def test_counts_of_cohorts_add_up_to_the_cohorts():
    course = students(graded_course(), 1, 2, cohort="A")
    students(course, 3, cohort="B")
    grade(course, 1, "E1", 9.0)
    grade(course, 3, "E1", 1.0)
    assert counts(course, "Exam", group="cohort:A") == (1, 0, 0, 1, 0)
    assert counts(course, "Exam", group="cohort:B") == (0, 0, 1, 0, 0)


def test_the_total_counts_the_bands_of_the_course_grade():
    course = one_exam_each(9.0, 8.0, 6.0, None, 5.0)
    for user_id, percent in ((1, 0.8), (2, 0.6), (3, 0.2)):
        course.add("course_grades", user_id=user_id, percent_grade=percent)
    assert total(course) == (1, 1, 1, 1, 1)  # learner 5 tried and has no course grade


def test_without_course_grades_only_the_total_is_null():
    course = one_exam_each(9.0)
    assert total(course) == (None, None, None, None, None)
    assert counts(course, "Exam") == (1, 0, 0, 0, 0)


def test_the_course_team_and_those_who_left_do_not_count():
    course = one_exam_each(9.0)
    students(course, 2, is_staff=True)
    students(course, 3, is_active=False)
    for user_id in (2, 3):
        grade(course, user_id, "E1", 9.0)
    assert counts(course, "Exam") == (1, 0, 0, 0, 0)
    assert counts(course, "Exam", include_staff=True, include_unenrolled=True)[0] == 3


def test_without_persistent_grades_states_make_the_scores():
    course = students(graded_course(), 1)
    course.add("module_states", user_id=1, block_key="E1-problem", block_type="problem",
               grade=3.0, max_grade=4.0, attempts=1)  # fmt: skip
    assert counts(course, "Exam") == (0, 1, 0, 0, 0)  # 0.75


def test_a_course_of_nobody_has_nothing_but_zeros():
    course = students(graded_course(), 1, is_staff=True)
    grade(course, 1, "H1", 9.0)
    assert counts(course) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("missing", ["blocks", "grading_policy", "subsection_grades"])
def test_without_its_sources_it_is_null_and_says_so(missing):
    course = one_exam_each(9.0)
    del course.rows[missing]
    result = run(course)
    assert missing in result.envelope.missing_source
    assert result.group["rows"].num_rows == 0
    assert result.group["total"].to_pylist()[0]["honours"] is None
