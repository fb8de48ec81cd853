"""`export` and `serve` that are ended before a file is complete."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import httpx
import pytest

from aggregates.store import Store
from courselens.settings import Settings
from courselens.tokens import issue_token, make_key
from indicators.registry import load_registry
from tests.data.stored_course import (
    COURSE_KEY,
    Person,
    build_course,
)
from tests.serving import ServerProcess, listen

STUDENTS = 200_000
STAFF = 900_001
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
            roles = [{"user_id": STAFF, "role": "global_staff"}]
            course = build_course([Person(1)], [], roles=roles)
            await store.write(course, input_digest="1", cursors={})
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


def read_slowly(server: ServerProcess, token: str) -> int:
    """Lines of the roster that come; the server is told to stop after the first piece."""
    lines = 0
    path = f"{server.address}/exports/{COURSE_KEY}/roster.csv"
    with httpx.stream("GET", path, headers={"authorization": f"JWT {token}"}) as answer:
        assert answer.headers["courselens-rows"] == str(STUDENTS)
        with contextlib.suppress(httpx.RemoteProtocolError):
            for piece in answer.iter_bytes():
                if not lines:
                    server.process.send_signal(signal.SIGTERM)
                lines += piece.count(b"\n")
                time.sleep(0.02)
            raise AssertionError("the file looks complete")
    return lines


def test_server_that_is_told_to_stop_breaks_off_what_takes_too_long(
    database_url: str, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path)
    token = issue_token(
        make_key(settings.keys_path), user_id=STAFF, username="ana", now=datetime.now(UTC)
    )
    with listen() as listener:
        server = ServerProcess(
            listener, tmp_path, database_url=database_url, stop_limit_seconds=0.5
        )
        try:
            server.wait_until_started()
            assert 0 < read_slowly(server, token) < STUDENTS
            _, logged = server.process.communicate(timeout=60)
        finally:
            server.process.kill()
            server.process.wait()
    assert "export broken off" in logged
    assert "Traceback" not in logged
    assert token not in logged
