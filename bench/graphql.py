"""CPU that a GraphQL answer costs the server, against a bare endpoint and stock Strawberry.

With `BENCH_PEERS=1` against PostGraphile too.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from aggregates.documents import Documents, StoredDocument
from aggregates.embedded import EmbeddedPostgres
from aggregates.store import Store
from bench.data import FOLDER
from bench.graphql_clients import Client, Server
from bench.graphql_data import Served, bench_registry
from bench.graphql_fill import fill
from bench.graphql_peers import PEER, PostGraphile, check_peer, expose, install, peer_shape
from bench.graphql_shapes import L100, REGISTERED, SHAPES, S, Shape
from bench.measure import show, verdict
from courselens.tokens import issue_token

SERVERS = ("ours", "bare", "stock", "kept")
NEW_DOCUMENTS = 40
MEMORY_MB = 150


def run(*, rounds: int, warm_seconds: float = 30.0) -> bool:
    """Compare and print; whether all goals are reached."""
    folder = FOLDER / "graphql"
    fill(folder)
    peer = install() if os.environ.get("BENCH_PEERS") == "1" else None
    with EmbeddedPostgres(folder / "postgres") as database:
        served = Served(database.url, folder / "keys")
        served.key()  # before the servers, who would each make one
        asyncio.run(_register(served))
        if peer:
            asyncio.run(expose(served.database_url))
        with _servers(served, peer) as servers:
            return asyncio.run(_compare(servers, served, rounds, warm_seconds))


async def _register(served: Served) -> None:
    store = await Store.connect(served.database_url, registry=bench_registry())
    await store.migrate()
    documents = [StoredDocument(key, body, is_trusted=True) for key, body in REGISTERED.items()]
    await Documents(store.database).register(documents)
    await store.close()


async def _compare(
    servers: Mapping[str, Server], served: Served, rounds: int, warm_seconds: float
) -> bool:
    key = served.key()

    def token_of(user_id: int) -> str:
        return issue_token(key, user_id=user_id, username=f"u{user_id}", now=datetime.now(UTC))

    clients = {name: Client(server.port, token_of) for name, server in servers.items()}
    for shape in SHAPES:
        await _check_equal(shape, clients)
    reached = True
    for shape in SHAPES:
        shapes = dict.fromkeys(SERVERS, shape)
        if PEER in servers and (asked_of_peer := peer_shape(shape)):
            shapes[PEER] = asked_of_peer
            await check_peer(shape, asked_of_peer, clients["ours"], clients[PEER])
            # Node.js compiles what runs often, over many more answers than Python needs.
            await _warm({PEER: asked_of_peer}, clients, warm_seconds)
        await _warm(shapes, clients, warm_seconds / len(SHAPES))
        costs: dict[str, list[float]] = {name: [] for name in shapes}
        for turn in range(rounds):
            for name in shapes if turn % 2 == 0 else reversed(shapes):
                asked = shapes[name].asked(name, turn, shape.requests)
                before = servers[name].cpu_seconds()
                await clients[name].ask(asked, shape.connections)
                costs[name].append((servers[name].cpu_seconds() - before) / len(asked))
        middle = {name: statistics.median(found) for name, found in costs.items()}
        reached &= _report(shape, middle)
        if shape is S:
            reached &= await _first_sight(servers["ours"], clients["ours"], middle["ours"])
    memory = servers["kept"].resident_mb()
    is_small = memory <= MEMORY_MB
    row = ("resident, MB", f"{memory:.0f}", f"<= {MEMORY_MB}", verdict(is_small))
    show("Memory of a process after all this", [row])
    return reached and is_small


async def _warm(shapes: Mapping[str, Shape], clients: Mapping[str, Client], seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for name, shape in shapes.items():
            asked = shape.asked(name, 0, min(50, shape.requests))
            await clients[name].ask(asked, shape.connections)


async def _check_equal(shape: Shape, clients: Mapping[str, Client]) -> None:
    answers = {name: (await clients[name].ask(shape.asked(name, 1, 1), 1))[0] for name in SERVERS}
    data = {name: json.loads(answer).get("data") for name, answer in answers.items()}
    if any(other != data["bare"] for other in data.values()):
        raise SystemExit(f"{shape.name}: the servers answer differently: {data}"[:4000])


def _report(shape: Shape, middle: Mapping[str, float]) -> bool:
    over = middle["ours"] / middle["bare"]
    under = middle["stock"] / middle["ours"]
    goals = [over <= shape.over_bare, under >= shape.under_stock]
    rows = [
        ("ours / bare", f"{over:.2f}", f"<= {shape.over_bare}", verdict(goals[0])),
        ("stock / ours", f"{under:.1f}", f">= {shape.under_stock}", verdict(goals[1])),
    ]
    hit = middle["kept"] / middle["bare"]
    if shape is L100:
        goals.append(hit <= 0.2)
        rows.append(("kept / bare, all found", f"{hit:.2f}", "<= 0.2", verdict(goals[-1])))
    else:
        rows.append(("kept / bare, as asked here", f"{hit:.2f}", "", ""))
    if PEER in middle and shape.under_peer is not None:
        times = middle[PEER] / middle["ours"]
        goals.append(times >= shape.under_peer)
        rows.append(
            ("PostGraphile / ours", f"{times:.2f}", f">= {shape.under_peer}", verdict(goals[-1]))
        )
    milliseconds = ", ".join(f"{name} {cost * 1000:.3f} ms" for name, cost in middle.items())
    show(f"{shape.name}: CPU a request: {milliseconds}", rows)
    return all(goals)


async def _first_sight(server: Server, client: Client, repeated: float) -> bool:
    """CPU of a document that was never seen, against that of S asked again."""
    asked = []
    for number in range(NEW_DOCUMENTS):
        ((user_id, body),) = S.asked("ours", number, 1)
        document = json.loads(body)
        document["query"] = document["query"].replace("query One", f"query New{number}")
        asked.append((user_id, json.dumps(document).encode()))
    before = server.cpu_seconds()
    await client.ask(asked, 1)
    times = (server.cpu_seconds() - before) / len(asked) / repeated
    is_reached = times <= 60
    row = ("times a repeated S", f"{times:.1f}", "<= 60", verdict(is_reached))
    show("First sight of a document", [row])
    return is_reached


@contextmanager
def _servers(served: Served, peer: Sequence[str] | None) -> Iterator[dict[str, Server]]:
    servers = {name: Server(name, served) for name in SERVERS}
    if peer:
        servers[PEER] = PostGraphile(peer, served)
    try:
        for server in servers.values():
            server.wait()
        yield servers
    finally:
        for server in servers.values():
            server.process.kill()
            server.process.wait()
