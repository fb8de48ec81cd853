"""Servers in processes of their own: restarted and pestered."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

from tests.serving import ServerProcess, listen

QUESTION = "{ indicators { key title } }"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listen() as listener:
        yield listener


class Load:
    """Threads that ask all the time, some on connections that they keep."""

    def __init__(self, address: str, threads: int) -> None:
        self._address = address
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(number % 2 == 0,)) for number in range(threads)
        ]
        self.answers: Counter[str] = Counter()

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _ask(self, keep: bool) -> None:
        with httpx.Client(base_url=self._address, timeout=30) as client:
            while not self._stop.is_set():
                headers = {} if keep else {"connection": "close"}
                try:
                    answer = client.post("/graphql", json={"query": QUESTION}, headers=headers)
                except httpx.HTTPError as error:
                    self.answers[type(error).__name__] += 1
                else:
                    self.answers[str(answer.status_code)] += 1


@pytest.mark.slow
def test_no_question_is_lost_while_processes_take_turns(
    listener: socket.socket, tmp_path: Path, postgres_url: str
) -> None:
    def start() -> ServerProcess:
        started = ServerProcess(listener, tmp_path, database_url=postgres_url, points_per_minute=0)
        started.wait_until_started()
        return started

    serving = start()
    with Load(serving.address, 4) as load:
        for _ in range(2):
            following = start()
            # Half a question and a connection without any, as any process may have at its end.
            half = socket.create_connection(listener.getsockname())
            half.send(b"GET /healthz HTTP/1.1\r\n")
            silent = socket.create_connection(listener.getsockname())
            began = time.monotonic()
            serving.stop()
            assert time.monotonic() - began < 15
            serving = following
            for client in (half, silent):
                client.close()
        time.sleep(0.3)
    serving.stop()
    assert set(load.answers) == {"200"}
    assert load.answers["200"] > 50


def test_slow_headers_do_not_hold_up_others(
    listener: socket.socket, tmp_path: Path, postgres_url: str
) -> None:
    server = ServerProcess(listener, tmp_path, database_url=postgres_url)
    server.wait_until_started()
    slow = [socket.create_connection(listener.getsockname()) for _ in range(500)]
    for client in slow:
        client.send(b"POST /graphql HTTP/1.1\r\nx-slow: ")
    took = []
    for _ in range(10):
        began = time.monotonic()
        assert server.ask(QUESTION).status_code == 200
        took.append(time.monotonic() - began)
    for client in slow:
        client.close()
    server.stop()
    assert sorted(took)[5] < 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_command_stops_with_its_signal(
    listener: socket.socket, tmp_path: Path, number: signal.Signals
) -> None:
    """An embedded database is stopped with the process, and nothing is logged as an error."""
    server = ServerProcess(listener, tmp_path)
    server.wait_until_started()
    assert server.ask(QUESTION).status_code == 200
    assert psutil.pid_exists(postmaster_of(tmp_path))
    assert server.stop(number) == ""
    assert server.process.returncode == 0
    assert not pid_file(tmp_path).exists()


def pid_file(home: Path) -> Path:
    """What the embedded database removes last."""
    return home / "postgres" / "postmaster.pid"


def postmaster_of(home: Path) -> int:
    return int(pid_file(home).read_text().splitlines()[0])


def test_next_process_joins_the_database_of_one_that_was_killed(
    listener: socket.socket, tmp_path: Path
) -> None:
    server = ServerProcess(listener, tmp_path)
    server.wait_until_started()
    killed = server.process.pid
    server.stop(signal.SIGKILL)
    postmaster = postmaster_of(tmp_path)
    assert psutil.pid_exists(postmaster)

    server = ServerProcess(listener, tmp_path)
    server.wait_until_started()
    assert server.ask(QUESTION).status_code == 200
    assert postmaster_of(tmp_path) == postmaster
    users = json.loads((tmp_path / "postgres" / ".handle_pids.json").read_text())
    assert server.process.pid in users
    assert killed not in users
    server.stop()
    assert not pid_file(tmp_path).exists()
