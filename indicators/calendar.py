"""Days and weeks of a run's window in its time zone, and what the logs cover of them (1.2, 1.6)."""

from __future__ import annotations

from collections.abc import Sequence

from ibis import literal
from ibis import range as numbers_between
from ibis.expr import types as ir

from courselens.domain import DAY_US
from indicators.parameters import Parameters
from indicators.portable import day_of, day_start_us, local_day

_MONDAY = 4  # day number of the first Monday, 1970-01-05


def day_in_window(ts_us: ir.IntegerValue, p: Parameters) -> ir.IntegerValue:
    """Day number, in the run's time zone, of instants inside its window."""
    return day_of(ts_us, p.zone, start_us=p.window.start_us, end_us=p.window.end_us)


def window_days(p: Parameters) -> range:
    """Day numbers that the window touches; none for an empty window."""
    if p.window.end_us == p.window.start_us:
        return range(0)
    return range(local_day(p.window.start_us, p.zone), local_day(p.window.end_us - 1, p.zone) + 1)


def window_weeks(p: Parameters) -> range:
    """Day numbers of the Mondays whose weeks the window touches."""
    days = window_days(p)
    if not days:
        return range(0)
    return range(days[0] - (days[0] - _MONDAY) % 7, days[-1] + 1, 7)


def day_rows(p: Parameters) -> ir.Table:
    """Every day of the window: (day, is_covered), covered if the logs hold any of it."""
    days = window_days(p)
    covered = [day for day in days if _share(day, 1, p) > 0]
    rows = _number_rows(days, "day")
    return rows.select("day", is_covered=_is_one_of(rows.day, covered, days))


def week_rows(p: Parameters) -> ir.Table:
    """Every week of the window by its Monday: (week, is_covered, is_partial).

    A week is covered if the logs hold any of it; partial if it is not wholly in the window (such as
    the current week), or not wholly covered.
    """
    weeks = window_weeks(p)
    shares = {week: _share(week, 7, p) for week in weeks}
    covered = [week for week in weeks if shares[week] > 0]
    partial = [week for week in weeks if 0 < shares[week] < 1 or not _lies_in_window(week, p)]
    rows = _number_rows(weeks, "week")
    return rows.select(
        "week",
        is_covered=_is_one_of(rows.week, covered, weeks),
        is_partial=_is_one_of(rows.week, partial, weeks),
    )


def _number_rows(numbers: range, name: str) -> ir.Table:
    every = numbers_between(numbers.start, numbers.stop, numbers.step)
    return every.cast("array<int64>").unnest().name(name).as_table()  # Spark casts no unnested one


def _share(first_day: int, days: int, p: Parameters) -> float:
    """Share that the logs cover of the part of these days that lies in the window."""
    start_us = max(day_start_us(first_day, p.zone), p.window.start_us)
    end_us = min(day_start_us(first_day + days, p.zone), p.window.end_us)
    if p.coverage is None or end_us <= start_us:
        return 0.0
    return p.coverage.share(start_us // DAY_US, (end_us - 1) // DAY_US)


def _lies_in_window(week: int, p: Parameters) -> bool:
    is_begun = day_start_us(week, p.zone) >= p.window.start_us
    return is_begun and day_start_us(week + 7, p.zone) <= p.window.end_us


def _is_one_of(number: ir.IntegerColumn, chosen: Sequence[int], numbers: range) -> ir.BooleanValue:
    """Whether a number is chosen; written as a range with holes, which are few."""
    if not chosen:
        return literal(False)
    known = frozenset(chosen)
    holes = [n for n in numbers if chosen[0] < n < chosen[-1] and n not in known]
    inside = number.between(chosen[0], chosen[-1])
    return inside & number.notin(holes) if holes else inside
