"""How much one asker may ask for: a bucket of points that fills up again by itself.

An asker with points left may ask; what the question costs is taken afterwards, so that one large
question is possible at any size of bucket and is paid for by waiting. Buckets live in this process,
or in Redis where several processes share them. While Redis does not answer each process counts for
itself: the limit is then higher by their number, and nobody is refused because of Redis.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

import structlog

from courselens.errors import RateLimited

REMEMBERED = 10_000
"""Askers that one process counts for; of more the one that was quiet longest is forgotten."""
REDIS_SECONDS = 0.25
REDIS_REST_SECONDS = 5.0
"""For how long Redis is not asked again after it did not answer."""

logger = structlog.get_logger(__name__)


class Rates(Protocol):
    """Buckets by asker."""

    async def take(self, asker: str, points: int) -> None:
        """Take points from an asker's bucket.

        Raises:
            RateLimited: it is empty; nothing was taken.
        """
        ...


class LocalRates:
    """Buckets in this process.

    Args:
        per_minute: points that come back in a minute, and that a full bucket holds.
        clock: seconds that only grow.
    """

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = float(per_minute)
        self._per_second = per_minute / 60
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def take(self, asker: str, points: int) -> None:
        """Take points from an asker's bucket."""
        now = self._clock()
        left, seen = self._buckets.get(asker, (self._most, now))
        left = min(self._most, left + (now - seen) * self._per_second)
        if left <= 0:
            raise RateLimited(_wait(left, self._per_second))
        self._buckets[asker] = (left - points, now)
        self._buckets.move_to_end(asker)
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)


_TAKE = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local most, rate, points = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local found = redis.call('HMGET', KEYS[1], 'left', 'seen')
local left, seen = tonumber(found[1] or most), tonumber(found[2] or now)
left = math.min(most, left + math.max(0, now - seen) * rate)
if left > 0 then
  redis.call('HSET', KEYS[1], 'left', tostring(left - points), 'seen', string.format('%.6f', now))
  redis.call('EXPIRE', KEYS[1], math.ceil((most - left + points) / rate) + 1)
end
return tostring(left)
"""


class SharedRates:
    """Buckets in Redis, shared by all processes that are given its URL."""

    def __init__(self, url: str, per_minute: int) -> None:
        from redis.asyncio import Redis  # takes 5 MB, and not every installation has one

        self._redis = Redis.from_url(
            url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS
        )
        self._take = self._redis.register_script(_TAKE)
        self._most = per_minute
        self._per_second = per_minute / 60
        self._own = LocalRates(per_minute)
        self._rest_until = 0.0

    async def take(self, asker: str, points: int) -> None:
        """Take points from an asker's bucket."""
        if time.monotonic() < self._rest_until:
            return await self._own.take(asker, points)
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                left = float(
                    await self._take(
                        keys=[f"courselens:rate:{asker}"],
                        args=[self._most, self._per_second, points],
                    )
                )
        except (_redis_error(), OSError, TimeoutError) as error:
            self._rest_until = time.monotonic() + REDIS_REST_SECONDS
            logger.warning("rates are counted by process", reason=type(error).__name__)
            return await self._own.take(asker, points)
        if left <= 0:
            raise RateLimited(_wait(left, self._per_second))
        return None

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def _redis_error() -> type[Exception]:
    from redis.exceptions import RedisError

    found: type[Exception] = RedisError
    return found


def _wait(left: float, per_second: float) -> int:
    """Whole seconds until a bucket has something again."""
    return max(1, math.ceil(-left / per_second))
