"""What the store still holds of indicators that are no longer installed, and how to remove it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from aggregates.database import Connection, Database
from aggregates.layout import Layout, WideTable
from aggregates.naming import quote, wide_table
from aggregates.notices import tell_all

_BY_INDICATOR = ("envelopes", "summaries", "released")


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing that nobody declares any more.

    Attributes:
        what: `table`, `column` or `rows`.
        name: of the table, table and column, or indicator.
        rows: how many there are, as the planner estimates; None for a column.
        statements: what removes it.
    """

    what: str
    name: str
    rows: int | None
    statements: tuple[str, ...]


async def find_leftovers(
    database: Database, layout: Layout, *, kept: Collection[str]
) -> list[Leftover]:
    """Everything that belongs to no installed indicator.

    Args:
        database: where to look.
        layout: of what is installed.
        kept: distributions and keys that are installed but take no part now: what is theirs stays.
    """
    async with database.session() as connection:
        providers = {
            row["indicator"]: row["provider"]
            for row in await connection.fetch("SELECT DISTINCT indicator, provider FROM envelopes")
        }
        return [
            *await _tables(connection, layout, kept),
            *await _columns(connection, layout, kept),
            *await _rows(connection, layout, kept, providers),
        ]


async def remove_leftovers(
    database: Database, found: Sequence[Leftover], *, deadline_seconds: float
) -> None:
    """Remove what was found, one thing at a time; a table that is in use is waited for briefly.

    Raises:
        StoreError: a lock is not had in time; what was removed before stays removed.
    """
    for one in found:
        async with database.transaction() as connection:
            await connection.execute("SET LOCAL lock_timeout = '5s'")
            for statement in one.statements:
                await connection.execute(statement, timeout=deadline_seconds)
            await tell_all(connection)


async def _tables(connection: Connection, layout: Layout, kept: Collection[str]) -> list[Leftover]:
    rows = await connection.fetch(
        "SELECT d.name, d.provider, d.indicator, greatest(c.reltuples, 0)::bigint AS size"
        " FROM derived_tables d LEFT JOIN pg_class c"
        " ON c.relname = d.name AND c.relnamespace = current_schema()::regnamespace"
        " ORDER BY d.name"
    )
    theirs = {wide_table(name) for name in kept}
    return [
        Leftover(
            "table",
            row["name"],
            row["size"],
            (
                f"DROP TABLE IF EXISTS {quote(row['name'])}",
                f"DELETE FROM derived_tables WHERE name = {_text(row['name'])}",
            ),
        )
        for row in rows
        if row["name"] not in layout.tables
        and row["name"] not in theirs
        and row["provider"] not in kept
        and row["indicator"] not in kept
    ]


async def _columns(connection: Connection, layout: Layout, kept: Collection[str]) -> list[Leftover]:
    actual = await connection.fetch(
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'"
        " AND a.attnum > 0 AND NOT a.attisdropped AND c.relname = ANY($1::text[])"
        " ORDER BY c.relname, a.attnum",
        list(layout.tables),
    )
    found: list[Leftover] = []
    for table, column in actual:
        declared = layout.tables[table]
        if isinstance(declared, WideTable) and declared.provider in kept:
            continue
        is_known = column in declared.columns or column in dict(declared.key)
        if not is_known and not any(column.startswith(f"{key}__") for key in kept):
            drop = f"ALTER TABLE {quote(table)} DROP COLUMN {quote(column)}"
            found.append(Leftover("column", f"{table}.{column}", None, (drop,)))
    return found


async def _rows(
    connection: Connection,
    layout: Layout,
    kept: Collection[str],
    providers: dict[str, str],
) -> list[Leftover]:
    found: list[Leftover] = []
    counted: dict[str, int] = {}
    for table in _BY_INDICATOR:
        for key, count in await connection.fetch(
            f"SELECT indicator, count(*) FROM {quote(table)} GROUP BY indicator"
        ):
            counted[key] = counted.get(key, 0) + count
    for key, count in sorted(counted.items()):
        if key in layout.registry.indicators or key in kept or providers.get(key) in kept:
            continue
        statements = tuple(
            f"DELETE FROM {quote(table)} WHERE indicator = {_text(key)}" for table in _BY_INDICATOR
        )
        found.append(Leftover("rows", key, count, statements))
    return found


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
