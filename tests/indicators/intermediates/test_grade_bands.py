"""Bands of learners by their course grade."""

from __future__ import annotations

from courselens.plugin import intermediate
from courselens.testing import CourseBuilder
from indicators.context import Times
from indicators.engine import open_engine
from indicators.plan import make_plan
from indicators.registry import Declaration, Registry, load_registry
from indicators.run import run_plan
from tests.data.graded_course import AS_OF, grade, graded_course
from tests.data.intermediates import result_of, rows_of


def banded_course() -> CourseBuilder:
    """Pass 0.6, so honours 0.8: one learner of each band, one who never tried despite a grade."""
    course = graded_course()
    for user_id, percent in enumerate([0.8, 0.6, 0.59, None, None, 0.9], start=1):
        course.student(user_id, enrolled="2024-03-04")
        if percent is not None:
            course.add("course_grades", user_id=user_id, percent_grade=percent, letter_grade="")
    for user_id in (1, 2, 3, 5):
        grade(course, user_id, "H1", 5.0)
    return course


def bands(course, **options):
    rows = rows_of("grade_bands", course, as_of=AS_OF, **options)
    return {row["user_id"]: row["grade_band"] for row in rows}


def test_bands_follow_the_course_grade_of_those_who_attempted_something_graded():
    assert bands(banded_course()) == {
        1: "honours",
        2: "pass",
        3: "fail",
        4: "not_done",
        5: "unknown",  # attempted, but there is no course grade
        6: "not_done",  # a course grade, but nothing attempted
    }


def test_given_marks_move_the_bands():
    found = bands(banded_course(), pass_cutoff=0.5, honours_cutoff=0.55)
    assert (found[1], found[2], found[3]) == ("honours", "honours", "honours")


def test_a_grade_within_a_billionth_of_a_mark_reaches_it():
    course = graded_course(pass_cutoff=0.7).student(1, enrolled="2024-03-04")
    grade(course, 1, "H1", 5.0)
    course.add("course_grades", user_id=1, percent_grade=0.1 + 0.2 + 0.4 - 1e-12)
    assert bands(course) == {1: "pass"}


def test_those_who_left_have_a_band_and_the_team_has_none():
    course = graded_course().student(1, enrolled="2024-03-04", is_active=False)
    course.student(2, enrolled="2024-03-04", is_staff=True)
    for user_id in (1, 2):
        grade(course, user_id, "H1", 5.0)
        course.add("course_grades", user_id=user_id, percent_grade=0.6)
    assert bands(course) == {1: "pass"}


def test_without_course_grades_there_are_no_bands():
    course = graded_course().student(1, enrolled="2024-03-04")
    grade(course, 1, "H1", 5.0)
    assert result_of("grade_bands", course, as_of=AS_OF).envelope.missing_source == (
        "course_grades",
    )


def roster_of(course, tmp_path, *keys, registry=None):
    registry = registry or load_registry()
    with open_engine(readable=[tmp_path]) as engine:
        results = run_plan(
            registry,
            make_plan(registry, keys, full_roster=True),
            course.data(tmp_path),
            engine=engine,
            times=Times(now_us=2_000_000_000_000_000),
        )
    return {row["user_id"]: row["grade_band"] for row in results.roster.students.to_pylist()}


def test_a_full_roster_has_the_bands_whatever_is_asked_for(tmp_path):
    found = roster_of(banded_course(), tmp_path, "course_module_counts")
    assert (found[1], found[4], found[5]) == ("honours", "not_done", "unknown")


def test_a_roster_without_grades_in_the_source_has_no_bands(tmp_path):
    course = graded_course().student(1, enrolled="2024-03-04")
    assert roster_of(course, tmp_path, "course_module_counts") == {1: None}


def test_bands_that_fail_leave_the_roster_without_them(tmp_path):
    @intermediate(name="grade_bands", columns={"user_id": "int", "grade_band": "string"})
    def broken(t, p):
        raise ValueError("on purpose")

    installed = load_registry()
    known = {**installed.intermediates, "grade_bands": broken}
    known["course_module_counts"] = installed.indicator("course_module_counts")
    registry = Registry(Declaration(key, "courselens", "", one) for key, one in known.items())
    found = roster_of(banded_course(), tmp_path, "course_module_counts", registry=registry)
    assert set(found.values()) == {None}
