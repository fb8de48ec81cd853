"""The pool of connections: the only place that imports asyncpg; deadlines and errors."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import orjson

from courselens.errors import BadParameter, StoreError

Connection = Any  # an asyncpg connection; the driver is untyped
Row = Any  # an asyncpg record: read by column name or place


class Database:
    """A pool of connections to one PostgreSQL database, each call with a deadline."""

    def __init__(self, pool: Any, url: str, deadline_seconds: float) -> None:
        self._pool = pool
        self.url = url
        self.deadline_seconds = deadline_seconds

    @classmethod
    async def connect(cls, url: str, *, pool_size: int, deadline_seconds: float) -> Database:
        """Open the pool.

        Raises:
            StoreError: the server does not answer in time, or refuses.
        """
        with translate(deadline_seconds):
            pool = await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=pool_size,
                timeout=deadline_seconds,
                command_timeout=deadline_seconds,
                init=_prepare,
                reset=_keep,
                server_settings={"application_name": "courselens", "jit": "off"},
            )
        return cls(pool, url, deadline_seconds)

    async def close(self) -> None:
        """Close every connection, those in use after the deadline by force."""
        try:
            async with asyncio.timeout(self.deadline_seconds):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        """All rows of a statement."""
        with translate(self.deadline_seconds), _blame_asker():
            async with self._pool.acquire(timeout=self.deadline_seconds) as connection:
                rows: list[Row] = await connection.fetch(sql, *args)
                return rows

    async def fetch_row(self, sql: str, *args: object) -> Row | None:
        """The first row of a statement."""
        with translate(self.deadline_seconds), _blame_asker():
            async with self._pool.acquire(timeout=self.deadline_seconds) as connection:
                return await connection.fetchrow(sql, *args)

    async def execute(self, sql: str, *, deadline_seconds: float) -> None:
        """A statement outside any transaction, with a deadline of its own."""
        with translate(deadline_seconds):
            async with self._pool.acquire(timeout=self.deadline_seconds) as connection:
                await connection.execute(sql, timeout=deadline_seconds)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection of the pool inside a transaction."""
        with translate(self.deadline_seconds):
            async with (
                self._pool.acquire(timeout=self.deadline_seconds) as connection,
                connection.transaction(),
            ):
                yield connection

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[Connection]:
        """A connection of its own, outside the pool, for what must not outlive it."""
        with translate(self.deadline_seconds):
            connection = await asyncpg.connect(
                self.url, timeout=self.deadline_seconds, command_timeout=self.deadline_seconds
            )
            try:
                yield connection
            finally:
                await connection.close(timeout=self.deadline_seconds)


@contextlib.contextmanager
def translate(deadline_seconds: float) -> Iterator[None]:
    """Turn the driver's exceptions into the product's."""
    try:
        yield
    except TimeoutError as exc:
        raise StoreError(
            f"PostgreSQL did not answer within {deadline_seconds:g} s; try again later"
        ) from exc
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as exc:
        raise StoreError(
            f"the tables do not fit the installed indicators ({exc}); migrate the database first"
        ) from exc
    except asyncpg.PostgresError as exc:
        raise StoreError(f"PostgreSQL refused: {type(exc).__name__}: {exc}") from exc
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as exc:
        raise StoreError(
            f"PostgreSQL cannot be reached ({type(exc).__name__}: {exc}); "
            "is the server running, and is the URL right?"
        ) from exc


@contextlib.contextmanager
def _blame_asker() -> Iterator[None]:
    """A value of a question that no column can hold is the asker's to mend."""
    try:
        yield
    except asyncpg.DataError as exc:
        raise BadParameter(
            "value", "...", "text without NUL or half characters, numbers of 64 bits"
        ) from exc


async def _prepare(connection: Connection) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_to_jsonb, decoder=_from_jsonb, format="binary"
    )


async def _keep(connection: Connection) -> None:
    """Skip the RESET round trip: the pool's users leave no SET, LISTEN or session lock behind."""


def _to_jsonb(value: object) -> bytes:
    return b"\x01" + orjson.dumps(value)


def _from_jsonb(data: bytes) -> object:
    return orjson.loads(data[1:])
