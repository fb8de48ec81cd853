"""Write a course's results: one transaction replaces all of its rows, or changes nothing."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import orjson
import pyarrow as pa

from aggregates.copying import copy_table
from aggregates.database import Connection, Database
from aggregates.layout import Layout
from aggregates.naming import quote
from aggregates.releases import release_course
from aggregates.renewing import renew_indicators
from aggregates.roles import roles_of, write_roles
from aggregates.rows import all_rows, instant
from courselens.domain import from_us
from courselens.errors import StoreError
from indicators.registry import Registry
from indicators.result import CourseResults

VACUUM_ROWS = 20_000
"""From so many replaced rows on a table is vacuumed: autovacuum sleeps through a course."""

_LOCK = 0x636C656E
WRITERS_LOCK = 0x636C656E_00000003
_BASE_TABLES = ("students", "groups", "memberships", "blocks", "envelopes", "summaries")
_COURSE = {
    "display_name": "display_name",
    "org": "org",
    "start_us": "start_at",
    "end_us": "end_at",
    "self_paced": "self_paced",
    "pass_cutoff": "pass_cutoff",
    "lowest_passing_grade": "lowest_passing_grade",
}
_log = logging.getLogger(__name__)

Guard = Callable[[Connection], Awaitable[None]]
"""Asked inside the transaction, just before its commit; raises if it must not take place."""


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What a refresh did; `changed` is false when the same numbers were there already."""

    course_key: str
    run_id: int
    changed: bool
    rows: int
    seconds: float
    vacuumed: tuple[str, ...] = ()


async def write_course(
    database: Database,
    layout: Layout,
    results: CourseResults,
    *,
    input_digest: str,
    cursors: Mapping[str, object],
    deadline_seconds: float,
    guard: Guard | None = None,
) -> WriteReport:
    """Replace everything stored about a course.

    Two refreshes of one course wait for each other; a reader sees the old rows until the commit.

    Raises:
        ResultRefused: the results hold something that must not be stored.
        StoreError: the database does not answer within `deadline_seconds`, or refuses.
    """
    began = time.monotonic()
    fingerprint = _fingerprint(results, input_digest)
    async with database.transaction() as connection:
        await _lock(connection, results.course_key, deadline_seconds)
        stored = await connection.fetchrow(
            "SELECT course_id, run_id, fingerprint FROM courses WHERE course_key = $1",
            results.course_key,
        )
        if stored and stored["fingerprint"] == fingerprint:
            await connection.execute(
                "UPDATE runs SET cursors = $2 WHERE run_id = $1 AND cursors <> $2",
                stored["run_id"],
                dict(cursors),
            )
            if guard is not None:
                await guard(connection)
            seconds = time.monotonic() - began
            return WriteReport(results.course_key, stored["run_id"], False, 0, seconds)
        tables = await asyncio.to_thread(lambda: list(all_rows(layout, results)))
        course_id, run_id = await _start_run(
            connection, layout.registry, results, input_digest, cursors, fingerprint
        )
        moved: dict[str, int] = {}
        if stored:
            await delete_course(connection, course_id, moved, deadline_seconds)
        written = 0
        for name, rows in tables:
            if rows.num_rows:
                here = rows.append_column("course_id", _constant(course_id, rows.num_rows))
                written += await copy_table(
                    connection, name, here, deadline_seconds=deadline_seconds
                )
                moved[name] = moved.get(name, 0) + rows.num_rows
        await release_course(
            connection, layout.registry, results, course_id, deadline_seconds=deadline_seconds
        )
        # Last, as others wait for it: the roles of an org belong to several courses.
        await write_roles(connection, results, deadline_seconds=deadline_seconds)
        await connection.execute(
            "UPDATE runs SET finished_at = clock_timestamp() WHERE run_id = $1", run_id
        )
        if guard is not None:
            # Last: what it locks, others wait for.
            await guard(connection)
    vacuumed = await _vacuum(database, moved, deadline_seconds)
    seconds = time.monotonic() - began
    return WriteReport(results.course_key, run_id, True, written, seconds, vacuumed)


async def renew_course(
    database: Database,
    layout: Layout,
    results: CourseResults,
    *,
    input_digest: str,
    deadline_seconds: float,
    guard: Guard | None = None,
) -> WriteReport:
    """Replace what is stored of the results' indicators, and nothing else of the course.

    Changes nothing where the stored numbers were made of other facts than `input_digest` says.

    Raises:
        ResultRefused: the results hold something that must not be stored.
        StoreError: the database does not answer within `deadline_seconds`, or refuses.
    """
    began = time.monotonic()
    async with database.transaction() as connection:
        await _lock(connection, results.course_key, deadline_seconds)
        renewed = await renew_indicators(
            connection,
            layout,
            results,
            input_digest=input_digest,
            deadline_seconds=deadline_seconds,
        )
        if guard is not None:
            await guard(connection)
    run_id, moved = renewed or (0, {})
    vacuumed = await _vacuum(database, moved, deadline_seconds)
    return WriteReport(
        results.course_key,
        run_id,
        renewed is not None,
        sum(moved.values()),
        time.monotonic() - began,
        vacuumed,
    )


async def _lock(connection: Connection, course_key: str, deadline_seconds: float) -> None:
    # The first is had by all writers at once, and by a retirement (`retirement.py`) alone.
    await connection.execute(
        "SELECT pg_advisory_xact_lock_shared($1)", WRITERS_LOCK, timeout=deadline_seconds
    )
    await connection.execute(
        "SELECT pg_advisory_xact_lock($1::int4, hashtext($2))",
        _LOCK,
        course_key,
        timeout=deadline_seconds,
    )


def _fingerprint(results: CourseResults, input_digest: str) -> str:
    """Of everything that decides what is stored; not of when it was computed."""
    made = [
        [
            result.indicator.key,
            result.envelope.version,
            result.envelope.status,
            result.envelope.error,
            dict(result.envelope.parameters),
            [result.envelope.start_us, result.envelope.end_us, result.envelope.as_of_us],
            list(result.envelope.missing_source),
        ]
        for result in sorted(results.results, key=lambda result: result.indicator.key)
    ]
    facts = orjson.dumps([input_digest, made, roles_of(results)], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(facts).hexdigest()


async def _start_run(
    connection: Connection,
    registry: Registry,
    results: CourseResults,
    input_digest: str,
    cursors: Mapping[str, object],
    fingerprint: str,
) -> tuple[int, int]:
    course: dict[str, object] = {
        column: results.course.get(fact) for fact, column in _COURSE.items()
    }
    for column in ("start_at", "end_at"):
        instant_us = course[column]
        course[column] = instant(instant_us) if isinstance(instant_us, int) else None
    computed = [result.envelope.computed_us for result in results.results]
    course["computed_at"] = from_us(max(computed)) if computed else None
    course["fingerprint"] = fingerprint
    names = ", ".join(course)
    places = ", ".join(f"${number}" for number in range(2, len(course) + 2))
    # The course's row is locked before any table: migrations take their locks in this order too.
    course_id = await connection.fetchval(
        f"INSERT INTO courses (course_key, {names}) VALUES ($1, {places})"
        f" ON CONFLICT (course_key) DO UPDATE SET ({names}) = ROW ({places}) RETURNING course_id",
        results.course_key,
        *course.values(),
    )
    run_id = await connection.fetchval(
        "INSERT INTO runs (course_id, started_at, input_digest, cursors, versions)"
        " VALUES ($1, now(), $2, $3, $4) RETURNING run_id",
        course_id,
        input_digest,
        dict(cursors),
        {
            result.indicator.key: registry.revision(result.indicator.key)
            for result in results.results
        },
    )
    await connection.execute(
        "UPDATE courses SET run_id = $2, computed_at = coalesce(computed_at, now())"
        " WHERE course_id = $1",
        course_id,
        run_id,
    )
    return course_id, run_id


async def delete_course(
    connection: Connection, course_id: int, moved: dict[str, int], deadline_seconds: float
) -> None:
    """Delete what a refresh writes, but for what students were told; adds rows by table."""
    derived = [row["name"] for row in await connection.fetch("SELECT name FROM derived_tables")]
    for name in (*_BASE_TABLES, *sorted(derived)):
        status = await connection.execute(
            f"DELETE FROM {quote(name)} WHERE course_id = $1", course_id, timeout=deadline_seconds
        )
        moved[name] = int(status.split()[-1])


async def _vacuum(
    database: Database, moved: Mapping[str, int], deadline_seconds: float
) -> tuple[str, ...]:
    done: list[str] = []
    for name, rows in moved.items():
        if rows >= VACUUM_ROWS:
            try:
                await database.execute(
                    f"VACUUM (ANALYZE) {quote(name)}", deadline_seconds=deadline_seconds
                )
            except StoreError as error:
                # The numbers are committed; a table that stays fat for now is no failed refresh.
                _log.warning("vacuum of %s: %s", name, error)
            else:
                done.append(name)
    return tuple(done)


def _constant(value: int, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.int64()), count)
