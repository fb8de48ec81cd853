"""How often students came, worked out by hand."""

from __future__ import annotations

from acme_rhythm.rhythm import Rhythm

from courselens.testing import (
    CourseBuilder,
    Golden,
    check_indicator,
    group_rows,
    run_indicator,
    student_rows,
)
from courselens.testing.built import Course

KEY = "acme_rhythm"


def course() -> CourseBuilder:
    """1 comes every day, 2 on two days, 3 on one, 4 never."""
    course = CourseBuilder().course(start_us="2024-03-01")
    for user_id, days in ((1, 7), (2, 2), (3, 1), (4, 0)):
        course.student(user_id, cohort="Blue" if user_id < 3 else None)
        if days:
            comes = course.steps_of(user_id, "2024-03-01T10:00").opens("_info_")
            for _ in range(days - 1):
                comes.after(days=1).opens("_info_")
    return course


def test_every_student_has_a_rhythm():
    found = student_rows(run_indicator(KEY, course()))
    assert [rhythm for _, rhythm in found] == [
        Rhythm.DAILY,
        Rhythm.REGULAR,
        Rhythm.RARE,
        Rhythm.AWAY,
    ]


def test_groups_have_a_row_for_every_rhythm():
    result = run_indicator(KEY, course())
    assert group_rows(result, group="cohort:Blue") == [
        ("daily", 1), ("regular", 1), ("rare", 0), ("away", 0),
    ]  # fmt: skip


def test_a_simulated_course_says_what_it_said(simulated_course: Course, golden_rows: Golden):
    result = run_indicator(KEY, simulated_course, as_of="2025-02-12")
    golden_rows({"course": [{"rhythm": name, "learners": n} for name, n in group_rows(result)]})


def test_the_contract_holds(courselens_database_url: str):
    check_indicator(KEY, database_url=courselens_database_url)
