"""Renew some indicators of a course whose facts have not changed; all others stay as they are.

So an upgrade of one plugin costs its own indicators: their old numbers are served up to the commit.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection

import orjson
import pyarrow as pa

from aggregates.copying import copy_table
from aggregates.database import Connection
from aggregates.layout import Layout, WideTable
from aggregates.naming import quote
from aggregates.releases import release_course
from aggregates.rows import all_rows
from indicators.result import CourseResults

_BY_INDICATOR = ("envelopes", "summaries")


async def renew_indicators(
    connection: Connection,
    layout: Layout,
    results: CourseResults,
    *,
    input_digest: str,
    deadline_seconds: float,
) -> tuple[int, dict[str, int]] | None:
    """Write the results in the place of what is stored of their indicators, in a transaction.

    Returns:
        The new run's id, and how many rows were moved by table; None if the stored numbers are not
        made of these facts, which leaves all as it was.
    """
    stored = await connection.fetchrow(
        "SELECT c.course_id, c.fingerprint, r.cursors, r.versions FROM courses c"
        " JOIN runs r ON r.run_id = c.run_id"
        " WHERE c.course_key = $1 AND c.fingerprint IS NOT NULL AND r.input_digest = $2"
        " FOR UPDATE OF c",
        results.course_key,
        input_digest,
        timeout=deadline_seconds,
    )
    if stored is None:
        return None
    course_id = stored["course_id"]
    keys = [result.indicator.key for result in results.results]
    versions = {**stored["versions"], **{key: layout.registry.revision(key) for key in keys}}
    run_id = await connection.fetchval(
        "INSERT INTO runs (course_id, started_at, input_digest, cursors, versions)"
        " VALUES ($1, now(), $2, $3, $4) RETURNING run_id",
        course_id,
        input_digest,
        stored["cursors"],
        versions,
    )
    facts = orjson.dumps([stored["fingerprint"], run_id])
    await connection.execute(
        "UPDATE courses SET run_id = $2, fingerprint = $3 WHERE course_id = $1",
        course_id,
        run_id,
        hashlib.sha256(facts).hexdigest(),
    )
    tables = await asyncio.to_thread(lambda: dict(all_rows(layout, results)))
    moved: dict[str, int] = {}
    for name in _BY_INDICATOR:
        await connection.execute(
            f"DELETE FROM {quote(name)} WHERE course_id = $1 AND indicator = ANY($2::text[])",
            course_id,
            keys,
            timeout=deadline_seconds,
        )
    parts = [part.name for part in layout.parts.values() if part.indicator in keys]
    for name in parts:
        await connection.execute(
            f"DELETE FROM {quote(name)} WHERE course_id = $1", course_id, timeout=deadline_seconds
        )
    for name in (*_BY_INDICATOR, *parts):
        if name in tables:
            moved[name] = await _copy(connection, name, tables[name], course_id, deadline_seconds)
    for wide in layout.wide.values():
        columns = _columns(wide, keys)
        if columns:
            moved[wide.name] = await _renew_columns(
                connection, wide, tables[wide.name], columns, course_id, deadline_seconds
            )
    await release_course(
        connection, layout.registry, results, course_id, deadline_seconds=deadline_seconds
    )
    await connection.execute(
        "UPDATE runs SET finished_at = clock_timestamp() WHERE run_id = $1", run_id
    )
    return run_id, moved


def _columns(wide: WideTable, keys: Collection[str]) -> list[str]:
    """Columns of these indicators."""
    found: list[str] = []
    for ref, field in wide.fields:
        if ref.indicator in keys:
            found += [ref.column, *([ref.standing_column] if field.is_numeric else [])]
    return found


async def _renew_columns(
    connection: Connection,
    wide: WideTable,
    rows: pa.Table,
    columns: list[str],
    course_id: int,
    deadline_seconds: float,
) -> int:
    """Put new values into some columns of everybody in a course."""
    kinds = ", ".join(f"{quote(column)} {wide.columns[column]}" for column in columns)
    await connection.execute(f"CREATE TEMP TABLE renewed (user_id bigint, {kinds}) ON COMMIT DROP")
    await copy_table(
        connection,
        "renewed",
        rows.select(["user_id", *columns]),
        deadline_seconds=deadline_seconds,
    )
    names = ", ".join(quote(column) for column in columns)
    values = ", ".join(f"excluded.{quote(column)}" for column in columns)
    await connection.execute(
        f"INSERT INTO {quote(wide.name)} (course_id, user_id, {names})"
        f" SELECT $1, user_id, {names} FROM renewed"
        f" ON CONFLICT (course_id, user_id) DO UPDATE SET ({names}) = ROW ({values})",
        course_id,
        timeout=deadline_seconds,
    )
    await connection.execute("DROP TABLE renewed")
    return int(rows.num_rows)


async def _copy(
    connection: Connection, name: str, rows: pa.Table, course_id: int, deadline_seconds: float
) -> int:
    if not rows.num_rows:
        return 0
    course = pa.repeat(pa.scalar(course_id, pa.int64()), rows.num_rows)
    here = rows.append_column("course_id", course)
    return await copy_table(connection, name, here, deadline_seconds=deadline_seconds)
