"""Run one indicator on a built course."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from courselens.domain import Level, to_us
from courselens.testing.builder import CourseBuilder
from indicators.context import Times
from indicators.engine import open_engine
from indicators.plan import make_plan
from indicators.registry import Registry, load_registry
from indicators.result import CourseResults, Result
from indicators.run import run_plan


def run_indicator(key: str, course: CourseBuilder, **options: Any) -> Result:
    """Compute an indicator for a built course; takes the options of `run_course`."""
    return run_course(key, course, **options).results[0]


def run_course(
    key: str,
    course: CourseBuilder,
    *,
    as_of: str | None = None,
    start: str | None = None,
    end: str | None = None,
    covered: tuple[str, str] | None = None,
    levels: tuple[Level, ...] = tuple(Level),
    registry: Registry | None = None,
    **parameters: object,
) -> CourseResults:
    """Compute an indicator for a built course, with the roster.

    Args:
        key: of the indicator.
        course: the built course.
        as_of: ISO instant; default is the end of the last day with events.
        start: ISO instant, start of the window.
        end: ISO instant, end of the window.
        covered: first and last day that the logs cover, ISO dates.
        levels: to compute.
        registry: default is everything installed.
        parameters: of the indicator.
    """
    registry = registry or load_registry()
    times = Times(
        now_us=to_us(datetime.fromisoformat("2100-01-01")),
        as_of_us=_us(as_of),
        start_us=_us(start),
        end_us=_us(end),
    )
    with tempfile.TemporaryDirectory() as name, open_engine(readable=[Path(name)]) as engine:
        return run_plan(
            registry,
            make_plan(registry, [key], levels=levels),
            course.data(Path(name), covered=covered),
            engine=engine,
            times=times,
            given=parameters,
        )


def _us(instant: str | None) -> int | None:
    return None if instant is None else to_us(datetime.fromisoformat(instant))
