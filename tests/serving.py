"""`courselens serve` in a process of its own, on a socket that outlives it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

_START_SECONDS = 60


class ServerProcess:
    """A server that listens on an open socket, as those do that systemd starts."""

    def __init__(self, listener: socket.socket, home: Path, **settings: object) -> None:
        host, port = listener.getsockname()[:2]
        self.home = home
        self.address = f"http://{host}:{port}"
        named = {f"COURSELENS_{name.upper()}": str(value) for name, value in settings.items()}
        self.process = subprocess.Popen(
            [str(Path(sys.executable).parent / "courselens"), "serve"],
            env={
                **os.environ,
                **named,
                "COURSELENS_HOME": str(home),
                "COURSELENS_LISTEN_FD": str(listener.fileno()),
            },
            pass_fds=[listener.fileno()],
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_until_started(self) -> None:
        """Wait for the line that says so; what it asks of the socket others might answer."""
        assert self.process.stderr is not None
        until = time.monotonic() + _START_SECONDS
        for line in self.process.stderr:
            if "serving at" in line:
                return
            assert time.monotonic() < until, line
        raise AssertionError("the server ended")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> str:
        """Send the signal, and wait; gives what it has logged."""
        self.process.send_signal(number)
        _, logged = self.process.communicate(timeout=60)
        return logged

    def ask(self, query: str, **headers: str) -> httpx.Response:
        """One question on a connection of its own."""
        return httpx.post(
            f"{self.address}/graphql", json={"query": query}, headers=headers, timeout=30
        )


def listen() -> socket.socket:
    """A socket that processes can share."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.set_inheritable(True)
    return listener
