"""Who counts, and why not."""

from __future__ import annotations

from datetime import datetime

import pytest

from courselens.domain import to_us
from courselens.testing import CourseBuilder
from tests.data.intermediates import result_of, rows_of

AS_OF = "2024-03-20"


def instant(text: str) -> int:
    return to_us(datetime.fromisoformat(text))


def reasons(course: CourseBuilder, **options: object) -> dict[int, str | None]:
    rows = rows_of("people", course, as_of=AS_OF, **options)
    return {row["user_id"]: row["reason"] for row in rows}


def enrol(course: CourseBuilder, user: int, when: str, change: str, **columns: object):
    return course.event(user, when, f"edx.course.enrollment.{change}", **columns)


def everybody() -> CourseBuilder:
    course = CourseBuilder().student(1).student(2, is_active=False).student(3, is_staff=True)
    course.student(4).student(5, username="retired__user_ab12").student(6).student(7)
    course.add("course_roles", user_id=4, role="instructor")
    course.add("course_roles", user_id=6, role="course_creator_group", course_key=None)
    course.add("course_roles", user_id=7, role="staff", course_key="", org="Org")
    return course


def test_team_retired_and_unenrolled_are_out_and_a_global_role_is_no_team():
    assert reasons(everybody()) == {
        1: None, 2: "unenrolled", 3: "staff", 4: "staff", 5: "retired", 6: None, 7: "staff",
    }  # fmt: skip


def test_whoever_is_asked_for_is_in_but_never_the_retired():
    found = reasons(everybody(), include_staff=True, include_unenrolled=True)
    assert [user for user, reason in found.items() if reason] == [5]


def test_ever_enrolled_adds_those_who_left_and_knows_their_state():
    rows = rows_of("ever_enrolled", everybody(), as_of=AS_OF)
    assert [(row["user_id"], row["is_enrolled"]) for row in rows] == [
        (1, True), (2, False), (6, True),
    ]  # fmt: skip


def test_without_roles_nobody_is_taken_out_and_the_envelope_says_so():
    course = CourseBuilder().student(1)
    assert not result_of("people", course, as_of=AS_OF).envelope.staff_excluded
    course.add("course_roles", user_id=9, role="staff")
    assert result_of("people", course, as_of=AS_OF).envelope.staff_excluded


@pytest.mark.parametrize(
    ("created", "activated", "first"),
    [
        ("2024-03-05", "2024-03-01T10:00", "2024-03-01T10:00"),
        ("2024-03-01", "2024-03-05", "2024-03-01"),
        (None, "2024-03-05", "2024-03-05"),
        ("2024-03-01", None, "2024-03-01"),
        (None, None, None),
    ],
)
def test_first_enrolment_is_the_earlier_of_row_and_event(created, activated, first):
    course = CourseBuilder().student(1, enrolled=created)
    if activated:
        enrol(course, 1, activated, "activated")
        enrol(course, 1, "2024-03-15", "activated")
    (row,) = rows_of("population", course, as_of=AS_OF)
    assert row["enrolled_us"] == (instant(first) if first else None)


@pytest.mark.parametrize(
    ("changes", "is_enrolled"),
    [
        (["activated"], True),
        (["activated", "deactivated"], False),
        (["activated", "deactivated", "activated"], True),
        (["mode_changed"], True),
        (["activated", "mode_changed"], True),
        (["activated", "deactivated", "mode_changed"], False),  # the mode of a left enrolment
        (["deactivated"], False),
    ],
)
def test_without_enrolment_rows_events_decide(changes, is_enrolled):
    course = CourseBuilder()
    for number, change in enumerate(changes):
        enrol(course, 1, f"2024-03-0{number + 1}", change, mode=f"mode{number}")
    result = result_of("people", course, as_of=AS_OF)
    (row,) = result.group["rows"].to_pylist()
    assert result.envelope.population_basis == "enr_events"
    assert (row["is_enrolled"], row["mode"]) == (is_enrolled, f"mode{len(changes) - 1}")
    assert row["enrolled_us"] == instant("2024-03-01")


def test_without_either_activity_decides():
    course = CourseBuilder().event(1, "2024-03-01", "page", "_info_")
    course.event(2, "2024-03-21", "page", "_info_")  # after as_of
    result = result_of("population", course, as_of=AS_OF)
    assert result.envelope.population_basis == "events"
    (row,) = result.group["rows"].to_pylist()
    assert (row["user_id"], row["username"], row["enrolled_us"]) == (1, "student1", None)


def test_activity_of_others_makes_nobody_a_student():
    course = CourseBuilder().student(1).event(2, "2024-03-01", "page", "_info_")
    assert [row["user_id"] for row in rows_of("population", course, as_of=AS_OF)] == [1]


def test_insights_counts_everybody_seen():
    course = everybody().event(8, "2024-03-01", "page", "_info_")
    rows = rows_of("population", course, as_of=AS_OF, definition="insights")
    assert [row["user_id"] for row in rows] == [1, 2, 3, 4, 6, 7, 8]


def test_profile_and_cohort_are_described():
    course = CourseBuilder().student(
        1, username="ann", cohort="A", mode="verified", year_of_birth=1990, gender="f",
        level_of_education="m", country="ES",
    )  # fmt: skip
    (row,) = rows_of("population", course, as_of=AS_OF)
    assert tuple(row.values())[:8] == (1, "ann", "verified", "A", 1990, "f", "m", "ES")
