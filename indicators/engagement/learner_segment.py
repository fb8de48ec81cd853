"""Segments of learners by what they did in the last two weeks."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from courselens.plugin import (
    DAY_US,
    Annotated,
    Key,
    Level,
    Parameters,
    Privacy,
    Tables,
    Value,
    array,
    ifelse,
    indicator,
    ir,
    literal,
    null_value,
    union,
)
from indicators.engagement.key_activity import (
    ATTEMPTS_PER_CORRECT,
    is_high,
    key_activity,
    metric_ranges,
    metric_values,
)

_WEEK_US = 7 * DAY_US


class Segment(enum.StrEnum):
    """Groups of learners; one learner may be in several.

    Attributes:
        HIGHLY_ENGAGED: among the most active of the week.
        STRUGGLING: among those with the most attempts per correct problem.
        DISENGAGING: active the week before only.
        INACTIVE: active in neither week.
        UNENROLLED: left the course.
    """

    HIGHLY_ENGAGED = "highly_engaged"
    STRUGGLING = "struggling"
    DISENGAGING = "disengaging"
    INACTIVE = "inactive"
    UNENROLLED = "unenrolled"


@dataclass(frozen=True, slots=True)
class LearnerSegment:
    """Segments of one student, perhaps none."""

    segments: Annotated[list[Segment], Value("Segments the student is in.")]


@dataclass(frozen=True, slots=True)
class SegmentSize:
    """How many are in one segment."""

    segment: Annotated[Segment, Key("Segment.")]
    learners: Annotated[int, Value("Students in it.")]


@dataclass(frozen=True, slots=True)
class GroupLearnerSegment:
    """Sizes of all segments; they overlap."""

    rows: list[SegmentSize]


@indicator(
    key="learner_segment",
    version=1,
    title="Learner segments",
    unit="segment",
    family="engagement",
    levels=(Level.STUDENT, Level.COURSE, Level.GROUP),
    needs=("ever_enrolled", "ever_memberships", "events"),
    definitions=("courselens", "insights"),
    student=LearnerSegment,
    group=GroupLearnerSegment,
    population="ever_enrolled",
    privacy=(Privacy.STAFF, Privacy.AGG),
)
def learner_segment(t: Tables, p: Parameters) -> ir.Table:
    """Place the ever enrolled by their last 7 days before `as_of`, and the 7 days before those.

    `highly_engaged`: at or above the 85th percentile of problems tried, problems correct, videos
    played or contributions, among those active in the week. `struggling`: the same for attempts per
    problem correct, among those with an attempt; infinite if none was correct. A metric whose 15th
    and 85th percentiles are equal places nobody. `disengaging`: active the week before only;
    `inactive`: in neither; `unenrolled`: left the course. Active is a submission, a video played or
    a forum post.

    Source: tracking log, problem_check, play_video, edx.forum.*.created; edX Insights, learners.
    """
    placed = _place(t, p)
    named = [
        ifelse(placed[segment.value], literal(segment.value), null_value("string"))
        for segment in Segment
    ]
    return placed.select("user_id", segments=array(named).filter(lambda segment: segment.notnull()))


@learner_segment.for_groups
def of_groups(t: Tables, p: Parameters) -> ir.Table:
    """Count the members of each segment."""
    members = _place(t, p).inner_join(t.ever_memberships, "user_id")
    sizes = [
        members.group_by("group_id").agg(
            segment=literal(segment.value),
            learners=members.count(where=members[segment.value]),
            sort_position=literal(place),
        )
        for place, segment in enumerate(Segment)
    ]
    return union(*sizes)


def _place(t: Tables, p: Parameters) -> ir.Table:
    """One row per member of E with a boolean per segment."""
    start_us = p.as_of_us - _WEEK_US
    events = t.events.semi_join(t.ever_enrolled, "user_id")
    now = key_activity(events, start_us=start_us, end_us=p.as_of_us)
    before = key_activity(events, start_us=start_us - _WEEK_US, end_us=start_us)
    values = metric_values(now)
    judged = values.inner_join(metric_ranges(values), "metric")
    high = judged.filter(is_high(judged))
    is_ratio = high.metric == ATTEMPTS_PER_CORRECT
    marks = high.group_by("user_id").agg(
        highly_engaged=(~is_ratio).any(), struggling=is_ratio.any()
    )
    is_now = now.select("user_id", is_active=literal(True))
    was = before.select("user_id", was_active=literal(True))
    rows = t.ever_enrolled.select("user_id", "is_enrolled")
    for other in (is_now, was, marks):
        rows = rows.left_join(other, "user_id").drop("user_id_right")
    is_active, was_active = rows.is_active.fill_null(False), rows.was_active.fill_null(False)
    return rows.select(
        "user_id",
        highly_engaged=rows.highly_engaged.fill_null(False),
        struggling=rows.struggling.fill_null(False),
        disengaging=~is_active & was_active,
        inactive=~is_active & ~was_active,
        unenrolled=~rows.is_enrolled,
    )
