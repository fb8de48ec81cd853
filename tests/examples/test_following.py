"""The TypeScript example follows a course over both protocols, through ends of its server."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.examples.conftest import (
    COURSE,
    STAFF,
    STUDENTS,
    TITLE,
    Installation,
    clients_course,
    store_course,
)
from tests.serving import ServerProcess, listen

SECONDS = 120
BOTH = pytest.mark.parametrize("way", ["events", "socket"])

pytestmark = pytest.mark.slow
_numbers = itertools.count(2)


class Site:
    """A server of the module's own, which may end, on a socket that outlives it."""

    def __init__(self, listener: socket.socket, home: Path, database_url: str) -> None:
        self._listener = listener
        self.installation = Installation("", home, database_url)
        self.installation.token(STAFF)  # makes the key that the server accepts
        self.start()

    def start(self) -> None:
        """Start the server."""
        home, url = self.installation.home, self.installation.database_url
        self.server = ServerProcess(self._listener, home, database_url=url, points_per_minute=0)
        self.server.wait_until_started()
        self.installation = Installation(self.server.address, home, url)

    def refresh(self, title: str, *, students: int = len(STUDENTS)) -> None:
        """Commit new numbers of the course, with its first students."""
        course = clients_course()
        people = course.roster.students.slice(0, students)
        course = dataclasses.replace(
            course,
            course={**course.course, "display_name": title},
            roster=dataclasses.replace(course.roster, students=people),
        )
        digest = f"facts {next(_numbers)}"
        url = self.installation.database_url
        asyncio.run(store_course(url, course, input_digest=digest))


@pytest.fixture(scope="module")
def site(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    asyncio.run(store_course(postgres_url, clients_course()))
    with listen() as listener:
        site = Site(listener, tmp_path_factory.mktemp("following"), postgres_url)
        yield site
        site.server.stop()


@contextmanager
def watching(
    typescript: Path, site: Site, way: str, **changes: str
) -> Iterator[subprocess.Popen[str]]:
    """`npm run watch`, which is ended with the block."""
    watch = subprocess.Popen(
        ["node", "dist/src/watch.js", way],
        cwd=typescript,
        env={**site.installation.environment(STAFF), **changes},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    patience = threading.Timer(SECONDS, watch.kill)
    patience.start()
    try:
        yield watch
    finally:
        patience.cancel()
        watch.kill()
        watch.communicate()


def next_line(watch: subprocess.Popen[str]) -> list[str]:
    """What is told next: instant, title, number of students, median."""
    assert watch.stdout is not None
    assert watch.stderr is not None
    line = watch.stdout.readline()
    assert line, watch.stderr.read()
    return line.rstrip("\n").split("\t")


@BOTH
def test_it_is_told_the_state_and_what_is_committed(typescript: Path, site: Site, way: str) -> None:
    site.refresh(TITLE)
    with watching(typescript, site, way) as watch:
        assert next_line(watch)[1:] == [TITLE, "39", "3 h 20 min"]
        site.refresh("Second")
        assert next_line(watch)[1] == "Second"
        site.refresh("Third")
        assert next_line(watch)[1] == "Third"


@BOTH
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_goes_on_after_its_server_has_ended(
    typescript: Path, site: Site, way: str, number: signal.Signals
) -> None:
    site.refresh("Before")
    with watching(typescript, site, way) as watch:
        assert next_line(watch)[1] == "Before"
        site.server.stop(number)
        site.refresh("While nobody served")
        site.start()
        told = next_line(watch)[1]
        while told == "Before":  # who comes back while a server stops may be told the state again
            told = next_line(watch)[1]
        assert told == "While nobody served"
        site.refresh("After")
        assert next_line(watch)[1] == "After"


@BOTH
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"COURSELENS_TOKEN": ""}, "UNAUTHENTICATED"),
        ({"COURSELENS_TOKEN": "forged"}, "UNAUTHENTICATED"),
        ({"COURSELENS_COURSE": f"{COURSE}X"}, "FORBIDDEN"),
    ],
)
def test_who_may_not_follow_is_told_so_at_once(
    typescript: Path, site: Site, way: str, changes: dict[str, str], code: str
) -> None:
    with watching(typescript, site, way, **changes) as watch:
        told, failure = watch.communicate(timeout=SECONDS)
    assert told == ""
    assert failure.startswith(f"{code}: ")
    assert watch.returncode == 1


@BOTH
def test_student_who_leaves_is_told_no_more(typescript: Path, site: Site, way: str) -> None:
    site.refresh("Before")
    token = site.installation.token(STUDENTS[-1])
    with watching(typescript, site, way, COURSELENS_TOKEN=token) as watch:
        assert next_line(watch)[1] == "Before"
        site.refresh("Without them", students=len(STUDENTS) - 1)
        told, failure = watch.communicate(timeout=SECONDS)
    assert told == ""
    assert failure.startswith("FORBIDDEN: ")
