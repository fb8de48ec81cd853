"""Compute indicators of a course, and refresh what is stored of it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aggregates.store import Store
from courselens.domain import Level
from courselens.errors import UnknownCourse
from courselens.sources import Installation
from indicators.context import Times, default_as_of_us
from indicators.data import CourseData
from indicators.engine import open_engine
from indicators.plan import make_plan
from indicators.registry import Registry
from indicators.result import CourseResults
from indicators.run import run_plan

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a computation may use."""

    memory_limit: str
    threads: int | None


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh did to one course: `changed` is false where nothing was new."""

    course_key: str
    changed: bool
    students: int
    indicators: int
    failed: tuple[str, ...]


def compute_course(
    registry: Registry,
    keys: Sequence[str],
    data: CourseData,
    *,
    times: Times,
    limits: Limits,
    levels: Sequence[Level] = tuple(Level),
    given: Mapping[str, object] | None = None,
    progress: Progress | None = None,
) -> CourseResults:
    """Compute indicators of one course from its raw facts.

    Raises:
        UnknownIndicator, LevelNotOffered, BadParameter: the question cannot be answered as asked.
    """
    plan = make_plan(registry, keys, levels=levels)
    folders = sorted({path.parent for path in data.event_files})
    with open_engine(
        readable=folders, memory_limit=limits.memory_limit, threads=limits.threads
    ) as engine:
        return run_plan(
            registry, plan, data, engine=engine, times=times, given=given, progress=progress
        )


async def refresh_course(
    registry: Registry,
    store: Store,
    installation: Installation,
    course_key: str,
    *,
    now_us: int,
    limits: Limits,
    force: bool = False,
    progress: Progress | None = None,
) -> Refreshed:
    """Bring what is stored of a course up to date; does nothing when its facts are the same.

    Raises:
        UnknownCourse: nothing is known of the course.
        StoreError: the database does not answer in time.
    """
    if course_key not in installation.course_keys:
        raise UnknownCourse(course_key, installation.course_keys)
    data = await asyncio.to_thread(installation.course, course_key)
    as_of_us = default_as_of_us(data, now_us)
    digest = await asyncio.to_thread(_input_digest, installation, course_key, as_of_us)
    if not force and await store.course_digest(course_key) == digest:
        return Refreshed(course_key, False, 0, 0, ())
    results = await asyncio.to_thread(
        compute_course,
        registry,
        list(registry.indicators),
        data,
        times=Times(now_us=now_us, as_of_us=as_of_us),
        limits=limits,
        progress=progress,
    )
    cursors = {"lake": installation.lake.version(course_key)}
    await store.write(results, input_digest=digest, cursors=cursors)
    return Refreshed(
        course_key,
        True,
        results.roster.students.num_rows,
        len(results.results),
        tuple(r.indicator.key for r in results.results if r.envelope.error),
    )


def _input_digest(installation: Installation, course_key: str, as_of_us: int) -> str:
    """Digest of everything the numbers depend on, but for the indicators' versions."""
    facts = installation.digest(course_key)
    if installation.course(course_key).coverage is None:
        return facts  # without logs `as_of` is now, which alone is no news
    return hashlib.blake2b(f"{facts} {as_of_us}".encode(), digest_size=16).hexdigest()
