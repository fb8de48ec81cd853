"""Days on which students did anything."""

from __future__ import annotations

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
    day_in_window,
    day_rows,
    indicator,
    ir,
    null_value,
)


@dataclass(frozen=True, slots=True)
class ActiveDays:
    """Days of one student."""

    days: Annotated[int | None, Value("Days with at least one activity event.", "days")]


@dataclass(frozen=True, slots=True)
class ActiveLearners:
    """One day of a group."""

    day: Annotated[date, Key("Day in the time zone `tz`.")]
    learners: Annotated[
        int | None, Value("Students with an activity event that day; null without logs.")
    ]


@dataclass(frozen=True, slots=True)
class GroupActiveDays:
    """Beside the summary of the students' days: who was active, for every day of the window."""

    rows: list[ActiveLearners]


@indicator(
    key="active_days",
    version=1,
    title="Active days",
    unit="days",
    family="activity",
    levels=(Level.STUDENT, Level.COURSE, Level.GROUP),
    needs=("population", "events"),
    uses=("memberships", "groups"),
    student=ActiveDays,
    group=GroupActiveDays,
    takes_window=True,
    merges=True,
    privacy=(Privacy.SELF, Privacy.STAFF, Privacy.AGG),
)
def active_days(t: Tables, p: Parameters) -> ir.Table:
    """Distinct days with at least one activity event of the student.

    A student without events has 0 where the logs cover the window.

    Source: tracking log, any course event; HarvardX/MITx person-course `ndays_act`.
    """
    active = _active(t, p)
    per_user = active.group_by("user_id").agg(days=active.count())
    joined = t.population.left_join(per_user, "user_id")
    return joined.select("user_id", days=joined.days.fill_null(0))


@active_days.for_groups
def of_groups(t: Tables, p: Parameters) -> ir.Table:
    """Members active on each day of the window."""
    active = t.memberships.inner_join(_active(t, p), "user_id")
    counts = active.group_by("group_id", "day").agg(learners=active.count())
    every_day = t.groups.select("group_id").cross_join(day_rows(p))
    joined = every_day.left_join(counts, ["group_id", "day"])
    return joined.select(
        "group_id",
        "day",
        learners=joined.is_covered.ifelse(joined.learners.fill_null(0), null_value("int64")),
    )


def _active(t: Tables, p: Parameters) -> ir.Table:
    """Days in the window with an activity event: (user_id, day)."""
    events = t.events.filter(
        t.events.is_activity
        & (t.events.ts_us >= p.window.start_us)
        & (t.events.ts_us < p.window.end_us)
    )
    return events.select("user_id", day=day_in_window(events.ts_us, p)).distinct()
