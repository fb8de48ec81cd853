"""Days on which somebody's enrolment changed (catalogue 3.10, enrollment_daily)."""

from __future__ import annotations

from courselens.plugin import (
    Parameters,
    Tables,
    day_in_window,
    greatest,
    ifelse,
    intermediate,
    ir,
    literal,
    local_day,
    null_value,
    row_number,
)
from indicators.intermediates.enrollment_states import changes_of, states_after

EVENTS = "events"
HISTORY = "history"
SNAPSHOT = "snapshot"


def method_of(t: Tables, p: Parameters) -> str:
    """Where enrolment comes from: the logs, the table's history, or its rows as they are."""
    if t.has("events") and p.has_enrollment_events:
        return EVENTS
    return HISTORY if t.has("enrollment_history") else SNAPSHOT


@intermediate(
    name="enrollment_days",
    columns={
        "user_id": "int",
        "day": "int",
        "is_enrolled": "bool",
        "mode": "string",
        "joined": "int",
        "left": "int",
        "was_enrolled": "bool",
        "previous_mode": "string",
    },
    uses=("events", "enrollment_history", "enrollments"),
)
def enrollment_days(t: Tables, p: Parameters) -> ir.Table:
    """One row per learner and day with an enrolment event: the state at its end, until the next.

    `previous_mode` and `was_enrolled` are the learner's last row before, null on the first. What
    happened before the window is one row, on the day before its first. Under Insights' definition
    nothing before the window is known, and joining and leaving on one day is neither.
    """
    changes = _changes(t, method_of(t, p))
    seen = changes.filter(changes.ts_us < p.window.end_us)
    if p.is_insights:
        seen = seen.filter(seen.ts_us >= p.window.start_us)
    states = states_after(seen)
    order = {"group_by": "user_id", "order_by": [states.ts_us, states.event_id]}
    before = states.is_enrolled.lag().over(**order).fill_null(False)
    is_early = states.ts_us < p.window.start_us
    eve = literal(local_day(p.window.start_us, p.zone) - 1)
    dated = states.mutate(
        day=ifelse(is_early, eve, day_in_window(states.ts_us, p)).cast("int64"),
        joined=(states.is_enrolled & ~before).cast("int64"),
        left=(before & ~states.is_enrolled).cast("int64"),
    )
    ranked = dated.mutate(
        place=row_number(
            dated, "user_id", "day", order_by=[dated.ts_us.desc(), dated.event_id.desc()]
        )
    )
    counts = dated.group_by("user_id", "day").agg(joined=dated.joined.sum(), left=dated.left.sum())
    last = ranked.filter(ranked.place == 0).select("user_id", "day", "is_enrolled", "mode")
    days = last.inner_join(counts, ["user_id", "day"])
    if p.is_insights:
        net = days.joined - days.left
        days = days.mutate(joined=greatest(net, 0), left=greatest(-net, 0))
    by_day = {"group_by": "user_id", "order_by": "day"}
    return days.mutate(
        was_enrolled=days.is_enrolled.lag().over(**by_day),
        previous_mode=days.mode.lag().over(**by_day),
    )


def _changes(t: Tables, method: str) -> ir.Table:
    """Changes of enrolment as `states_after` takes them, from the source of the method."""
    if method == EVENTS:
        return changes_of(t.events)
    if method == HISTORY:
        history = t.enrollment_history
        return history.select(
            "user_id",
            ts_us=history.changed_us,
            event_id=history.history_id,
            is_active=history.is_active,
            mode=history.mode.nullif(""),
        )
    rows = t.enrollments.filter(t.enrollments.created_us.notnull())
    return rows.select(
        "user_id",
        ts_us=rows.created_us,
        event_id=null_value("int64"),
        is_active=literal(True),
        mode=rows.mode.nullif(""),
    )
