"""A Redis server of the tests' own: a process on a free port that keeps nothing."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time

_START_SECONDS = 20


def find_redis_server() -> str | None:
    """The server's program; installed with apt where it is missing and we may."""
    found = shutil.which("redis-server")
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["update", "-q"], ["install", "-qy", "redis-server"]):
            quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run(
                ["apt-get", *command], check=False, capture_output=True, env=quiet, timeout=600
            )
        found = shutil.which("redis-server")
    return found


class RedisServer:
    """The server; killed and started again at will, always on the same port, always empty."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    @property
    def url(self) -> str:
        """URL of a database that Open edX would not use."""
        return f"redis://127.0.0.1:{self.port}/2"

    def start(self) -> None:
        """Start, and wait until connections are taken."""
        self._process = subprocess.Popen(
            [
                self._program,
                *("--port", str(self.port), "--bind", "127.0.0.1"),
                *("--save", "", "--appendonly", "no", "--daemonize", "no"),
            ],
            stdout=subprocess.DEVNULL,
        )
        until = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("redis-server did not start")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(30)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
