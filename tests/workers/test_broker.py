"""The bell over a real Redis: hints arrive, garbage is parked, an absent broker hurts nobody."""

from __future__ import annotations

import asyncio
import json
import logging
import queue
from collections.abc import Callable, Iterator

import pytest
import redis

from aggregates.work import Kind
from courselens.errors import BrokerError
from tests.redis import RedisServer
from workers.broker import QUEUE, Bell

WAIT_SECONDS = 20


class Ear:
    """Hears a bell: rings and rejected messages, in order."""

    def __init__(self) -> None:
        self.rings: queue.Queue[bool] = queue.Queue()
        self.rejects: queue.Queue[tuple[str, int, str]] = queue.Queue()

    def bell(self, url: str | None) -> Bell:
        return Bell(
            url,
            on_ring=lambda: self.rings.put(True),
            on_reject=lambda *reject: self.rejects.put(reject),
        )


@pytest.fixture
def ear(caplog: pytest.LogCaptureFixture) -> Ear:
    caplog.set_level(logging.CRITICAL + 1, "dramatiq")
    return Ear()


@pytest.fixture
def open_bell(ear: Ear) -> Iterator[Callable[[str | None], Bell]]:
    bells: list[Bell] = []

    def open_one(url: str | None) -> Bell:
        bells.append(ear.bell(url))
        return bells[-1]

    yield open_one
    for bell in bells:
        bell.close()


async def heard(of: queue.Queue) -> object:
    return await asyncio.to_thread(of.get, timeout=WAIT_SECONDS)


def put(client: redis.Redis, message_id: str, data: bytes) -> None:
    """As any program with access to the broker could."""
    client.hset(f"{QUEUE}:{QUEUE}.msgs", message_id, data)
    client.rpush(f"{QUEUE}:{QUEUE}", message_id)


def message(**changes: object) -> bytes:
    fields = {
        "queue_name": QUEUE,
        "actor_name": "refresh_course",
        "args": [7],
        "kwargs": {},
        "options": {},
        "message_id": "m",
        "message_timestamp": 1,
    }
    return json.dumps({**fields, **changes}).encode()


@pytest.mark.parametrize("is_redis", [False, True])
async def test_a_ring_is_heard(is_redis, request, ear, open_bell):
    bell = open_bell(request.getfixturevalue("redis_url") if is_redis else None)
    bell.listen()
    assert await bell.ring(Kind.REFRESH_COURSE, 7)
    assert await heard(ear.rings)


async def test_garbage_is_counted_and_parked_and_its_good_neighbours_are_heard(
    redis_url, ear, open_bell
):
    client = redis.Redis.from_url(redis_url)
    client.flushdb()
    bell = open_bell(redis_url)
    garbage = [
        b"\x80\x04\x95 a pickle",
        b"{",
        b"[" * 100_000,
        b"null",
        b'"text"',
        message(args=["7; DROP TABLE work"]),
        message(args=[True]),
        message(args=[7, 8]),
        message(kwargs={"x": 1}),
        message(actor_name="somebody"),
        message(options={"eta": "tomorrow"}),
        message(more=1),
    ]
    for number, data in enumerate(garbage):
        put(client, f"bad-{number}", data)
        assert await bell.ring(Kind.REFRESH_COURSE, number)
    bell.listen()
    for _ in garbage:
        await heard(ear.rings)
    rejects = [await heard(ear.rejects) for _ in garbage]
    assert sorted(size for _, size, _ in rejects) == sorted(len(data) for data in garbage)
    for _ in range(200):
        parked = client.zcard(f"{QUEUE}:{QUEUE}.XQ")
        if parked == len(garbage):
            break
        await asyncio.sleep(0.05)
    assert parked == len(garbage)
    assert await bell.depth() == 0
    client.close()


async def test_a_broker_that_is_killed_is_missed_quietly_and_used_again(
    redis_process: RedisServer, ear, open_bell
):
    bell = open_bell(redis_process.url)
    bell.listen()
    assert await bell.ring(Kind.INGEST_LOGS, 1)
    await heard(ear.rings)
    redis_process.kill()
    try:
        assert not await bell.ring(Kind.INGEST_LOGS, 2)
        assert await bell.depth() is None
    finally:
        redis_process.start()
    while not await bell.ring(Kind.INGEST_LOGS, 3):
        await asyncio.sleep(0.1)
    assert await heard(ear.rings)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://host", "database 0"),
        ("redis://host:6379/1", "database 1"),
        ("redis://host/x", "database x"),
        ("kafka://host", "kafka"),
        ("host", "no scheme"),
    ],
)
def test_a_url_that_names_no_usable_broker_is_refused_with_the_fix(url, words):
    with pytest.raises(BrokerError, match=words) as refused:
        Bell(url)
    assert "redis://host:6379/2" in str(refused.value)
