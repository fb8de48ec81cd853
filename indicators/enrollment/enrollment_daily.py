"""Enrolment on each day, by mode."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date

from courselens.plugin import (
    Annotated,
    Key,
    Level,
    Parameters,
    Privacy,
    Tables,
    Value,
    day_rows,
    ifelse,
    indicator,
    ir,
    literal,
    null_value,
    running,
    total,
    window_days,
)
from indicators.intermediates.enrollment_days import EVENTS, HISTORY, SNAPSHOT, method_of


class EnrollmentMethod(enum.StrEnum):
    """Where the numbers come from.

    Attributes:
        EVENTS: enrolment events of the logs.
        HISTORY: the enrolment table's history.
        SNAPSHOT: the enrolment table as it is now.
    """

    EVENTS = EVENTS
    HISTORY = HISTORY
    SNAPSHOT = SNAPSHOT


@dataclass(frozen=True, slots=True)
class EnrolledDay:
    """One day and mode; over the modes of a day everything adds up."""

    day: Annotated[date, Key("Day in the time zone `tz`.")]
    mode: Annotated[str, Key("Enrolment mode at the day's end, `unknown` if never told.")]
    enrolled: Annotated[int | None, Value("Students enrolled at the day's end.")]
    joined: Annotated[int | None, Value("Times that students enrolled.")]
    left: Annotated[int | None, Value("Times that students unenrolled.")]
    ever_enrolled: Annotated[
        int | None, Value("Students enrolled at the day's end or before, by their last mode.")
    ]


@dataclass(frozen=True, slots=True)
class EnrollmentDaily:
    """Every day of the window, with every mode that the group's students ever had."""

    rows: list[EnrolledDay]
    method: Annotated[
        EnrollmentMethod | None,
        Value("Enrolment events, the table's history, or its rows as they are now."),
    ]


@indicator(
    key="enrollment_daily",
    version=1,
    title="Enrolment by day",
    unit="learners",
    family="enrollment",
    levels=(Level.COURSE, Level.GROUP),
    needs=("ever_enrolled", "enrollment_days", "groups"),
    uses=("events", "enrollment_history", "ever_memberships"),
    definitions=("courselens", "insights"),
    group=EnrollmentDaily,
    population="ever_enrolled",
    takes_window=True,
    privacy=(Privacy.STAFF, Privacy.AGG),
)
def enrollment_daily(t: Tables, p: Parameters) -> dict[str, ir.Table]:
    """Students enrolled at the end of each day, how many joined and left, by mode.

    Of everybody ever enrolled. Enrolment before a first event that ends it, or changes its mode, is
    unknown and not counted. A change of mode moves a student between modes without joining or
    leaving. From events, days without logs are null; else from the history of enrolment rows; else
    from the rows themselves, which know no leaving.

    Source: `edx.course.enrollment.*` events; student_courseenrollment_history;
    student_courseenrollment. edX Insights, enrollments.
    """
    method = method_of(t, p)
    changes = _changes(t)
    modes = changes.select("group_id", "mode").distinct()
    days = window_days(p)
    inside = day_rows(p)
    eve = inside.filter(inside.day == (days[0] if days else 0)).select(
        day=inside.day - 1, is_covered=literal(True)
    )
    every_day = modes.cross_join(inside.union(eve))
    sums = changes.group_by("group_id", "mode", "day").agg(
        **{name: total(changes[name]) for name in _AMOUNTS}
    )
    joined = every_day.left_join(sums, ["group_id", "mode", "day"])
    filled = joined.select(
        "group_id", "mode", "day", "is_covered",
        **{name: joined[name].fill_null(0) for name in _AMOUNTS},
    )  # fmt: skip
    so_far = running(filled, "group_id", "mode", order_by=[filled.day])
    counted = filled.mutate(
        enrolled=filled.enrolled.sum().over(so_far).cast("int64"),
        ever_enrolled=filled.ever_enrolled.sum().over(so_far).cast("int64"),
    )
    kept = counted.filter(counted.day >= (days[0] if days else 0))
    is_known = kept.is_covered if method == EVENTS else literal(True)
    rows = kept.select(
        "group_id",
        "day",
        "mode",
        **{name: ifelse(is_known, kept[name], null_value("int64")) for name in _AMOUNTS},
    )
    return {"rows": rows, "values": t.groups.select("group_id", method=literal(method))}


_AMOUNTS = ("enrolled", "joined", "left", "ever_enrolled")


def _changes(t: Tables) -> ir.Table:
    """What each day adds to a group's modes and takes from them."""
    days = t.ever_memberships.inner_join(t.enrollment_days, "user_id")
    added = days.select(
        "group_id",
        "day",
        "mode",
        "joined",
        "left",
        enrolled=days.is_enrolled.cast("int64"),
        ever_enrolled=literal(1, "int64"),
    )
    later = days.filter(days.previous_mode.notnull())
    taken = later.select(
        "group_id",
        "day",
        mode=later.previous_mode,
        joined=literal(0, "int64"),
        left=literal(0, "int64"),
        enrolled=-later.was_enrolled.cast("int64"),
        ever_enrolled=literal(-1, "int64"),
    )
    return added.union(taken)
