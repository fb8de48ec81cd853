"""Lengths of videos."""

from __future__ import annotations

from tests.data.intermediates import rows_of
from tests.data.video_course import AS_OF, Watcher, video_course


def durations(course, **options):
    rows = rows_of("video_durations", course, **{"as_of": AS_OF, **options})
    return {row["video"]: row["duration_seconds"] for row in rows}


def test_a_block_knows_its_length_else_the_largest_that_players_reported():
    course = video_course(V1=100.0, V2=None, V3=0.0, V4=None).student(1)
    watcher = Watcher(course, 1).play("V1", 0.0, duration_seconds=120.0)
    watcher.play("V2", 0.0, duration_seconds=50.0).play("V2", 0.0, duration_seconds=52.5)
    watcher.add("load_video", "V3", duration_seconds=30.0).play("V3", 0.0, duration_seconds=0.0)
    watcher.play("V4", 0.0, duration_seconds=0.0).play("V5", 0.0, duration_seconds=7.0)
    assert durations(course) == {"V1": 100.0, "V2": 52.5, "V3": 30.0, "V4": None, "V5": 7.0}


def test_without_logs_the_structure_still_tells_lengths():
    assert durations(video_course(V1=100.0, V2=None)) == {"V1": 100.0, "V2": None}


def test_insights_takes_the_largest_of_the_viewings_unless_one_is_unknown():
    course = video_course(V1=100.0, V2=100.0, V3=100.0).student(1)
    watcher = Watcher(course, 1)
    for video, lengths in {"V1": (40.0, 45.0), "V2": (40.0, None)}.items():
        for seconds in lengths:
            watcher.play(video, 0.0, duration_seconds=seconds).pause(video, 30.0)
    watcher.play("V1", 0.0).pause("V1", 0.1)  # too short to be a viewing
    assert durations(course, definition="insights") == {"V1": 45.0, "V2": None}
