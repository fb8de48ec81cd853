"""Students engaged in each week of a course."""

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
    greatest,
    ifelse,
    indicator,
    ir,
    literal,
    monday_of,
    null_value,
    percent,
    running,
    total,
    week_rows,
    window_weeks,
)

_POSTS = (
    "edx.forum.thread.created",
    "edx.forum.response.created",
    "edx.forum.comment.created",
)
_COUNTS = ("active", "watched_video", "tried_problem", "posted")


@dataclass(frozen=True, slots=True)
class EngagedWeek:
    """One week, Monday to Sunday; the counts are null where no logs cover it."""

    week: Annotated[date, Key("Its Monday, in the time zone `tz`.")]
    enrolled: Annotated[
        int | None,
        Value("Students enrolled before its end; null where enrolment is unknown."),
    ]
    active: Annotated[int | None, Value("Students with any activity event.")]
    watched_video: Annotated[int | None, Value("Students who played a video.")]
    tried_problem: Annotated[int | None, Value("Students who submitted a problem.")]
    posted: Annotated[int | None, Value("Students who wrote in the forum.")]
    active_percent: Annotated[float | None, Value("Of the enrolled.", "percent")]
    watched_video_percent: Annotated[float | None, Value("Of the enrolled.", "percent")]
    tried_problem_percent: Annotated[float | None, Value("Of the enrolled.", "percent")]
    posted_percent: Annotated[float | None, Value("Of the enrolled.", "percent")]
    partial: Annotated[
        bool | None, Value("Whether part of the week lies outside the window or the logs.")
    ]


@dataclass(frozen=True, slots=True)
class WeeklyEngagement:
    """Every week that the window touches."""

    rows: list[EngagedWeek]


@indicator(
    key="weekly_engagement",
    version=1,
    title="Weekly engagement",
    unit="learners",
    family="activity",
    levels=(Level.COURSE, Level.GROUP),
    needs=("population", "events"),
    uses=("memberships", "groups"),
    definitions=("courselens", "insights"),
    group=WeeklyEngagement,
    takes_window=True,
    privacy=(Privacy.STAFF, Privacy.AGG),
)
def weekly_engagement(t: Tables, p: Parameters) -> ir.Table:
    """Distinct students per week who were active, played a video, submitted a problem, or posted.

    Each also as percent of the group's students whose first enrolment lies before the week's end
    (a student whose enrolment has no date counts from the first week). Weeks begin on Monday and do
    not add up: a student counts in each.

    Source: tracking log, any course event, `play_video`, server `problem_check`,
    `edx.forum.*.created`; student_courseenrollment. edX Insights, user_activity.
    """
    weeks = t.groups.select("group_id").cross_join(week_rows(p))
    counted = weeks.left_join(_engaged(t, p), ["group_id", "week"])
    known = counted.select(
        "group_id",
        "week",
        "is_partial",
        **{
            name: ifelse(counted.is_covered, counted[name].fill_null(0), null_value("int64"))
            for name in _COUNTS
        },
    )
    joined = known.inner_join(_enrolled(t, p), ["group_id", "week"])
    return joined.select(
        "group_id",
        "week",
        "enrolled",
        *_COUNTS,
        partial=joined.is_partial,
        **{f"{name}_percent": percent(joined[name], joined.enrolled) for name in _COUNTS},
    )


def _engaged(t: Tables, p: Parameters) -> ir.Table:
    """Members who did each thing: (group_id, week, active, watched_video ...)."""
    events = t.events.filter(
        t.events.is_activity
        & (t.events.ts_us >= p.window.start_us)
        & (t.events.ts_us < p.window.end_us)
    )
    did = events.select(
        "user_id",
        week=monday_of(day_in_window(events.ts_us, p)),
        watched_video=events.event_type == "play_video",
        tried_problem=(events.event_type == "problem_check") & (events.source == "server"),
        posted=events.event_type.isin(_POSTS),
    )
    per_user = did.group_by("user_id", "week").agg(
        **{name: did[name].any().cast("int64") for name in _COUNTS[1:]}
    )
    rows = t.memberships.inner_join(per_user, "user_id")
    return rows.group_by("group_id", "week").agg(
        active=rows.count(), **{name: total(rows[name]) for name in _COUNTS[1:]}
    )


def _enrolled(t: Tables, p: Parameters) -> ir.Table:
    """Members enrolled before the end of each week: (group_id, week, enrolled)."""
    weeks = t.groups.select("group_id").cross_join(week_rows(p).select("week"))
    if p.population_basis == "events":
        return weeks.mutate(enrolled=null_value("int64"))
    members = t.memberships.inner_join(t.population.select("user_id", "enrolled_us"), "user_id")
    inside_us = greatest(members.enrolled_us.fill_null(0), p.window.start_us)
    is_late = members.enrolled_us >= p.window.end_us
    first_week = literal(next(iter(window_weeks(p)), 0))
    joined = members.filter(~is_late.fill_null(False)).mutate(
        week=greatest(monday_of(day_in_window(inside_us, p)), first_week).cast("int64")
    )
    started = joined.group_by("group_id", "week").agg(starting=joined.count())
    counted = weeks.left_join(started, ["group_id", "week"]).select(
        weeks.group_id, weeks.week, starting=started.starting.fill_null(0)
    )
    so_far = running(counted, "group_id", order_by=[counted.week])
    return counted.select(
        "group_id", "week", enrolled=counted.starting.sum().over(so_far).cast("int64")
    )
