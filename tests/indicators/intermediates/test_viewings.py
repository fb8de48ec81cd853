"""Viewings: rules V of catalogue 3.5, and Insights' own."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from courselens.domain import Window
from courselens.testing import CourseBuilder, worked_example
from indicators.engine import open_engine
from indicators.intermediates.viewings import viewings
from indicators.parameters import Parameters
from indicators.tables import Tables
from loaders.datasets import EVENTS
from tests.data.intermediates import rows_of
from tests.data.video_course import AS_OF, Watcher, video_course


def spans(course, **options):
    rows = rows_of("viewings", course, **{"as_of": AS_OF, **options})
    rows.sort(key=lambda row: (row["user_id"], row["start_us"], row["event_id"]))
    return [(row["from_seconds"], row["to_seconds"], row["ended_by"]) for row in rows]


def watched(course):
    return Watcher(course.student(1, enrolled="2024-03-04"), 1)


def test_a_viewing_runs_from_a_play_to_the_next_pause():
    (row,) = rows_of("viewings", worked_example(), as_of="2024-03-05")
    assert row == {
        "user_id": 1,
        "video": "V1",
        "start_us": 1709546520000000,  # 2024-03-04 10:02 UTC
        "event_id": 1,
        "from_seconds": 0.0,
        "to_seconds": 60.0,
        "ended_by": "pause_video",
    }


def test_a_closing_seek_gives_the_start_of_the_play_that_follows():
    course = video_course()
    watched(course).play("V1", 0.0).seek("V1", 10.0, 50.0).play("V1", 10.0).stop("V1", 70.0)
    assert spans(course) == [(0.0, 10.0, "seek_video"), (50.0, 70.0, "stop_video")]


def test_without_a_play_after_it_a_closing_seek_reopens_the_viewing():
    course = video_course()
    watched(course).play("V1", 0.0).seek("V1", 10.0, 50.0).seek("V1", 60.0, 20.0).pause("V1", 30.0)
    assert spans(course) == [
        (0.0, 10.0, "seek_video"),
        (50.0, 60.0, "seek_video"),
        (20.0, 30.0, "pause_video"),
    ]


def test_insights_does_not_reopen_after_a_seek():
    course = video_course()
    watched(course).play("V1", 0.0).seek("V1", 10.0, 50.0).seek("V1", 60.0, 20.0).pause("V1", 30.0)
    assert spans(course, definition="insights") == [(0.0, 10.0, "seek_video")]


def test_insights_starts_a_play_where_the_closing_seek_went_whatever_came_between():
    course = video_course()
    watcher = watched(course).play("V1", 0.0).seek("V1", 10.0, 50.0).seek("V1", 50.0, 60.0)
    watcher.play("V1", 60.0).pause("V1", 70.0)
    assert spans(course, definition="insights") == [
        (0.0, 10.0, "seek_video"),
        (50.0, 70.0, "pause_video"),
    ]


@pytest.mark.parametrize("definition", ["courselens", "insights"])
def test_a_second_play_restarts_the_viewing(definition):
    course = video_course()
    watched(course).play("V1", 0.0).play("V1", 30.0).pause("V1", 40.0)
    assert spans(course, definition=definition) == [(30.0, 40.0, "pause_video")]


@pytest.mark.parametrize("definition", ["courselens", "insights"])
def test_a_viewing_that_nothing_closes_is_dropped(definition):
    course = video_course()
    watched(course).play("V1", 0.0).course.event(1, "2024-03-04T10:30", "page_close")
    assert spans(course, definition=definition) == []


def test_a_seek_while_nothing_plays_changes_nothing():
    course = video_course()
    watched(course).seek("V1", 0.0, 50.0).play("V1", 5.0).pause("V1", 10.0)
    assert spans(course) == [(5.0, 10.0, "pause_video")]


def test_a_pause_without_a_position_is_at_zero_and_no_other_event():
    course = video_course()
    watcher = watched(course).play("V1", 0.0).pause("V1", None)  # 0 s long
    watcher.play("V1", 0.0).stop("V1", None).play("V1", None).pause("V1", 10.0)
    assert spans(course) == []


@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [
        (0.0, 0.25, (0.0, 0.25)),
        (0.0, 0.2, None),
        (20.0, 10.0, None),
        (-1.0, 10.0, None),
        (0.0, 101.0, (0.0, 100.0)),  # cut to the video's 100 s
        (0.0, 101.5, None),  # more than a second past the end
        (100.2, 100.9, None),  # nothing is left of it
    ],
)
def test_impossible_viewings_are_dropped_and_ends_are_cut_to_the_duration(start, end, kept):
    course = video_course()
    watched(course).play("V1", start).pause("V1", end)
    assert [span[:2] for span in spans(course)] == ([kept] if kept else [])


def test_of_unknown_length_positions_reach_ten_hours():
    course = video_course(V1=None)
    watched(course).watch("V1", (0.0, 36_000.0), (0.0, 36_001.0))
    assert spans(course) == [(0.0, 36_000.0, "pause_video")]


def test_an_impossible_position_closes_the_viewing_but_insights_overlooks_the_event():
    course = video_course()
    watched(course).play("V1", 0.0).pause("V1", -5.0).pause("V1", 30.0)
    assert spans(course) == []
    assert spans(course, definition="insights") == [(0.0, 30.0, "pause_video")]


def test_insights_takes_the_length_that_the_play_itself_reports():
    course = video_course()  # 100 s by the structure, which Insights does not look at
    watcher = watched(course).play("V1", 0.0, duration_seconds=50.0).pause("V1", 60.0)
    watcher.play("V1", 0.0, duration_seconds=50.0).pause("V1", 51.0)
    watcher.play("V1", 0.0, duration_seconds=0.0).pause("V1", 200.0)
    assert [span[:2] for span in spans(course, definition="insights")] == [
        (0.0, 51.0),
        (0.0, 200.0),
    ]


def test_before_summer_2014_seeks_do_not_tell_where_they_started():
    course = video_course()
    course.student(1, enrolled="2014-06-01")
    Watcher(course, 1, "2014-06-24T10:00").play("V1", 0.0).seek("V1", 60.0, 60.0).play(
        "V1", 1.0
    ).pause("V1", 70.0)
    Watcher(course, 1, "2014-06-25T10:00").play("V1", 0.0).seek("V1", 60.0, 60.0)
    assert spans(course, start="2014-06-01") == [
        (60.0, 70.0, "pause_video"),
        (0.0, 60.0, "seek_video"),
    ]


def test_videos_and_learners_do_not_mix():
    course = video_course(V1=100.0, V2=100.0).student(1).student(2)
    first, second = Watcher(course, 1), Watcher(course, 2)
    first.play("V1", 0.0)
    second.play("V1", 5.0)
    first.play("V2", 10.0).pause("V2", 20.0)
    second.pause("V1", 25.0)
    first.pause("V1", 30.0)
    rows = rows_of("viewings", course, as_of=AS_OF, start="2024-03-04")
    assert [(r["user_id"], r["video"], r["from_seconds"], r["to_seconds"]) for r in rows] == [
        (1, "V1", 0.0, 30.0),
        (1, "V2", 10.0, 20.0),
        (2, "V1", 5.0, 25.0),
    ]


def test_events_at_one_instant_are_taken_in_their_order_in_the_log():
    course = video_course().student(1)
    for event_type, at in (("play_video", 0.0), ("pause_video", 10.0), ("play_video", 10.0)):
        course.event(1, "2024-03-04T10:00", event_type, "V1", current_seconds=at)
    assert spans(course) == [(0.0, 10.0, "pause_video")]


def test_a_viewing_belongs_to_the_window_where_it_starts():
    course = video_course()
    watched(course).play("V1", 0.0).pause("V1", 10.0).play("V1", 20.0).pause("V1", 30.0)
    # plays at 10:00 and 10:02, pauses at 10:01 and 10:03
    assert spans(course, start="2024-03-04T10:01", end="2024-03-04T10:02:30") == [
        (20.0, 30.0, "pause_video")
    ]
    assert spans(course, start="2024-03-04", end="2024-03-04T10:00") == []


def test_what_happens_after_as_of_closes_nothing():
    course = video_course()
    watched(course).play("V1", 0.0).pause("V1", 10.0)
    assert spans(course, as_of="2024-03-04T10:01") == []


def test_an_event_that_names_no_video_is_no_step():
    course = video_course()
    watched(course).play("V1", 0.0)
    course.event(1, "2024-03-04T10:00:30", "pause_video", current_seconds=5.0)
    Watcher(course, 1, "2024-03-04T10:01").pause("V1", 10.0)
    assert spans(course) == [(0.0, 10.0, "pause_video")]


# --- against a state machine written from the catalogue ---------------------------------------


@dataclass(frozen=True)
class Step:
    event_type: str
    current: float | None
    old: float | None
    new: float | None
    duration: float | None
    gap_seconds: int


POSITIONS = st.sampled_from(
    [None, -1.0, 0.0, 0.1, 0.3, 10.0, 10.2, 40.0, 99.9, 100.0, 100.5, 101.0, 101.2, 300.0, 36_001.0]
)
STEPS = st.builds(
    Step,
    st.sampled_from(["play_video", "pause_video", "stop_video", "seek_video", "load_video"]),
    POSITIONS,
    POSITIONS,
    POSITIONS,
    st.sampled_from([None, 0.0, 100.0]),
    st.integers(0, 1),
)
LEARNERS = st.lists(st.lists(STEPS, max_size=9), min_size=20, max_size=60)
BASE_US = CourseBuilder().course(start_us="2024-03-04").rows["courses"][0]["start_us"]


def is_position(seconds):
    return seconds is not None and 0 <= seconds <= 36_000


def walk(steps, duration):
    """Rules V, event by event: (from, to, ended_by)."""
    steps = [step for step in steps if step.event_type != "load_video"]
    found, start, jump = [], "closed", None
    for step, after in zip(steps, [*steps[1:], None], strict=False):
        if step.event_type == "play_video":
            start, jump = step.current if jump is None else jump.new, None
            continue
        if start == "closed":
            continue
        end = {
            "pause_video": step.current or 0.0,
            "stop_video": step.current,
            "seek_video": step.old,
        }[step.event_type]
        if is_position(start) and is_position(end) and not (duration and end > duration + 1):
            end = min(end, duration or end)
            if end - start >= 0.25:
                found.append((start, end, step.event_type))
        start = "closed"
        if step.event_type == "seek_video":
            if after is not None and after.event_type == "play_video":
                jump = step
            else:
                start = step.new
    return found


def walk_as_insights(steps):
    """Insights' rules, event by event."""
    found, viewing, last_end = [], None, None
    for step in steps:
        if step.event_type == "load_video":
            continue
        if step.event_type == "seek_video":
            is_good = is_position(step.new) and is_position(step.old)
        else:
            at = 0.0 if step.event_type == "pause_video" and step.current is None else step.current
            is_good = is_position(at)
        if not is_good:
            continue
        if step.event_type == "play_video":
            is_jump = last_end is not None and last_end.event_type == "seek_video"
            viewing = (last_end.new if is_jump else step.current, step.duration or None)
            last_end = None
        elif viewing is not None:
            start, duration = viewing
            end = step.old if step.event_type == "seek_video" else step.current or 0.0
            is_past = duration is not None and end > duration + 1
            if not is_past and end >= start and end - start >= 0.25:
                found.append((start, end, step.event_type))
            viewing, last_end = None, step
    return found


def tables_of(learners, engine, duration):
    rows = []
    for user_id, steps in enumerate(learners):
        ts_us = BASE_US
        for step in steps:
            ts_us += step.gap_seconds * 1_000_000
            rows.append(
                {
                    "user_id": user_id,
                    "ts_us": ts_us,
                    "event_id": len(rows),
                    "event_type": step.event_type,
                    "family": "video",
                    "location": "V1",
                    "current_seconds": step.current,
                    "old_seconds": step.old,
                    "new_seconds": step.new,
                    "duration_seconds": step.duration,
                }
            )
    durations = pa.table({"video": ["V1"], "duration_seconds": pa.array([duration], pa.float64())})
    return Tables(
        {
            "events": engine.add("events", pa.Table.from_pylist(rows[::-1], schema=EVENTS.schema)),
            "video_durations": engine.add("video_durations", durations),
        },
        absent=frozenset(),
        owner="test",
    )


def compute(learners, engine, *, duration, definition):
    parameters = Parameters(
        window=Window(BASE_US, BASE_US + 10**12),
        as_of_us=BASE_US + 10**12,
        course_start_us=BASE_US,
        values={"definition": definition},
    )
    built = viewings.build(tables_of(learners, engine, duration), parameters)
    found = [[] for _ in learners]
    for row in engine.fetch(built.order_by("user_id", "event_id")).to_pylist():
        found[row["user_id"]].append((row["from_seconds"], row["to_seconds"], row["ended_by"]))
    return found


@pytest.fixture(scope="module")
def engine():
    with open_engine() as engine:
        yield engine


PROPERTY = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@PROPERTY
@given(learners=LEARNERS, duration=st.sampled_from([None, 100.0]))
def test_viewings_are_those_of_a_state_machine(engine, learners, duration):
    found = compute(learners, engine, duration=duration, definition="courselens")
    assert found == [walk(steps, duration) for steps in learners]


@PROPERTY
@given(learners=LEARNERS)
def test_insights_viewings_are_those_of_a_state_machine(engine, learners):
    found = compute(learners, engine, duration=100.0, definition="insights")
    assert found == [walk_as_insights(steps) for steps in learners]
