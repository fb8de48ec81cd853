"""Reading from MySQL: our loaders against a bare loop over aiomysql's server-side cursor."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiomysql

from bench.data import Prepared
from bench.measure import interleave, peak_memory_mb, show, verdict
from courselens.simulator.into_mysql import write_into_mysql
from loaders.mysql.source import MySQLSource
from tests.mariadb import MariaDB, find_mariadbd, run_on_mysql

Reader = Callable[[str, str], Awaitable[int]]
GOAL_RATIO = 0.7
STUDENTS, WEEKS = 5000, 8
READINGS = {"enrollments": 20, "module_states": 1}  # as many as make it long enough to measure
BARE = {
    "enrollments": "SELECT user_id, course_id, created, is_active, mode"
    " FROM student_courseenrollment WHERE course_id = %s",
    "module_states": "SELECT student_id, module_id, course_id, module_type, state, grade,"
    " max_grade, created, modified FROM courseware_studentmodule WHERE course_id = %s",
}


@asynccontextmanager
async def ours(url: str) -> AsyncIterator[Reader]:
    """Reads a dataset through the loaders; a worker opens its source once."""

    async def read(dataset: str, course_key: str) -> int:
        return (await source.fetch_course(dataset, course_key)).num_rows

    async with MySQLSource.at(url) as source:
        yield read


@asynccontextmanager
async def bare(url: str) -> AsyncIterator[Reader]:
    """Reads the same rows by a loop over a server-side cursor that does nothing with them."""

    async def read(dataset: str, course_key: str) -> int:
        count = 0
        async with connection.cursor(aiomysql.SSCursor) as cursor:
            await cursor.execute(BARE[dataset], (course_key,))
            async for _ in cursor:
                count += 1
        return count

    parts = urlsplit(url)
    connection = await aiomysql.connect(
        host=parts.hostname,
        port=parts.port,
        user=parts.username,
        password=parts.password,
        db=parts.path[1:],
    )
    yield read
    connection.close()


PROGRAMS = {"ours": ours, "bare": bare}


def run(_: Prepared, *, rounds: int) -> bool:
    """Compare and print; whether all goals are reached."""
    program = find_mariadbd()
    if program is None:
        print("mariadbd is not installed: nothing of MySQL was measured")
        return False
    server = MariaDB(program)
    server.start()
    try:
        run_on_mysql(server.url, "CREATE DATABASE bench")
        url = f"{server.url}/bench"
        print(f"writing {STUDENTS} students, {WEEKS} weeks into MariaDB ...", flush=True)
        written = write_into_mysql(url, students=STUDENTS, weeks=WEEKS, seed=7, forum=False)
        run_on_mysql(url, *(f"ANALYZE TABLE {name}" for name in written.rows))
        reached = [
            _compare(url, dataset, written.courses[0].course_key, rounds) for dataset in BARE
        ]
    finally:
        server.remove()
    return all(reached)


def _compare(url: str, dataset: str, course_key: str, rounds: int) -> bool:
    rows = {name: asyncio.run(measure(name, url, dataset, course_key))[0] for name in PROGRAMS}
    assert rows["ours"] == rows["bare"], rows
    arguments = [url, dataset, course_key]
    measured = interleave(
        {name: ["bench.mysql", name, *arguments] for name in PROGRAMS}, rounds=rounds
    )
    ratio = measured["bare"].seconds / measured["ours"].seconds
    show(
        f"{dataset} from MySQL, {rows['ours']:,} rows: ours {measured['ours'].seconds:.2f} s "
        f"{measured['ours'].peak_mb:.0f} MB, bare cursor {measured['bare'].seconds:.2f} s "
        f"{measured['bare'].peak_mb:.0f} MB",
        [
            (
                "our rows per second / the bare cursor's",
                f"{ratio:.2f}",
                f">= {GOAL_RATIO}",
                verdict(ratio >= GOAL_RATIO),
            )
        ],
    )
    return ratio >= GOAL_RATIO


async def measure(name: str, url: str, dataset: str, course_key: str) -> tuple[int, float]:
    """Rows of a reading, and seconds of several; the first one, which warms up, is not counted."""
    async with PROGRAMS[name](url) as read:
        count = await read(dataset, course_key)
        before = time.perf_counter()
        for _ in range(READINGS[dataset]):
            await read(dataset, course_key)
        return count, time.perf_counter() - before


if __name__ == "__main__":
    _, seconds = asyncio.run(measure(*sys.argv[1:]))
    print(json.dumps({"seconds": seconds, "peak_mb": peak_memory_mb()}))
