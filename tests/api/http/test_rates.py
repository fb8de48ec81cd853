"""Buckets of points."""

from __future__ import annotations

import asyncio
import time

import pytest

from api.documents.cost import NEW_DOCUMENT
from api.http import rates
from api.http.rates import LocalRates, SharedRates
from courselens.errors import RateLimited
from tests.data.served_courses import NOBODY, STAFF, serve
from tests.redis import RedisServer


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_bucket_empties_and_fills_up_again() -> None:
    clock = Clock()
    local = LocalRates(60, clock=clock)
    await local.take("a", 50)
    await local.take("a", 50)  # 10 were left: enough to ask, and 40 are owed now
    with pytest.raises(RateLimited) as raised:
        await local.take("a", 1)
    assert raised.value.retry_after_seconds == 40
    await local.take("b", 1)
    clock.now += 39
    with pytest.raises(RateLimited):
        await local.take("a", 1)
    clock.now += 2
    await local.take("a", 1)
    clock.now += 1_000
    await local.take("a", 59)
    await local.take("a", 1)
    with pytest.raises(RateLimited):
        await local.take("a", 1)


async def test_refused_questions_cost_nothing() -> None:
    clock = Clock()
    local = LocalRates(60, clock=clock)
    await local.take("a", 70)
    for _ in range(100):
        with pytest.raises(RateLimited):
            await local.take("a", 70)
    clock.now += 11
    await local.take("a", 1)


async def test_askers_that_are_quiet_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "REMEMBERED", 3)
    local = LocalRates(60, clock=Clock())
    await local.take("a", 100)
    with pytest.raises(RateLimited):
        await local.take("a", 1)
    for asker in ("b", "c", "b", "d"):
        await local.take(asker, 1)
    await local.take("a", 1)


async def test_processes_share_buckets_in_redis(redis_url: str) -> None:
    one, other = SharedRates(redis_url, 6_000), SharedRates(redis_url, 6_000)
    try:
        await one.take("shared", 5_000)
        await other.take("shared", 1_050)
        with pytest.raises(RateLimited) as raised:
            await one.take("shared", 1)
        assert raised.value.retry_after_seconds == 1
        await one.take("somebody else", 1)
        await asyncio.sleep(0.7)  # 100 points a second come back, 50 were owed
        await other.take("shared", 1)
    finally:
        await one.close()
        await other.close()


async def test_nobody_is_refused_because_redis_is_gone(
    redis_process: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "REDIS_REST_SECONDS", 0.2)
    shared = SharedRates(redis_process.url, 100)
    try:
        await shared.take("c", 1)
        redis_process.kill()
        began = time.monotonic()
        await shared.take("c", 150)
        with pytest.raises(RateLimited):  # each process still counts for itself
            await shared.take("c", 1)
        assert time.monotonic() - began < 2 * rates.REDIS_SECONDS + 1
        redis_process.start()
        await asyncio.sleep(0.3)
        await shared.take("c", 1)
    finally:
        await shared.close()


async def test_viewer_who_asks_too_much_is_told_to_wait(postgres_url: str) -> None:
    async with serve(postgres_url, [], rates=LocalRates(NEW_DOCUMENT + 10)) as served:
        query = {"query": "{ viewer { userId username } }"}
        headers = served.headers(STAFF)
        codes = []
        for _ in range(8):
            answer = await served.client.post("/graphql", json=query, headers=headers)
            codes.append(answer.status_code)
        assert codes[0] == 200
        assert codes[-1] == 429
        assert int(answer.headers["retry-after"]) >= 1
        error = answer.json()["errors"][0]["extensions"]
        assert (error["code"], error["retryable"]) == ("RATE_LIMITED", True)
        other = await served.client.post("/graphql", json=query, headers=served.headers(NOBODY))
        assert other.status_code == 200


async def test_documents_that_are_no_good_are_paid_for_too(postgres_url: str) -> None:
    async with serve(postgres_url, [], rates=LocalRates(3 * NEW_DOCUMENT)) as served:
        codes = []
        for number in range(8):
            answer = await served.client.post("/graphql", json={"query": f"{{ no{number} }}"})
            codes.append(answer.status_code)
        assert codes[:3] == [200, 200, 200]
        assert codes[-1] == 429
