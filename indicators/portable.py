"""Helpers that mean the same on every engine; indicators use them instead of what differs.

Ibis compiles one expression for DuckDB and for Spark, but not every operation gives one answer:
`.first()`/`.last()` treat nulls apart, `x / 0` is infinity or an error, `delta("second")` counts
borders or seconds, `collect(order_by=)` is missing. `courselens.errors.NotPortable` names the
helper to use instead (see `indicators.lint`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, reduce
from typing import Any
from zoneinfo import ZoneInfo

import ibis
from ibis.expr import types as ir

from courselens.domain import DAY_US, from_us, to_us

SECOND_US = 1_000_000


def total(column: ir.IntegerValue) -> ir.IntegerScalar:
    """Sum of whole numbers, as a 64-bit whole number; 0 for no rows."""
    return column.sum().fill_null(0).cast("int64")


def total_float(column: ir.FloatingColumn) -> ir.FloatingScalar:
    """Sum of numbers, the same to the last bit whatever the order of rows; null for no rows."""
    return column.collect().sort().sums()


def us_of(seconds: ir.FloatingValue) -> ir.IntegerValue:
    """Seconds, such as media positions, as whole microseconds, to add up in any order."""
    return (seconds * SECOND_US).round().cast("int64")


def mean(column: ir.NumericColumn) -> ir.FloatingScalar:
    """Arithmetic mean of the non-null values, the same in whatever order rows are read."""
    return column.cast("float64").collect().sort().means()


def to_seconds(microseconds: ir.IntegerValue) -> ir.FloatingValue:
    """Microseconds as seconds."""
    return microseconds.cast("float64") / SECOND_US


def safe_div(numerator: ir.NumericValue, denominator: ir.NumericValue) -> ir.FloatingValue:
    """Quotient, null where the denominator is 0 or null."""
    return numerator.cast("float64") / denominator.cast("float64").nullif(0.0)


def percent(part: ir.NumericValue, whole: ir.NumericValue) -> ir.FloatingValue:
    """100 * part / whole, null where the whole is 0 or null."""
    return safe_div(part * 100.0, whole)


def in_order(table: ir.Table, *by: str) -> Any:
    """Window over the rows of one `by`, in the order of time (`ts_us`, then `event_id`)."""
    return ibis.window(
        group_by=[table[name] for name in by], order_by=[table.ts_us, table.event_id]
    )


def running(table: ir.Table, *by: str, order_by: Sequence[ir.Column] | None = None) -> Any:
    """As `in_order`, but each row sees those up to itself: for running sums and maxima.

    `order_by` replaces the order of time; it must leave no tie.
    """
    order = [table.ts_us, table.event_id] if order_by is None else list(order_by)
    return ibis.cumulative_window(group_by=[table[name] for name in by], order_by=order)


def row_number(table: ir.Table, *by: str, order_by: Sequence[ir.Column]) -> ir.IntegerValue:
    """Position of a row among those of the same `by`, from 0; `order_by` must leave no tie."""
    window = ibis.window(group_by=[table[name] for name in by], order_by=list(order_by))
    return ibis.row_number().over(window)


def gap_to_next(table: ir.Table, *by: str) -> ir.IntegerValue:
    """Microseconds from a row to the next one of the same `by`; null on the last."""
    return table.ts_us.lead().over(in_order(table, *by)) - table.ts_us


def gap_from_previous(table: ir.Table, *by: str) -> ir.IntegerValue:
    """Microseconds since the previous row of the same `by`; null on the first."""
    return table.ts_us - table.ts_us.lag().over(in_order(table, *by))


def sessionize(table: ir.Table, *by: str, limit_us: int, name: str = "session") -> ir.Table:
    """Number the runs of rows whose gaps are at most `limit_us`, from 1 within each `by`."""
    marked = table.mutate(
        _starts=(gap_from_previous(table, *by).fill_null(limit_us + 1) > limit_us).cast("int64")
    )
    number = marked._starts.sum().over(running(marked, *by)).cast("int64")
    return marked.mutate(**{name: number}).drop("_starts")


def merge_ranges(table: ir.Table, *by: str, start: str, end: str) -> ir.Table:
    """Union of half-open ranges of whole numbers.

    Returns:
        `by`, `start`, `end`: one row per piece of each `by`, disjoint.
    """
    order = {"group_by": list(by), "order_by": [start, end]}
    ranges = table.select(*by, start, end).distinct()  # no ties: every window sees one order
    reached = ranges.mutate(_reached=ranges[end].max().over(ibis.cumulative_window(**order)))
    before = reached._reached.lag().over(ibis.window(**order))
    marked = reached.mutate(_starts=(reached[start] > before).fill_null(True).cast("int64"))
    pieces = marked.mutate(_piece=marked._starts.sum().over(ibis.cumulative_window(**order)))
    merged = pieces.group_by(*by, "_piece").agg(
        **{start: pieces[start].min(), end: pieces[end].max()}
    )
    return merged.drop("_piece")


def bucketize(value: ir.NumericValue, width: float) -> ir.IntegerValue:
    """Number of the half-open bin [k*width, (k+1)*width) that holds a value of at least 0."""
    return (value / width).floor().cast("int64")


def day_of(
    ts_us: ir.IntegerValue, zone: ZoneInfo, *, start_us: int, end_us: int
) -> ir.IntegerValue:
    """Day number (days since 1970-01-01) of an instant in a time zone.

    Args:
        ts_us: instants in microseconds, 1970 or later.
        zone: whose midnight ends a day.
        start_us: no instant lies before; bounds the daylight-saving changes to look for.
        end_us: no instant lies after.
    """
    return (ts_us + _offset_us(ts_us, zone, start_us, end_us)) // DAY_US


def monday_of(day: ir.IntegerValue) -> ir.IntegerValue:
    """Day number of the Monday on or before a day."""
    return day - (day + 3) % 7


def day_start_us(day: int, zone: ZoneInfo) -> int:
    """First instant of a day number in a time zone."""
    return to_us(datetime(1970, 1, 1, tzinfo=zone).replace(tzinfo=zone) + timedelta(days=day))


def local_day(ts_us: int, zone: ZoneInfo) -> int:
    """Day number of one instant in a time zone."""
    return (
        from_us(ts_us).astimezone(zone).toordinal() - datetime(1970, 1, 1, tzinfo=UTC).toordinal()
    )


def _offset_us(ts_us: ir.IntegerValue, zone: ZoneInfo, start_us: int, end_us: int) -> Any:
    """Offset from UTC as nested choices between the zone's changes inside the bounds."""
    changes = _changes(zone, start_us // DAY_US - 1, end_us // DAY_US + 2)
    first = _utc_offset(zone, (start_us // DAY_US - 1) * DAY_US)
    return reduce(
        lambda otherwise, change: ibis.ifelse(ts_us >= change[0], change[1], otherwise),
        changes,
        ibis.literal(first, "int64"),
    )


def _utc_offset(zone: ZoneInfo, instant_us: int) -> int:
    offset = from_us(instant_us).astimezone(zone).utcoffset()
    assert offset is not None  # noqa: S101 a ZoneInfo always has one
    return offset // timedelta(microseconds=1)


@cache
def _changes(zone: ZoneInfo, first_day: int, last_day: int) -> tuple[tuple[int, int], ...]:
    """Instants at which the zone's offset changes, with the new offset, in order."""
    changes = []
    before = _utc_offset(zone, first_day * DAY_US)
    for day in range(first_day + 1, last_day + 1):
        after = _utc_offset(zone, day * DAY_US)
        if after != before:
            low, high = (day - 1) * DAY_US, day * DAY_US
            while high - low > SECOND_US:
                middle = (low + high) // 2 // SECOND_US * SECOND_US
                if middle == low:
                    break
                low, high = (low, middle) if _utc_offset(zone, middle) == after else (middle, high)
            changes.append((high, after))
            before = after
    return tuple(changes)
