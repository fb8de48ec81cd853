"""`export` that is ended before its file is complete."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from aggregates.store import Store
from indicators.registry import load_registry
from tests.data.stored_course import COURSE_KEY, Person, build_course

STUDENTS = 200_000
_MANY = (
    "INSERT INTO students (course_id, user_id, username, mode, enrolled_at, in_l, in_e)"
    " SELECT course_id, n, 'student' || n, 'audit', now(), true, true"
    f" FROM courses, generate_series(2, {STUDENTS}) n"
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def database_url(postgres_url: str) -> str:
    async def write() -> None:
        store = await Store.connect(postgres_url, registry=load_registry(), deadline_seconds=60)
        try:
            await store.migrate()
            await store.write(build_course([Person(1)], []), input_digest="1", cursors={})
            await store.database.execute(_MANY, deadline_seconds=60)
        finally:
            await store.close()

    asyncio.run(write())
    return postgres_url


@contextmanager
def exporting(database_url: str, out: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command in a process of its own, with the beginning of its file written."""
    process = subprocess.Popen(
        [Path(sys.executable).parent / "courselens", "export", COURSE_KEY, "roster", "--out", out],
        env={
            **os.environ,
            "COURSELENS_DATABASE_URL": database_url,
            "COURSELENS_HOME": str(out.parent.with_name("home")),
        },
        stderr=subprocess.PIPE,
    )
    try:
        until = time.monotonic() + 60
        while not any(one.stat().st_size for one in out.parent.glob(f".{out.name}.*")):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.005)
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("name", ["roster.csv", "roster.jsonl", "roster.parquet"])
def test_command_that_is_told_to_stop_leaves_no_file(
    database_url: str, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "files" / name
    out.parent.mkdir()
    with exporting(database_url, out) as process:
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert b"told to stop; nothing was written" in told
    assert b"Traceback" not in told
    assert os.listdir(out.parent) == []


def test_database_that_goes_leaves_the_file_of_before(database_url: str, tmp_path: Path) -> None:
    out = tmp_path / "files" / "roster.csv"
    out.parent.mkdir()
    out.write_text("of before")

    async def end_exports() -> None:
        connection = await asyncpg.connect(database_url, timeout=10)
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE xact_start IS NOT"
                " NULL AND pid <> pg_backend_pid() AND datname = current_database()"
            )
        finally:
            await connection.close()

    with exporting(database_url, out) as process:
        asyncio.run(end_exports())
        _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"Traceback" not in told
    assert os.listdir(out.parent) == [out.name]
    assert out.read_text() == "of before"
