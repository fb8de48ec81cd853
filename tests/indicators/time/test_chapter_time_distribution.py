"""Time per chapter and its shares."""

from __future__ import annotations

import pytest

from courselens.testing import (
    CourseBuilder,
    group_rows,
    run_indicator,
    student_rows,
    worked_example,
)


def three_learners() -> CourseBuilder:
    """C1: 10 s, 20 s, 60 s; C2: only learner 3, 30 s; learner 4 never came."""
    course = CourseBuilder().course(start_us="2024-03-04")
    course.block("course", "course")
    course.block("C1", "chapter", under="course").block("C2", "chapter", under="course")
    course.block("C3", "chapter", under="course")
    for user, cohort, seconds in ((1, "A", 10), (2, "A", 20), (3, "B", 60)):
        course.student(user, cohort=cohort)
        course.event(user, "2024-03-04T10:00:00", "page", "C1")
        course.event(user, f"2024-03-04T10:{seconds // 60:02}:{seconds % 60:02}", "page", "C2")
    course.event(3, "2024-03-04T10:01:30", "page", "_forum_")
    course.event(3, "2024-03-04T10:01:34", "page_close")
    return course.student(4, cohort="B")


def test_shares_of_the_worked_example():
    result = run_indicator("chapter_time_distribution", worked_example(), as_of="2024-03-05")
    expected = [
        ("C1", 1200.0, pytest.approx(1200 / 1860)),
        ("C2", 660.0, pytest.approx(660 / 1860)),
    ]
    assert group_rows(result) == expected
    assert [row[1:] for row in student_rows(result, "rows")] == expected
    assert student_rows(result, "other") == []


@pytest.mark.parametrize(
    ("stat", "rows", "other"),
    [
        ("sum", [("C1", 90.0, 0.75), ("C2", 30.0, 0.25), ("C3", 0.0, 0.0)], [("_forum_", 4.0)]),
        # C2 has three visitors: 0 s, 0 s and 30 s
        ("mean_per_visitor", [("C1", 30.0, 0.75), ("C2", 10.0, 0.25), ("C3", None, None)],
         [("_forum_", 4.0)]),
        ("median", [("C1", 20.0, 1.0), ("C2", 0.0, 0.0), ("C3", None, None)], [("_forum_", 4.0)]),
    ],
)  # fmt: skip
def test_a_groups_seconds_are_of_the_chosen_statistic(stat: str, rows: list, other: list):
    result = run_indicator(
        "chapter_time_distribution", three_learners(), as_of="2024-03-05", stat=stat
    )
    assert group_rows(result) == rows
    assert group_rows(result, "other") == other
    assert result.envelope.parameters["stat"] == stat


def test_cohorts_have_their_own_shares():
    result = run_indicator("chapter_time_distribution", three_learners(), as_of="2024-03-05")
    assert group_rows(result, group="cohort:A") == [
        ("C1", 30.0, 1.0), ("C2", 0.0, 0.0), ("C3", 0.0, 0.0),
    ]  # fmt: skip
    assert group_rows(result, group="cohort:B") == [
        ("C1", 60.0, pytest.approx(2 / 3)), ("C2", 30.0, pytest.approx(1 / 3)), ("C3", 0.0, 0.0),
    ]  # fmt: skip


def test_shares_are_null_where_there_is_no_time():
    result = run_indicator("chapter_time_distribution", three_learners(), as_of="2024-03-05")
    assert [row[1:] for row in student_rows(result, "rows") if row[0] == 4] == [
        ("C1", 0.0, None), ("C2", 0.0, None), ("C3", 0.0, None),
    ]  # fmt: skip


def test_removed_blocks_stand_beside_the_shares():
    course = three_learners().event(4, "2024-03-04T10:00:00", "page", "GONE")
    course.event(4, "2024-03-04T10:00:07", "page_close")
    result = run_indicator("chapter_time_distribution", course, as_of="2024-03-05")
    assert group_rows(result, "other") == [("_forum_", 4.0), ("_removed_", 7.0)]
    assert group_rows(result)[0] == ("C1", 90.0, 0.75)


def test_without_logs_of_the_window_everything_is_null():
    result = run_indicator(
        "chapter_time_distribution", three_learners(), start="2025-01-01", as_of="2025-01-08",
        covered=("2024-03-04", "2024-03-04"),
    )  # fmt: skip
    assert result.envelope.coverage == 0.0
    assert result.student["rows"].num_rows == result.group["rows"].num_rows == 0
