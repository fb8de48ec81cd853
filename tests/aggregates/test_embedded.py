"""PostgreSQL from the wheel."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from aggregates.embedded import EmbeddedPostgres
from courselens.errors import StoreError


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="courselens-") as path:
        yield Path(path)


async def ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_it_starts_keeps_its_data_and_stops(folder: Path):
    with EmbeddedPostgres(folder / "deep" / "pg") as server:
        url = server.start()
        await ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    with pytest.raises(StoreError, match="not started"):
        server.url  # noqa: B018
    with pytest.raises(OSError, match=r"(?s)."):
        await ask(url, "SELECT 1")
    with EmbeddedPostgres(folder / "deep" / "pg") as again:
        assert await ask(again.url, "SELECT answer FROM kept") == 42


def use_and_be_killed(path: Path) -> int:
    """Id of a process that started the server and never said goodbye."""
    script = (
        "import sys, time; from pathlib import Path; from aggregates.embedded import"
        " EmbeddedPostgres; EmbeddedPostgres(Path(sys.argv[1])).start(); print('up', flush=True);"
        " time.sleep(600)"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    with child, child.stdout:
        assert child.stdout.readline() == b"up\n"
        child.send_signal(signal.SIGKILL)
    return child.pid


async def test_a_killed_user_does_not_keep_it_running(folder: Path):
    path = folder / "pg"
    killed = use_and_be_killed(path)
    with EmbeddedPostgres(path) as server:
        assert await ask(server.url, "SELECT 1") == 1
        assert killed not in json.loads((path / ".handle_pids.json").read_text())
    assert not (path / "postmaster.pid").exists()


def test_a_path_too_long_for_a_socket_is_refused(folder: Path):
    with pytest.raises(StoreError, match="too long"):
        EmbeddedPostgres(folder / ("x" * 90)).start()


@pytest.mark.parametrize("name", ["my courses", "a$b", "a'b", "a;b"])
def test_a_path_that_a_shell_would_read_is_refused(folder: Path, name: str):
    with pytest.raises(StoreError, match="sign of the shell"):
        EmbeddedPostgres(folder / name).start()
    assert not (folder / name).exists()


def test_a_folder_that_cannot_be_used_is_named(folder: Path):
    file = folder / "file"
    file.write_text("")
    with pytest.raises(StoreError, match=r"cannot start in .*file.*give another folder"):
        EmbeddedPostgres(file).start()


def test_a_folder_of_something_else_is_not_overwritten(folder: Path):
    (folder / "pg").mkdir()
    (folder / "pg" / "letter.txt").write_text("mine")
    with pytest.raises(StoreError, match="cannot start"):
        EmbeddedPostgres(folder / "pg").start()
    assert (folder / "pg" / "letter.txt").read_text() == "mine"
