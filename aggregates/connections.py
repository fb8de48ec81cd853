"""Connections of a pool, kept at hand between statements, with what is prepared on them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from asyncpg import InterfaceError, InvalidCachedStatementError
from asyncpg.protocol import NO_TIMEOUT

Connection = Any  # an asyncpg connection; the driver is untyped

PREPARED = 100
"""Statements that are kept prepared on a connection, as many as the driver itself keeps."""


class Held:
    """A connection that is out of the pool.

    The driver keeps statements prepared too, but to find one there, and a timer for each call, cost
    half as much as a small statement.

    Attributes:
        connection: the driver's.
    """

    __slots__ = ("_prepared", "connection")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._prepared: dict[str, Any] = {}

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be asked by it any more."""
        try:
            return bool(self.connection.is_closed())
        except InterfaceError:  # it has ended, and the pool has taken it back
            return True

    async def ask(self, method: str, sql: str, args: tuple[object, ...]) -> Any:
        """What `fetch` or `fetchrow` gives; the caller sets the deadline."""
        prepared = self._prepared.get(sql)
        if prepared is None:
            if len(self._prepared) >= PREPARED:
                self._prepared.clear()
            prepared = self._prepared[sql] = await self.connection.prepare(sql)
        try:
            return await getattr(prepared, method)(*args, timeout=NO_TIMEOUT)
        except InvalidCachedStatementError:  # its tables have other columns now
            self._prepared.clear()
            return await getattr(self.connection, method)(sql, *args)


class Connections:
    """Lends a pool's connections, and keeps those that come back in order.

    The pool's own taking and giving back costs twice the statement of a small question (29 µs, and
    15 for the statement): two timers, and a task for every return. Here it is taking from a list
    and putting back. What comes back out of order goes through the pool, which knows how to wait
    for a cancelled statement and what to do with a broken connection.

    Args:
        pool: asyncpg's; nobody else takes from it.
        size: its greatest number of connections.
    """

    def __init__(self, pool: Any, size: int) -> None:
        self._pool = pool
        self._size = size
        self._is_closing = False
        self._taken = 0
        """Connections that are out of the pool: lent, or kept at hand."""
        self._free: list[Held] = []
        self._waiting: deque[asyncio.Future[None]] = deque()

    def at_hand(self) -> Held | None:
        """A connection, if there is one that nobody uses."""
        if self._free and not self._free[-1].is_closed:
            return self._free.pop()
        return None

    async def take(self) -> Held:
        """A connection, as soon as there is one; the caller sets the deadline."""
        while True:
            while self._free:
                held = self.at_hand()
                if held is not None:
                    return held
                await self.drop(self._free.pop())
            if self._taken < self._size:
                return await self._take_from_pool()
            await self._wait()

    async def give_back(self, held: Held) -> None:
        """Keep a connection on which nothing is under way for the next one."""
        if self._is_closing:
            await self.drop(held)
            return
        self._free.append(held)
        self._wake()

    async def drop(self, held: Held) -> None:
        """Give a connection to the pool: something is under way on it, or it is broken."""
        try:
            await self._pool.release(held.connection)
        finally:
            self._taken -= 1
            self._wake()

    async def expire(self) -> None:
        """Have the connections that are not in use made anew before they are used again."""
        await self._pool.expire_connections()
        free, self._free = self._free, []
        for held in free:
            await self.drop(held)

    async def close(self) -> None:
        """Close all connections, when those that are lent have come back."""
        self._is_closing = True
        free, self._free = self._free, []
        for held in free:
            await self.drop(held)
        await self._pool.close()

    async def _take_from_pool(self) -> Held:
        self._taken += 1
        try:
            return Held(await self._pool.acquire())
        except BaseException:
            self._taken -= 1
            self._wake()
            raise

    async def _wait(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled():
                self._wake()  # what it was woken for is for the next
            raise

    def _wake(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
