"""A RabbitMQ server of the tests' own: a process on free ports with throw-away data."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pika

_START_SECONDS = 60


def find_rabbitmq() -> Path | None:
    """The server's start script; Debian's front refuses users that it does not know."""
    found = next(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"), None)
    return found if shutil.which("erl") else None


class RabbitMQ:
    """The server; killed at will."""

    def __init__(self, program: Path) -> None:
        self._program = program
        self._folder = Path(tempfile.mkdtemp(prefix="courselens-mq-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.port, self._distribution_port = _free_port(), _free_port()

    @property
    def url(self) -> str:
        """URL of its default host."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until connections are taken."""
        given = {
            "HOME": self._folder,
            "RABBITMQ_NODENAME": f"courselens-{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": self.port,
            "RABBITMQ_DIST_PORT": self._distribution_port,
            "RABBITMQ_MNESIA_BASE": self._folder / "mnesia",
            "RABBITMQ_LOG_BASE": self._folder / "log",
            "RABBITMQ_CONFIG_FILE": self._folder / "none",
            "RABBITMQ_CONF_ENV_FILE": self._folder / "none.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": self._folder / "plugins",
            "RABBITMQ_PID_FILE": self._folder / "pid",
        }
        log = self._folder / "said"
        with log.open("ab") as said:
            self._process = subprocess.Popen(
                [str(self._program)],
                env={**os.environ, **{name: str(value) for name, value in given.items()}},
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        until = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(log.read_text(errors="replace"))
            time.sleep(0.2)

    def remove(self) -> None:
        """End it as a power cut would, and delete its data."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(30)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            pika.BlockingConnection(pika.URLParameters(self.url)).close()
        except (pika.exceptions.AMQPError, OSError):
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
