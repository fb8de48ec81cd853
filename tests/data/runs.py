"""Runs of several indicators on a built course."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

from courselens.domain import Level, to_us
from courselens.testing import CourseBuilder
from indicators.context import Times
from indicators.engine import open_engine
from indicators.plan import make_plan
from indicators.registry import Registry, load_registry
from indicators.result import CourseResults
from indicators.run import Progress, run_plan


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
    registry = registry or load_registry()
    instant = to_us(datetime.fromisoformat(as_of))
    with tempfile.TemporaryDirectory() as name, open_engine(readable=[Path(name)]) as engine:
        return run_plan(
            registry,
            make_plan(registry, keys, levels=levels),
            course.data(Path(name)),
            engine=engine,
            times=Times(now_us=instant, as_of_us=instant),
            given=parameters,
            progress=progress,
        )
