"""Time that students spend on a course."""

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
    to_seconds,
    total,
)


@dataclass(frozen=True, slots=True)
class TimeOnCourse:
    """Time of one student."""

    seconds: Annotated[float | None, Value("Time credited to the student's events.", "seconds")]


@dataclass(frozen=True, slots=True)
class GroupTimeOnCourse:
    """Beside the summary of all students: those who were active."""

    active_learners: Annotated[int | None, Value("Students with at least one activity event.")]
    active_mean_seconds: Annotated[float | None, Value("Mean over active students.", "seconds")]
    active_median_seconds: Annotated[float | None, Value("Median over active students.", "seconds")]


@indicator(
    key="time_on_course",
    version=1,
    title="Time on course",
    unit="seconds",
    family="time",
    levels=(Level.STUDENT, Level.COURSE, Level.GROUP),
    needs=("population", "credits"),
    uses=("memberships",),
    student=TimeOnCourse,
    group=GroupTimeOnCourse,
    takes_window=True,
    merges=True,
    privacy=(Privacy.SELF, Privacy.STAFF, Privacy.AGG),
)
def time_on_course(t: Tables, p: Parameters) -> ir.Table:
    """Sum of a student's credits: gaps between consecutive events, up to the inactivity limit.

    A student without events has 0 where the logs cover the window. Undercounts reading without
    clicks, overcounts idle gaps below the limit.

    Source: tracking log, any course event; HarvardX/MITx person-course, Pijeira Díaz et al. 2014.
    """
    per_user = t.credits.group_by("user_id").agg(credit_us=total(t.credits.credit_us))
    joined = t.population.left_join(per_user, "user_id")
    return joined.select("user_id", seconds=to_seconds(joined.credit_us.fill_null(0)))


@time_on_course.for_groups
def of_groups(t: Tables, p: Parameters) -> ir.Table:
    """Number, mean and median of the members with at least one activity event."""
    per_user = t.credits.group_by("user_id").agg(
        credit_us=total(t.credits.credit_us), is_active=t.credits.is_in_window.any()
    )
    active = t.memberships.inner_join(per_user.filter(per_user.is_active), "user_id")
    return active.group_by("group_id").agg(
        active_learners=active.user_id.count(),
        active_mean_seconds=to_seconds(total(active.credit_us)) / active.user_id.count().nullif(0),
        active_median_seconds=to_seconds(active.credit_us).median(),
    )
