"""Video progress."""

from __future__ import annotations

from datetime import date

import pytest

from courselens.testing import run_indicator, worked_example
from tests.data.video_course import AS_OF, Watcher, video_course

exact = pytest.approx


def progress(course, **options):
    result = run_indicator("video_progress", course, **{"as_of": AS_OF, **options})
    assert result.envelope.error is None
    return result


def of_students(result):
    rows = result.student["values"].to_pylist()
    return {row["user_id"]: (row["percent"], row["total_percent"]) for row in rows}


def of_videos(result, *, user_id=None, group=None):
    rows = (result.student if user_id else result.group)["rows"].to_pylist()
    subject = ("user_id", user_id) if user_id else ("group_id", group)
    return {
        row["video"]: (row["percent"], row["total_percent"])
        for row in rows
        if row[subject[0]] == subject[1]
    }


def test_progress_of_the_worked_example():
    assert of_students(progress(worked_example())) == {1: (60.0, 60.0)}


def test_repeated_parts_count_once_but_in_the_total():
    course = video_course().student(1)
    Watcher(course, 1).watch("V1", (0.0, 30.0), (80.0, 100.0), (0.0, 40.0))
    result = progress(course)
    assert of_students(result) == {1: (60.0, 90.0)}
    assert of_videos(result, user_id=1) == {"V1": (60.0, 90.0)}


def test_the_course_is_the_mean_over_videos_or_weighted_by_their_length():
    course = video_course(V1=100.0, V2=300.0, V3=None).student(1)
    Watcher(course, 1).watch("V1", (0.0, 50.0)).watch("V2", (0.0, 30.0)).watch("V3", (0.0, 9.0))
    # V1 50 %, V2 10 %, V3 unknown: mean 30; by length 100 * 80 / 400
    result = progress(course)
    assert of_students(result) == {1: (exact(30.0), exact(30.0))}
    assert of_videos(result, user_id=1)["V3"] == (None, None)
    assert of_students(progress(course, weight="duration")) == {1: (20.0, 20.0)}


def test_videos_never_played_are_at_zero():
    course = video_course(V1=100.0, V2=100.0).student(1).student(2)
    Watcher(course, 1).watch("V1", (0.0, 50.0))
    result = progress(course)
    assert of_students(result) == {1: (25.0, 25.0), 2: (0.0, 0.0)}
    assert of_videos(result, group="course") == {"V1": (25.0, 25.0), "V2": (0.0, 0.0)}


def test_only_released_videos_visible_to_learners_count():
    course = video_course(V1=100.0)
    course.block("V2", "video", under="U1", duration_seconds=100.0, released_us="2024-03-06")
    course.block("V3", "video", under="U1", duration_seconds=100.0, visible_to_staff_only=True)
    Watcher(course.student(1), 1).watch("V1", (0.0, 50.0)).watch("V3", (0.0, 50.0))
    result = progress(course)
    assert of_students(result) == {1: (50.0, 50.0)}
    assert of_videos(result, user_id=1) == {"V1": (50.0, 50.0)}
    assert of_videos(result, group="course") == {"V1": (50.0, 50.0)}


def test_a_video_hidden_from_a_learner_leaves_their_denominator():
    course = video_course(V1=100.0, V2=300.0)
    course.student(1).student(2)
    for user_id, group_id in ((1, 1), (2, 2)):
        course.add("experiment_groups", user_id=user_id, partition_id=7, group_id=group_id)
    course.add("block_access", block_key="V2", constraint_key="V2", partition_id=7, group_id=1)
    for user_id in (1, 2):
        Watcher(course, user_id).watch("V1", (0.0, 50.0))
    result = progress(course)
    assert of_students(result) == {1: (25.0, 25.0), 2: (50.0, 50.0)}
    assert of_videos(result, group="course") == {"V1": (50.0, 50.0), "V2": (0.0, 0.0)}
    weighted = progress(course, weight="duration")
    assert of_students(weighted) == {1: (12.5, 12.5), 2: (50.0, 50.0)}


def test_without_a_video_of_known_length_progress_is_null():
    course = video_course(V1=None).student(1)
    Watcher(course, 1).watch("V1", (0.0, 50.0))
    result = progress(course)
    assert of_students(result) == {1: (None, None)}
    assert of_videos(result, group="course") == {"V1": (None, None)}


def test_groups_average_over_their_own_members():
    course = video_course().student(1, cohort="a").student(2, cohort="b").student(3, cohort="b")
    course.student(4, is_staff=True)
    Watcher(course, 1).watch("V1", (0.0, 80.0))
    Watcher(course, 2).watch("V1", (0.0, 20.0), (0.0, 20.0))
    Watcher(course, 4).watch("V1", (0.0, 100.0))
    result = progress(course)
    assert of_videos(result, group="cohort:a") == {"V1": (80.0, 80.0)}
    assert of_videos(result, group="cohort:b") == {"V1": (10.0, 20.0)}
    (mean,) = [
        row["mean"]
        for row in result.summaries.to_pylist()
        if row["group_id"] == "cohort:b" and row["field"] == "percent"
    ]
    assert mean == 10.0


def test_the_series_tells_progress_at_the_end_of_every_day():
    course = video_course(V1=100.0, V2=100.0).student(1).student(2)
    Watcher(course, 1, "2024-03-05T10:00").watch("V1", (0.0, 40.0))
    Watcher(course, 1, "2024-03-07T10:00").watch("V1", (20.0, 60.0)).watch("V2", (0.0, 20.0))
    result = progress(course, as_of="2024-03-08", series=True)
    days = {
        (row["user_id"], row["day"].day): row["percent"]
        for row in result.student["series"].to_pylist()
    }
    assert days == {
        (1, 4): 0.0, (1, 5): exact(20.0), (1, 6): exact(20.0), (1, 7): exact(40.0),
        (2, 4): 0.0, (2, 5): 0.0, (2, 6): 0.0, (2, 7): 0.0,
    }  # fmt: skip
    means = [
        (row["day"], row["percent"])
        for row in result.group["series"].to_pylist()
        if row["group_id"] == "course"
    ]
    assert means[-1] == (date(2024, 3, 7), exact(20.0))
    assert of_students(result)[1] == (exact(40.0), exact(50.0))


def test_the_series_is_empty_unless_asked_for():
    assert progress(worked_example()).student["series"].num_rows == 0


def test_weighted_series_ends_where_the_weighted_value_is():
    course = video_course(V1=100.0, V2=300.0).student(1)
    Watcher(course, 1).watch("V1", (0.0, 100.0)).watch("V2", (0.0, 100.0))
    result = progress(course, weight="duration", series=True)
    assert [row["percent"] for row in result.student["series"].to_pylist()] == [exact(50.0)]
    assert of_students(result) == {1: (50.0, 50.0)}


def test_without_a_structure_progress_is_null():
    course = video_course().student(1)
    del course.rows["blocks"]
    Watcher(course, 1).watch("V1", (0.0, 50.0))
    result = progress(course)
    assert result.envelope.missing_source == ("blocks",)
    assert of_students(result) == {1: (None, None)}
