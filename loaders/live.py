"""The platform's databases as one source of which requests ask small questions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pyarrow as pa

from courselens.errors import MissingSource, SourceRefused, SourceUnavailable
from loaders.circuit import Circuit
from loaders.datasets import BLOCK_ACCESS, BLOCKS, COURSE_ROLES, GRADING_POLICY
from loaders.mongo.client import SOURCE as MONGO
from loaders.mongo.course import LoadedCourse
from loaders.mongo.source import MongoSource
from loaders.mysql.connection import Bounds, Deadline
from loaders.mysql.registry import READS
from loaders.mysql.roles import TABLES, UserRoles, read_user_roles
from loaders.mysql.source import MySQLSource
from loaders.mysql.versions import TABLE as VERSIONS
from loaders.mysql.versions import read_published_version

_OF_STRUCTURES = frozenset({BLOCKS.name, BLOCK_ACCESS.name, GRADING_POLICY.name})
_OF_TABLES = frozenset(
    read.query.dataset.name for read in READS if read.by_users or read.by_course
) - {"courses"}  # MySQL knows half of a course run, its structure the other half


class LiveSource:
    """MySQL and MongoDB, either may be absent; for the event loop that uses it.

    Nothing is sent before the first question, so a server that is down costs only what asks it.
    What questions share is connections, what the installation has, and structures of courses by
    their id; never rows about people.

    Attributes:
        datasets: names of those that it can be asked for.
    """

    def __init__(self, mysql: MySQLSource | None, mongo: MongoSource | None) -> None:
        self.datasets = (_OF_TABLES if mysql else frozenset()) | (
            _OF_STRUCTURES if mongo else frozenset()
        )
        self._mysql = mysql
        self._mongo = mongo
        self._has_changed = False
        self._loading: dict[str, asyncio.Task[LoadedCourse]] = {}

    @classmethod
    def at(
        cls,
        mysql_url: str | None,
        mongo_url: str | None,
        *,
        mysql_history_url: str | None = None,
        connections: int = 4,
        statement_seconds: float = 10.0,
        deadline_seconds: float = 2.0,
        cool_down_seconds: float = 10.0,
    ) -> LiveSource:
        """The source at these URLs; made inside the event loop that uses it.

        Args:
            mysql_url: the platform's database.
            mongo_url: the modulestore.
            mysql_history_url: the second database of MySQL.
            connections: at most so many are open to each server.
            statement_seconds: the limit that the server itself keeps, at most the deadline.
            deadline_seconds: the most that any question is given.
            cool_down_seconds: after failures in a row nothing is asked for so long.

        Raises:
            BadParameter, SourceRefused: a URL cannot be used.
        """
        bounds = Bounds(
            connections=connections,
            connect_seconds=deadline_seconds,
            statement_seconds=min(statement_seconds, deadline_seconds),
            deadline_seconds=deadline_seconds,
            cool_down_seconds=cool_down_seconds,
        )
        mysql = MySQLSource.at(mysql_url, mysql_history_url, bounds=bounds) if mysql_url else None
        mongo = None
        if mongo_url:
            mongo = MongoSource(
                mongo_url,
                deadline_seconds=deadline_seconds,
                connections=connections,
                circuit=Circuit(MONGO, cool_down_seconds=cool_down_seconds),
            )
        return cls(mysql, mongo)

    async def __aenter__(self) -> LiveSource:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        loading = list(self._loading.values())
        for task in loading:
            task.cancel()
        await asyncio.gather(*loading, return_exceptions=True)
        if self._mysql is not None:
            self._mysql.close()
        if self._mongo is not None:
            await self._mongo.close()

    async def fetch_for_users(
        self, dataset: str, course_key: str, user_ids: Sequence[int], *, deadline_seconds: float
    ) -> pa.Table:
        """Rows about some learners of a course, by one statement per table for up to 500 of them.

        Raises:
            MissingSource: the installation does not have it.
            SourceUnavailable: no answer within the deadline, or the circuit is open.
            SourceRefused: the source will not answer.
        """
        if self._mysql is None or dataset not in _OF_TABLES:
            raise MissingSource(dataset)
        mysql = self._mysql
        deadline = Deadline(deadline_seconds)
        try:
            await self._look_again(mysql, deadline)
            return await mysql.fetch_for_users(
                dataset, course_key, user_ids, deadline_seconds=deadline.left
            )
        except SourceRefused:
            self._has_changed = True
            raise

    async def fetch_roles(self, user_id: int, *, deadline_seconds: float) -> UserRoles:
        """Roles of a user over all courses, as they are now, in one statement.

        Raises:
            MissingSource: the installation has no MySQL, or that keeps no roles.
            SourceUnavailable, SourceRefused: as `fetch_for_users`.
        """
        if self._mysql is None:
            raise MissingSource(COURSE_ROLES.name)
        mysql, deadline = self._mysql, Deadline(deadline_seconds)
        try:
            await self._look_again(mysql, deadline)
            capabilities = await mysql.capabilities(deadline=deadline)
            if not all(capabilities.has_table(table) for table in TABLES):
                raise MissingSource(COURSE_ROLES.name)
            return await read_user_roles(mysql.databases["main"], user_id, deadline=deadline)
        except SourceRefused:
            self._has_changed = True
            raise

    async def fetch_course(
        self, dataset: str, course_key: str, *, deadline_seconds: float
    ) -> pa.Table:
        """All rows of a course; raises as `fetch_for_users` does.

        `blocks`, `block_access` and `grading_policy` are of the structure that is published now.
        Lengths of videos are those that it holds itself.
        """
        if dataset in _OF_STRUCTURES:
            table = (await self._tables(course_key, deadline_seconds)).get(dataset)
            if table is None or (dataset != BLOCK_ACCESS.name and not table.num_rows):
                raise MissingSource(dataset)
            return table
        if self._mysql is None or dataset not in _OF_TABLES:
            raise MissingSource(dataset)
        mysql = self._mysql
        deadline = Deadline(deadline_seconds)
        try:
            await self._look_again(mysql, deadline)
            return await mysql.fetch_course(dataset, course_key, deadline_seconds=deadline.left)
        except SourceRefused:
            self._has_changed = True
            raise

    async def _look_again(self, mysql: MySQLSource, deadline: Deadline) -> None:
        """Find out anew what the installation has, after a statement did not fit it."""
        if self._has_changed:
            await mysql.capabilities(is_fresh=True, deadline=deadline)
            self._has_changed = False

    async def _tables(self, course_key: str, deadline_seconds: float) -> Mapping[str, pa.Table]:
        """Tables of the published structure.

        Whoever runs out of time leaves the loading to go on, each of its calls with a deadline of
        its own: a structure too large for one request is there for the next ones.
        """
        if self._mongo is None:
            raise MissingSource(BLOCKS.name)
        task = self._loading.get(course_key)
        if task is None:
            task = asyncio.create_task(self._load(self._mongo, course_key))
            self._loading[course_key] = task
            task.add_done_callback(lambda done: self._forget(course_key, done))
        await asyncio.wait([task], timeout=deadline_seconds)
        if not task.done():
            raise SourceUnavailable(MONGO, deadline_seconds)
        return task.result().tables

    async def _load(self, mongo: MongoSource, course_key: str) -> LoadedCourse:
        version = None
        if self._mysql is not None and (await self._mysql.capabilities()).has_table(VERSIONS):
            version = await read_published_version(self._mysql.databases["main"], course_key)
        return await mongo.load_course(course_key, published_version=version)

    def _forget(self, course_key: str, task: asyncio.Task[LoadedCourse]) -> None:
        del self._loading[course_key]
        if not task.cancelled():
            task.exception()  # whoever waited has it; if nobody did any more, it is nobody's
