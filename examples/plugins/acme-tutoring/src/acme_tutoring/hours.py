"""Hours of tutoring that students had."""

from __future__ import annotations

from dataclasses import dataclass

from courselens.plugin import (
    Annotated,
    Level,
    Parameters,
    Privacy,
    Tables,
    Value,
    indicator,
    ir,
    total_float,
)


@dataclass(frozen=True, slots=True)
class TutoringHours:
    """Of one student."""

    hours: Annotated[float | None, Value("Time at the tutoring centre for this course.", "hours")]


@indicator(
    key="acme_tutoring_hours",
    version=1,
    title="Tutoring",
    unit="hours",
    family="time",
    levels=(Level.STUDENT, Level.COURSE, Level.GROUP),
    needs=("population", "acme_tutoring_sessions"),
    student=TutoringHours,
    privacy=(Privacy.SELF, Privacy.STAFF),
)
def hours(t: Tables, p: Parameters) -> ir.Table:
    """Add up the sessions of a student; 0 for those who never came.

    Source: the tutoring centre's file, by username.
    """
    sessions = t.acme_tutoring_sessions
    spent = sessions.group_by("username").agg(minutes=total_float(sessions.minutes))
    joined = t.population.left_join(spent, "username")
    return joined.select("user_id", hours=joined.minutes.fill_null(0.0) / 60.0)
