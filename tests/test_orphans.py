"""Servers of killed processes end with the test session, and no others."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from aggregates.embedded import EmbeddedPostgres
from tests.aggregates.test_embedded import ask, use_and_be_killed
from tests.orphans import stop_below

ROOT = Path(__file__).parents[1]
INNER = """
from pathlib import Path
from tests.aggregates.test_embedded import use_and_be_killed

def test_leaves_a_server_behind(tmp_path: Path) -> None:
    use_and_be_killed(tmp_path / "pg")
    pid = (tmp_path / "pg" / "postmaster.pid").read_text().splitlines()[0]
    Path("left").write_text(pid)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cl-") as path:  # short, for the sockets
        yield Path(path)


async def test_only_those_below_the_folder_are_stopped(folder: Path) -> None:
    use_and_be_killed(folder / "mine" / "pg")
    with EmbeddedPostgres(folder / "mine-too" / "pg") as other:
        assert stop_below(folder / "mine") == [folder / "mine" / "pg"]
        assert not (folder / "mine" / "pg" / "postmaster.pid").exists()
        assert await ask(other.url, "SELECT 1") == 1
        assert stop_below(folder / "mine") == []


def test_the_end_of_a_session_stops_what_its_tests_left(folder: Path) -> None:
    (folder / "test_inner.py").write_text(INNER)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.orphans",
        "-p",
        "no:cacheprovider",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DEBUG_TEMPROOT": str(folder)}
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_ADDOPTS"):
        environment.pop(name, None)
    done = subprocess.run(
        [*command, "test_inner.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not psutil.pid_exists(int((folder / "left").read_text()))
