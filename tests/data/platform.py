"""A simulated installation: databases on servers that can fail, and the numbers made from it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pymongo
from pymongo.monitoring import CommandListener

from courselens.computing import Limits as ComputeLimits
from courselens.computing import compute_course
from courselens.domain import to_us
from courselens.simulator import simulate
from courselens.simulator.into_mongo import write_into_mongo
from courselens.simulator.into_mysql import write_into_mysql
from courselens.sources import load_installation
from indicators.context import Times, default_as_of_us
from indicators.registry import Registry
from indicators.result import CourseResults
from loaders.circuit import Circuit
from loaders.events.lake import Lake
from loaders.live import LiveSource
from loaders.mongo.source import MongoSource
from loaders.mysql.connection import Bounds, MySQL
from loaders.mysql.source import MySQLSource
from loaders.mysql.versions import TABLE as VERSIONS
from tests.data.guarded_api import Clock
from tests.data.served_courses import NOW, Served, serve
from tests.mariadb import MariaDB, run_on_mysql
from tests.mongo_server.process import MongoProcess
from tests.proxy import TcpProxy

DEADLINE = 1.0
COOL_DOWN = 2.0
"""Of the circuits, by `Platform.clock`: it ends when a test says so."""
FAILURES = 2
_SIZE: dict[str, Any] = {"students": 120, "weeks": 2, "courses": 1, "seed": 7}
_NAME = "openedx"


class CommandCounter(CommandListener):
    """Counts what a driver of this process asks the MongoDB server at a port."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.finds: list[str] = []

    def started(self, event: Any) -> None:
        if event.command_name == "find" and event.connection_id[1] == self._port:
            self.finds.append(event.command["find"])

    def succeeded(self, event: Any) -> None:
        """Count nothing."""

    def failed(self, event: Any) -> None:
        """Count nothing."""


@dataclass(frozen=True)
class Platform:
    """Servers behind proxies, the facts on them, and the same facts computed."""

    mariadb: MariaDB
    mongo: MongoProcess
    mysql_proxy: TcpProxy
    mongo_proxy: TcpProxy
    results: CourseResults
    clock: Clock = field(default_factory=Clock)

    @property
    def course_key(self) -> str:
        """The only course."""
        return self.results.course_key

    @cached_property
    def students(self) -> list[int]:
        """Members of L by id."""
        roster = self.results.roster.students.to_pylist()
        return sorted(row["user_id"] for row in roster if row["in_l"])

    @cached_property
    def instructor(self) -> int:
        """Somebody of the course team."""
        roles = self.results.roles.to_pylist()
        return next(
            row["user_id"] for row in roles if row["course_key"] and row["role"] == "instructor"
        )

    @property
    def mysql_url(self) -> str:
        """URL of MySQL behind its proxy."""
        return f"{self.mariadb.url}/{_NAME}".replace(
            str(self.mariadb.port), str(self.mysql_proxy.port)
        )

    @property
    def mongo_url(self) -> str:
        """URL of MongoDB behind its proxy."""
        return f"mongodb://127.0.0.1:{self.mongo_proxy.port}/{_NAME}"

    def on_mysql(self, *statements: str) -> list[tuple[Any, ...]]:
        """Change or read the platform's tables; rows of the last statement."""
        return run_on_mysql(f"{self.mariadb.url}/{_NAME}", *statements)

    def heal(self) -> None:
        """Undo whatever a test has done to the servers and the network."""
        self.mysql_proxy.heal()
        self.mongo_proxy.heal()
        self.mariadb.resume()
        self.mongo.resume()

    def mysql(self, *, connections: int = 4, deadline: float = DEADLINE) -> MySQLSource:
        """A source of its own, behind the proxy."""
        bounds = Bounds(
            connections=connections,
            connect_seconds=deadline,
            statement_seconds=deadline,
            deadline_seconds=deadline,
            failures=FAILURES,
            cool_down_seconds=COOL_DOWN,
        )
        return MySQLSource(MySQL(self.mysql_url, bounds=bounds, clock=self.clock))

    def mongo_source(self, *, deadline: float = DEADLINE) -> MongoSource:
        """A source of its own, behind the proxy."""
        circuit = Circuit(
            "mongodb", failures=FAILURES, cool_down_seconds=COOL_DOWN, clock=self.clock
        )
        return MongoSource(self.mongo_url, deadline_seconds=deadline, circuit=circuit)


@dataclass(frozen=True)
class LiveServed:
    """The API over a platform, and what it asks of it."""

    platform: Platform
    served: Served
    mysql: MySQLSource
    commands: CommandCounter

    async def ask(self, query: str, *, user_id: int | None = None, **variables: Any) -> Any:
        """The answer to a question of the instructor, or of somebody else."""
        asker = self.platform.instructor if user_id is None else user_id
        key = self.platform.course_key
        return await self.served.ask(query, user_id=asker, c=key, **variables)


def make_platform(folder: Path, registry: Registry, stack: ExitStack, mariadb: MariaDB) -> Platform:
    """Simulate into files and servers, and compute from the files."""
    simulate(folder / "out", **_SIZE)
    run_on_mysql(mariadb.url, f"CREATE DATABASE {_NAME}")
    write_into_mysql(f"{mariadb.url}/{_NAME}", **_SIZE)
    # An older site: which structure is published is told by MongoDB alone.
    run_on_mysql(f"{mariadb.url}/{_NAME}", f"DROP TABLE {VERSIONS}")
    mongo = MongoProcess(folder)
    stack.callback(mongo.kill)
    asyncio.run(
        write_into_mongo(mongo.url, database=_NAME, forum_database="forum", forum=False, **_SIZE)
    )
    return Platform(
        mariadb=mariadb,
        mongo=mongo,
        mysql_proxy=stack.enter_context(TcpProxy("127.0.0.1", mariadb.port)),
        mongo_proxy=stack.enter_context(TcpProxy("127.0.0.1", mongo.port)),
        results=_compute(folder, registry),
    )


def _compute(folder: Path, registry: Registry) -> CourseResults:
    now_us = to_us(NOW)
    limits = ComputeLimits("1GB", 2)
    installation, _ = load_installation(
        [folder / "out"], Lake(folder / "lake"), now_us=now_us, memory_limit="1GB"
    )
    (course_key,) = installation.course_keys
    data = installation.course(course_key)
    return compute_course(
        registry,
        list(registry.indicators),
        data,
        times=Times(now_us=now_us, as_of_us=default_as_of_us(data, now_us)),
        limits=limits,
        full_roster=True,
    )


@asynccontextmanager
async def serve_live(
    platform: Platform,
    postgres_url: str,
    registry: Registry,
    *,
    courses: Sequence[CourseResults] | None = None,
    connections: int = 4,
    deadline: float = DEADLINE,
) -> AsyncIterator[LiveServed]:
    """Serve the platform's course with live values; the store is written unless told not to."""
    counter = CommandCounter(platform.mongo_proxy.port)
    pymongo.monitoring.register(counter)
    mysql = platform.mysql(connections=connections, deadline=deadline)
    async with LiveSource(mysql, platform.mongo_source(deadline=deadline)) as live:
        stored = [platform.results] if courses is None else courses
        async with serve(
            postgres_url, stored, registry=registry, live=live, live_deadline_seconds=deadline
        ) as served:
            yield LiveServed(platform, served, mysql, counter)
