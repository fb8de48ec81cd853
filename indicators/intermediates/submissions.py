"""Submissions: checks with what came before them (catalogue 1.8, 3.8)."""

from __future__ import annotations

from courselens.plugin import (
    SECOND_US,
    Parameters,
    Tables,
    intermediate,
    ir,
    literal,
    null_value,
    row_number,
    running,
)
from indicators.intermediates.checks import CHECK, COLUMNS, PARTIAL, in_window, is_check
from indicators.intermediates.credits import INACTIVITY
from indicators.intermediates.locations import names_block
from indicators.intermediates.visits import find_arrivals, number_sessions

_RESET, _HINT = "reset_problem", "hint"


@intermediate(
    name="submissions",
    columns={**COLUMNS, "instance": "int", "hints_before": "int", "viewed_us": "int"},
    needs=("events", "checks"),
    uses=("hints", "blocks"),
    parameters=(PARTIAL, INACTIVITY),
)
def submissions(t: Tables, p: Parameters) -> ir.Table:
    """One row per check, as in `checks`, with what the learner did before.

    `instance` counts the stretches between a learner's resets of a problem from 1, `hints_before`
    the hints of it shown earlier. `viewed_us` is t_0 of the first submission (3.8): the latest view
    of the problem before it in the same session, null if none.
    """
    resets = in_window(t.events.filter(t.events.event_type == _RESET), p)
    steps = t.checks.mutate(event_type=literal(CHECK))
    steps = steps.union(_as_steps(resets, steps, _RESET)).union(_as_steps(t.hints, steps, _HINT))
    order = running(steps, "user_id", "problem")
    counted = steps.mutate(
        instance=(steps.event_type == _RESET).cast("int64").sum().over(order).cast("int64") + 1,
        hints_before=(steps.event_type == _HINT).cast("int64").sum().over(order).cast("int64"),
    )
    found = counted.filter(counted.event_type == CHECK)
    joined = found.left_join(_last_views(t, p), ["user_id", "problem"])
    return joined.select(*COLUMNS, "instance", "hints_before", "viewed_us")


def _as_steps(rows: ir.Table, steps: ir.Table, event_type: str) -> ir.Table:
    """Rows between checks, with the columns of those."""
    own = ("user_id", "problem", "ts_us", "event_id")
    nothing = {name: null_value(steps[name].type()) for name in COLUMNS if name not in own}
    return rows.select(*own, **nothing, event_type=literal(event_type)).select(steps.columns)


def _last_views(t: Tables, p: Parameters) -> ir.Table:
    """t_0 per learner and problem, where there is one.

    A view is a `problem_get`, or an arrival in the problem's vertical: at a place in it, from a
    place that is not.
    """
    limit_us = p.inactivity_s * SECOND_US
    numbered = number_sessions(t.events, limit_us=limit_us)
    is_in_window = (numbered.ts_us >= p.window.start_us) & (numbered.ts_us < p.window.end_us)
    seen = numbered.filter(is_in_window)
    own = seen.filter(names_block(seen) & (seen.family == "prob"))
    checks = own.filter(is_check(own)).select(
        "user_id", "session", "ts_us", "event_id", problem="location"
    )
    first = checks.mutate(
        place=row_number(checks, "user_id", "problem", order_by=[checks.ts_us, checks.event_id])
    )
    first = first.filter(first.place == 0).drop("place")
    gets = own.filter(own.event_type.endswith("problem_get")).select(
        "user_id", "session", "ts_us", "event_id", problem="location"
    )
    visits = find_arrivals(numbered, limit_us=limit_us)
    visits = visits.filter(visits.ts_us >= p.window.start_us)
    views = gets.union(_arrivals(t, visits))
    joined = first.inner_join(views, ["user_id", "session", "problem"])
    is_earlier = (joined.ts_us_right < joined.ts_us) | (
        (joined.ts_us_right == joined.ts_us) & (joined.event_id_right < joined.event_id)
    )
    earlier = joined.filter(is_earlier)
    return earlier.group_by("user_id", "problem").agg(viewed_us=earlier.ts_us_right.max())


def _arrivals(t: Tables, visits: ir.Table) -> ir.Table:
    """Arrivals in verticals, once for each problem of the vertical."""
    verticals = t.blocks.select("block_key", "vertical_key")
    here = visits.inner_join(verticals, "block_key")
    left = verticals.rename(previous_block_key="block_key", previous_vertical_key="vertical_key")
    moved = here.left_join(left, "previous_block_key")
    arrived = moved.filter(
        moved.previous_vertical_key.isnull() | (moved.previous_vertical_key != moved.vertical_key)
    )
    problems = t.blocks.filter(t.blocks.block_type == "problem")
    problems = problems.select("vertical_key", problem="block_key")
    return arrived.inner_join(problems, "vertical_key").select(
        "user_id", "session", "ts_us", "event_id", "problem"
    )
