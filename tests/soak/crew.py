"""Keeps the rig's processes running while they are killed and stopped, and looks as readers do."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from loaders.events.lake import Lake
from loaders.events.manifest import read_manifest
from tests.soak.rig import TASK_MEMORY_MB

ROOT = Path(__file__).parents[2]
LEASE_SECONDS = 3.0
SETTLE_SECONDS = 240
_PRIVATE = {"migrations", "runs", "work", "rejected_messages", "derived_tables", "released"}
_CHANGING = {"course_id", "run_id", "computed_at", "state_as_of", "fingerprint"}


def faults_of(home: Path, kind: str, subject: str) -> Path:
    """Folder of the faults of a piece of work."""
    key = hashlib.blake2b(f"{kind} {subject}".encode(), digest_size=8).hexdigest()
    return home / "faults" / key


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that took place: what, and when (by the machine's monotonic clock)."""

    deed: str
    at: float


@dataclass(slots=True)
class Crew:
    """An installation: its folder, its database, its processes.

    Attributes:
        home: its folder.
        source: what it keeps up with.
        url: of its database.
        broker_url: of its broker; None: none.
        environment: more variables for its processes.
        worker_url: of its database as its processes reach it; `url` if not given.
        deaths: processes that ended.
        stops: processes that were stopped, and woken.
        seen: by course, digests of what readers saw.
        glances: how often they looked.
        processes: role of each process that runs.
    """

    home: Path
    source: Path
    url: str
    broker_url: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    worker_url: str | None = None
    deaths: int = 0
    stops: int = 0
    seen: dict[str, set[str]] = field(default_factory=dict)
    glances: int = 0
    processes: dict[int, str] = field(default_factory=dict)
    _ending: bool = False
    _people: list[asyncio.Task[None]] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def working(self, **processes: int) -> AsyncIterator[None]:
        """Processes of each role that come back when they die; a reader that looks all the time."""
        roles = [role for role, count in processes.items() for _ in range(count)]
        self._ending = False
        self._people = [asyncio.create_task(self._supervise(role)) for role in roles]
        self._people.append(asyncio.create_task(self._read()))
        try:
            yield
        finally:
            self._ending = True
            for person in self._people:
                person.cancel()
            await asyncio.gather(*self._people, return_exceptions=True)

    async def settle(self) -> float:
        """Wait until the numbers rest on all that is in the source; gives the seconds it took."""
        began = time.monotonic()
        while not await self._is_settled():
            if time.monotonic() - began > SETTLE_SECONDS:
                raise AssertionError(f"not settled within {SETTLE_SECONDS} s: {await self.work()}")
            await asyncio.sleep(0.2)
        return time.monotonic() - began

    async def _is_settled(self) -> bool:
        lake = Lake(self.home / "lake")
        taken = read_manifest(lake.path).sources
        for log in self.source.glob("*.log*"):
            cursor, stat = taken.get(str(log.resolve())), log.stat()
            if cursor is None or (cursor.size, cursor.mtime_ns) != (stat.st_size, stat.st_mtime_ns):
                return False
        try:
            connection = await asyncpg.connect(self.url, timeout=10)
        except (OSError, asyncpg.PostgresError):
            return False
        try:
            rows = await connection.fetch(
                "SELECT course_key, (cursors::jsonb)->>'lake' FROM courses JOIN runs USING (run_id)"
            )
            open_work = await connection.fetchval(
                "SELECT count(*) FROM work WHERE state IN ('due', 'running')"
            )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        finally:
            connection.terminate()
        versions = {key: lake.version(key) for key in lake.course_keys()}
        return not open_work and dict(tuple(row) for row in rows) == versions

    async def work(self) -> list[tuple[str, str, str | None, str | None]]:
        """Kind, state, code and error of everything that was asked for."""
        connection = await asyncpg.connect(self.url, timeout=10)
        try:
            rows = await connection.fetch(
                "SELECT kind, state, error_code, error FROM work ORDER BY work_id"
            )
        except asyncpg.UndefinedTableError:
            return []
        finally:
            await connection.close()
        return [tuple(row) for row in rows]

    def order(self, kind: str, subject: str, fault: dict[str, Any]) -> None:
        """Have the next task of a piece of work commit a fault."""
        folder = faults_of(self.home, kind, subject)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{time.time_ns()}.fault").write_text(json.dumps(fault))

    def steps(self, kind: str, subject: str) -> int | None:
        """How many steps its last task took that was not disturbed; None if none was."""
        path = faults_of(self.home, kind, subject) / "steps"
        return int(path.read_text()) if path.exists() else None

    def kill_one(self, role: str, rng: random.Random) -> None:
        """Kill one of the processes of a role."""
        pids = sorted(pid for pid, one in self.processes.items() if one == role)
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(rng.choice(pids), signal.SIGKILL)

    def committed(self) -> list[Fault]:
        """Every fault that took place."""
        return [
            Fault(
                json.loads(path.with_suffix(".taken").read_text())["do"],
                json.loads(path.read_text())[0],
            )
            for path in self.home.glob("faults/*/*.done")
        ]

    def withdraw(self) -> None:
        """Forget faults that were not used."""
        for path in self.home.glob("faults/*/*.fault"):
            path.unlink(missing_ok=True)

    async def _supervise(self, role: str) -> None:
        while not self._ending:
            with (self.home / f"{role}.log").open("ab") as log:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "tests.soak.rig", role),
                    cwd=ROOT,
                    env=self._environment(),
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=log,
                )
            self.processes[process.pid] = role
            try:
                while process.returncode is None:
                    await self._wake_if_stopped(process)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.2):
                            await process.wait()
                self.deaths += 1
            finally:
                del self.processes[process.pid]
                if process.returncode is None:
                    process.kill()
                    await process.wait()

    async def _wake_if_stopped(self, process: asyncio.subprocess.Process) -> None:
        """Wake a stopped worker and its task once its lease has been given to another."""
        if _state(process.pid) != "T":
            return
        self.stops += 1
        await asyncio.sleep(2 * LEASE_SECONDS)
        for pid in (*_children(process.pid), process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    async def _read(self) -> None:
        while True:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection = await asyncpg.connect(self.url, timeout=10)
                try:
                    while True:
                        for key, view in (await glance(connection)).items():
                            self.seen.setdefault(key, set()).add(view)
                        self.glances += 1
                        await asyncio.sleep(0.05)
                finally:
                    await connection.close()
            await asyncio.sleep(0.2)

    def _environment(self) -> dict[str, str]:
        given = {
            "HOME": self.home,
            "SOURCE_PATHS": self.source,
            "DATABASE_URL": self.worker_url or self.url,
            "MEMORY_LIMIT": "400MB",
            "THREADS": 1,
            "WORKER_SLOTS": 1,
            "WORKER_POLL_SECONDS": 0.2,
            "LEASE_SECONDS": LEASE_SECONDS,
            "LOOK_EVERY_SECONDS": 0.5,
            "REFRESH_EVERY_SECONDS": 0,
            "TASK_MEMORY_MB": TASK_MEMORY_MB,
            **({"BROKER_URL": self.broker_url} if self.broker_url else {}),
        }
        ours = {f"COURSELENS_{name}": str(value) for name, value in given.items()}
        return {**os.environ, **ours, **self.environment}


async def glance(connection: Any) -> dict[str, str]:
    """What a reader sees of each course in one statement: a digest of all of its rows."""
    tables = await _tables(connection)
    parts = [
        f"(SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), ''))"
        f' FROM "{name}" t WHERE t.course_id = c.course_id)'
        for name, columns in sorted(tables.items())
        if "course_id" in columns and name != "courses"
    ]
    if not parts:
        return {}
    rows = await connection.fetch(
        f"SELECT c.course_key, concat_ws(' ', {', '.join(parts)}) AS view FROM courses c"
    )
    return {
        row["course_key"]: hashlib.blake2b(row["view"].encode(), digest_size=8).hexdigest()
        for row in rows
    }


async def dump(url: str) -> dict[str, list[str]]:
    """Every row of every table of numbers, but for identities and instants of runs."""
    connection = await asyncpg.connect(url, timeout=30)
    try:
        found: dict[str, list[str]] = {}
        keys = {
            row[0]: row[1]
            for row in await connection.fetch("SELECT course_id, course_key FROM courses")
        }
        for name, columns in sorted((await _tables(connection)).items()):
            kept = sorted(columns - _CHANGING)
            listed = ", ".join(f'"{column}"' for column in kept)
            course = "course_id" if "course_id" in columns else "NULL"
            rows = await connection.fetch(f'SELECT {course} AS c_, {listed} FROM "{name}"')
            found[name] = sorted(f"{keys.get(row[0])} {tuple(row)[1:]}" for row in rows)
        return found
    finally:
        await connection.close()


async def empty(url: str) -> None:
    """Make a database as new."""
    connection = await asyncpg.connect(url, timeout=30)
    try:
        await connection.execute("DROP SCHEMA public CASCADE")
        await connection.execute("CREATE SCHEMA public")
    finally:
        await connection.close()


def add_logs(logs: Path, source: Path, *, until: int) -> None:
    """Have the first `until` logs of a simulation in the source, complete."""
    for log in sorted(logs.iterdir())[:until]:
        if not (source / log.name).exists():
            shutil.copy(log, source / f".{log.name}")
            (source / f".{log.name}").rename(source / log.name)


async def _tables(connection: Any) -> dict[str, set[str]]:
    rows = await connection.fetch(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public'"
    )
    found: dict[str, set[str]] = {}
    for name, column in rows:
        if name not in _PRIVATE:
            found.setdefault(name, set()).add(column)
    return found


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def _children(pid: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
