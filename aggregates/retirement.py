"""Take users out of the store: their rows go in one transaction, together with what was told."""

from __future__ import annotations

from collections.abc import Collection

from aggregates.database import Connection, Database
from aggregates.naming import quote
from aggregates.notices import tell_all
from aggregates.sketches import wipe
from aggregates.small_numbers import K_MIN
from aggregates.writer import WRITERS_LOCK, delete_course
from courselens.domain import RETIRED_PREFIX

_BY_USER = ("students", "memberships")
_ROLES = ("course_roles", "global_staff")


async def names_in(database: Database, user_ids: Collection[int]) -> set[str]:
    """Names under which the store knows these users."""
    rows = await database.fetch(
        "SELECT DISTINCT username FROM students"
        " WHERE user_id = ANY($1::bigint[]) AND username IS NOT NULL",
        sorted(user_ids),
    )
    return {row["username"] for row in rows}


async def names_of_others(
    database: Database, user_ids: Collection[int], usernames: Collection[str]
) -> set[str]:
    """Those of the names that somebody else has."""
    rows = await database.fetch(
        "SELECT DISTINCT username FROM students"
        " WHERE username = ANY($2::text[]) AND user_id <> ALL($1::bigint[]) AND user_id > 0",
        sorted(user_ids),
        sorted(usernames),
    )
    return {row["username"] for row in rows}


async def retired_by_the_platform(database: Database) -> set[int]:
    """Stored students whose name says that the platform has retired them."""
    rows = await database.fetch(
        "SELECT DISTINCT user_id FROM students WHERE starts_with(username, $1)", RETIRED_PREFIX
    )
    return {row["user_id"] for row in rows}


async def take_out(
    database: Database,
    user_ids: Collection[int],
    usernames: Collection[str],
    *,
    deadline_seconds: float,
) -> dict[str, int]:
    """Remove the users' rows, clear their names elsewhere, and have their courses computed again.

    Waits for refreshes that are being written, and has others wait; those that were computed from
    older facts refuse by themselves to be written. Done again it changes nothing.

    Returns:
        Rows that went or were cleared, by table.

    Raises:
        StoreError: the database does not answer in time, or refuses; then nothing has changed.
    """
    ids, names = sorted(user_ids), sorted(usernames)
    rows_of: dict[str, int] = {}
    async with database.transaction() as connection:
        await connection.execute(
            "SELECT pg_advisory_xact_lock($1)", WRITERS_LOCK, timeout=deadline_seconds
        )
        course_ids: set[int] = set()
        for table in (*_BY_USER, *await _by_user(connection)):
            rows = await connection.fetch(
                f"DELETE FROM {quote(table)} WHERE user_id = ANY($1::bigint[]) RETURNING course_id",
                ids,
                timeout=deadline_seconds,
            )
            rows_of[table] = len(rows)
            course_ids.update(row["course_id"] for row in rows)
        for table in _ROLES:
            theirs = f"FROM {table} WHERE user_id = ANY($1::bigint[])"
            # A statement that deletes nothing would tell everybody that roles changed.
            rows_of[table] = await connection.fetchval(f"SELECT count(*) {theirs}", ids)
            if rows_of[table]:
                await connection.execute(f"DELETE {theirs}", ids)
        for table, column, is_list in await _texts(connection):
            cleared = await _clear(
                connection, table, column, names, is_list=is_list, deadline=deadline_seconds
            )
            rows_of[table] = rows_of.get(table, 0) + len(cleared)
            course_ids.update(cleared)  # where it was no name the next refresh brings it back
        # Documents of clients can be sent again; those of operators are theirs to change.
        status = await connection.execute(
            "DELETE FROM documents WHERE NOT is_trusted AND EXISTS ("
            "SELECT FROM unnest($1::text[]) name"
            " WHERE position(format('\"%s\"', name) IN body) > 0)",
            names,
            timeout=deadline_seconds,
        )
        rows_of["documents"] = int(status.split()[-1])
        await _delete_empty(connection, sorted(course_ids), deadline_seconds)
        await _forget_in_released(connection, ids, sorted(course_ids), deadline_seconds)
        await connection.execute(
            "UPDATE courses SET fingerprint = NULL WHERE course_id = ANY($1::bigint[])",
            sorted(course_ids),
        )
        if any(rows_of.values()):
            await tell_all(connection)
    return rows_of


async def waiting_courses(database: Database) -> list[str]:
    """Courses whose stored numbers must be made anew whatever their facts are."""
    rows = await database.fetch(
        "SELECT course_key FROM courses WHERE fingerprint IS NULL ORDER BY course_key"
    )
    return [row["course_key"] for row in rows]


async def vacuum(database: Database, tables: Collection[str], *, deadline_seconds: float) -> None:
    """Have PostgreSQL write over what was deleted."""
    for table in sorted(tables):
        await database.execute(f"VACUUM {quote(table)}", deadline_seconds=deadline_seconds)


async def _by_user(connection: Connection) -> list[str]:
    """Derived tables with a row of a student, also those whose plugin is gone."""
    rows = await connection.fetch(
        "SELECT d.name FROM derived_tables d JOIN pg_attribute a"
        " ON a.attrelid = to_regclass(quote_ident(d.name)) AND a.attname = 'user_id'"
        " AND NOT a.attisdropped ORDER BY d.name"
    )
    return [row["name"] for row in rows]


async def _texts(connection: Connection) -> list[tuple[str, str, bool]]:
    """Columns of text, or lists of it, that hold values of indicators, beside the keys."""
    rows = await connection.fetch(
        "SELECT d.name, a.attname, a.atttypid = 'text[]'::regtype AS is_list FROM derived_tables d"
        " JOIN pg_attribute a ON a.attrelid = to_regclass(quote_ident(d.name))"
        " AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE a.atttypid IN ('text'::regtype, 'text[]'::regtype) AND a.attname <> 'group_id'"
        " ORDER BY d.name, a.attnum"
    )
    return [(row["name"], row["attname"], row["is_list"]) for row in rows]


async def _clear(
    connection: Connection,
    table: str,
    column: str,
    names: list[str],
    *,
    is_list: bool,
    deadline: float,
) -> list[int]:
    """Clear the names in a column; gives the course of each row."""
    name = quote(column)
    if is_list:
        change = f"ARRAY(SELECT one FROM unnest({name}) one WHERE one <> ALL($1::text[]))"
        where = f"{name} && $1::text[]"
    else:
        change, where = "NULL", f"{name} = ANY($1::text[])"
    rows = await connection.fetch(
        f"UPDATE {quote(table)} SET {name} = {change} WHERE {where} RETURNING course_id",
        names,
        timeout=deadline,
    )
    return [row["course_id"] for row in rows]


async def _delete_empty(
    connection: Connection, course_ids: list[int], deadline_seconds: float
) -> None:
    """Delete courses without anybody: their numbers are those of the retired alone."""
    rows = await connection.fetch(
        "SELECT course_id FROM courses c WHERE course_id = ANY($1::bigint[])"
        " AND NOT EXISTS (SELECT FROM students s WHERE s.course_id = c.course_id)",
        course_ids,
    )
    for row in rows:
        await delete_course(connection, row["course_id"], {}, deadline_seconds)
        for table in ("released", "runs", "courses"):
            await connection.execute(f"DELETE FROM {table} WHERE course_id = $1", row["course_id"])


async def _forget_in_released(
    connection: Connection, ids: list[int], course_ids: list[int], deadline_seconds: float
) -> None:
    """Wipe the users' buckets in sketches, and numbers of so few people that nobody is told them.

    What the class was told stays until ten people changed it, or its change would tell what the
    retired one had.
    """
    rows = await connection.fetch(
        "SELECT ctid, sketch FROM released WHERE course_id = ANY($1::bigint[])"
        " AND sketch IS NOT NULL FOR UPDATE",
        course_ids,
        timeout=deadline_seconds,
    )
    await connection.executemany(
        "UPDATE released SET sketch = $2, ranks = CASE WHEN people >= $3 THEN ranks END,"
        " content = CASE WHEN people >= $3 THEN content ELSE ("
        "SELECT coalesce(jsonb_object_agg(key, CASE WHEN key IN ('n', 'n_null')"
        " OR keys::jsonb @> jsonb_build_array(value) THEN value ELSE 'null' END), '{}')"
        " FROM jsonb_each(content)) END WHERE ctid = $1",
        [(row["ctid"], wipe(row["sketch"], ids), K_MIN) for row in rows],
        timeout=deadline_seconds,
    )
