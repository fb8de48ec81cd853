"""The Python client against a served course."""

from __future__ import annotations

import importlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.examples.conftest import COURSE, STAFF, TITLE, Installation

EXAMPLE = Path(__file__).parents[2] / "examples" / "python"


def run(
    installation: Installation, user_id: int, course: str = COURSE
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, EXAMPLE / "roster.py", course],
        env=installation.environment(user_id),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_prints_the_class_and_all_students_by_time(installation: Installation) -> None:
    printed = run(installation, STAFF)
    assert printed.returncode == 0, printed.stderr
    title, time, grade, *students = printed.stdout.splitlines()
    assert title.startswith(f"{TITLE}, computed ")
    assert time == "time on course: 39 students, median 3.3 h"
    assert grade == "grade: mean 20%, 10 passed"
    assert len(students) == 40
    assert students[0] == "1\tlearner-39\t6.5 h\t39%"
    assert students[38] == "39\tlearner-1\t0.2 h\t1%"
    assert students[39] == "40\tlearner-40\t-\t-"


def test_a_student_is_told_that_the_roster_is_not_theirs(installation: Installation) -> None:
    printed = run(installation, 7)
    assert printed.returncode == 1
    assert printed.stderr == "FORBIDDEN: you may not see the students of this course\n"


def test_a_course_that_may_not_be_seen_is_named(installation: Installation) -> None:
    printed = run(installation, STAFF, "course-v1:No+Such+Course")
    assert printed.returncode == 1
    assert "course-v1:No+Such+Course" in printed.stderr
    assert "Traceback" not in printed.stderr


@pytest.mark.slow
def test_its_types_are_strict() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", *EXAMPLE.glob("*.py")],
        cwd=EXAMPLE,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The example's module, imported as its scripts do."""
    monkeypatch.syspath_prepend(EXAMPLE)
    return importlib.import_module("courselens_client")


@pytest.fixture
def course(client: Any) -> Any:
    return importlib.import_module("course")


def test_pages_of_any_size_hold_the_same_students(
    installation: Installation, client: Any, course: Any
) -> None:
    token = installation.token(STAFF)
    with client.Client(f"{installation.address}/graphql", lambda _refused: token) as asking:
        students = list(course.read_roster(asking, COURSE, page_size=7))
        assert students == list(course.read_roster(asking, COURSE))
    assert [one.username for one in students[:2]] == ["learner-39", "learner-38"]
    assert len({one.username for one in students}) == 40


def test_a_token_that_has_run_out_is_replaced_once(
    installation: Installation, client: Any, course: Any
) -> None:
    asked: list[str | None] = []

    def token(refused: str | None) -> str:
        asked.append(refused)
        return "stale" if refused is None else installation.token(STAFF)

    endpoint = f"{installation.address}/graphql"
    with client.Client(endpoint, token) as asking:
        assert course.read_summary(asking, COURSE).title == TITLE
    assert asked == [None, "stale"]
    with (
        client.Client(endpoint, lambda _refused: "stale") as asking,
        pytest.raises(client.RequestFailed, match=r"^UNAUTHENTICATED"),
    ):
        course.read_summary(asking, COURSE)


class Busy(BaseHTTPRequestHandler):
    """Is busy at first, and then knows no course; for a client they are one server."""

    asked = 0
    retry_after = "0"

    def do_POST(self) -> None:
        type(self).asked += 1
        self.rfile.read(int(self.headers["content-length"]))
        is_busy = self.asked == 1
        extensions = {"code": "OVERLOADED", "retryable": True, "requestId": "1"}
        error = {"message": "busy", "extensions": extensions}
        body = json.dumps({"errors": [error]} if is_busy else {"data": {"course": None}}).encode()
        self.send_response(503 if is_busy else 200)
        self.send_header("content-length", str(len(body)))
        if is_busy:
            self.send_header("retry-after", self.retry_after)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(params=["0", "60"])
def busy(request: pytest.FixtureRequest) -> Iterator[tuple[str, type[Busy]]]:
    handler = type("Handler", (Busy,), {"asked": 0, "retry_after": request.param})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/graphql", handler
        server.shutdown()
        thread.join(10)


def test_what_is_busy_is_asked_again_if_there_is_time(
    client: Any, course: Any, busy: tuple[str, type[Busy]]
) -> None:
    endpoint, server = busy
    with client.Client(endpoint, lambda _refused: "token") as asking:
        if server.retry_after == "0":
            assert course.read_summary(asking, COURSE) is None
            assert server.asked == 2
        else:
            with pytest.raises(client.RequestFailed) as failed:
                course.read_summary(asking, COURSE)
            assert (failed.value.code, failed.value.retryable) == ("OVERLOADED", True)
            assert server.asked == 1


def test_a_server_that_is_not_there_is_told_as_that(client: Any, course: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}/graphql"
    with (
        client.Client(endpoint, lambda _refused: "token", attempts=2) as asking,
        pytest.raises(client.RequestFailed, match=r"^UNREACHABLE") as failed,
    ):
        course.read_summary(asking, COURSE)
    assert failed.value.retryable
