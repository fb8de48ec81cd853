"""Checks: every checked answer to a problem, numbered and judged (catalogue 1.8)."""

from __future__ import annotations

from courselens.plugin import (
    Parameter,
    Parameters,
    Tables,
    cases,
    intermediate,
    ir,
    row_number,
)
from indicators.intermediates.locations import names_block

PARTIAL = Parameter(
    "partial_counts_as_correct",
    bool,
    False,
    "Whether an answer that earns some of the points is correct.",
)

CHECK = "problem_check"

COLUMNS = {
    "user_id": "int",
    "problem": "string",
    "ts_us": "int",
    "event_id": "int",
    "number": "int",
    "grade": "float",
    "max_grade": "float",
    "is_correct": "bool",
}


@intermediate(name="checks", columns=COLUMNS, needs=("events",), parameters=(PARTIAL,))
def checks(t: Tables, p: Parameters) -> ir.Table:
    """One row per valid `problem_check` in the window; only what lies in the window is counted.

    `number` counts a learner's checks of a problem from 1. What else is known of them costs
    sessions and hints, and stands in `submissions`.
    """
    rows = in_window(t.events.filter(is_check(t.events)), p)
    return rows.mutate(
        number=row_number(rows, "user_id", "problem", order_by=[rows.ts_us, rows.event_id]).cast(
            "int64"
        )
        + 1,
        is_correct=_is_correct(rows, partial=p.partial_counts_as_correct),
    ).select(*COLUMNS)


def is_check(events: ir.Table) -> ir.BooleanValue:
    """Whether an event is the server's check of an answer."""
    return (events.event_type == CHECK) & (events.source == "server")


def in_window(events: ir.Table, p: Parameters) -> ir.Table:
    """Events in the window that name their problem, as `problem`."""
    is_in_window = (events.ts_us >= p.window.start_us) & (events.ts_us < p.window.end_us)
    return events.filter(is_in_window & names_block(events)).rename(problem="location")


def _is_correct(rows: ir.Table, *, partial: bool) -> ir.BooleanValue:
    """By the points where the event has them, else by `success`."""
    earned = rows.grade > 0 if partial else rows.grade >= rows.max_grade
    return cases(
        (rows.grade.isnull() | rows.max_grade.isnull(), rows.success == "correct"),
        else_=earned & (rows.max_grade > 0),
    ).fill_null(False)
