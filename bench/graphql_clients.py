"""Server processes of the GraphQL benchmark, what they cost, and a client that loads them."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.graphql_data import Served


class Server:
    """A server process."""

    def __init__(
        self, name: str, served: Served, *, environment: Mapping[str, str] | None = None
    ) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(self._command(name, served), env=environment)

    def _command(self, name: str, served: Served) -> list[str]:
        told = [name, served.database_url, str(self.port), str(served.keys)]
        return [sys.executable, "-m", "bench.graphql_servers", *told]

    def wait(self) -> None:
        """Until it takes connections."""
        until = time.monotonic() + 60
        while self.process.poll() is None and time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise SystemExit("a server did not start")

    def cpu_seconds(self) -> float:
        """User and system time of all threads so far, to the nanosecond."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def resident_mb(self) -> float:
        """Memory it holds now."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Client:
    """Sends requests over a few connections that stay open."""

    def __init__(self, port: int, token_of: Callable[[int], str]) -> None:
        self._port = port
        self._token_of = token_of
        self._heads: dict[int, bytes] = {}

    async def ask(self, asked: Sequence[tuple[int, bytes]], connections: int) -> list[bytes]:
        """The answers' bodies, in no order; `asked` says who asks what."""
        waiting = iter(asked)
        answers: list[bytes] = []

        async def work() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            for user_id, body in waiting:
                writer.write(self._head(user_id) + str(len(body)).encode() + b"\r\n\r\n" + body)
                head = await reader.readuntil(b"\r\n\r\n")
                lowered = head.lower()
                length = int(lowered.split(b"content-length:")[1].split(b"\r\n")[0])
                answers.append(await reader.readexactly(length))
                if b" 200 " not in head.split(b"\r\n")[0]:
                    raise SystemExit(f"{head.decode()}{answers[-1][:500].decode()}")
            writer.close()

        await asyncio.gather(*(work() for _ in range(connections)))
        return answers

    def _head(self, user_id: int) -> bytes:
        if user_id not in self._heads:
            self._heads[user_id] = (
                f"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1:{self._port}\r\n"
                f"authorization: JWT {self._token_of(user_id)}\r\n"
                "content-type: application/json\r\ncontent-length: "
            ).encode()
        return self._heads[user_id]
