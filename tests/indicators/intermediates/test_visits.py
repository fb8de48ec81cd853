"""Visits: arrivals by navigation."""

from __future__ import annotations

from courselens.testing import CourseBuilder, worked_example
from tests.data.intermediates import rows_of


def visits_of(course: CourseBuilder, **options: object) -> list[tuple[str | None, str]]:
    rows = rows_of("visits", course, **{"as_of": "2024-03-06"} | options)
    return [(row["previous_block_key"], row["block_key"]) for row in rows]


def moves(*rows: tuple) -> CourseBuilder:
    course = CourseBuilder().student(1)
    for time, kind, location, *positions in rows:
        old, new = positions or (None, None)
        course.event(1, f"2024-03-04T{time}", kind, location, old_position=old, new_position=new)
    return course


def test_visits_of_the_worked_example():
    # the second session begins with S3
    assert visits_of(worked_example()) == [(None, "S1"), ("S1", "S2"), (None, "S3")]


def test_staying_at_a_place_is_one_visit():
    course = moves(
        ("10:00", "page", "a"), ("10:01", "page", "a"), ("10:02", "play_video", "v"),
        ("10:03", "page", "a"), ("10:04", "page", "b"), ("10:05", "page", "a"),
    )  # fmt: skip
    assert visits_of(course) == [(None, "a"), ("a", "b"), ("b", "a")]


def test_a_session_begins_with_a_visit_even_to_the_same_place():
    course = moves(("10:00", "page", "a"), ("10:30:01", "page", "a"))
    assert visits_of(course) == [(None, "a"), (None, "a")]


def test_closing_a_page_and_moving_to_the_same_position_are_no_arrivals():
    course = moves(
        ("10:00", "page", "a"), ("10:01", "page_close", "z"),
        ("10:02", "seq_goto", "u2", 2, 2), ("10:03", "seq_next", "u3", 2, 3),
    )  # fmt: skip
    assert visits_of(course) == [(None, "a"), ("a", "u3")]


def test_a_visit_is_cut_by_the_window_after_it_was_formed():
    course = moves(("10:00", "page", "a"), ("10:10", "page", "a"), ("10:20", "page", "b"))
    assert visits_of(course, start="2024-03-04T10:05") == [("a", "b")]
