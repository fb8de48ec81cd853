"""The broker: tells workers at once that there is work. What work, the ledger says.

A message carries the id of a piece of work, as JSON, and nothing else. It is a hint: lost, doubled
or late ones change nothing but how soon a worker looks. What nobody could have meant is counted,
moved to the broker's dead letters, and does not hold up its neighbours.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.brokers.stub import StubBroker
from dramatiq.encoder import JSONEncoder
from dramatiq.errors import DecodeError, DramatiqError

from aggregates.work import Kind
from courselens.errors import BrokerError

QUEUE = "courselens"
_RING_SECONDS = 5.0
_STOP_MS = 3000
_TAKEN = frozenset({0, 1})  # Open edX: task queue and cache
_FIELDS = {
    "queue_name", "actor_name", "args", "kwargs", "options", "message_id", "message_timestamp",
}  # fmt: skip

OnRing = Callable[[], None]
OnReject = Callable[[str, int, str], None]
"""Told the digest, the size and the fault of a message that nobody can read."""


class Bell:
    """Rings at every worker when work is due; both ends of the broker."""

    def __init__(
        self, url: str | None, *, on_ring: OnRing | None = None, on_reject: OnReject | None = None
    ) -> None:
        """Connects at first use.

        Args:
            url: redis://, rediss://, amqp:// or amqps://; None: only inside this process.
            on_ring: called in another thread when there is work.
            on_reject: called in another thread with what nobody can read.

        Raises:
            BrokerError: the URL names nothing that can be used.
        """
        dramatiq.set_encoder(_HintEncoder(on_reject or (lambda digest, size, fault: None)))
        self._broker = _make_broker(url)
        self._on_ring = on_ring or (lambda: None)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bell")
        self._ringing: Future[Any] | None = None
        self._worker: dramatiq.Worker | None = None
        self._actors = {
            kind: dramatiq.actor(
                self._heard, actor_name=kind.value, queue_name=QUEUE, broker=self._broker
            )
            for kind in Kind
        }
        self._broker.emit_after("process_boot")

    def listen(self) -> None:
        """Hear messages from now on."""
        self._worker = dramatiq.Worker(self._broker, worker_threads=1)
        self._worker.start()

    async def ring(self, kind: Kind, work_id: int) -> bool:
        """Tell the workers of a piece of work; False if the broker cannot be reached."""
        if self._ringing is not None and not self._ringing.done():
            return False  # the last one hangs
        self._ringing = self._thread.submit(self._actors[kind].send, work_id)
        try:
            async with asyncio.timeout(_RING_SECONDS):
                await asyncio.wrap_future(self._ringing)
        except (TimeoutError, DramatiqError, redis.RedisError, OSError):
            return False
        return True

    async def depth(self) -> int | None:
        """Messages that wait at the broker; None if it cannot be reached."""
        try:
            async with asyncio.timeout(_RING_SECONDS):
                return await asyncio.to_thread(self._count)
        except (TimeoutError, DramatiqError, redis.RedisError, OSError):
            return None

    def close(self) -> None:
        """Hear no more; blocks for a moment."""
        if self._worker is not None:
            self._worker.stop(timeout=_STOP_MS)
        self._thread.shutdown(wait=False, cancel_futures=True)
        with contextlib.suppress(DramatiqError, redis.RedisError, OSError):
            self._broker.close()

    def _heard(self, work_id: int) -> None:
        # Not to do this very work: the ledger knows what is most urgent by now.
        self._on_ring()

    def _count(self) -> int:
        if isinstance(self._broker, RedisBroker):
            return int(self._broker.do_qsize(QUEUE))
        if isinstance(self._broker, StubBroker):
            return int(self._broker.queues[QUEUE].qsize())
        return int(sum(self._broker.get_queue_message_counts(QUEUE)[:2]))


def _make_broker(url: str | None) -> Any:
    if url is None:
        return StubBroker(middleware=[])
    parts = urlsplit(url)
    if parts.scheme in ("redis", "rediss"):
        number = parts.path.strip("/") or "0"
        if not number.isdecimal() or int(number) in _TAKEN:
            raise BrokerError(
                f"database {number} of Redis is, or may be, in use by Open edX",
                "name another one, such as redis://host:6379/2",
            )
        client = redis.Redis.from_url(
            url, socket_timeout=_RING_SECONDS, socket_connect_timeout=_RING_SECONDS
        )
        return _ParkingBroker(client=client, namespace=QUEUE, middleware=[])
    if parts.scheme in ("amqp", "amqps"):
        from dramatiq.brokers.rabbitmq import RabbitmqBroker

        return RabbitmqBroker(url=url, middleware=[])
    raise BrokerError(
        f"no broker is known for {parts.scheme or 'what has no scheme'}",
        "use redis://host:6379/2 or amqp://host",
    )


class _HintEncoder(JSONEncoder):  # type: ignore[misc]
    """Reads exactly the messages that `Bell` writes."""

    def __init__(self, on_reject: OnReject) -> None:
        self._on_reject = on_reject

    def decode(self, data: bytes) -> dict[str, Any]:
        """The message.

        Raises:
            DecodeError: it is none of ours.
        """
        try:
            message = json.loads(data)
        except (ValueError, RecursionError):
            fault = "no JSON"
        else:
            fault = _fault(message)
            if not fault:
                found: dict[str, Any] = message
                return found
        digest = hashlib.blake2b(data, digest_size=16).hexdigest()
        self._on_reject(digest, len(data), fault)
        raise DecodeError(f"a message is {fault}", data, None)


def _fault(message: Any) -> str:
    if not isinstance(message, dict) or message.keys() != _FIELDS:
        return "no message of a task"
    if message["queue_name"] != QUEUE or message["actor_name"] not in list(Kind):
        return "for nobody"
    match message["args"]:
        case [int(work_id)] if not isinstance(work_id, bool):
            pass
        case _:
            return "without the id of a piece of work"
    if message["kwargs"] or not isinstance(message["options"], dict) or "eta" in message["options"]:
        return "with more than the id of a piece of work"
    if not isinstance(message["message_id"], str):
        return "without an id of its own"
    return ""


class _ParkingBroker(RedisBroker):  # type: ignore[misc]
    @property
    def consumer_class(self) -> type[_ParkingConsumer]:
        return _ParkingConsumer


class _ParkingConsumer(_RedisConsumer):  # type: ignore[misc]
    """Moves what cannot be read to the dead letters; the stock one forgets its neighbours."""

    def __next__(self) -> Any:
        try:
            message = super().__next__()
        except DecodeError as error:
            self._park(error.data)
            return None
        return message

    def _park(self, data: bytes) -> None:
        broker = self.broker
        fetched = f"{broker.namespace}:__acks__.{broker.broker_id}.{self.queue_name}"
        known = f"{broker.namespace}:{self.queue_name}.msgs"
        for message_id in broker.client.smembers(fetched):
            if broker.client.hget(known, message_id) == data:
                broker.do_nack(self.queue_name, message_id)
