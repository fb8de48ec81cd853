"""Enrolment by day and mode."""

from __future__ import annotations

from datetime import date

import pytest

from courselens.testing import CourseBuilder, group_rows, run_indicator


def day(number: int) -> date:
    return date(2024, 3, number)


def enrol(course: CourseBuilder, user: int, when: str, change: str, mode: str | None = "audit"):
    moment = when if "T" in when else f"{when}T12:00:00"
    return course.event(user, moment, f"edx.course.enrollment.{change}", mode=mode)


def daily(course: CourseBuilder, *, group: str = "course", **options: object) -> list:
    window = {"start": "2024-03-01", "as_of": "2024-03-05", "levels": ("course",)}
    covered = {"covered": ("2024-03-01", "2024-03-04")}
    result = run_indicator("enrollment_daily", course, **(window | covered | options))  # type: ignore[arg-type]
    return group_rows(result, group=group)


def test_a_learner_is_enrolled_until_the_day_of_leaving():
    course = enrol(CourseBuilder().student(1), 1, "2024-03-01", "activated")
    enrol(course, 1, "2024-03-04", "deactivated")
    # (day, mode, enrolled, joined, left, ever enrolled)
    assert daily(course) == [
        (day(1), "audit", 1, 1, 0, 1),
        (day(2), "audit", 1, 0, 0, 1),
        (day(3), "audit", 1, 0, 0, 1),
        (day(4), "audit", 0, 0, 1, 1),
    ]


@pytest.mark.parametrize(("definition", "moves"), [("courselens", (1, 1)), ("insights", (0, 0))])
def test_joining_and_leaving_on_one_day(definition: str, moves: tuple[int, int]):
    course = enrol(CourseBuilder().student(1), 1, "2024-03-02T10:00:00", "activated")
    enrol(course, 1, "2024-03-02T11:00:00", "deactivated")
    assert daily(course, definition=definition)[1] == (day(2), "audit", 0, *moves, 1)


@pytest.mark.parametrize(
    ("changes", "states"),
    [
        ([("deactivated", 2)], [0, 0, 0, 0]),
        ([("mode_changed", 2)], [0, 1, 1, 1]),
        ([("mode_changed", 2), ("deactivated", 3), ("mode_changed", 4)], [0, 1, 0, 0]),
        ([("activated", 2), ("activated", 3)], [0, 1, 1, 1]),
        ([("activated", 1), ("deactivated", 2), ("activated", 4)], [1, 0, 0, 1]),
    ],
)
def test_enrolment_follows_the_events_in_order(changes: list, states: list[int]):
    course = CourseBuilder().student(1)
    for change, number in changes:
        enrol(course, 1, f"2024-03-0{number}", change)
    rows = daily(course)
    assert [row[2] for row in rows] == states
    before = [0, *states]
    assert [row[3] - row[4] for row in rows] == [
        now - then for then, now in zip(before, states, strict=False)
    ]


def test_a_change_of_mode_moves_a_learner_without_joining_or_leaving():
    course = enrol(CourseBuilder().student(1), 1, "2024-03-01", "activated")
    enrol(course, 1, "2024-03-03", "mode_changed", "verified")
    assert daily(course) == [
        (day(1), "audit", 1, 1, 0, 1), (day(1), "verified", 0, 0, 0, 0),
        (day(2), "audit", 1, 0, 0, 1), (day(2), "verified", 0, 0, 0, 0),
        (day(3), "audit", 0, 0, 0, 0), (day(3), "verified", 1, 0, 0, 1),
        (day(4), "audit", 0, 0, 0, 0), (day(4), "verified", 1, 0, 0, 1),
    ]  # fmt: skip


def test_a_mode_that_no_event_names_is_unknown_and_a_known_one_is_kept():
    course = enrol(CourseBuilder().student(1).student(2), 1, "2024-03-01", "activated", None)
    enrol(course, 2, "2024-03-01", "activated", "honor")
    enrol(course, 2, "2024-03-02", "deactivated", "")
    assert daily(course)[:4] == [
        (day(1), "honor", 1, 1, 0, 1), (day(1), "unknown", 1, 1, 0, 1),
        (day(2), "honor", 0, 0, 1, 1), (day(2), "unknown", 1, 0, 0, 1),
    ]  # fmt: skip


def test_what_happened_before_the_window_counts_as_the_state_at_its_start():
    course = enrol(CourseBuilder().student(1).student(2), 1, "2024-02-01", "activated")
    enrol(course, 2, "2024-02-01", "activated")
    enrol(course, 2, "2024-03-02T08:00:00", "deactivated")
    rows = daily(course, start="2024-03-02T10:00:00", covered=("2024-02-01", "2024-03-04"))
    assert rows[0] == (day(2), "audit", 1, 0, 0, 2)


def test_days_without_logs_are_null():
    course = enrol(CourseBuilder().student(1), 1, "2024-03-02", "activated")
    assert [row[2:] for row in daily(course, covered=("2024-03-02", "2024-03-03"))] == [
        (None, None, None, None), (1, 1, 0, 1), (1, 0, 0, 1), (None, None, None, None),
    ]  # fmt: skip


def test_days_are_those_of_the_time_zone():
    course = enrol(CourseBuilder().student(1), 1, "2024-03-01T23:30:00", "activated")
    rows = daily(course, start="2024-03-01T12:00:00", tz="Europe/Madrid")
    assert [(row[0], row[3]) for row in rows] == [
        (day(1), 0), (day(2), 1), (day(3), 0), (day(4), 0), (day(5), 0),
    ]  # fmt: skip


def test_who_left_is_part_of_it_and_the_team_is_not():
    course = enrol(CourseBuilder().student(1, is_active=False), 1, "2024-03-01", "activated")
    enrol(course.student(9, is_staff=True), 9, "2024-03-01", "activated")
    assert daily(course)[0][2] == 1
    assert daily(course, definition="insights")[0][2] == 2


def test_cohorts_are_counted_apart():
    course = CourseBuilder().student(1, cohort="A").student(2, cohort="B")
    enrol(enrol(course, 1, "2024-03-01", "activated"), 2, "2024-03-03", "activated", "honor")
    rows = daily(course, levels=("course", "group"), group="cohort:B")
    assert [row[1:3] for row in rows] == [("honor", 0), ("honor", 0), ("honor", 1), ("honor", 1)]


def test_without_enrolment_events_the_rows_history_tells():
    course = CourseBuilder().student(1, enrolled="2024-03-01", is_active=False)
    for number, (when, is_active) in enumerate((("2024-03-01", True), ("2024-03-03", False))):
        course.add("enrollment_history", history_id=number, user_id=1, changed_us=when,
                   is_active=is_active, mode="audit")  # fmt: skip
    result = run_indicator("enrollment_daily", course, start="2024-03-01", as_of="2024-03-05")
    assert [row[2:5] for row in group_rows(result)] == [(1, 1, 0), (1, 0, 0), (0, 0, 1), (0, 0, 0)]
    assert group_rows(result, "values") == [("history",)]


def test_without_a_history_rows_know_joining_only():
    course = CourseBuilder().student(1, enrolled="2024-03-02", is_active=False).student(2)
    result = run_indicator("enrollment_daily", course, start="2024-03-01", as_of="2024-03-04")
    assert [row[2:] for row in group_rows(result)] == [(0, 0, 0, 0), (1, 1, 0, 1), (1, 0, 0, 1)]
    assert group_rows(result, "values") == [("snapshot",)]


def test_an_empty_window_has_no_days():
    course = enrol(CourseBuilder().student(1), 1, "2024-03-01", "activated")
    assert daily(course, start="2024-03-05", end="2024-03-05") == []
