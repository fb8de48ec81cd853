"""Submissions: every checked answer to a problem (catalogue 1.8, 3.8)."""

from __future__ import annotations

from courselens.plugin import (
    SECOND_US,
    Parameter,
    Parameters,
    Tables,
    cases,
    intermediate,
    ir,
    literal,
    null_value,
    row_number,
    running,
)
from indicators.intermediates.credits import INACTIVITY
from indicators.intermediates.locations import names_block
from indicators.intermediates.visits import find_arrivals, number_sessions

PARTIAL = Parameter(
    "partial_counts_as_correct",
    bool,
    False,
    "Whether an answer that earns some of the points is correct.",
)

_CHECK, _RESET = "problem_check", "reset_problem"


@intermediate(
    name="submissions",
    columns={
        "user_id": "int",
        "problem": "string",
        "ts_us": "int",
        "event_id": "int",
        "number": "int",
        "grade": "float",
        "max_grade": "float",
        "is_correct": "bool",
        "instance": "int",
        "hints_before": "int",
        "viewed_us": "int",
    },
    needs=("events",),
    uses=("hints", "blocks"),
    parameters=(PARTIAL, INACTIVITY),
)
def submissions(t: Tables, p: Parameters) -> ir.Table:
    """One row per valid `problem_check` in the window; only what lies in the window is counted.

    `number` counts a learner's submissions of a problem from 1, `instance` the stretches between
    its resets from 1, `hints_before` the hints of it shown earlier. `viewed_us` is t_0 of the first
    submission (3.8): the latest view of the problem before it in the same session, null if none.
    """
    steps = _with_hints(_problem_events(t.events, p), t.hints)
    order = running(steps, "user_id", "problem")
    counted = steps.mutate(
        instance=(steps.event_type == _RESET).cast("int64").sum().over(order).cast("int64") + 1,
        hints_before=(steps.event_type == "hint").cast("int64").sum().over(order).cast("int64"),
    )
    checks = counted.filter(counted.event_type == _CHECK)
    checks = checks.mutate(
        number=row_number(
            checks, "user_id", "problem", order_by=[checks.ts_us, checks.event_id]
        ).cast("int64")
        + 1,
        is_correct=_is_correct(checks, partial=p.partial_counts_as_correct),
    )
    viewed = _last_views(t, p)
    joined = checks.left_join(viewed, ["user_id", "problem"])
    return joined.select(*_COLUMNS, "viewed_us")


_COLUMNS = (
    "user_id", "problem", "ts_us", "event_id", "number", "grade", "max_grade", "is_correct",
    "instance", "hints_before",
)  # fmt: skip


def _problem_events(events: ir.Table, p: Parameters) -> ir.Table:
    """Checks and resets in the window that name their problem."""
    is_check = (events.event_type == _CHECK) & (events.source == "server")
    is_in_window = (events.ts_us >= p.window.start_us) & (events.ts_us < p.window.end_us)
    chosen = events.filter(
        (is_check | (events.event_type == _RESET)) & is_in_window & names_block(events)
    )
    return chosen.select(
        "user_id", "ts_us", "event_id", "event_type", "success", "grade", "max_grade",
        problem="location",
    )  # fmt: skip


def _with_hints(steps: ir.Table, hints: ir.Table) -> ir.Table:
    shown = hints.select(
        "user_id", "ts_us", "event_id",
        event_type=literal("hint"),
        success=null_value("string"),
        grade=null_value("float64"),
        max_grade=null_value("float64"),
        problem="problem",
    )  # fmt: skip
    return steps.union(shown)


def _is_correct(checks: ir.Table, *, partial: bool) -> ir.BooleanValue:
    """By the points where the event has them, else by `success`."""
    earned = checks.grade > 0 if partial else checks.grade >= checks.max_grade
    return cases(
        (checks.grade.isnull() | checks.max_grade.isnull(), checks.success == "correct"),
        else_=earned & (checks.max_grade > 0),
    ).fill_null(False)


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
    is_check = (own.event_type == _CHECK) & (own.source == "server")
    checks = own.filter(is_check).select(
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
