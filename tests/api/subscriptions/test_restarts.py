"""Real servers take turns on one socket: who follows a course misses nothing and sees no fault."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from aggregates.store import Store
from courselens.settings import Settings
from courselens.tokens import issue_token, make_key
from indicators.registry import load_registry
from tests.data.stored_course import (
    COURSE_KEY,
    Person,
    build_course,
)
from tests.serving import ServerProcess, listen
from tests.streaming import PROTOCOL

TITLE = "subscription($c: ID!) { courseRefreshed(key: $c) { title } }"
QUESTION = {"query": TITLE, "variables": {"c": COURSE_KEY}}
TURNS = int(os.environ.get("COURSELENS_TEST_RESTARTS", "2"))
SECONDS = 60.0


class Follower:
    """Follows the course and comes again whenever a stream ends.

    Attributes:
        titles: what it was told, in order.
        ends: how many streams ended, all as they should.
    """

    def __init__(self, token: str) -> None:
        self.headers = {"authorization": f"JWT {token}"}
        self.titles: list[str] = []
        self.ends = 0
        self.task: asyncio.Task[None] | None = None

    async def until(self, title: str) -> None:
        """Wait until it was told a title."""
        async with asyncio.timeout(SECONDS):
            while title not in self.titles:
                assert self.task is not None
                assert not self.task.done(), self.task.exception()
                await asyncio.sleep(0.01)

    def hear(self, body: dict[str, Any]) -> None:
        """Take an event."""
        assert "errors" not in body, body
        self.titles.append(body["data"]["courseRefreshed"]["title"])


class EventFollower(Follower):
    """Over server-sent events."""

    async def follow(self, address: str) -> None:
        async with httpx.AsyncClient(base_url=address, timeout=SECONDS) as client:
            known = ""
            while True:
                headers = {**self.headers, "accept": "text/event-stream", "last-event-id": known}
                asked = client.stream("POST", "/graphql", json=QUESTION, headers=headers)
                async with asked as answer:
                    assert answer.status_code == 200
                    async for line in answer.aiter_lines():
                        if line.startswith("id: "):
                            known = line
                        elif line.startswith("data: "):
                            self.hear(orjson.loads(line[6:]))
                        assert "complete" not in line
                    known = known.removeprefix("id: ")
                self.ends += 1


class SocketFollower(Follower):
    """Over a WebSocket."""

    async def follow(self, address: str) -> None:
        url = address.replace("http", "ws") + "/graphql"
        while True:
            async with connect(
                url, subprotocols=[PROTOCOL], additional_headers=self.headers
            ) as talk:
                subscribe = {"type": "subscribe", "id": "1", "payload": QUESTION}
                try:
                    await talk.send('{"type": "connection_init"}')
                    await talk.send(orjson.dumps(subscribe).decode())
                    async for text in talk:
                        message = orjson.loads(text)
                        if message["type"] == "next":
                            self.hear(message["payload"])
                        else:
                            assert message["type"] == "connection_ack"
                except ConnectionClosed:
                    pass
                assert talk.close_code == 1012
                self.ends += 1


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[Store]:
    store = await Store.connect(postgres_url, registry=load_registry())
    await store.migrate()
    yield store
    await store.close()


async def refresh(store: Store, title: str) -> None:
    roles = [{"user_id": 7, "org": "Uni", "course_key": COURSE_KEY, "role": "staff"}]
    course = build_course([Person(1)], [], roles=roles, display_name=title)
    await store.write(course, input_digest=title, cursors={})


@pytest.mark.slow
async def test_followers_miss_nothing_while_processes_take_turns(
    tmp_path: Path, postgres_url: str, store: Store
) -> None:
    await refresh(store, "first")
    settings = Settings(home=tmp_path)
    token = issue_token(
        make_key(settings.keys_path),
        user_id=7,
        username="staff",
        now=datetime.now(UTC),
        rules=settings.token_rules,
    )
    followers: list[EventFollower | SocketFollower]
    followers = [kind(token) for kind in (EventFollower, SocketFollower) for _ in range(3)]
    with listen() as listener, servers(listener, tmp_path, postgres_url) as start:
        serving = await asyncio.to_thread(start)
        for follower in followers:
            follower.task = asyncio.create_task(follower.follow(serving.address))
        for turn in range(TURNS):
            following = await asyncio.to_thread(start)
            for follower in followers:
                await follower.until("first" if turn == 0 else f"turn {turn - 1}")
            stopping = asyncio.create_task(asyncio.to_thread(serving.stop))
            await refresh(store, f"turn {turn}")
            for follower in followers:
                await follower.until(f"turn {turn}")
            assert "error" not in (await stopping).lower()
            serving = following
        for follower in followers:
            assert follower.task is not None
            assert not follower.task.done(), follower.task.exception()
            follower.task.cancel()
        await asyncio.gather(*(one.task for one in followers if one.task), return_exceptions=True)
        await asyncio.to_thread(serving.stop)
    for follower in followers:
        # Told again at most where it came again, and never out of order.
        numbers = [int(title.split()[-1]) for title in follower.titles if title != "first"]
        assert numbers == sorted(numbers)
        assert follower.ends >= 1


@contextmanager
def servers(
    listener: socket.socket, home: Path, postgres_url: str
) -> Iterator[Callable[[], ServerProcess]]:
    """Starts servers; none outlives a test that fails."""
    started: list[ServerProcess] = []

    def start() -> ServerProcess:
        server = ServerProcess(listener, home, database_url=postgres_url, points_per_minute=0)
        started.append(server)
        server.wait_until_started()
        return server

    try:
        yield start
    finally:
        for server in started:
            if server.process.poll() is None:
                server.process.kill()
                server.process.communicate()
