"""The frame of a run: as_of, window, course start, population basis, coverage (1.1, 1.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from courselens.domain import DAY_US, Window
from courselens.errors import BadParameter
from indicators.data import CourseData
from indicators.events import EventFacts
from indicators.parameters import Parameters, ParameterValue
from indicators.portable import day_start_us, local_day


@dataclass(frozen=True, slots=True)
class Times:
    """What the asker says about time; None takes the catalogue's default."""

    now_us: int
    as_of_us: int | None = None
    start_us: int | None = None
    end_us: int | None = None


def default_as_of_us(data: CourseData, now_us: int) -> int:
    """End of the last complete day that the logs cover; now, where there are no logs."""
    if data.coverage is None:
        return now_us
    return min((data.coverage.last_day + 1) * DAY_US, now_us // DAY_US * DAY_US)


def frame(
    data: CourseData,
    facts: EventFacts,
    times: Times,
    as_of_us: int,
    values: Mapping[str, ParameterValue],
) -> Parameters:
    """Parameters of a run, with window, course start and population basis filled in.

    Raises:
        BadParameter: the window ends before it starts.
    """
    zone = ZoneInfo(str(values.get("tz", "UTC")))
    declared_start = _first(data.tables.get("courses"), "start_us")
    if declared_start is not None and declared_start <= as_of_us:
        course_start = declared_start
    elif facts.first_activity_us is not None:
        course_start = day_start_us(local_day(facts.first_activity_us, zone), zone)
    else:
        course_start = as_of_us
    enrollments = data.tables.get("enrollments")
    first_row = _minimum(enrollments, "created_us")
    starts = [course_start, first_row, facts.first_activation_us]
    start = times.start_us
    if start is None:
        start = min(min(s for s in starts if s is not None), as_of_us)
    end = as_of_us if times.end_us is None else min(times.end_us, as_of_us)
    if end < start:
        raise BadParameter("start", start, f"an instant before the window's end ({end} us)")
    if enrollments is not None and enrollments.num_rows:
        basis = "enrollment"
    else:
        basis = "enr_events" if facts.has_enrollment else "events"
    return Parameters(
        window=Window(start, end),
        as_of_us=as_of_us,
        course_start_us=course_start,
        population_basis=basis,
        has_enrollment_events=facts.has_enrollment,
        coverage=data.coverage,
        values=values,
    )


def coverage_share(data: CourseData, window: Window) -> float:
    """Share of the window's days that the logs cover (catalogue 1.6)."""
    if data.coverage is None or window.end_us == window.start_us:
        return 0.0
    return data.coverage.share(window.start_us // DAY_US, (window.end_us - 1) // DAY_US)


def _first(table: pa.Table | None, column: str) -> int | None:
    if table is None or not table.num_rows:
        return None
    value: int | None = table.column(column)[0].as_py()
    return value


def _minimum(table: pa.Table | None, column: str) -> int | None:
    if table is None or not table.num_rows:
        return None
    value: int | None = pc.min(table.column(column)).as_py()
    return value
