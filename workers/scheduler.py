"""The scheduler: one leader asks for what is due, others stand by."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import structlog

from aggregates.database import Connection
from aggregates.store import Store
from aggregates.work import Ask, Kind
from courselens.computing import input_digest
from courselens.domain import DAY_US, SECOND_US
from courselens.errors import CourselensError, SourceError, StoreError, TablesMissing
from courselens.settings import Settings
from loaders.events.lake import Lake
from loaders.events.manifest import read_manifest
from workers.broker import Bell
from workers.facts import KeptFacts
from workers.ledger import Ledger
from workers.plan import Course, Sources, plan_courses, plan_sources
from workers.snapshot import Manifest, Snapshot
from workers.source_files import Look, SourceFiles
from workers.table_sync import TableSync, table_syncs

LOCK = 0x636C656E_00000010
"""Advisory lock of the leader's connection: the server lets go of it when the leader is gone."""
TICK_SECONDS = 1.0
IDLE_SECONDS = 12
"""The server ends the connection of a leader that says nothing for so long: one that is stopped,
or behind a network that is cut, does not lead."""
_STAND_BY_SECONDS = 2.0

_T = TypeVar("_T")


class Scheduler:
    """Leads or stands by until it is told to stop."""

    def __init__(self, settings: Settings, store: Store, ledger: Ledger, bell: Bell) -> None:
        self._settings = settings
        self._store = store
        self._ledger = ledger
        self._bell = bell
        self._files = SourceFiles(settings.source_paths, own_logs=settings.tracking_path)
        self._syncs = table_syncs(settings, self._files, store.registry)
        self._digests: tuple[object, dict[str, str]] = (None, {})
        self._looked = float("-inf")
        self._syncing: set[tuple[str, str]] = set()
        self._log = structlog.get_logger()

    async def run(self, stop: asyncio.Event) -> None:
        """Schedule until `stop` is set; a database that is away is waited for.

        Raises:
            TablesMissing: somebody emptied the database.
        """
        while not stop.is_set():
            try:
                async with self._store.database.session() as connection:
                    if await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
                        await self._lead(connection, stop)
            except TablesMissing:
                raise  # whoever runs us migrates
            except StoreError as error:
                self._log.warning("cannot lead", error=str(error))
            await _wait(stop, _STAND_BY_SECONDS)

    async def _lead(self, connection: Connection, stop: asyncio.Event) -> None:
        await connection.execute(f"SET idle_session_timeout = '{IDLE_SECONDS}s'")
        self._log.info("leading")
        self._looked = float("-inf")
        while not stop.is_set():
            await _beating(connection, self.tick())
            await _beating(connection, _wait(stop, TICK_SECONDS))

    async def tick(self) -> list[Ask]:
        """Ask for everything that is due now and tell the workers; gives what was asked for."""
        await self._ledger.expire()
        asked = [ask for ask in await self._due() if await self._ask(ask)]
        if asked:
            self._log.info("asked", work=[f"{ask.kind} {ask.subject}".strip() for ask in asked])
        return asked

    async def _due(self) -> list[Ask]:
        history = await self._ledger.history()
        asks: list[Ask] = []
        loop = asyncio.get_running_loop()
        syncing = {key for key in history.busy if key[0] == Kind.SYNC_TABLES}
        # Logs may have waited for the tables that were being copied.
        is_news = bool(self._syncing - syncing)
        self._syncing = syncing
        try:
            if is_news or loop.time() - self._looked >= self._settings.look_every_seconds:
                now_us = await self._ledger.now_us()
                sources = await asyncio.to_thread(self._look, now_us)
                self._looked = loop.time()
                asks = plan_sources(sources, history)
                await self._ledger.forget()
            if asks:
                return asks  # numbers wait for what they are made from
            every = self._settings.refresh_every_seconds
            courses = [] if history.is_reading else await self._courses()
            return plan_courses(courses, history, refresh_every_seconds=every)
        except (SourceError, OSError) as error:
            told = error if isinstance(error, CourselensError) else type(error).__name__
            self._log.warning("cannot look at the sources", error=str(told))
            self._looked = loop.time()
            return asks

    async def _ask(self, ask: Ask) -> bool:
        work_id = await self._ledger.ask(ask, asked_by="scheduler")
        if work_id is None:
            return False
        await self._bell.ring(ask.kind, work_id)
        return True

    def _look(self, now_us: int) -> Sources:
        look = self._files.look()
        manifest = read_manifest(self._settings.lake_path)
        tables: dict[str, tuple[str | None, str | None]] = {}
        awaited = set()
        for name, sync in self._syncs.items():
            copy = Snapshot(self._settings.tables_path / name).manifest
            if copy.state is None and sync.is_awaited:
                awaited.add(name)
            try:
                tables[name] = (_state(sync, copy, look, now_us), copy.state)
            except SourceError as error:  # costs no other source its turn
                self._log.warning("cannot look at a source", source=name, error=str(error))
        return Sources(
            logs=look.logs,
            taken_logs={
                Path(name): (cursor.size, cursor.mtime_ns)
                for name, cursor in manifest.sources.items()
            },
            lake_run=manifest.run,
            tables=tables,
            awaited=awaited,
        )

    async def _courses(self) -> list[Course]:
        stored = await self._store.course_digests()
        ages = await self._ledger.courses()
        now_us = await self._ledger.now_us()
        digests = await asyncio.to_thread(self._facts_digests, now_us)
        return [
            Course(key, digest, stored.get(key), ages.get(key)) for key, digest in digests.items()
        ]

    def _facts_digests(self, now_us: int) -> dict[str, str]:
        """Digest of every course's facts; made anew only after a commit, or on another day."""
        settings = self._settings
        files = [settings.lake_path, *(settings.tables_path / name for name in self._syncs)]
        state = (now_us // DAY_US, [_stamp(folder / "manifest.json") for folder in files])
        if self._digests[0] != state:
            facts = KeptFacts.open(
                settings.tables_path, list(self._syncs), Lake(settings.lake_path)
            )
            found = {key: input_digest(facts, key, now_us) for key in facts.course_keys}
            self._digests = (state, found)
        return self._digests[1]


def _state(sync: TableSync, copy: Manifest, look: Look, now_us: int) -> str | None:
    """State of a source; that of its copy while this is young."""
    if copy.state and now_us - (copy.loaded_us or 0) < sync.rest_seconds * SECOND_US:
        return copy.state
    return sync.state(look, now_us)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


async def _beating(connection: Connection, work: Awaitable[_T]) -> _T:
    """Wait for something while the leader's connection shows that it lives."""
    task = asyncio.ensure_future(work)
    try:
        while True:
            done, _ = await asyncio.wait([task], timeout=TICK_SECONDS)
            await connection.execute("SELECT 1")
            if done:
                return task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
