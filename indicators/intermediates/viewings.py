"""Viewings: the pieces of videos that learners watched (catalogue 3.5, rules V)."""

from __future__ import annotations

from datetime import UTC, datetime

from courselens.plugin import (
    Parameters,
    Tables,
    ifelse,
    in_order,
    intermediate,
    ir,
    least,
    null_value,
    running,
    to_us,
)
from indicators.intermediates.locations import names_block

_PLAY, _PAUSE, _STOP, _SEEK = "play_video", "pause_video", "stop_video", "seek_video"
_SHORTEST_SECONDS = 0.25
_LONGEST_SECONDS = 36_000.0
_SLACK_SECONDS = 1.0  # players round positions and durations differently

_SEEKS_TELL_OLD_TIME_SINCE_US = to_us(
    datetime(2014, 6, 25, tzinfo=UTC)
)  # before, old_time was the new one


@intermediate(
    name="viewings",
    columns={
        "user_id": "int",
        "video": "string",
        "start_us": "int",
        "event_id": "int",
        "from_seconds": "float",
        "to_seconds": "float",
        "ended_by": "string",
    },
    needs=("events", "video_durations"),
)
def viewings(t: Tables, p: Parameters) -> ir.Table:
    """One row per viewing that starts in the window: seconds [from, to) of a video.

    `start_us` and `event_id` are those of the event that opened it: a play, or a seek after which
    the video went on playing. `ended_by` is the type of the event that closed it.
    """
    found = viewings_of_insights(t.events) if p.is_insights else _viewings(t)
    return found.filter((found.start_us >= p.window.start_us) & (found.start_us < p.window.end_us))


def viewings_of_insights(events: ir.Table) -> ir.Table:
    """Viewings by Insights' rules (3.14), with the `duration_seconds` of their play, null if 0.

    Events at impossible positions are as if they were not there; the first event after a play that
    is no play closes the viewing; a play after a closing seek starts where that seek went.
    """
    steps = _steps(events)
    steps = steps.filter(_is_position(steps.stop_at) & _is_position(steps.resume_at))
    before = steps.event_type.lag().over(in_order(steps, "user_id", "video"))
    closed_at = ifelse(
        (steps.event_type == _SEEK) & (before == _PLAY), steps.resume_at, null_value("float64")
    )
    steps = steps.mutate(
        closed_at=closed_at,
        run=(steps.event_type == _PLAY)
        .cast("int64")
        .sum()
        .over(running(steps, "user_id", "video")),
    )
    steps = steps.mutate(
        closed_at=steps.closed_at.max().over(group_by=[steps.user_id, steps.video, steps.run])
    )
    order = in_order(steps, "user_id", "video")
    jump = steps.closed_at.lag().over(order)
    paired = _pair(steps, from_seconds=jump.coalesce(steps.resume_at))
    known = ifelse(paired.duration_seconds > 0, paired.duration_seconds, null_value("float64"))
    paired = paired.filter(paired.event_type == _PLAY).mutate(duration_seconds=known)
    is_past_end = paired.to_seconds > paired.duration_seconds + _SLACK_SECONDS
    return _keep_possible(paired.filter(~is_past_end.fill_null(False)))


def _viewings(t: Tables) -> ir.Table:
    """Viewings by our own rules.

    Every seek while playing ends one viewing and opens the next at the place it went to, unless a
    play follows: that one then opens it. So a row opens a viewing if the last event up to it that
    is no seek is a play, and the next row closes it.
    """
    steps = _steps(t.events)
    is_seek = steps.event_type == _SEEK
    hides_end = (
        is_seek
        & (steps.ts_us < _SEEKS_TELL_OLD_TIME_SINCE_US)
        & (steps.stop_at == steps.resume_at).fill_null(False)
    )
    steps = steps.mutate(
        is_seek=is_seek,
        stop_at=ifelse(hides_end, null_value("float64"), steps.stop_at),
        run=(~is_seek).cast("int64").sum().over(running(steps, "user_id", "video")),
        plays=(steps.event_type == _PLAY).cast("int64"),
    )
    steps = steps.mutate(
        is_playing=steps.plays.max().over(group_by=[steps.user_id, steps.video, steps.run]) == 1
    )
    order = in_order(steps, "user_id", "video")
    follows_jump = (steps.is_seek & steps.is_playing).lag().over(order).fill_null(False)
    jump = steps.resume_at.lag().over(order)
    paired = _pair(steps, from_seconds=ifelse(follows_jump & ~steps.is_seek, jump, steps.resume_at))
    paired = paired.filter(paired.is_playing).drop("duration_seconds")
    timed = paired.left_join(t.video_durations, "video").drop("video_right")
    is_past_end = timed.to_seconds > timed.duration_seconds + _SLACK_SECONDS
    timed = timed.filter(_is_position(timed.to_seconds) & ~is_past_end.fill_null(False))
    end = least(timed.to_seconds, timed.duration_seconds.fill_null(_LONGEST_SECONDS))
    return _keep_possible(timed.mutate(to_seconds=end))


def video_events(events: ir.Table) -> ir.Table:
    """Events of videos that name their video, as `video`."""
    return events.filter((events.family == "video") & names_block(events)).rename(video="location")


def _steps(events: ir.Table) -> ir.Table:
    """Events that open or close viewings, with the positions where they would do so.

    A pause without a position is at 0: players leave it out there.
    """
    steps = video_events(events)
    steps = steps.filter(steps.event_type.isin((_PLAY, _PAUSE, _STOP, _SEEK)))
    is_seek, is_pause = steps.event_type == _SEEK, steps.event_type == _PAUSE
    current = ifelse(is_pause, steps.current_seconds.fill_null(0.0), steps.current_seconds)
    return steps.select(
        "user_id", "video", "ts_us", "event_id", "event_type", "duration_seconds",
        stop_at=ifelse(is_seek, steps.old_seconds, current),
        resume_at=ifelse(is_seek, steps.new_seconds, current),
    )  # fmt: skip


def _pair(steps: ir.Table, *, from_seconds: ir.FloatingValue) -> ir.Table:
    """Give every step the next one as the end of what it opens; a play closes nothing."""
    order = in_order(steps, "user_id", "video")
    paired = steps.mutate(
        start_us=steps.ts_us,
        from_seconds=from_seconds,
        to_seconds=steps.stop_at.lead().over(order),
        ended_by=steps.event_type.lead().over(order),
    )
    return paired.filter(paired.ended_by.notnull() & (paired.ended_by != _PLAY))


def _keep_possible(rows: ir.Table) -> ir.Table:
    is_long_enough = rows.to_seconds - rows.from_seconds >= _SHORTEST_SECONDS
    return rows.filter(
        _is_position(rows.from_seconds) & _is_position(rows.to_seconds) & is_long_enough
    )


def _is_position(seconds: ir.FloatingValue) -> ir.BooleanValue:
    return (seconds >= 0) & (seconds <= _LONGEST_SECONDS)
