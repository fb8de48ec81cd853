"""Submissions: what came before each check."""

from __future__ import annotations

from courselens.testing import CourseBuilder, worked_example
from tests.data.intermediates import rows_of

HINT = "edx.problem.hint.demandhint_displayed"
DAY = "2024-03-04T"


def submitted(course, **options):
    rows = rows_of("submissions", course, **{"as_of": "2024-03-05", **options})
    return sorted(rows, key=lambda row: (row["user_id"], row["ts_us"], row["event_id"]))


def one_problem():
    course = CourseBuilder().course(start_us="2024-03-04").block("course", "course")
    course.block("C1", "chapter", under="course").block("S1", "sequential", under="C1")
    course.block("U1", "vertical", under="S1").block("P1", "problem", under="U1")
    course.block("U2", "vertical", under="S1").block("P2", "problem", under="U2")
    return course.student(1, enrolled="2024-03-04")


def check(course, time, problem="P1", success="incorrect", **columns):
    return course.event(1, DAY + time, "problem_check", problem, success=success, **columns)


def minutes_of(row):
    return None if row["viewed_us"] is None else (row["ts_us"] - row["viewed_us"]) / 60e6


def test_submissions_of_the_worked_example():
    rows = submitted(worked_example())
    assert [(r["problem"], r["number"], r["is_correct"], r["viewed_us"]) for r in rows] == [
        ("P1", 1, False, None),
        ("P1", 2, True, None),
        ("P2", 1, True, None),
        ("P3", 1, False, None),
    ]


def test_resets_begin_instances_and_hints_add_up():
    course = one_problem()
    check(course, "10:00")
    course.event(1, DAY + "10:01", HINT, "P1", hint_index=0, hint_len=2)
    course.event(1, DAY + "10:02", HINT, "P2", hint_index=0, hint_len=2)
    check(course, "10:03", success="correct")
    course.event(1, DAY + "10:04", "reset_problem", "P1")
    course.event(1, DAY + "10:05", HINT, "P1", hint_index=0, hint_len=2)
    check(course, "10:06")
    assert [(r["number"], r["instance"], r["hints_before"]) for r in submitted(course)] == [
        (1, 1, 0),
        (2, 1, 1),
        (3, 2, 2),
    ]


def test_with_a_window_only_what_lies_in_it_is_counted():
    course = one_problem()
    check(course, "10:00")
    course.event(1, DAY + "10:01", HINT, "P1", hint_index=0, hint_len=2)
    check(course, "10:03")
    check(course, "10:06")
    rows = submitted(course, start=DAY + "10:02", end=DAY + "10:06")
    assert [(r["number"], r["hints_before"], r["event_id"]) for r in rows] == [(1, 0, 2)]


def test_the_latest_view_before_the_first_submission_is_told_with_all_of_them():
    course = one_problem()
    course.event(1, DAY + "10:00", "/handler/xmodule_handler/problem_get", "P1", family="prob")
    course.event(1, DAY + "10:02", "/handler/xmodule_handler/problem_get", "P1", family="prob")
    check(course, "10:05")
    course.event(1, DAY + "10:06", "/handler/xmodule_handler/problem_get", "P1", family="prob")
    check(course, "10:10")
    assert [minutes_of(row) for row in submitted(course)] == [3.0, 8.0]


def test_arriving_in_the_vertical_is_a_view_of_its_problems():
    course = one_problem()
    course.event(1, DAY + "10:00", "seq_goto", "U1", old_position=2, new_position=1)
    course.event(1, DAY + "10:02", "seq_next", "U2", old_position=1, new_position=2)
    check(course, "10:05", problem="P1")
    check(course, "10:06", problem="P2")
    assert [minutes_of(row) for row in submitted(course)] == [5.0, 4.0]


def test_a_view_in_an_earlier_session_is_none():
    course = one_problem()
    course.event(1, DAY + "10:00", "seq_goto", "U1", old_position=2, new_position=1)
    check(course, "10:31")  # more than 1800 s later
    assert [minutes_of(row) for row in submitted(course)] == [None]
    assert [minutes_of(row) for row in submitted(course, inactivity_s=3600)] == [31.0]


def test_a_view_before_the_window_is_none():
    course = one_problem()
    course.event(1, DAY + "10:00", "seq_goto", "U1", old_position=2, new_position=1)
    check(course, "10:05")
    rows = submitted(course, start=DAY + "10:01", end=DAY + "11:00")
    assert [minutes_of(row) for row in rows] == [None]
