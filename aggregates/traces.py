"""Look through every column of every table for what tells of a person, whatever it is meant for."""

from __future__ import annotations

from collections.abc import Callable

from aggregates.database import Connection, Database
from aggregates.naming import quote
from courselens.marks import Marks, holds_ids

Progress = Callable[[str, int, int], None]

_COLUMNS = """
SELECT c.relname, a.attname, coalesce(e.typcategory, t.typcategory)::text AS category,
       t.typname, t.typcategory::text = 'A' AS is_list
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'm')
ORDER BY c.relname, a.attnum
"""


async def find_traces(
    database: Database, marks: Marks, *, deadline_seconds: float, progress: Progress
) -> dict[str, int]:
    """Rows with an id or a name, by table; every table of the schema is there, most with 0.

    The columns come from the catalogue, so a table that nobody thought of is looked through, too.

    Args:
        database: where to look.
        marks: what to look for.
        deadline_seconds: of each statement.
        progress: told how many tables of how many.
    """
    found: dict[str, int] = {}
    async with database.session(deadline_seconds=deadline_seconds) as connection:
        tables: dict[str, list[str]] = {}
        for row in await connection.fetch(_COLUMNS):
            tables.setdefault(row["relname"], []).extend(_conditions(row))
        for nth, (table, conditions) in enumerate(tables.items()):
            progress("looking through tables", nth, len(tables))
            found[table] = await _count(connection, table, conditions, marks)
    return found


def _conditions(row: dict[str, object]) -> list[str]:
    """SQL that is true of a column's value with an id ($1, $2) or a text ($3)."""
    name = str(row["attname"])
    column = quote(name)
    category, is_list = row["category"], row["is_list"]
    if category == "N":
        if not holds_ids(name):
            return []
        return [f"{column} && $1" if is_list else f"{column} = ANY($1)"]
    if category not in ("S", "U", "E"):
        return []
    if row["typname"] == "bytea":
        return []  # sketches: their buckets are wiped, and hold hashes only
    conditions = [f"{column}::text ~ $3"]
    if holds_ids(name) and not is_list:
        conditions.append(f"{column}::text = ANY($2)")
    return conditions


async def _count(connection: Connection, table: str, conditions: list[str], marks: Marks) -> int:
    if not conditions:
        return 0
    ids = sorted(marks.user_ids)
    count: int = await connection.fetchval(
        "SELECT count(*) FROM (SELECT $1::bigint[], $2::text[], $3::text) given,"
        f" {quote(table)} WHERE {' OR '.join(conditions)}",
        ids,
        [str(one) for one in ids],
        marks.pattern,
    )
    return count
