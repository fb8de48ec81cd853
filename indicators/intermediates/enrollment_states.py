"""What enrolment events say of a learner: enrolled or not, in which mode, from event to event."""

from __future__ import annotations

from courselens.plugin import cases, ir, null_value, running

ACTIVATED = "edx.course.enrollment.activated"
DEACTIVATED = "edx.course.enrollment.deactivated"
UNKNOWN_MODE = "unknown"


def changes_of(events: ir.Table) -> ir.Table:
    """Enrolment events as (user_id, ts_us, event_id, is_active, mode).

    `is_active` is null for an event that changes the mode only.
    """
    enr = events.filter(events.family == "enr")
    return enr.select(
        "user_id",
        "ts_us",
        "event_id",
        is_active=cases(
            (enr.event_type == ACTIVATED, True),
            (enr.event_type == DEACTIVATED, False),
            else_=null_value("bool"),
        ),
        mode=enr.mode.nullif(""),
    )


def states_after(changes: ir.Table) -> ir.Table:
    """The state after each change: (user_id, ts_us, event_id, is_enrolled, mode).

    A learner whose first known event changes the mode is enrolled from then on; later such events
    leave them enrolled or not. The mode is the last one known, else `unknown`.
    """
    so_far = running(changes, "user_id")
    numbered = changes.mutate(
        _decided=changes.is_active.count().over(so_far), _named=changes.mode.count().over(so_far)
    )
    # rows up to the next one that says something share its number, so its value is their maximum
    decided = numbered.group_by("user_id", "_decided")
    carried = decided.mutate(is_enrolled=numbered.is_active.cast("int64").max())
    named = carried.group_by("user_id", "_named")
    return named.mutate(last_mode=carried.mode.max()).select(
        "user_id",
        "ts_us",
        "event_id",
        is_enrolled=lambda r: (r.is_enrolled == 1).fill_null(True),
        mode=lambda r: r.last_mode.fill_null(UNKNOWN_MODE),
    )
