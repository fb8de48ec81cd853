"""What is left of a server's best when ten times as much is asked of it.

Best and rest are answers per second of the server's processor time: what its refusals cost it,
whatever else the machine does.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aggregates.embedded import EmbeddedPostgres
from bench.data import FOLDER
from bench.graphql_clients import Server
from bench.graphql_data import STAFF, Served
from bench.graphql_fill import fill
from bench.graphql_shapes import L100, S, Shape
from bench.measure import show, verdict
from courselens.serving import new_loop
from courselens.tokens import issue_token

OVERLOAD = 10
CONNECTIONS = 64
"""As many as questions are worked on at a time."""
SLOW = 500
SECONDS = 5.0
LEAST = 0.9


def run(*, rounds: int) -> bool:
    """Measure and print; whether all goals are reached."""
    folder = FOLDER / "graphql"
    fill(folder)
    with EmbeddedPostgres(folder / "postgres") as database:
        served = Served(database.url, folder / "keys")
        server = Server("ours", served)
        try:
            server.wait()
            token = issue_token(served.key(), user_id=STAFF, username="x", now=datetime.now(UTC))
            with asyncio.Runner(loop_factory=new_loop) as runner:
                reached = [runner.run(_measure(server, token, s, rounds)) for s in (S, L100)]
            return all(reached)
        finally:
            server.process.kill()
            server.process.wait()


@dataclass(slots=True)
class Load:
    """Askers and what they were told, by status; seconds that each 200 took."""

    server: Server
    requests: list[bytes]
    told: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    is_over: bool = False
    asking: set[_Asker] = field(default_factory=set)

    async def ask(self, *, keep: bool) -> _Asker:
        """One more asker: on a connection that it keeps for all questions, or for one alone."""
        loop = asyncio.get_running_loop()
        _, asker = await loop.create_connection(
            lambda: _Asker(self, keep=keep), "127.0.0.1", self.server.port
        )
        return asker

    def end(self) -> None:
        """Hang up."""
        self.is_over = True
        for asker in [*self.asking]:
            asker.transport.abort()


class _Asker(asyncio.Protocol):
    """Asks; one that keeps its connection asks again as soon as it is told anything."""

    transport: asyncio.Transport

    def __init__(self, load: Load, *, keep: bool) -> None:
        self._load = load
        self._keep = keep
        self._came = b""
        self._asked = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self._load.asking.add(self)
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.asking.discard(self)

    def data_received(self, data: bytes) -> None:
        self._came += data
        head, ended, body = self._came.partition(b"\r\n\r\n")
        if not ended:
            return
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(body) < length:
            return
        self._came = b""
        if not self._load.is_over:
            status = int(head[9:12])
            self._load.told[status] += 1
            if status == 200:
                self._load.seconds.append(time.monotonic() - self._asked)
        if self._keep and not self._load.is_over:
            self._ask()
        else:
            self.transport.close()

    def _ask(self) -> None:
        self._asked = time.monotonic()
        self.transport.write(random.choice(self._load.requests))


@dataclass(frozen=True, slots=True)
class Told:
    """What askers were told, a second; what else; the median answer's seconds.

    `goodput` is answers per second of the server's processor time.
    """

    answers: float
    refusals: float
    others: int
    median: float
    goodput: float


async def _measure(server: Server, token: str, shape: Shape, rounds: int) -> bool:
    head = f"POST /graphql HTTP/1.1\r\nhost: a\r\nauthorization: JWT {token}\r\n"
    requests = [
        f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        + body
        for _, body in shape.asked("ours", 1, 50)
    ]

    def load() -> Load:
        return Load(server, requests)

    best = (await _kept(load(), CONNECTIONS)).answers  # and warm
    found: dict[str, list[Told]] = {"best": [], "kept": [], "new": [], "slow": []}
    for _ in range(rounds):
        found["best"].append(await _kept(load(), CONNECTIONS))
        found["kept"].append(await _kept(load(), OVERLOAD * CONNECTIONS))
        found["new"].append(await _new(load(), OVERLOAD * best))
        found["slow"].append(await _beside_slow(load()))
        best = statistics.median(told.answers for told in found["best"])

    def median(name: str, value: Callable[[Told], float]) -> float:
        return statistics.median(value(told) for told in found[name])

    rows, reached = [], True
    for name, title in (
        ("kept", f"{OVERLOAD} times the connections, kept"),
        ("new", f"{OVERLOAD} times the questions, each on a new connection"),
        ("slow", f"beside {SLOW} connections with slow headers"),
    ):
        share = statistics.median(
            told.goodput / best.goodput
            for told, best in zip(found[name], found["best"], strict=True)
        )
        reached &= share >= LEAST
        rows.append((title, f"{share:.2f}", f">= {LEAST}", verdict(share >= LEAST)))
        answers = f"{median(name, lambda told: told.answers):.0f}"
        refusals = f"{median(name, lambda told: told.refusals):.0f}"
        rows.append(("  answered and refused a second", f"{answers}, {refusals}", "", ""))
        took = median(name, lambda told: told.median) * 1000
        rows.append(("  median answer, ms", f"{took:.0f}", "", ""))
    others = sum(told.others for every in found.values() for told in every)
    rows.append(("told anything but 200 and 503", str(others), "0", verdict(others == 0)))
    show(f"{shape.name}: best {median('best', lambda told: told.answers):.0f} answers/s", rows)
    return reached and others == 0


async def _kept(load: Load, connections: int) -> Told:
    for _ in range(connections):
        await load.ask(keep=True)
    await asyncio.sleep(1)  # so that all have been told something once
    return await _told(load, asyncio.sleep(SECONDS))


async def _new(load: Load, a_second: float) -> Told:
    """Questions at a rate, whatever becomes of those before."""
    asked: set[asyncio.Task[_Asker]] = set()

    async def offer() -> None:
        began = time.monotonic()
        count = 0
        while (passed := time.monotonic() - began) < SECONDS:
            for _ in range(int(passed * a_second) - count):
                count += 1
                if len(load.asking) + len(asked) < 4 * OVERLOAD * CONNECTIONS:
                    task = asyncio.create_task(load.ask(keep=False))
                    asked.add(task)
                    task.add_done_callback(asked.discard)
            await asyncio.sleep(0.002)

    told = await _told(load, offer())
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    return told


async def _beside_slow(load: Load) -> Told:
    slow = [await asyncio.open_connection("127.0.0.1", load.server.port) for _ in range(SLOW)]

    async def trickle() -> None:
        while True:
            for _, writer in slow:
                writer.write(b"x")
            await asyncio.sleep(1)

    for _, writer in slow:
        writer.write(b"POST /graphql HTTP/1.1\r\nx-slow: ")
    trickling = asyncio.create_task(trickle())
    told = await _kept(load, CONNECTIONS)
    trickling.cancel()
    for _, writer in slow:
        writer.close()
    return told


async def _rest(server: Server) -> None:
    """Wait until the server is done with what was asked by those who hung up."""
    until = time.monotonic() + 60
    before = -1.0
    while server.cpu_seconds() - before > 0.02 and time.monotonic() < until:
        before = server.cpu_seconds()
        await asyncio.sleep(0.5)


async def _told(load: Load, asking: Awaitable[None]) -> Told:
    load.told.clear()
    load.seconds.clear()
    began, cpu = time.monotonic(), load.server.cpu_seconds()
    await asking
    passed, cpu = time.monotonic() - began, load.server.cpu_seconds() - cpu
    load.end()
    await _rest(load.server)
    answers, refusals = load.told[200], load.told[503]
    median = statistics.median(load.seconds) if load.seconds else float("nan")
    others = load.told.total() - answers - refusals
    return Told(answers / passed, refusals / passed, others, median, answers / cpu)
