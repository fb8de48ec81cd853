"""Time on course: the worked example, groups, and what must hold for any course."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courselens.testing import (
    CourseBuilder,
    group_rows,
    run_indicator,
    student_rows,
    worked_example,
)

START = datetime(2024, 3, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("parameters", "seconds"),
    [
        ({}, 1860.0),
        ({"gap_policy": "cap"}, 3660.0),
        ({"gap_policy": "cap", "inactivity_s": 600}, 2460.0),
        ({"tail_s": 30}, 1890.0),  # after 10:20; the page_close at the end earns nothing
    ],
)
def test_total_of_the_worked_example(parameters, seconds):
    result = run_indicator("time_on_course", worked_example(), as_of="2024-03-05", **parameters)
    assert result.student["values"].to_pylist() == [{"user_id": 1, "seconds": seconds}]


def learners() -> CourseBuilder:
    """1 (A) 60 s, 2 (B) one event, 3 (B) nothing, 4 left, 9 in the team."""
    course = CourseBuilder().course(start_us="2024-03-04")
    course.student(1, cohort="A").student(2, cohort="B").student(3, cohort="B")
    course.student(4, is_active=False).student(9, is_staff=True)
    for user in (1, 4, 9):
        course.event(user, "2024-03-04T10:00:00", "page", "_info_")
        course.event(user, "2024-03-04T10:01:00", "page", "_info_")
    return course.event(2, "2024-03-04T10:00:00", "page", "_info_")


def test_a_student_without_events_has_zero_and_those_who_left_and_the_team_have_nothing():
    result = run_indicator("time_on_course", learners(), as_of="2024-03-05")
    assert student_rows(result) == [(1, 60.0), (2, 0.0), (3, 0.0)]
    # active: two students, 60 s and 0 s
    assert group_rows(result, "values") == [(2, 30.0, 30.0)]
    assert group_rows(result, "values", group="cohort:B") == [(1, 0.0, 0.0)]


@pytest.mark.parametrize(
    ("parameters", "users"),
    [({"include_unenrolled": True}, [1, 2, 3, 4]), ({"include_staff": True}, [1, 2, 3, 9])],
)
def test_who_counts_can_be_widened(parameters, users):
    result = run_indicator("time_on_course", learners(), as_of="2024-03-05", **parameters)
    assert [row[0] for row in student_rows(result)] == users


def test_without_coverage_there_is_null_and_without_logs_a_missing_source():
    result = run_indicator("time_on_course", learners(), start="2024-03-06", as_of="2024-03-08")
    assert (result.envelope.coverage, student_rows(result)[0]) == (0.0, (1, None))
    course = learners()
    del course.rows["events"]
    missing = run_indicator("time_on_course", course, as_of="2024-03-05")
    assert missing.envelope.missing_source == ("events",)


events = st.lists(
    st.tuples(
        st.integers(1, 4),  # learner
        st.integers(0, 4 * 3600),  # seconds after START
        st.sampled_from(["page", "play_video", "page_close"]),
    ),
    max_size=25,
)


def course_of(rows: list, *, names: dict[int, int]) -> CourseBuilder:
    course = CourseBuilder().course(start_us=START)
    for user in sorted(names.values()):
        course.student(user)
    for user, second, kind in sorted(rows, key=lambda row: row[1]):
        course.event(names[user], START + timedelta(seconds=second), kind, "_info_")
    return course


SAME = {user: user for user in range(1, 5)}
WHOLE = {"covered": ("2024-03-04", "2024-03-04"), "as_of": "2024-03-05"}


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    rows=events,
    border=st.integers(0, 4 * 3600),
    policy=st.sampled_from(["discard", "cap"]),
    tail=st.sampled_from([0, 60]),
)
def test_parts_of_a_window_add_up_to_the_whole(rows, border, policy, tail):
    course = course_of(rows, names=SAME)
    cut = (START + timedelta(seconds=border)).isoformat()
    first, second, whole = (
        dict(student_rows(run_indicator(
            "time_on_course", course, gap_policy=policy, tail_s=tail, **WHOLE, **window
        )))
        for window in (
            {"start": START.isoformat(), "end": cut}, {"start": cut}, {"start": START.isoformat()},
        )
    )  # fmt: skip
    # an empty part cannot be measured
    assert {user: (first[user] or 0.0) + (second[user] or 0.0) for user in whole} == whole


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(rows=events, order=st.permutations(range(1, 5)))
def test_who_is_who_changes_nothing_for_anybody(rows, order):
    names = dict(zip(SAME, order, strict=True))
    plain = run_indicator("time_on_course", course_of(rows, names=SAME), **WHOLE)
    renamed = run_indicator("time_on_course", course_of(rows, names=names), **WHOLE)
    assert dict(student_rows(renamed)) == {
        names[user]: seconds for user, seconds in student_rows(plain)
    }
    assert group_rows(renamed, "values") == group_rows(plain, "values")
    assert renamed.summaries == plain.summaries
