"""Compute indicators of a course, and refresh what is stored of it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aggregates.database import Connection
from aggregates.store import Store
from aggregates.writer import Guard
from courselens.domain import Level
from courselens.errors import RetiredMeanwhile, UnknownCourse
from courselens.sources import Facts
from indicators.apart.apart import Apart
from indicators.context import Times, default_as_of_us
from indicators.data import CourseData
from indicators.engine import open_engine
from indicators.plan import make_plan
from indicators.registry import Registry
from indicators.result import CourseResults
from indicators.run import run_plan
from loaders.retired import Retired, nobody

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
    full_roster: bool = False,
    progress: Progress | None = None,
    apart: Apart | None = None,
) -> CourseResults:
    """Compute indicators of one course from its raw facts; `full_roster` is for storing them.

    Code of plugins runs `apart`, in processes of its own; here if that is not given.

    Raises:
        UnknownIndicator, LevelNotOffered, BadParameter: the question cannot be answered as asked.
    """
    plan = make_plan(registry, keys, levels=levels, full_roster=full_roster)
    folders = sorted({path.parent for path in data.event_files})
    if apart is not None:
        folders.append(apart.folder)
    with open_engine(
        readable=folders, memory_limit=limits.memory_limit, threads=limits.threads
    ) as engine:
        return run_plan(
            registry,
            plan,
            data,
            engine=engine,
            times=times,
            given=given,
            progress=progress,
            apart=apart,
        )


async def refresh_course(
    registry: Registry,
    store: Store,
    facts: Facts,
    course_key: str,
    *,
    now_us: int,
    limits: Limits,
    force: bool = False,
    progress: Progress | None = None,
    guard: Guard | None = None,
    apart: Apart | None = None,
    retired: Retired = nobody,
) -> Refreshed:
    """Bring what is stored of a course up to date; does nothing when its facts are the same.

    Where but some indicators are new, or have another version, those alone are computed.

    Args:
        registry: whose indicators are computed.
        store: where the numbers go.
        facts: what they are made from.
        course_key: the course.
        now_us: the present.
        limits: of memory and threads.
        force: compute again even where nothing has changed.
        progress: told what is being computed, and how many of how many.
        guard: asked just before the commit; what it raises undoes the refresh.
        apart: where code of plugins runs; here if not given.
        retired: asked just before the commit, too.

    Raises:
        UnknownCourse: nothing is known of the course.
        RetiredMeanwhile: the facts were read before somebody in them was retired.
        StoreError: the database does not answer in time.
    """
    if course_key not in facts.course_keys:
        raise UnknownCourse(course_key, facts.course_keys)
    data = await asyncio.to_thread(facts.course, course_key)
    as_of_us = default_as_of_us(data, now_us)
    lake_version = facts.lake.version(course_key)
    digest = await asyncio.to_thread(input_digest, facts, course_key, now_us)
    stale = None if force else await store.stale_indicators(course_key, digest)
    if stale == []:
        return Refreshed(course_key, False, 0, 0, ())
    results = await asyncio.to_thread(
        compute_course,
        registry,
        list(registry.indicators) if stale is None else stale,
        data,
        times=Times(now_us=now_us, as_of_us=as_of_us),
        limits=limits,
        full_roster=True,
        progress=progress,
        apart=apart,
    )

    async def check(connection: Connection) -> None:
        people = set(results.roster.students["user_id"].to_pylist())
        if not people.isdisjoint(await asyncio.to_thread(retired)):
            raise RetiredMeanwhile(course_key)
        if guard is not None:
            await guard(connection)

    if stale is None:
        cursors = {"lake": lake_version}
        await store.write(results, input_digest=digest, cursors=cursors, guard=check)
    else:
        await store.renew(results, input_digest=digest, guard=check)
    return Refreshed(
        course_key,
        True,
        results.roster.students.num_rows,
        len(results.results),
        tuple(r.indicator.key for r in results.results if r.envelope.error),
    )


def input_digest(facts: Facts, course_key: str, now_us: int) -> str:
    """Digest of everything the numbers depend on, but for the indicators' versions."""
    digest = facts.digest(course_key)
    data = facts.course(course_key)
    if data.coverage is None:
        return digest  # without logs `as_of` is now, which alone is no news
    as_of_us = default_as_of_us(data, now_us)
    return hashlib.blake2b(f"{digest} {as_of_us}".encode(), digest_size=16).hexdigest()
