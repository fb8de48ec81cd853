"""What one student did, step by step: a sequence of events that reads like a sentence."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from courselens.testing.builder import CourseBuilder


class Steps:
    """Events of one student, each at the present of this student; `after` and `at` move it on.

    course.steps_of(1, "2024-03-04T10:00").opens("S1").after(minutes=2).plays("V1")

    Nothing goes back in time: a step before the last one is refused, since a sentence that does so
    is a mistake more often than a wish. `CourseBuilder.event` adds an event of any time.
    """

    def __init__(self, course: CourseBuilder, user_id: int, now: datetime) -> None:
        self._course = course
        self._user_id = user_id
        self._now = now

    def after(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> Steps:
        """Let time pass."""
        return self._move(
            self._now + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        )

    def at(self, when: datetime | str) -> Steps:
        """Go to an instant in UTC; `10:30` or `10:30:05` is one of the same day."""
        if isinstance(when, datetime):
            return self._move(when)
        if len(when) <= len("10:30:05"):
            return self._move(datetime.combine(self._now.date(), time.fromisoformat(when)))
        return self._move(datetime.fromisoformat(when))

    def opens(self, location: str) -> Steps:
        """Open a page of the course: a sequential, or a pseudo-block such as `_info_`."""
        return self.does("/courseware", location, family="nav", source="server")

    def plays(self, video: str, *, at: float = 0.0) -> Steps:
        """Press play; `at` is the position in seconds."""
        return self.does("play_video", video, current_seconds=at)

    def pauses(self, video: str, *, at: float) -> Steps:
        """Press pause."""
        return self.does("pause_video", video, current_seconds=at)

    def seeks(self, video: str, *, old: float, new: float) -> Steps:
        """Jump from one position to another."""
        return self.does("seek_video", video, old_seconds=old, new_seconds=new)

    def finishes(self, video: str, *, at: float) -> Steps:
        """Play to the end."""
        return self.does("stop_video", video, current_seconds=at)

    def answers(self, problem: str, *, correct: bool, points: float = 1.0) -> Steps:
        """Have an answer checked; `points` are those that the problem can give."""
        earlier = [
            row
            for row in self._course.rows.get("events", ())
            if (row["user_id"], row["location"], row["event_type"])
            == (self._user_id, problem, "problem_check")
        ]
        return self.does(
            "problem_check",
            problem,
            success="correct" if correct else "incorrect",
            grade=points if correct else 0.0,
            max_grade=points,
            attempt=len(earlier) + 1,
        )

    def asks_for_hint(self, problem: str, *, number: int = 0) -> Steps:
        """Have a hint shown; they are numbered from 0."""
        return self.does("edx.problem.hint.demandhint_displayed", problem, hint_index=number)

    def sees_answer(self, problem: str) -> Steps:
        """Have the answer shown."""
        return self.does("showanswer", problem)

    def posts(self, location: str = "_forum_") -> Steps:
        """Begin a thread in the forum."""
        return self.does("edx.forum.thread.created", location)

    def leaves(self) -> Steps:
        """Close the page."""
        return self.does("page_close")

    def does(self, event_type: str, location: str | None = None, **columns: Any) -> Steps:
        """Any other event, with columns of the dataset `events`."""
        self._course.event(self._user_id, self._now, event_type, location, **columns)
        return self

    def _move(self, when: datetime) -> Steps:
        when = when.replace(tzinfo=self._now.tzinfo) if when.tzinfo is None else when
        if when < self._now:
            raise ValueError(
                f"student {self._user_id} is at {self._now:%Y-%m-%d %H:%M:%S} already, "
                f"{when:%Y-%m-%d %H:%M:%S} is before; begin another sequence with steps_of"
            )
        self._now = when
        return self
