"""Hear of every commit that changes answers: refreshes of courses, roles, rebuilt tables.

PostgreSQL tells whoever listens, after the commit and in its order; triggers make sure that each
such commit is told (`migrations/0005_notices.sql`), and the end of each refresh. What is told while
nobody listens is lost, so everything counts as changed each time the connection is made.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import uuid
from collections.abc import AsyncIterator, Callable, Collection

import orjson
import structlog

from aggregates.database import Connection, Database
from courselens.errors import StoreError

CHANNEL = "courselens"
BEAT_SECONDS = 2.0
"""How often the server is asked whether it is there."""
ANSWER_SECONDS = 2.0
"""For how long its answer is waited for."""
CONNECT_SECONDS = 5.0
_FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 5.0
"""Longest back-off before it is tried again."""

logger = structlog.get_logger(__name__)


class Notices:
    """What was heard, by its place in one sequence of this process; `position` is the last place.

    An answer that was made of what was read after `position` was `since` is as the store has it
    for as long as `is_fresh(since, ...)`. It is late by the way of a notice: about a millisecond
    from the commit, and where the server or the network vanishes without a word
    `BEAT_SECONDS + ANSWER_SECONDS`, after which `is_connected` is false.

    Args:
        database: whose commits are heard, on a connection beside the pool.
        clock: seconds that only grow.
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self.position = 0
        self._all_at = 0
        self._roles_at = 0
        self._course_at = 0
        self._courses_at: dict[str, int] = {}
        self._ended_at: dict[str, int] = {}
        self._confirmed: float | None = None
        self._is_missed = False
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}

    @property
    def is_connected(self) -> bool:
        """Whether notices arrive: the server has answered a moment ago on this connection."""
        confirmed = self._confirmed
        return confirmed is not None and self._clock() - confirmed <= BEAT_SECONDS + ANSWER_SECONDS

    def is_fresh(self, since: int, course_keys: Collection[str] | None) -> bool:
        """Whether nothing changed that an answer rests on; false while that is not known.

        Args:
            since: `position` before the first thing was read for it.
            course_keys: courses it tells about; None: it depends on which courses there are, or
                on all of them.
        """
        if not self.is_connected or since < self._all_at or since < self._roles_at:
            return False
        if course_keys is None:
            return since >= self._course_at
        heard = self._courses_at
        for key in course_keys:  # noqa: SIM110 - a generator costs more than what it asks
            if since < heard.get(key, 0):
                return False
        return True

    @property
    def roles_position(self) -> int:
        """Place of the last notice that roles, or perhaps everything, changed."""
        return max(self._roles_at, self._all_at)

    async def news(self, course_key: str, since: int) -> int:
        """Wait until a course's numbers, roles, or perhaps everything changed after `since`.

        That a refresh has ended is news too, though answers stay fresh where it changed nothing.

        Returns:
            `position`, to be given as `since` the next time. Whatever changed in between, however
            often, is one change: read the state anew. Never returns while nothing is heard.
        """
        while self._last(course_key) <= since:
            waiter = asyncio.get_running_loop().create_future()
            waiting = self._waiting.setdefault(course_key, set())
            waiting.add(waiter)
            try:
                await waiter
            finally:
                waiting.discard(waiter)
                if not waiting and self._waiting.get(course_key) is waiting:
                    del self._waiting[course_key]
        return self.position

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen inside the block; an outage is sat out with growing pauses."""
        task = asyncio.create_task(self._listen_always(), name="notices")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _last(self, course_key: str) -> int:
        heard = self._courses_at.get(course_key, 0), self._ended_at.get(course_key, 0)
        return max(self.roles_position, *heard)

    async def _listen_always(self) -> None:
        wait = _FIRST_WAIT_SECONDS
        while True:
            try:
                await self._listen()
            except StoreError as error:
                if self._confirmed is not None:
                    wait = _FIRST_WAIT_SECONDS
                logger.warning("changes are not heard of", problem=str(error))
                self._is_missed = True
            finally:
                self._confirmed = None
            await asyncio.sleep(wait * random.uniform(0.5, 1))  # noqa: S311 - spreads processes
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    async def _listen(self) -> None:
        """Listen until the connection ends.

        Raises:
            StoreError: it did, or cannot be had, or notices do not arrive on it.
        """
        ended = asyncio.Event()
        arrived = asyncio.Event()
        token = str(uuid.uuid4())

        def hear(connection: Connection, pid: int, channel: str, payload: str) -> None:
            if payload == token:
                arrived.set()
            else:
                self._hear(payload)

        async with self._database.session(deadline_seconds=CONNECT_SECONDS) as connection:
            connection.add_termination_listener(lambda _: ended.set())
            await connection.add_listener(CHANNEL, hear)
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, token)
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await arrived.wait()
            except TimeoutError:
                raise StoreError(
                    "PostgreSQL takes LISTEN, but no notice arrives; a pooler in between must give "
                    "each client a connection of its own (PgBouncer: pool_mode = session)"
                ) from None
            self._confirmed = self._clock()
            self._note_all()
            if self._is_missed:
                logger.info("changes are heard of again")
            self._is_missed = False
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(BEAT_SECONDS):
                        await ended.wait()
                asked = self._clock()
                await connection.fetchval("SELECT 1", timeout=ANSWER_SECONDS)
                self._confirmed = asked

    def _hear(self, payload: str) -> None:
        try:
            told = orjson.loads(payload)
        except orjson.JSONDecodeError:
            told = None
        match told:
            case {"course": str(course_key)}:
                self.position += 1
                self._course_at = self._courses_at[course_key] = self.position
                self._wake(self._waiting.get(course_key, ()))
            case {"ended": str(course_key)}:
                self.position += 1
                self._ended_at[course_key] = self.position
                self._wake(self._waiting.get(course_key, ()))
            case {"roles": True}:
                self.position += 1
                self._roles_at = self.position
                self._wake_all()
            case {"all": True}:
                self._note_all()
            case _:
                pass  # another process's trial whether notices arrive

    def _note_all(self) -> None:
        self.position += 1
        self._all_at = self.position
        self._courses_at.clear()  # all of them changed before
        self._ended_at.clear()
        self._wake_all()

    def _wake_all(self) -> None:
        for waiting in self._waiting.values():
            self._wake(waiting)

    def _wake(self, waiting: Collection[asyncio.Future[None]]) -> None:
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)


async def tell_all(connection: Connection) -> None:
    """Have everything count as changed when this transaction commits."""
    await connection.execute("""SELECT pg_notify($1, '{"all": true}')""", CHANNEL)
