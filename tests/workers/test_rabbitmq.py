"""The bell over a real RabbitMQ: hints arrive, garbage is set aside, its neighbours are heard."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pika
import pytest

from aggregates.work import Kind
from tests.programs import required
from tests.rabbitmq import RabbitMQ, find_rabbitmq
from tests.workers.test_broker import Ear, ear, heard, message, open_bell
from workers.broker import QUEUE

__all__ = ["ear", "open_bell"]


@pytest.fixture(scope="module")
def amqp_url() -> Iterator[str]:
    url = os.environ.get("COURSELENS_TEST_AMQP_URL")
    if url:
        yield url
        return
    lacking = "rabbitmq-server is not installed; install it, or set COURSELENS_TEST_AMQP_URL"
    server = RabbitMQ(required(find_rabbitmq(), lacking))
    server.start()
    yield server.url
    server.remove()


def put(url: str, data: bytes) -> None:
    """As any program with access to the broker could."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    connection.channel().basic_publish("", QUEUE, data)
    connection.close()


def waiting(url: str, queue: str) -> int:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    count: int = connection.channel().queue_declare(queue, passive=True).method.message_count
    connection.close()
    return count


async def test_rings_and_garbage_over_rabbitmq(amqp_url, ear: Ear, open_bell):
    bell = open_bell(amqp_url)
    assert await bell.ring(Kind.REFRESH_COURSE, 1)  # which makes the queues
    garbage = [b"\x80\x04\x95 a pickle", b"{", message(args=["1; DROP TABLE work"]), b"\xff" * 9]
    for number, data in enumerate(garbage, start=2):
        put(amqp_url, data)
        assert await bell.ring(Kind.REFRESH_COURSE, number)
    assert await bell.depth() == 1 + 2 * len(garbage)
    bell.listen()
    for _ in range(1 + len(garbage)):
        assert await heard(ear.rings)
    rejects = [await heard(ear.rejects) for _ in garbage]
    assert sorted(size for _, size, _ in rejects) == sorted(len(data) for data in garbage)
    assert await bell.depth() == 0
