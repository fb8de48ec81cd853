"""Courses that read like sentences say what they seem to say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from courselens.domain import from_us
from courselens.testing import BuiltCourse, CourseBuilder, run_indicator, sample_course


def test_a_place_adds_the_blocks_on_the_way_once_and_in_order():
    course = CourseBuilder().video("V1", "C1/S1/U1", seconds=90.0)
    course.problem("P1", "C1/S2/U2", graded_as="Homework").problem("P2", "C1/S2/U2", points=3.0)
    blocks = course.tables()["blocks"].to_pylist()
    assert [(row["block_key"], row["parent_key"], row["depth"]) for row in blocks] == [
        ("course", None, 0), ("C1", "course", 1), ("S1", "C1", 2), ("U1", "S1", 3), ("V1", "U1", 4),
        ("S2", "C1", 2), ("U2", "S2", 3), ("P1", "U2", 4), ("P2", "U2", 4),
    ]  # fmt: skip
    assert [row["position"] for row in blocks] == list(range(9))
    (problem,) = (row for row in blocks if row["block_key"] == "P2")
    assert (problem["graded"], problem["assignment_type"], problem["weight"]) == (
        True, "Homework", 3.0,
    )  # fmt: skip
    assert [row["graded"] for row in blocks[:5]] == [False] * 5


def test_blocks_come_in_the_order_of_the_course():
    course = CourseBuilder().problem("P1", "C1/S1/U1").problem("P2", "C2/S2/U2")
    with pytest.raises(ValueError, match="C1/S1/U9: C1 is over"):
        course.problem("P3", "C1/S1/U9")


def test_steps_are_events_of_one_student_in_their_time():
    course = CourseBuilder().student(7)
    steps = course.steps_of(7, "2024-03-04T10:00").opens("S1").after(minutes=2).plays("V1")
    steps.after(seconds=30).pauses("V1", at=30.0).at("11:00").answers("P1", correct=False)
    steps.after(days=1).answers("P1", correct=True, points=2.0).leaves()
    rows = course.tables()["events"].to_pylist()
    assert [(row["event_type"], row["location"], from_us(row["ts_us"])) for row in rows] == [
        ("/courseware", "S1", datetime(2024, 3, 4, 10, tzinfo=UTC)),
        ("play_video", "V1", datetime(2024, 3, 4, 10, 2, tzinfo=UTC)),
        ("pause_video", "V1", datetime(2024, 3, 4, 10, 2, 30, tzinfo=UTC)),
        ("problem_check", "P1", datetime(2024, 3, 4, 11, tzinfo=UTC)),
        ("problem_check", "P1", datetime(2024, 3, 5, 11, tzinfo=UTC)),
        ("page_close", "P1", datetime(2024, 3, 5, 11, tzinfo=UTC)),
    ]
    checks = [(row["success"], row["attempt"], row["grade"], row["max_grade"]) for row in rows[3:5]]
    assert checks == [("incorrect", 1, 0.0, 1.0), ("correct", 2, 2.0, 2.0)]


def test_a_step_into_the_past_is_refused():
    steps = CourseBuilder().steps_of(7, "2024-03-04T10:00").opens("S1")
    with pytest.raises(ValueError, match="student 7 is at 2024-03-04 10:00:00 already"):
        steps.at("09:59")


def test_a_variant_of_some_students_has_never_seen_the_others():
    variant = BuiltCourse.of(sample_course()).of_students({2, 5})
    for name, table in variant.tables().items():
        if "user_id" in table.column_names:
            assert set(table.column("user_id").to_pylist()) <= {2, 5}, name
    result = run_indicator("active_days", variant)
    assert result.student["values"].to_pylist() == [
        {"user_id": 2, "days": 2},  # from 23:50 to past midnight
        {"user_id": 5, "days": 1},
    ]


def test_a_shuffled_course_has_the_same_rows_in_another_order():
    course = BuiltCourse.of(sample_course())
    before, after = course.tables()["events"], course.shuffled(1).tables()["events"]
    assert before.to_pylist() != after.to_pylist()
    assert before.sort_by("event_id").to_pylist() == after.sort_by("event_id").to_pylist()
