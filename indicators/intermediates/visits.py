"""Visits: arrivals at a place of the course by navigation (catalogue 3.3, section_accesses)."""

from __future__ import annotations

from courselens.plugin import (
    SECOND_US,
    Parameters,
    Tables,
    in_order,
    intermediate,
    ir,
    sessionize,
)
from indicators.intermediates.credits import INACTIVITY, location_within


@intermediate(
    name="visits",
    columns={
        "user_id": "int",
        "ts_us": "int",
        "event_id": "int",
        "block_key": "string",
        "previous_block_key": "string",
        "session": "int",
    },
    needs=("events",),
    parameters=(INACTIVITY,),
)
def visits(t: Tables, p: Parameters) -> ir.Table:
    """One row per arrival in the window: a navigation event at another place than the one before.

    The first navigation event of a session always arrives, with a null `previous_block_key`.
    `page_close` and a move within a sequence to where the learner already is are no arrivals.
    """
    limit_us = p.inactivity_s * SECOND_US
    arrived = find_arrivals(number_sessions(t.events, limit_us=limit_us), limit_us=limit_us)
    return arrived.filter((arrived.ts_us >= p.window.start_us) & (arrived.ts_us < p.window.end_us))


def number_sessions(events: ir.Table, *, limit_us: int) -> ir.Table:
    """Navigation and problem events with the number of their session.

    Sessions are made of all activity events, so these are numbered first, as narrow as they can
    be: a window function holds every row in memory, and block keys are long.
    """
    active = events.filter(events.is_activity)
    narrow = active.select("user_id", "ts_us", "event_id")
    numbers = sessionize(narrow, "user_id", limit_us=limit_us).drop("ts_us")
    chosen = active.filter(active.family.isin(("nav", "prob"))).select(
        "user_id", "ts_us", "event_id", "event_type", "source", "family", "location",
        "location_gap_us", "old_position", "new_position",
    )  # fmt: skip
    return chosen.inner_join(numbers, ["user_id", "event_id"])


def find_arrivals(numbered: ir.Table, *, limit_us: int) -> ir.Table:
    """Visits among events with their sessions."""
    stays = (numbered.old_position == numbered.new_position).fill_null(False)
    moves = numbered.filter(
        (numbered.family == "nav") & (numbered.event_type != "page_close") & ~stays
    ).mutate(block_key=lambda m: location_within(m, limit_us))
    placed = moves.mutate(
        previous_block_key=moves.block_key.lag().over(in_order(moves, "user_id", "session"))
    )
    arrived = placed.filter(
        placed.previous_block_key.isnull() | (placed.previous_block_key != placed.block_key)
    )
    return arrived.select(
        "user_id", "ts_us", "event_id", "block_key", "previous_block_key", "session"
    )
