"""A course with videos, and ways to watch them."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from courselens.testing import CourseBuilder

DAY = "2024-03-04"
AS_OF = "2024-03-05"


def video_course(**durations: float | None) -> CourseBuilder:
    """One vertical with the videos named; V1 of 100 s if none is."""
    course = CourseBuilder().course(start_us=DAY).block("course", "course")
    course.block("C1", "chapter", under="course")
    course.block("S1", "sequential", under="C1")
    course.block("U1", "vertical", under="S1")
    for video, seconds in (durations or {"V1": 100.0}).items():
        course.block(video, "video", under="U1", duration_seconds=seconds)
    return course


class Watcher:
    """Adds video events of a learner, one minute apart."""

    def __init__(self, course: CourseBuilder, user_id: int, start: str = f"{DAY}T10:00") -> None:
        self.course = course
        self.user_id = user_id
        self.start = datetime.fromisoformat(start)
        self.minutes = count()

    def add(self, event_type: str, video: str, **columns: Any) -> Watcher:
        when = self.start + timedelta(minutes=next(self.minutes))
        self.course.event(self.user_id, when, event_type, video, **columns)
        return self

    def play(self, video: str, at: float | None, **columns: Any) -> Watcher:
        return self.add("play_video", video, current_seconds=at, **columns)

    def pause(self, video: str, at: float | None) -> Watcher:
        return self.add("pause_video", video, current_seconds=at)

    def stop(self, video: str, at: float | None) -> Watcher:
        return self.add("stop_video", video, current_seconds=at)

    def seek(self, video: str, old: float | None, new: float | None) -> Watcher:
        return self.add("seek_video", video, old_seconds=old, new_seconds=new)

    def watch(self, video: str, *ranges: tuple[float, float]) -> Watcher:
        for start, end in ranges:
            self.play(video, start).pause(video, end)
        return self
