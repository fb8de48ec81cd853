"""The pool of connections: deadlines and errors; asyncpg is imported here and beside it alone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any, Protocol

import asyncpg
import orjson

from aggregates.connections import Connection as Connection
from aggregates.connections import Connections, Held
from courselens.deadline import Deadline
from courselens.errors import BadParameter, StoreError, TablesMissing

Row = Any  # an asyncpg record: read by column name or place


class Statements(Protocol):
    """What a reader needs: `Database`, or a snapshot of one."""

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        """All rows of a statement."""
        ...

    async def fetch_row(self, sql: str, *args: object) -> Row | None:
        """The first row of a statement."""
        ...


class Database:
    """A pool of connections to one PostgreSQL database, each call with a deadline.

    Attributes:
        statements: how many have been read by so far.
    """

    def __init__(self, pool: Any, url: str, *, pool_size: int, deadline_seconds: float) -> None:
        self._pool = pool
        self._connections = Connections(pool, pool_size)
        self._deadline = Deadline(deadline_seconds)
        self.url = url
        self.deadline_seconds = deadline_seconds
        self.statements = 0

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
                init=prepare_connection,
                reset=_keep,
                server_settings={"application_name": "courselens", "jit": "off"},
            )
        return cls(pool, url, pool_size=pool_size, deadline_seconds=deadline_seconds)

    async def close(self) -> None:
        """Close every connection, those in use after the deadline by force."""
        try:
            async with asyncio.timeout(self.deadline_seconds):
                await self._connections.close()
        except TimeoutError:
            self._pool.terminate()

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        """All rows of a statement."""
        rows: list[Row] = await self._read("fetch", sql, args)
        return rows

    async def fetch_row(self, sql: str, *args: object) -> Row | None:
        """The first row of a statement."""
        return await self._read("fetchrow", sql, args)

    async def execute(self, sql: str, *, deadline_seconds: float) -> None:
        """A statement outside any transaction, with a deadline of its own."""
        with translate(deadline_seconds):
            async with self._lent() as connection, self._abandoned_if_late(connection):
                await connection.execute(sql, timeout=deadline_seconds)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection of the pool inside a transaction."""
        with translate(self.deadline_seconds):
            async with (
                self._lent() as connection,
                connection.transaction(),
                self._abandoned_if_late(connection),
            ):
                yield connection

    @contextlib.asynccontextmanager
    async def session(self, *, deadline_seconds: float | None = None) -> AsyncIterator[Connection]:
        """A connection of its own, outside the pool, for what must not outlive it.

        `deadline_seconds` is for connecting and for each statement; that of the pool by default.
        """
        seconds = deadline_seconds or self.deadline_seconds
        with translate(seconds):
            connection = await asyncpg.connect(self.url, timeout=seconds, command_timeout=seconds)
            try:
                yield connection
            except BaseException:
                connection.terminate()
                raise
            await connection.close(timeout=seconds)

    async def _read(self, method: str, sql: str, args: tuple[object, ...]) -> Any:
        self.statements += 1
        # Without context managers made of generators: this is where small questions spend time.
        try:
            held = await self._take()
            try:
                with self._deadline.started():
                    found = await held.ask(method, sql, args)
            except BaseException as error:
                await self._take_back(held, error)
                raise
        except Exception:
            with translate(self.deadline_seconds), blame_asker():
                raise
        await self._connections.give_back(held)
        return found

    async def _take(self) -> Held:
        held = self._connections.at_hand()
        if held is not None:
            return held
        with self._deadline.started():
            return await self._connections.take()

    async def _take_back(self, held: Held, error: BaseException) -> None:
        """Take back a connection on which something went wrong."""
        if isinstance(error, TimeoutError):
            await self._abandon(held.connection)
        await self._connections.drop(held)

    @contextlib.asynccontextmanager
    async def _lent(self) -> AsyncIterator[Connection]:
        held = await self._take()
        try:
            yield held.connection
        except BaseException:
            await self._connections.drop(held)
            raise
        await self._connections.give_back(held)

    @contextlib.asynccontextmanager
    async def _abandoned_if_late(self, connection: Connection) -> AsyncIterator[None]:
        try:
            yield
        except TimeoutError:
            await self._abandon(connection)
            raise

    async def _abandon(self, connection: Connection) -> None:
        """Whoever does not answer may have vanished, and the pool's other connections with it.

        The driver would wait for an answer as long again, on each of them.
        """
        connection.terminate()
        await self._connections.expire()


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
        raise TablesMissing(str(exc)) from exc
    except asyncpg.PostgresError as exc:
        raise StoreError(f"PostgreSQL refused: {type(exc).__name__}: {exc}") from exc
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as exc:
        raise StoreError(
            f"PostgreSQL cannot be reached ({type(exc).__name__}: {exc}); "
            "is the server running, and is the URL right?"
        ) from exc


@contextlib.contextmanager
def blame_asker() -> Iterator[None]:
    """A value of a question that no column can hold is the asker's to mend."""
    try:
        yield
    except asyncpg.DataError as exc:
        raise BadParameter(
            "value", "...", "text without NUL or half characters, numbers of 64 bits"
        ) from exc


async def prepare_connection(connection: Connection) -> None:
    """Teach a connection to read and write `jsonb` as plain values."""
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_to_jsonb, decoder=_from_jsonb, format="binary"
    )


async def _keep(connection: Connection) -> None:
    """Skip the RESET round trip: the pool's users leave no SET, LISTEN or session lock behind."""


def _to_jsonb(value: object) -> bytes:
    return b"\x01" + orjson.dumps(value)


def _from_jsonb(data: bytes) -> object:
    return orjson.loads(data[1:])
