"""The tables of a running Open edX: its MySQL, its MongoDB, or both."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from courselens.domain import SECOND_US
from courselens.settings import Settings
from loaders.mongo.source import MongoSource
from loaders.mysql.connection import Bounds
from loaders.mysql.source import MySQLSource
from loaders.mysql.tracking import TABLE as TRACKING
from loaders.retired import RetiredList
from workers import tracking_table
from workers.platform_copy import PlatformCopy
from workers.platform_courses import read_overviews, read_versions
from workers.snapshot import SnapshotWriter
from workers.source_files import Look

Progress = Callable[[str, int, int], None]
_SHARE_OF_TIME = 0.7
"""Of the time limit of a task: then it stops by itself, between two courses."""


class PlatformTables:
    """Copies what changed: new rows by cursors, published structures by their ids.

    Rows that went, or changed where no index tells, are looked for course by course at longer
    intervals, the sweeps: see docs/decisions/0080-copies-of-a-running-platform.md.
    """

    name = "platform"
    is_awaited = True

    def __init__(self, settings: Settings, datasets: Collection[str]) -> None:
        """Take what is needed to connect.

        Args:
            settings: of the installation, with at least one of the URLs.
            datasets: those to copy, as far as the platform has them.
        """
        self._settings = settings
        self._datasets = frozenset(datasets)
        self.rest_seconds = settings.sync_every_seconds

    def state(self, look: Look, now_us: int) -> str | None:
        """Digest of the ends of indexes, of the list of courses, and of the sweep that is due.

        A few short statements, however many courses and rows there are.
        """
        return asyncio.run(self._look(now_us))

    def copy(self, writer: SnapshotWriter, now_us: int, *, progress: Progress) -> bool:
        """Copy what changed; commits on the way, whole courses at a time."""
        return asyncio.run(self._copy(writer, now_us, progress))

    async def _look(self, now_us: int) -> str:
        async with open_platform(self._settings) as (mysql, mongo):
            found = await look_at(mysql, mongo, self._datasets)
            folder = await self._tracking_folder(mysql)
            if mysql is not None and folder is not None:
                found.append(await tracking_table.look_at(mysql, folder, now_us=now_us))
        parts = (self._sweep(now_us), *found)
        return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()

    async def _copy(self, writer: SnapshotWriter, now_us: int, progress: Progress) -> bool:
        until = time.monotonic() + self._settings.task_time_limit_seconds * _SHARE_OF_TIME
        async with open_platform(self._settings) as (mysql, mongo):
            folder = await self._tracking_folder(mysql)
            if mysql is not None and folder is not None:
                await tracking_table.write_out(
                    mysql,
                    folder,
                    now_us=now_us,
                    progress=progress,
                    retired=RetiredList(self._settings.retired_path).ids,
                )
            copy = PlatformCopy(mysql, mongo, writer, datasets=self._datasets, progress=progress)
            return await copy.run(
                sweep=self._sweep(now_us), is_time_up=lambda: time.monotonic() > until
            )

    async def _tracking_folder(self, mysql: MySQLSource | None) -> Path | None:
        """Where the tracking log of a table is written out; None where there is no such table."""
        if mysql is None or not (await mysql.capabilities()).has_table(TRACKING):
            return None
        return self._settings.tracking_path

    def _sweep(self, now_us: int) -> int:
        return int(now_us // (self._settings.sweep_every_seconds * SECOND_US))


async def look_at(
    mysql: MySQLSource | None, mongo: MongoSource | None, datasets: Collection[str]
) -> list[object]:
    """What differs when something is new, but for what only a sweep finds.

    Raises:
        SourceUnavailable: a server does not answer.
    """
    found: list[object] = [sorted((await read_versions(mysql, mongo)).items())]
    if mysql is not None:
        capabilities = await mysql.capabilities()
        found.append(sorted(capabilities.available.intersection(datasets)))
        found.append((await read_overviews(mysql)).to_pylist())
        followed = sorted(capabilities.with_cursor.intersection(datasets))
        found += [await mysql.newest(name) for name in followed]
    if mongo is not None:
        found.append(sorted((await mongo.probe()).available))
    return found


@asynccontextmanager
async def open_platform(
    settings: Settings,
) -> AsyncIterator[tuple[MySQLSource | None, MongoSource | None]]:
    """The configured sources, for the event loop that runs; nothing is sent yet.

    Raises:
        BadParameter: a URL is none.
        SourceRefused: the URL of MongoDB cannot be used.
    """
    async with AsyncExitStack() as stack:
        mysql = mongo = None
        if settings.mysql_url is not None:
            history = settings.mysql_history_url
            bounds = Bounds(
                connections=settings.source_connections,
                statement_seconds=settings.source_statement_seconds,
                deadline_seconds=settings.source_deadline_seconds,
            )
            source = MySQLSource.at(
                settings.mysql_url.get_secret_value(),
                history.get_secret_value() if history else None,
                bounds=bounds,
            )
            mysql = await stack.enter_async_context(source)
        if settings.mongo_url is not None:
            mongo = await stack.enter_async_context(
                MongoSource(
                    settings.mongo_url.get_secret_value(),
                    forum_database=settings.mongo_forum_database,
                    deadline_seconds=settings.source_deadline_seconds,
                    connections=settings.source_connections,
                )
            )
        yield mysql, mongo
