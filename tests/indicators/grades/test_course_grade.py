"""Course grades of students and their statistics."""

from __future__ import annotations

import pytest

from courselens.testing import CourseBuilder, run_indicator, run_live_students
from indicators.grades.course_grade import CourseGrade
from tests.data.graded_course import AS_OF, grade, graded_course


def course_of(*grades: tuple[float | None, bool], cohorts: str = "") -> CourseBuilder:
    """Learners 1, 2 ... by (percent grade, whether something graded was attempted)."""
    course = graded_course()
    for user_id, (percent, attempted) in enumerate(grades, start=1):
        cohort = cohorts[user_id - 1] if cohorts else None
        course.student(user_id, enrolled="2024-03-04", cohort=cohort)
        if percent is not None:
            letter = "Pass" if percent >= 0.6 else ""
            course.add("course_grades", user_id=user_id, percent_grade=percent, letter_grade=letter)
        if attempted:
            grade(course, user_id, "H1", 5.0)
    course.rows.setdefault("course_grades", [])
    course.rows.setdefault("subsection_grades", [])
    return course


def run(course, **parameters):
    return run_indicator("course_grade", course, as_of=AS_OF, **parameters)


def statistics(result, group="course"):
    (row,) = [row for row in result.group["values"].to_pylist() if row["group_id"] == group]
    return row


def learners_by_bin(result, group="course"):
    return [row["learners"] for row in result.group["bins"].to_pylist() if row["group_id"] == group]


def test_a_student_has_the_persistent_grade_or_null():
    result = run(course_of((0.72, True), (0.31, True), (None, True)))
    assert result.student["values"].to_pylist() == [
        {"user_id": 1, "ratio": 0.72, "letter_grade": "Pass", "passed": True},
        {"user_id": 2, "ratio": 0.31, "letter_grade": None, "passed": False},
        {"user_id": 3, "ratio": None, "letter_grade": None, "passed": None},
    ]


async def test_a_grade_read_now_is_the_one_that_is_computed():
    course = course_of((0.72, True), (0.31, True), (None, True), (0.6, False))
    computed = {
        row.pop("user_id"): CourseGrade(**row) for row in run(course).student["values"].to_pylist()
    }
    unknown = CourseGrade(None, None, None)
    found = await run_live_students("course_grade", course, [1, 2, 3])
    assert set(found) == {1, 2}
    assert {user_id: found.get(user_id, unknown) for user_id in (1, 2, 3)} == {
        user_id: computed[user_id] for user_id in (1, 2, 3)
    }


def test_statistics_are_over_those_who_attempted_something_graded():
    # 0.2, 0.4, 0.9: mean 0.5, deviations 0.3, 0.1, 0.4: sd = sqrt((0.09 + 0.01 + 0.16) / 2).
    # Neither the one without a grade nor the one who never tried counts.
    result = run(course_of((0.2, True), (0.4, True), (0.9, True), (None, True), (0.0, False)))
    assert statistics(result) == {
        "group_id": "course",
        "n": 3,
        "n_null": 2,
        "mean": pytest.approx(0.5, rel=1e-12),
        "sd": pytest.approx(0.13**0.5, rel=1e-12),
        "median": 0.4,
        "p25": pytest.approx(0.3, rel=1e-12),
        "p75": pytest.approx(0.65, rel=1e-12),
        "passed_learners": 1,
    }


def test_with_denominator_all_the_rest_count_as_zero():
    # 0.2, 0.4, 0.9 and one 0: mean 1.5 / 4; the attempter without a grade stays unknown.
    course = course_of((0.2, True), (0.4, True), (0.9, True), (None, True), (None, False))
    found = statistics(run(course, denominator="all"))
    assert (found["n"], found["n_null"]) == (4, 1)
    assert found["mean"] == pytest.approx(0.375, rel=1e-12)
    assert found["median"] == pytest.approx(0.3, rel=1e-12)
    assert found["passed_learners"] == 1


def test_the_ten_bins_are_closed_below_and_the_last_above_too():
    ratios = (0.0, 0.09, 0.1, 0.29, 0.3, 0.7, 0.9, 1.0, 1.05)
    result = run(course_of(*((ratio, True) for ratio in ratios)))
    assert learners_by_bin(result) == [2, 1, 1, 1, 0, 0, 0, 1, 0, 3]
    rows = result.group["bins"].to_pylist()[:10]
    assert [(row["lower_ratio"], row["upper_ratio"]) for row in rows] == [
        (0.0, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5),
        (0.5, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.0),
    ]  # fmt: skip


def test_one_attempter_has_no_standard_deviation():
    found = statistics(run(course_of((0.4, True))))
    assert (found["n"], found["mean"], found["sd"]) == (1, 0.4, None)


def test_where_nobody_attempted_anything_statistics_and_bins_are_null():
    result = run(course_of((0.0, False), (None, False)))
    assert statistics(result) == {
        "group_id": "course",
        "n": 0,
        "n_null": 2,
        **dict.fromkeys(("mean", "sd", "median", "p25", "p75")),
        "passed_learners": 0,
    }
    assert learners_by_bin(result) == [None] * 10


def test_a_course_of_nobody_has_nothing_but_zeros():
    course = course_of().student(1, enrolled="2024-03-04", is_staff=True)
    result = run(course)
    assert result.student["values"].num_rows == 0
    found = statistics(result)
    assert (found["n"], found["n_null"], found["mean"]) == (0, 0, None)


def test_cohorts_are_counted_apart():
    result = run(course_of((0.2, True), (0.4, True), (0.9, True), cohorts="AAB"))
    assert statistics(result, "cohort:A")["mean"] == pytest.approx(0.3, rel=1e-12)
    assert statistics(result, "cohort:B")["passed_learners"] == 1
    assert learners_by_bin(result, "cohort:B") == [0] * 9 + [1]


def test_the_course_team_and_those_who_left_do_not_count():
    course = course_of((0.2, True))
    course.student(8, enrolled="2024-03-04", is_staff=True)
    course.student(9, enrolled="2024-03-04", is_active=False)
    for user_id in (8, 9):
        course.add("course_grades", user_id=user_id, percent_grade=1.0, letter_grade="Pass")
        grade(course, user_id, "H1", 5.0)
    result = run(course)
    assert statistics(result)["n"] == 1
    assert statistics(result)["passed_learners"] == 0
    assert result.student["values"].column("user_id").to_pylist() == [1]


def test_no_free_summary_contradicts_the_statistics_of_attempters():
    result = run(course_of((0.2, True), (0.0, False)))
    assert result.summaries.num_rows == 0
    assert result.standing.num_rows == 2


@pytest.mark.parametrize("missing", ["course_grades", "subsection_grades"])
def test_without_its_sources_it_is_null_and_says_so(missing):
    course = course_of((0.2, True))
    del course.rows[missing]
    result = run(course)
    assert missing in result.envelope.missing_source
    assert result.student["values"].to_pylist() == [
        {"user_id": 1, "ratio": None, "letter_grade": None, "passed": None}
    ]
