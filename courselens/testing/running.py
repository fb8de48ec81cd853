"""Run one indicator on a built course."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from courselens.domain import Level, to_us
from courselens.testing.built import Course
from courselens.testing.finding import find_indicator
from indicators.apart.apart import Apart
from indicators.context import Times
from indicators.engine import Engine, open_engine
from indicators.plan import make_plan
from indicators.registry import Registry, load_registry
from indicators.result import CourseResults, Result
from indicators.run import Progress, run_plan

NOW = datetime(2100, 1, 1, tzinfo=UTC)
"""The present of a built course: everything in it has happened."""


def run_indicator(key: str, course: Course, **options: Any) -> Result:
    """Compute an indicator for a built course; takes the options of `run_course`."""
    return run_course(key, course, **options).results[0]


def run_course(
    key: str,
    course: Course,
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
    chosen = registry or load_registry()
    with opened_run(
        [key],
        course,
        registry=chosen,
        times=Times(
            now_us=to_us(NOW),
            as_of_us=_us(as_of),
            start_us=_us(start),
            end_us=_us(end),
        ),
        covered=covered,
        levels=levels,
        parameters=parameters,
    ) as (_, results):
        return results


@contextmanager
def opened_run(
    keys: Sequence[str],
    course: Course,
    *,
    registry: Registry,
    times: Times,
    covered: tuple[str, str] | None = None,
    levels: Sequence[Level] = tuple(Level),
    parameters: Mapping[str, object] | None = None,
    apart: Apart | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[Engine, CourseResults]]:
    """Compute indicators as `run_course` does, and leave the engine open, with the run's tables.

    `apart` is where code of an installed plugin runs; here if not given.
    """
    for key in keys:
        find_indicator(registry, key)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        readable = [folder, apart.folder] if apart else [folder]
        with open_engine(readable=readable) as engine:
            results = run_plan(
                registry,
                make_plan(registry, keys, levels=levels),
                course.data(folder, covered=covered),
                engine=engine,
                times=times,
                given=parameters,
                apart=apart,
                progress=progress,
            )
            yield engine, results


def _us(instant: str | None) -> int | None:
    return None if instant is None else to_us(datetime.fromisoformat(instant))
