"""Bring the database's tables to what the product and the registry declare.

Base tables come from the numbered files of `migrations/`, each applied once. Derived tables are
compared with the catalogue: what is missing is added online, what has another type is rebuilt
empty, nothing else is ever dropped. Whatever changes makes the next refresh write every course.
"""

from __future__ import annotations

import importlib.resources

from aggregates.database import Connection, Database
from aggregates.layout import Layout, PartTable, WideTable
from aggregates.naming import quote
from aggregates.notices import tell_all

_LOCK = 0x636C656E_00000001
"""Advisory lock: two processes that start at once migrate one after the other."""

_ACTUAL = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
  AND a.attnum > 0 AND NOT a.attisdropped AND c.relname = ANY($1::text[])
"""


async def migrate(database: Database, layout: Layout, *, deadline_seconds: float) -> list[str]:
    """Apply what is missing.

    Returns:
        What was changed, a line each; nothing when all was there.

    Raises:
        StoreError: the server does not answer, refuses, or a lock is not had in time.
    """
    async with database.session() as connection:
        # The lock lives as long as this connection, which nobody else uses.
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK, timeout=deadline_seconds)
        applied = await _apply_files(connection)
        return applied + await _derive(connection, layout, deadline_seconds)


async def _apply_files(connection: Connection) -> list[str]:
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations ("
        "name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    applied = {row["name"] for row in await connection.fetch("SELECT name FROM migrations")}
    folder = importlib.resources.files("aggregates") / "migrations"
    files = {file.name: file for file in folder.iterdir() if file.name.endswith(".sql")}
    changes: list[str] = []
    for name in sorted(files.keys() - applied):
        async with connection.transaction():
            await connection.execute(files[name].read_text(encoding="utf-8"))
            await connection.execute("INSERT INTO migrations (name) VALUES ($1)", name)
        changes.append(f"applied {name}")
    return changes


async def _derive(connection: Connection, layout: Layout, deadline_seconds: float) -> list[str]:
    actual: dict[str, dict[str, str]] = {}
    for table, column, kind in await connection.fetch(_ACTUAL, list(layout.tables)):
        actual.setdefault(table, {})[column] = kind
    changes: list[str] = []
    for table in layout.tables.values():
        statements, lines, changed = _difference(table, actual.get(table.name))
        if statements:
            async with connection.transaction():
                # Courses first, as a refresh does too; this waits for those that run. Their next
                # refresh computes the indicators of this table, and no others.
                await connection.execute(
                    "UPDATE courses SET fingerprint = '' WHERE fingerprint IS NOT NULL",
                    timeout=deadline_seconds,
                )
                await connection.execute(
                    "UPDATE runs SET versions = versions - $1::text[]"
                    " WHERE run_id IN (SELECT run_id FROM courses)",
                    changed,
                    timeout=deadline_seconds,
                )
                # An ALTER that waits for a long reader must not hold up all that come after it.
                await connection.execute("SET LOCAL lock_timeout = '5s'")
                await connection.execute(
                    "INSERT INTO derived_tables (name, provider, indicator) VALUES ($1, $2, $3)"
                    " ON CONFLICT (name) DO UPDATE SET provider = $2, indicator = $3",
                    table.name,
                    *_owner(table, layout),
                )
                for statement in statements:
                    await connection.execute(statement)
                await tell_all(connection)
            changes += lines
    return changes


def _difference(
    table: WideTable | PartTable, actual: dict[str, str] | None
) -> tuple[list[str], list[str], list[str]]:
    """Statements that make `actual` into `table`, the same in words, and whose columns they are."""
    name = quote(table.name)
    owners = _owners(table)
    if actual is None:
        columns = [f"{quote(column)} {kind}" for column, kind in table.key]
        columns += [f"{quote(column)} {kind}" for column, kind in table.columns.items()]
        key = ", ".join(quote(column) for column, _ in table.key)
        created = f"CREATE TABLE {name} ({', '.join(columns)}, PRIMARY KEY ({key}))"
        return [created], [f"created {table.name}"], sorted(set(owners.values()))
    statements: list[str] = []
    lines: list[str] = []
    changed: set[str] = set()
    for column, kind in table.columns.items():
        if actual.get(column) != kind:
            changed.add(owners[column])
        add = f"ALTER TABLE {name} ADD COLUMN {quote(column)} {kind}"
        if column not in actual:
            statements.append(add)
            lines.append(f"added {table.name}.{column}")
        elif actual[column] != kind:
            statements += [f"ALTER TABLE {name} DROP COLUMN {quote(column)}", add]
            lines.append(f"rebuilt {table.name}.{column}: {actual[column]} -> {kind}")
    return statements, lines, sorted(changed)


def _owners(table: WideTable | PartTable) -> dict[str, str]:
    """The indicator of each column."""
    if isinstance(table, PartTable):
        return dict.fromkeys(table.columns, table.indicator)
    return {
        column: ref.indicator
        for ref, _ in table.fields
        for column in (ref.column, ref.standing_column)
    }


def _owner(table: WideTable | PartTable, layout: Layout) -> tuple[str, str | None]:
    """The provider of a table, and its indicator where it has but one."""
    if isinstance(table, WideTable):
        return table.provider, None
    return layout.registry.indicator(table.indicator).provider, table.indicator
