"""How many students are enrolled."""

from __future__ import annotations

from dataclasses import dataclass

from courselens.plugin import (
    DAY_US,
    Annotated,
    Level,
    Parameters,
    Privacy,
    Tables,
    Value,
    indicator,
    ir,
    null_value,
)

_RECENT_US = 7 * DAY_US


@dataclass(frozen=True, slots=True)
class EnrollmentCount:
    """Students of a group."""

    learners: Annotated[int | None, Value("Students enrolled now.")]
    ever_enrolled: Annotated[int | None, Value("Students enrolled now or before.")]
    active_7d: Annotated[
        int | None,
        Value("Enrolled students active in the 7 days before `as_of`; null without their logs."),
    ]


@indicator(
    key="enrollment_count",
    version=1,
    title="Enrolled students",
    unit="learners",
    family="enrollment",
    levels=(Level.COURSE, Level.GROUP),
    needs=("population", "groups"),
    uses=("events", "memberships"),
    group=EnrollmentCount,
    privacy=(Privacy.STAFF, Privacy.AGG),
)
def enrollment_count(t: Tables, p: Parameters) -> ir.Table:
    """Students enrolled, ever enrolled, and active in the last 7 days.

    The course team is left out; Insights and the LMS count it: `include_staff=true`.

    Source: student_courseenrollment; tracking log, any course event.
    """
    from_us = p.as_of_us - _RECENT_US
    active = t.events.filter(t.events.is_activity & (t.events.ts_us >= from_us))
    members = t.memberships.semi_join(active, "user_id")
    counts = members.group_by("group_id").agg(active=members.count())
    joined = t.groups.left_join(counts, "group_id")
    recent = joined.active.fill_null(0) if _is_covered(p) else null_value("int64")
    return joined.select(
        "group_id",
        learners=joined.members,
        ever_enrolled=joined.ever_members,
        active_7d=recent,
    )


def _is_covered(p: Parameters) -> bool:
    """Whether the logs hold any of the 7 days before `as_of`."""
    if p.coverage is None:
        return False
    return p.coverage.share((p.as_of_us - _RECENT_US) // DAY_US, (p.as_of_us - 1) // DAY_US) > 0
