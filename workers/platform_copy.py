"""One run of copying a platform: what changed since the last one, and now and then a sweep."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa
import structlog

from courselens.errors import SourceMalformed
from courselens.sources import split_by_course
from loaders.datasets import COURSE_VIDEOS, DATASETS, FORUM_POSTS
from loaders.mongo.source import MongoSource
from loaders.mysql.source import MySQLSource
from loaders.tables.queries import keep_last
from loaders.tables.typed import connect
from workers.platform_courses import DESCRIBING, describe_course, read_overviews, read_versions
from workers.snapshot import SnapshotWriter, is_by_course

CHECKPOINT_SECONDS = 30.0
_READ_WHOLE = frozenset({"course_roles"})  # few rows, and one that goes takes a right away
_FOLLOWERS = {"enrollments": "enrollment_history", "module_states": "module_state_history"}
"""Datasets without a cursor, by the one that has new rows whenever they have."""
_IN_MONGO = "mongodb"
_BY_TIME = "by time"
_UNKNOWN = ""


class Memory(msgspec.Struct):
    """What is known of the copy beside its rows, committed with them.

    Attributes:
        datasets: that were copied.
        sweep: number of the last sweep that came to its end.
        cursors: how far each dataset was followed.
        marks: by course and dataset, what its rows had when they were read as a whole, "" where
            only a sweep will tell; a course is here if all of it is in the copy, and lacks a
            dataset that has to be read again.
    """

    datasets: list[str] = []
    sweep: int | None = None
    cursors: dict[str, dict[str, Any]] = {}
    marks: dict[str, dict[str, str]] = {}


@dataclass(frozen=True, slots=True)
class _Course:
    """A course with what its description is made from, but for the videos."""

    key: str
    version: str | None
    overview: Mapping[str, object] | None


class PlatformCopy:
    """Brings a copy up to date; for one run."""

    def __init__(
        self,
        mysql: MySQLSource | None,
        mongo: MongoSource | None,
        writer: SnapshotWriter,
        *,
        datasets: Collection[str],
        progress: Callable[[str, int, int], None],
    ) -> None:
        self._mysql = mysql
        self._mongo = mongo
        self._writer = writer
        self._wanted = frozenset(datasets)
        self._progress = progress
        self._memory = msgspec.convert(writer.memory, Memory)
        self._in_mysql: frozenset[str] = frozenset()
        self._in_mongo: frozenset[str] = frozenset()
        self._with_cursor: frozenset[str] = frozenset()
        self._described: tuple[str, ...] = ("courses",)
        self._duck = connect()
        self._saved = time.monotonic()
        self._log = structlog.get_logger()

    async def run(self, *, sweep: int, is_time_up: Callable[[], bool]) -> bool:
        """Copy; every commit on the way has whole courses only.

        Args:
            sweep: number of the sweep that is due.
            is_time_up: whether to stop before the next course.

        Returns:
            Whether everything is copied; if not, the next run goes on.

        Raises:
            SourceUnavailable: a server does not answer; what was committed stays.
            SourceRefused: it answers that it will not.
        """
        memory = self._memory
        datasets = await self._find_datasets()
        is_sweep = (memory.sweep, memory.datasets) != (sweep, datasets)
        versions = await read_versions(self._mysql, self._mongo)
        overviews = {
            row["course_key"]: row for row in (await read_overviews(self._mysql)).to_pylist()
        }
        keys = sorted(versions.keys() | overviews.keys())
        for gone in memory.marks.keys() - set(keys):
            self._writer.forget(gone)
            del memory.marks[gone]
        self._writer.keep_only(datasets)
        memory.cursors = {name: memory.cursors[name] for name in datasets if name in memory.cursors}
        if self._mysql is not None:
            for name in sorted(self._in_mysql & self._with_cursor):
                if is_by_course(name):
                    await self._follow(self._mysql, name)
                else:
                    await self._copy_whole(self._mysql, name, is_sweep=is_sweep)
        for nth, key in enumerate(keys):
            if is_time_up():
                self._save()
                return False
            self._progress("copying courses", nth, len(keys))
            course = _Course(key, versions.get(key), overviews.get(key))
            await self._copy_course(course, sweep, is_sweep=is_sweep)
            if time.monotonic() - self._saved > CHECKPOINT_SECONDS:
                self._save()
                self._writer.checkpoint()
        self._progress("copying courses", len(keys), len(keys))
        memory.sweep, memory.datasets = sweep, datasets
        self._save()
        return True

    async def _find_datasets(self) -> list[str]:
        if self._mysql is not None:
            capabilities = await self._mysql.capabilities()
            whole = {name for name in capabilities.with_cursor if not is_by_course(name)}
            self._in_mysql = self._wanted & (capabilities.by_course | whole) - set(DESCRIBING)
            self._with_cursor = capabilities.with_cursor
        if self._mongo is not None:
            self._in_mongo = (await self._mongo.probe()).available & self._wanted
            self._described = DESCRIBING
        return sorted(self._in_mysql | self._in_mongo | set(self._described))

    async def _copy_whole(self, mysql: MySQLSource, name: str, *, is_sweep: bool) -> None:
        """A dataset that is not by course: all of it, or what is new."""
        cursor = None if is_sweep or name in _READ_WHOLE else self._memory.cursors.get(name)
        kept = DATASETS[name].empty() if cursor is None else self._writer.rows(name)
        tables = [kept]
        async for batch in mysql.changes_since(name, cursor):
            tables.append(batch.table)
            cursor = batch.cursor
            rows = sum(table.num_rows for table in tables)
            self._progress(f"reading {name}", rows, rows)
        self._writer.put(name, self._merge(name, tables))
        if cursor is not None:
            self._memory.cursors[name] = cursor

    async def _follow(self, mysql: MySQLSource, name: str) -> None:
        """New and changed rows of the courses that are in the copy; at first only a cursor."""
        cursor = self._memory.cursors.get(name)
        if cursor is None:
            self._memory.cursors[name] = await mysql.present(name)
            return
        fresh: defaultdict[str, list[pa.Table]] = defaultdict(list)
        async for batch in mysql.changes_since(name, cursor):
            for key, rows in split_by_course(batch.table).items():
                fresh[key].append(rows)
            cursor = batch.cursor
        self._memory.cursors[name] = cursor
        for nth, (key, tables) in enumerate(fresh.items()):
            self._progress(f"taking over {name}", nth, len(fresh))
            self._take_over(name, key, tables)

    def _take_over(self, name: str, key: str, tables: Sequence[pa.Table]) -> None:
        marks = self._memory.marks.get(key)
        if marks is None:
            return  # a course that is new will be read as a whole
        if marks.get(name) == _IN_MONGO:
            del marks[name]  # the forum is moving: its posts have other ids here
            return
        before = self._writer.digest(name, key)
        self._writer.put(name, self._merge(name, [self._writer.rows(name, key), *tables]), key)
        if self._writer.digest(name, key) == before:
            return  # rows of the last minute come again
        if marks.get(name) != _BY_TIME:
            marks[name] = _UNKNOWN
        marks.pop(_FOLLOWERS.get(name, ""), None)

    async def _copy_course(self, course: _Course, sweep: int, *, is_sweep: bool) -> None:
        known = self._memory.marks.get(course.key)
        marks = dict(known or {})
        rows = {name for name in self._in_mysql if is_by_course(name)}
        if FORUM_POSTS.name in self._in_mongo:
            rows.add(FORUM_POSTS.name)
        if known is not None and not is_sweep:
            rows -= marks.keys()
        for name in sorted(rows, key=lambda name: (name in _FOLLOWERS.values(), name)):
            marks[name] = await self._renew(name, course.key, marks.get(name))
        await self._describe(course, marks, sweep)
        self._memory.marks[course.key] = marks

    async def _renew(self, name: str, key: str, mark: str | None) -> str:
        """Read a course's rows of a dataset where they are not those of the mark; the new mark."""
        mysql = self._mysql if name in self._in_mysql else None
        found = await mysql.fingerprint(name, key) if mysql is not None else None
        if found is None:
            new = _UNKNOWN
            if name == _FOLLOWERS["module_states"]:
                new = self._writer.digest("module_states", key) or _UNKNOWN
            is_same = new != _UNKNOWN and new == mark
        elif found.checksum is None:
            new = _BY_TIME
            is_same = mark == new and found.rows == self._writer.count(name, key)
        else:
            new = _digest(found.checksum)
            is_same = mark == new
        if is_same:
            return new
        table = DATASETS[name].empty()
        if mysql is not None:
            table = await mysql.fetch_course(name, key)
        if self._mongo is not None and name in self._in_mongo and not table.num_rows:
            table, new = await self._mongo.forum_posts(key), _IN_MONGO
        self._writer.put(name, self._merge(name, [table]), key)
        return new

    async def _describe(self, course: _Course, marks: dict[str, str], sweep: int) -> None:
        """Make the tables that describe a course anew where something in them is new."""
        videos = self._writer.rows(COURSE_VIDEOS.name, course.key)
        # The old store gives no version: its courses are read at every sweep.
        version = course.version or (course.version, sweep)
        lengths = self._writer.digest(COURSE_VIDEOS.name, course.key)
        mark = _digest(repr((self._described, version, course.overview, lengths)))
        if marks.get("blocks") == mark:
            return
        try:
            tables = await describe_course(
                self._mongo, course.key, course.version, overview=course.overview, videos=videos
            )
        except SourceMalformed as error:
            # A course that cannot be read costs no other; what was known of it stays.
            self._log.warning("cannot read a course", course_key=course.key, error=str(error))
            marks["blocks"] = _UNKNOWN
            return
        for name in tables.keys() & set(self._described):
            self._writer.put(name, tables[name], course.key)
        marks["blocks"] = mark

    def _save(self) -> None:
        self._writer.memory = msgspec.to_builtins(self._memory)
        self._saved = time.monotonic()

    def _merge(self, name: str, tables: Sequence[pa.Table]) -> pa.Table:
        """Rows of the tables, later ones in the place of earlier ones, in the order of their keys.

        So a copy is the same whichever way its rows came.
        """
        dataset = DATASETS[name]
        given = pa.concat_tables(tables)
        if len(tables) > 1:
            self._duck.register("given", given)
            sql = "SELECT *, row_number() OVER () AS seq FROM given"
            given = keep_last(self._duck, sql, dataset)
            self._duck.unregister("given")
        return given.sort_by([(column, "ascending") for column in dataset.key])


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
