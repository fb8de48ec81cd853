"""Hints shown."""

from __future__ import annotations

from courselens.testing import CourseBuilder
from tests.data.intermediates import rows_of

HINT = "edx.problem.hint.demandhint_displayed"


def test_hints_shown_in_the_window_are_told_by_problem():
    course = CourseBuilder().student(1)
    course.event(1, "2024-03-04T10:00", HINT, "P1", hint_index=0, hint_len=2)
    course.event(1, "2024-03-04T10:05", HINT, "P1", hint_index=1, hint_len=2)
    course.event(1, "2024-03-04T10:06", "edx.problem.hint.feedback_displayed", "P1")
    course.event(1, "2024-03-04T10:07", HINT, hint_index=0, hint_len=1)  # names no problem
    course.event(1, "2024-03-04T11:00", HINT, "P1", hint_index=0, hint_len=2)
    rows = rows_of("hints", course, start="2024-03-04T10:00", end="2024-03-04T11:00")
    assert [(r["problem"], r["event_id"], r["hint_index"], r["hint_len"]) for r in rows] == [
        ("P1", 0, 0, 2),
        ("P1", 1, 1, 2),
    ]
