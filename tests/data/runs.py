"""Runs of several indicators on a built course."""

from __future__ import annotations

from datetime import datetime

from courselens.domain import Level, to_us
from courselens.testing import CourseBuilder
from courselens.testing.running import opened_run
from indicators.context import Times
from indicators.registry import Registry, load_registry
from indicators.result import CourseResults
from indicators.run import Progress


def run_course(
    course: CourseBuilder,
    *keys: str,
    as_of: str = "2024-03-20",
    registry: Registry | None = None,
    levels: tuple[Level, ...] = tuple(Level),
    progress: Progress | None = None,
    **parameters: object,
) -> CourseResults:
    """Compute indicators for a course; without keys only its roster."""
    instant = to_us(datetime.fromisoformat(as_of))
    with opened_run(
        keys,
        course,
        registry=registry or load_registry(),
        times=Times(now_us=instant, as_of_us=instant),
        levels=levels,
        parameters=parameters,
        progress=progress,
    ) as (_, results):
        return results
