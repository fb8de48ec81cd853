"""The test server as a process of its own, which tests may stop, kill and start again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pymongo

_ROOT = Path(__file__).resolve().parents[2]


class MongoProcess:
    """A server on a free port of this machine; it keeps its port and its data when restarted."""

    def __init__(self, folder: Path) -> None:
        self._journal = folder / "mongo.journal"
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"mongodb://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.mongo_server"),
                *("--port", str(self.port), "--journal", str(self._journal)),
            ],
            cwd=_ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.kill()
            raise RuntimeError("the MongoDB test server did not start")
        self.port = int(line)

    def kill(self) -> None:
        """End it at once, as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()
            self._process = None

    def reset(self) -> None:
        """Make it as new, whatever a test has done to it."""
        if self._process is None:
            self.start()
        self.resume()
        with pymongo.MongoClient(self.url) as client:
            client.admin.command("configureFailPoint", "failCommand", mode="off")
            for name in client.list_database_names():
                client.drop_database(name)

    def suspend(self) -> None:
        """Let it hang: connections stay open and nothing is answered."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def resume(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)


def fail_commands(url: str, *commands: str, times: int = 1, **how: object) -> None:
    """Let the next commands of these names fail, as MongoDB's `failCommand` does."""
    with pymongo.MongoClient(url) as client:
        client.admin.command(
            "configureFailPoint",
            "failCommand",
            mode={"times": times},
            data={"failCommands": list(commands), **how},
        )
