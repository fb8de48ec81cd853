"""Views per part of a video."""

from __future__ import annotations

import pytest

from courselens.testing import CourseBuilder, run_indicator, worked_example
from tests.data.video_course import AS_OF, Watcher, video_course


def histogram(course, *, group="course", **options):
    result = run_indicator("video_view_histogram", course, **{"as_of": AS_OF, **options})
    assert result.envelope.error is None
    return [
        (r["video"], r["start_seconds"], r["users"], r["views"], r["replays"])
        for r in result.group["rows"].to_pylist()
        if r["group_id"] == group
    ]


def videos(course, *, group="course", **options):
    result = run_indicator("video_view_histogram", course, **{"as_of": AS_OF, **options})
    keys = ("duration_seconds", "users_at_start", "users_at_end", "total_viewed_seconds")
    return {
        r["video"]: tuple(r[key] for key in keys)
        for r in result.group["videos"].to_pylist()
        if r["group_id"] == group
    }


def test_a_viewing_counts_in_every_part_it_overlaps():
    rows = histogram(worked_example())
    assert rows == [("V1", 5 * k, 1, 1, 0) for k in range(12)]


def test_insights_counts_the_part_of_the_last_second_too():
    rows = histogram(worked_example(), definition="insights")
    assert rows == [("V1", 5 * k, 1, 1, 0) for k in range(13)]


def test_parts_have_the_width_asked_for():
    course = video_course().student(1)
    Watcher(course, 1).watch("V1", (1.5, 3.0), (59.0, 61.0))
    assert histogram(course, bin_s=1) == [("V1", s, 1, 1, 0) for s in (1, 2, 59, 60)]
    assert histogram(course, bin_s=60) == [("V1", 0, 1, 2, 1), ("V1", 60, 1, 1, 0)]


def test_students_count_once_and_replays_are_the_rest():
    course = video_course().student(1, cohort="a").student(2, cohort="b")
    Watcher(course, 1).watch("V1", (0.0, 10.0), (5.0, 15.0), (0.0, 5.0))
    Watcher(course, 2).watch("V1", (7.0, 12.0))
    assert histogram(course) == [
        ("V1", 0, 1, 2, 1),
        ("V1", 5, 2, 3, 1),
        ("V1", 10, 2, 2, 0),
    ]
    assert histogram(course, group="cohort:b") == [("V1", 5, 1, 1, 0), ("V1", 10, 1, 1, 0)]


def test_parts_that_nobody_watched_have_no_row():
    course = video_course().student(1)
    Watcher(course, 1).watch("V1", (0.0, 5.0), (90.0, 95.0))
    assert [row[1] for row in histogram(course)] == [0, 90]


def test_a_video_as_a_whole():
    course = video_course(V1=100.0).student(1).student(2)
    Watcher(course, 1).watch("V1", (0.0, 97.5), (0.0, 10.0))
    Watcher(course, 2).watch("V1", (50.0, 95.0))
    # the end is the part that holds max(70, 95) = 95 s; 97.5 + 10 + 45 s
    assert videos(course) == {"V1": (100.0, 1, 1, 152.5)}


def test_of_unknown_length_the_end_is_the_last_part_before_the_students_fall():
    course = video_course(V1=None)
    for user_id in range(1, 21):
        Watcher(course.student(user_id), user_id).watch("V1", (0.0, 50.0))
    Watcher(course, 1, "2024-03-04T12:00").watch("V1", (50.0, 55.0))  # 1 of 20 students: 5 %
    assert videos(course)["V1"] == (None, 20, 20, 1005.0)
    # Insights: 20 students in the parts 0 to 10, 1 in part 11; length 5 * 11 - 1
    assert videos(course, definition="insights")["V1"] == (54.0, 20, 20, 5.0 * (20 * 11 + 1))


def test_insights_cuts_what_lies_past_a_known_end():
    course = video_course().student(1)
    Watcher(course, 1).play("V1", 0.0, duration_seconds=9.5).pause("V1", 10.4)
    assert histogram(course, definition="insights") == [("V1", 0, 1, 1, 0), ("V1", 5, 1, 1, 0)]
    assert videos(course, definition="insights") == {"V1": (9.0, 1, 1, 10.0)}


def test_the_team_and_those_who_left_do_not_count_but_under_insights():
    course = video_course().student(1).student(2, is_staff=True).student(3, is_active=False)
    for user_id in (1, 2, 3):
        Watcher(course, user_id).watch("V1", (0.0, 5.0))
    assert histogram(course) == [("V1", 0, 1, 1, 0)]
    assert histogram(course, include_unenrolled=True) == [("V1", 0, 2, 2, 0)]
    assert histogram(course, definition="insights")[0] == ("V1", 0, 3, 3, 0)


def test_videos_no_longer_in_the_structure_have_no_rows():
    course = video_course().student(1)
    Watcher(course, 1).watch("gone", (0.0, 5.0))
    assert histogram(course) == []
    assert histogram(course, definition="insights")[0] == ("gone", 0, 1, 1, 0)


def test_without_a_structure_every_video_has_rows():
    course = CourseBuilder().student(1, enrolled="2024-03-04")
    Watcher(course, 1).watch("V9", (0.0, 5.0))
    assert histogram(course) == [("V9", 0, 1, 1, 0)]


def test_without_logs_there_is_no_histogram():
    result = run_indicator("video_view_histogram", video_course().student(1), as_of=AS_OF)
    assert result.envelope.missing_source == ("events",)
    assert result.group["rows"].num_rows == 0


@pytest.mark.parametrize("definition", ["courselens", "insights"])
def test_nobody_gives_no_rows(definition):
    course = video_course()
    course.student(1, is_staff=True)
    course.event(1, "2024-03-04T10:00", "page", "S1")
    assert histogram(course, definition=definition) == []
