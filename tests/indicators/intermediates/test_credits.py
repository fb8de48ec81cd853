"""Credits of events, and their location."""

from __future__ import annotations

import pytest

from courselens.testing import CourseBuilder, worked_example
from tests.data.intermediates import rows_of


def credits_of(course: CourseBuilder, **options: object) -> list[tuple]:
    rows = rows_of("credits", course, **{"as_of": "2024-03-05"} | options)
    return [(row["location"], row["credit_us"] / 1e6, row["is_in_window"]) for row in rows]


def events(*rows: tuple[str, str, str | None]) -> CourseBuilder:
    course = CourseBuilder().student(1)
    for time, kind, location in rows:
        course.event(1, f"2024-03-04T{time}", kind, location)
    return course


def test_credits_of_the_worked_example():
    assert credits_of(worked_example()) == [
        ("S1", 120.0, True), ("V1", 60.0, True), ("V1", 120.0, True), ("S2", 300.0, True),
        ("P1", 120.0, True), ("P1", 480.0, True), ("P2", 0.0, True), ("S3", 600.0, True),
        ("P3", 60.0, True), ("P3", 0.0, True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "credits"),
    [
        ({}, [0, 1800, 0]),
        ({"gap_policy": "cap"}, [1800, 1800, 0]),
        ({"tail_s": 60}, [60, 1800, 60]),
        ({"gap_policy": "cap", "tail_s": 60}, [1800, 1800, 60]),
        ({"inactivity_s": 1799, "tail_s": 1800}, [1799, 1799, 1799]),  # a tail is at most T
    ],
)
def test_what_a_gap_earns(options, credits):
    course = events(("10:00", "page", "a"), ("10:30:01", "page", "a"), ("11:00:01", "page", "a"))
    assert [row[1] for row in credits_of(course, **options)] == credits


def test_nothing_is_earned_after_a_page_is_closed():
    course = events(("10:00", "page", "a"), ("10:01", "page_close", None), ("10:02", "page", "b"))
    found = credits_of(course, gap_policy="cap", tail_s=60)
    assert [row[1] for row in found] == [60.0, 0.0, 60.0]


def test_events_at_one_instant_follow_the_input():
    course = events(("10:00", "page", "a"), ("10:00", "page", "b"), ("10:01", "page", "c"))
    assert credits_of(course) == [("a", 0.0, True), ("b", 60.0, True), ("c", 0.0, True)]


def test_enrolment_and_other_learners_do_not_end_a_gap():
    course = events(("10:00", "page", "a"), ("10:10", "page", "a"))
    course.event(1, "2024-03-04T10:05", "edx.course.enrollment.mode_changed")
    course.event(2, "2024-03-04T10:06", "page", "a")
    assert [row[1] for row in credits_of(course)] == [600.0, 0.0, 0.0]


def test_a_credit_is_cut_at_both_borders():
    course = events(("10:00", "page", "a"), ("10:10", "page", "b"), ("10:20", "page", "c"))
    window = {"start": "2024-03-04T10:04", "end": "2024-03-04T10:11"}
    assert credits_of(course, **window) == [("a", 360.0, False), ("b", 60.0, True)]


def test_a_carried_location_is_lost_over_a_gap_of_more_than_the_limit():
    course = events(("10:00", "page", "a"), ("10:10", "x", None), ("10:40:01", "x", None),
                    ("10:41", "x", None), ("10:42", "page", "b"))  # fmt: skip
    assert [row[0] for row in credits_of(course)] == ["a", "a", "_course_", "_course_", "b"]
    assert [row[0] for row in credits_of(course, inactivity_s=7200)] == ["a", "a", "a", "a", "b"]
