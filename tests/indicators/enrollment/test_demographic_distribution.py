"""Students by what their profiles say."""

from __future__ import annotations

import pytest

from courselens.testing import CourseBuilder, group_rows, run_indicator

AS_OF = "2026-03-01"


def run(course, **parameters):
    result = run_indicator("demographic_distribution", course, as_of=AS_OF, **parameters)
    assert result.envelope.error is None
    return result


def values(course, dimension, group="course", **parameters):
    rows = group_rows(run(course, **parameters), "rows", group=group)
    return [row[1:] for row in rows if row[0] == dimension]


def counts(course, dimension, group="course", **parameters):
    """Values that somebody has."""
    return {
        value: learners
        for value, learners, _ in values(course, dimension, group, **parameters)
        if learners
    }


def unknown(course, group="course", **parameters):
    return dict(group_rows(run(course, **parameters), "unknown", group=group))


def of(**column):
    """A course with a student for each value of a profile's column."""
    ((name, given),) = column.items()
    course = CourseBuilder()
    for user_id, value in enumerate(given, start=1):
        course.student(user_id, **{name: value})
    return course


def test_the_hundred_learners_of_the_catalogue():
    course = of(gender=["f"] * 60 + ["m"] * 30 + [""] * 10)
    assert values(course, "gender") == [
        ("f", 60, pytest.approx(200 / 3)),
        ("m", 30, pytest.approx(100 / 3)),
        ("o", 0, 0.0),
    ]
    assert unknown(course)["gender"] == 10


def test_an_empty_value_is_unknown_like_a_missing_one():
    course = of(country=["", None, "ES"])
    assert values(course, "country") == [("ES", 1, 100.0)]
    assert unknown(course)["country"] == 2


def test_who_has_no_profile_is_unknown_in_everything():
    course = of(gender=["f"]).add("enrollments", user_id=2, is_active=True, mode="audit")
    assert counts(course, "gender") == {"f": 1}
    everything = ("year_of_birth", "age", "gender", "education", "country")
    assert unknown(course) == {name: 1 if name == "gender" else 2 for name in everything}


def test_ages_come_in_bands_and_years_of_birth_as_they_are():
    course = of(year_of_birth=[2001, 2000, 1986, 1985, 1985])  # 25, 26, 40, 41, 41 in 2026
    assert values(course, "age") == [("<=25", 1, 20.0), ("26-40", 2, 40.0), (">=41", 2, 40.0)]
    assert [row[:2] for row in values(course, "year_of_birth")] == [
        ("1985", 2), ("1986", 1), ("2000", 1), ("2001", 1),
    ]  # fmt: skip


def test_ages_that_cannot_be_are_unknown_and_so_are_the_years_behind_them():
    course = of(year_of_birth=[2021, 2022, 1906, 1905, 0, None, 3000])  # 5, 4, 120, 121, ...
    assert counts(course, "age") == {"<=25": 1, ">=41": 1}
    assert counts(course, "year_of_birth") == {"1906": 1, "2021": 1}
    assert unknown(course) == {
        "year_of_birth": 5, "age": 5, "gender": 7, "education": 7, "country": 7,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("as_of", "band"), [("2025-12-31T23:59:59", "<=25"), ("2026-01-01", "26-40")]
)
def test_age_is_that_of_the_year_of_as_of(as_of, band):
    result = run_indicator("demographic_distribution", of(year_of_birth=[2000]), as_of=as_of)
    ages = [row[1:3] for row in group_rows(result) if row[0] == "age"]
    assert (band, 1) in ages


def test_levels_of_education_come_in_bands_and_unknown_codes_are_other():
    known = ["none", "el", "jhs", "hs", "a", "b", "m", "p", "p_se", "p_oth", "other", "B", "x"]
    course = of(level_of_education=[*known, "", None])
    assert [row[:2] for row in values(course, "education")] == [
        ("high_school_or_less", 4), ("college", 2), ("advanced", 4), ("other", 3),
    ]  # fmt: skip
    assert unknown(course)["education"] == 2


def test_a_gender_that_the_platform_does_not_know_is_a_value_of_its_own():
    assert [row[:2] for row in values(of(gender=["x", "f"]), "gender")] == [
        ("f", 1), ("m", 0), ("o", 0), ("x", 1),
    ]  # fmt: skip


def test_pairs_leave_out_those_of_whom_either_is_unknown():
    course = CourseBuilder()
    people = [("f", 1990, "b"), ("f", 1990, "b"), ("m", 1990, ""), ("", 1990, "b"), ("m", 0, "hs")]
    for user_id, (gender, year, level) in enumerate(people, start=1):
        course.student(user_id, gender=gender, year_of_birth=year, level_of_education=level)
    assert group_rows(run(course), "by_gender") == [
        ("age", "26-40", "f", 2),
        ("age", "26-40", "m", 1),
        ("education", "high_school_or_less", "m", 1),
        ("education", "college", "f", 2),
    ]


def test_cohorts_and_tracks_are_counted_too():
    course = CourseBuilder().student(1, gender="f", cohort="A").student(2, gender="m", cohort="B")
    course.student(3, cohort="B", mode="verified")
    assert counts(course, "gender", group="cohort:B") == {"m": 1}
    assert unknown(course, group="cohort:B")["gender"] == 1
    assert unknown(course, group="mode:verified")["gender"] == 1


def test_the_team_and_those_who_left_count_when_asked_for():
    course = of(gender=["f"]).student(2, gender="m", is_staff=True)
    course.student(3, gender="o", is_active=False)
    assert counts(course, "gender") == {"f": 1}
    assert counts(course, "gender", include_staff=True) == {"f": 1, "m": 1}
    assert counts(course, "gender", include_unenrolled=True) == {"f": 1, "o": 1}


def test_a_course_of_nobody_has_zeros_and_no_percent():
    course = of(gender=["f"])
    course.rows["enrollments"][0]["is_active"] = False
    assert values(course, "gender") == [("f", 0, None), ("m", 0, None), ("o", 0, None)]
    assert values(course, "country") == []
    assert set(unknown(course).values()) == {0}
    assert group_rows(run(course), "by_gender") == []


def test_a_dimension_that_nobody_told_has_no_percent():
    course = of(gender=[None, ""])
    assert values(course, "gender")[0] == ("f", 0, None)
    assert unknown(course)["gender"] == 2


def test_without_profiles_there_is_no_result_and_it_says_so():
    course = CourseBuilder().add("enrollments", user_id=1, is_active=True, mode="audit")
    result = run(course)
    assert result.envelope.missing_source == ("profiles",)
    assert group_rows(result, "rows") == []
