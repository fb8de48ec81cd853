"""The store as it was at one moment, for what is too long for one statement."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from aggregates.database import (
    Connection,
    Database,
    Row,
    blame_asker,
    prepare_connection,
    translate,
)
from aggregates.layout import Layout
from aggregates.reader import Reader
from aggregates.tables import Statement


class Snapshot:
    """One connection whose statements all see the same moment, whatever is refreshed meanwhile.

    Args:
        connection: inside a transaction.
        layout: the tables of the installed indicators.
        deadline_seconds: for each statement of the reader.
        patience_seconds: for counting a table, and for sorting it.

    Attributes:
        layout: the tables of the installed indicators.
        reader: reads like the store's, at that moment.
    """

    def __init__(
        self,
        connection: Connection,
        layout: Layout,
        *,
        deadline_seconds: float,
        patience_seconds: float,
    ) -> None:
        self._connection = connection
        self._deadline_seconds = deadline_seconds
        self._patience_seconds = patience_seconds
        self.layout = layout
        self.reader = Reader(self, layout)

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        """All rows of a statement."""
        with translate(self._deadline_seconds), blame_asker():
            rows: list[Row] = await self._connection.fetch(sql, *args)
            return rows

    async def fetch_row(self, sql: str, *args: object) -> Row | None:
        """The first row of a statement."""
        with translate(self._deadline_seconds), blame_asker():
            return await self._connection.fetchrow(sql, *args)

    async def count(self, statement: Statement) -> int:
        """How many rows `batches` will give."""
        patience = self._patience_seconds
        with translate(patience), blame_asker():
            return int(
                await self._connection.fetchval(
                    statement.count_sql, *statement.args, timeout=patience
                )
            )

    async def batches(self, statement: Statement, rows: int) -> AsyncGenerator[list[Row]]:
        """The rows of a statement, at most so many at a time; PostgreSQL holds the others."""
        patience = self._patience_seconds
        with translate(patience), blame_asker():
            cursor = await self._connection.cursor(statement.sql, *statement.args, timeout=patience)
        while True:
            with translate(patience):
                batch: list[Row] = await cursor.fetch(rows, timeout=patience)
            if not batch:
                return
            yield batch


@asynccontextmanager
async def open_snapshot(
    database: Database, layout: Layout, *, patience_seconds: float
) -> AsyncIterator[Snapshot]:
    """A snapshot on a connection of its own: whoever reads slowly takes none from the others.

    Args:
        database: whose.
        layout: the tables of the installed indicators.
        patience_seconds: for counting or sorting a table. After so long without a statement
            PostgreSQL ends it: no version of a row is kept for a process that is gone.

    Raises:
        StoreError: the server does not answer in time, or refuses.
    """
    async with database.session() as connection:
        await prepare_connection(connection)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            milliseconds = int(patience_seconds * 1000)
            await connection.execute(
                f"SET LOCAL idle_in_transaction_session_timeout = {milliseconds}"
            )
            await connection.execute("SET LOCAL jit = off")  # as on the pool's connections
            yield Snapshot(
                connection,
                layout,
                deadline_seconds=database.deadline_seconds,
                patience_seconds=patience_seconds,
            )
