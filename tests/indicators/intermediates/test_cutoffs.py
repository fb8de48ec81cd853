"""Pass and honours marks."""

from __future__ import annotations

import pytest

from courselens.errors import BadParameter
from courselens.testing import CourseBuilder, run_indicator
from tests.data.graded_course import AS_OF, grade, graded_course
from tests.data.intermediates import rows_of


def marks(course, **parameters):
    (row,) = rows_of("cutoffs", course, as_of=AS_OF, **parameters)
    return row["pass_cutoff"], row["honours_cutoff"], row["cutoff_defaulted"]


def course_with(**columns):
    return CourseBuilder().course(**columns).block("course", "course")


def test_pass_mark_is_the_lowest_cutoff_of_the_policy_and_honours_half_way_to_one():
    assert marks(course_with(pass_cutoff=0.6, lowest_passing_grade=0.4)) == (0.6, 0.8, False)


def test_without_a_policy_the_overview_has_the_pass_mark():
    assert marks(course_with(lowest_passing_grade=0.4)) == (0.4, pytest.approx(0.7), False)


@pytest.mark.parametrize("course", [course_with(display_name="Course"), CourseBuilder()])
def test_without_any_pass_mark_it_is_a_half_and_said_to_be_a_default(course):
    course.student(1, enrolled="2024-03-04")
    assert marks(course) == (0.5, 0.75, True)


def test_given_marks_win():
    course = course_with(display_name="Course")
    assert marks(course, pass_cutoff=0.7, honours_cutoff=0.9) == (0.7, 0.9, False)


def test_a_given_honours_mark_below_the_pass_mark_of_the_policy_is_raised_to_it():
    assert marks(course_with(pass_cutoff=0.6), honours_cutoff=0.5) == (0.6, 0.6, False)


def test_given_marks_that_contradict_each_other_are_refused():
    with pytest.raises(BadParameter, match=r"honours_cutoff=0.5: allowed is a number from"):
        marks(course_with(pass_cutoff=0.6), pass_cutoff=0.7, honours_cutoff=0.5)


def test_results_that_rest_on_the_marks_say_which_they_are():
    course = graded_course(pass_cutoff=None).student(1, enrolled="2024-03-04")
    grade(course, 1, "H1", 10.0)
    result = run_indicator("subsection_outcomes", course, as_of=AS_OF)
    assert result.envelope.notes == {
        "pass_cutoff": 0.5,
        "honours_cutoff": 0.75,
        "cutoff_defaulted": True,
    }


def test_results_that_do_not_rest_on_the_marks_are_silent_about_them():
    result = run_indicator("course_module_counts", graded_course(), as_of=AS_OF)
    assert result.envelope.notes == {}
