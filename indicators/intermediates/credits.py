"""Credits: the time of every activity event (catalogue 1.15), at its location (1.16)."""

from __future__ import annotations

from courselens.plugin import (
    COURSE_LOCATION,
    SECOND_US,
    Parameter,
    Parameters,
    Tables,
    cases,
    gap_to_next,
    greatest,
    ifelse,
    intermediate,
    ir,
    least,
    literal,
)

INACTIVITY = Parameter(
    "inactivity_s",
    int,
    1800,
    "Seconds without an event after which a learner is taken to be away (T).",
    minimum=60,
    maximum=7200,
)
GAP_POLICY = Parameter(
    "gap_policy",
    str,
    "discard",
    "What a gap over inactivity_s earns: nothing, or inactivity_s seconds.",
    choices=("discard", "cap"),
)
TAIL = Parameter(
    "tail_s",
    int,
    0,
    "Seconds that the last event of a session earns (under cap: the very last event).",
    minimum=0,
    maximum=7200,
)


_TELLING = ("video", "prob", "hint", "ora", "forum", "text")
"""Families whose events have an activity type wherever they happen (catalogue 3.2)."""


@intermediate(
    name="credits",
    columns={
        "user_id": "int",
        "start_us": "int",
        "event_id": "int",
        "location": "string",
        "activity_type": "string",
        "credit_us": "int",
        "is_in_window": "bool",
    },
    needs=("events",),
    parameters=(INACTIVITY, GAP_POLICY, TAIL),
)
def credits_of_events(t: Tables, p: Parameters) -> ir.Table:
    """One row per activity event: the interval [start, start + credit), cut to the window.

    `is_in_window` tells whether the event itself lies in the window; an earlier event of which only
    the credit reaches into it starts at the window's border. A credit is 0 where nothing is earned:
    on the last event, before a gap over T (under `discard`), after `page_close`.
    """
    limit_us = p.inactivity_s * SECOND_US
    tail_us = min(p.tail_s, p.inactivity_s) * SECOND_US
    after_gap_us = limit_us if p.gap_policy == "cap" else tail_us
    active = t.events.filter(t.events.is_activity)
    narrow = active.select(  # before the window function, which holds every row in memory
        "user_id",
        "ts_us",
        "event_id",
        "location",
        activity_type=activity_type_within(active, limit_us),
        is_lost=is_lost(active, limit_us),
        closes=active.event_type == "page_close",
    )
    timed = narrow.mutate(gap_us=gap_to_next(narrow, "user_id"))
    earned = cases(
        (timed.closes, literal(0)),
        (timed.gap_us.isnull(), literal(tail_us)),
        (timed.gap_us > limit_us, literal(after_gap_us)),
        else_=timed.gap_us,
    ).cast("int64")
    earned_rows = timed.mutate(end_us=timed.ts_us + earned)
    start = greatest(earned_rows.ts_us, literal(p.window.start_us))
    end = least(earned_rows.end_us, literal(p.window.end_us))
    is_in_window = (earned_rows.ts_us >= p.window.start_us) & (earned_rows.ts_us < p.window.end_us)
    cut = earned_rows.select(
        "user_id",
        "event_id",
        "activity_type",
        location=_location(earned_rows.location, is_lost=earned_rows.is_lost),
        start_us=start.cast("int64"),
        credit_us=greatest(end - start, literal(0)).cast("int64"),
        is_in_window=is_in_window,
    )
    return cut.filter(cut.is_in_window | (cut.credit_us > 0))


def activity_type_within(events: ir.Table, limit_us: int) -> ir.StringValue:
    """Activity type of events; one that only its carried location told goes with the location."""
    is_known = ~is_lost(events, limit_us) | events.family.isin(_TELLING)
    return ifelse(is_known, events.activity_type, "other")


def location_within(events: ir.Table, limit_us: int) -> ir.StringValue:
    """Location of events; a carried one holds over gaps of at most `limit_us` (1.16 e)."""
    return _location(events.location, is_lost=is_lost(events, limit_us))


def is_lost(events: ir.Table, limit_us: int) -> ir.BooleanValue:
    """Whether the location of events was carried over a longer gap than `limit_us`."""
    return (events.location_gap_us > limit_us).fill_null(False)


def _location(location: ir.StringValue, *, is_lost: ir.BooleanValue) -> ir.StringValue:
    return ifelse(is_lost, COURSE_LOCATION, location.fill_null(COURSE_LOCATION))
