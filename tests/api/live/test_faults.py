"""A source that is dead, hung or slow costs its own fields, for a moment; the rest is answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from api.errors import ERROR_LIMIT
from indicators.registry import Registry
from tests.data.platform import COOL_DOWN, DEADLINE, FAILURES, LiveServed, Platform, serve_live

BOTH = """
query($c: ID!) { course(key: $c) {
  title
  indicators { courseModuleCounts { rows { blocks } } courseGrade { mean n } }
  students(first: 10) { nodes {
    username
    indicators { courseGrade { ratio } timeOnCourse { seconds } }
  } }
} }
"""
ONE = """
query($c: ID!) { course(key: $c) {
  students(first: 1) { nodes { indicators { courseGrade { ratio } } } }
} }
"""
SLACK = 0.2
HEAL_SECONDS = 10.0
OPEN_CIRCUIT = 0.15  # all of the request; the source's share of it is below a millisecond

Fault = Callable[[Platform], None]


@pytest.fixture
async def hurried(
    platform: Platform, stored_url: str, registry: Registry
) -> AsyncIterator[LiveServed]:
    """The API with a short deadline."""
    platform.heal()
    async with serve_live(platform, stored_url, registry, courses=()) as live:
        yield live
    platform.heal()


def refuse_mysql(platform: Platform) -> None:
    platform.mysql_proxy.is_refusing = True
    platform.mysql_proxy.reset()


def silence_mysql(platform: Platform) -> None:
    platform.mysql_proxy.is_silent = True


def stop_mysql(platform: Platform) -> None:
    platform.mariadb.pause()


def slow_mysql(platform: Platform) -> None:
    platform.mysql_proxy.latency_seconds = 2 * DEADLINE


def cut_mysql(platform: Platform) -> None:
    """In the middle of a row, and of everything after it."""
    platform.mysql_proxy.cut_after = 150


def refuse_mongo(platform: Platform) -> None:
    platform.mongo_proxy.is_refusing = True
    platform.mongo_proxy.reset()


def silence_mongo(platform: Platform) -> None:
    platform.mongo_proxy.is_silent = True


def stop_mongo(platform: Platform) -> None:
    platform.mongo.suspend()


async def timed(live: LiveServed, query: str = BOTH) -> tuple[Any, float]:
    begun = time.monotonic()
    answer = await live.ask(query)
    return answer, time.monotonic() - begun


async def fail_until_open(live: LiveServed, *, grades: bool, structure: bool) -> None:
    """Ask until the circuits are open, and then again: late at first, then at once.

    The quickest counts: other processes of this machine may hold up any of them.
    """
    late = [await timed(live) for _ in range(FAILURES)]
    at_once = [await timed(live) for _ in range(6)]
    for answer, _ in late + at_once:
        check(answer, grades=grades, structure=structure)
    assert min(seconds for _, seconds in late) < DEADLINE + SLACK
    assert min(seconds for _, seconds in at_once) < OPEN_CIRCUIT


def check(answer: Any, *, grades: bool, structure: bool) -> None:
    """Every live field is there or null with its error, and everything else is there."""
    course = answer["data"]["course"]
    nodes = course["students"]["nodes"]
    assert course["title"]
    assert course["indicators"]["courseGrade"]["n"] > 0
    assert len(nodes) == 10
    assert all(node["username"] for node in nodes)
    assert any(node["indicators"]["timeOnCourse"]["seconds"] for node in nodes)
    assert all((node["indicators"]["courseGrade"] is not None) is grades for node in nodes)
    assert (course["indicators"]["courseModuleCounts"] is not None) is structure
    errors = answer.get("errors", [])
    assert len(errors) == min(ERROR_LIMIT, (0 if grades else 10) + (0 if structure else 1))
    for error in errors:
        assert error["extensions"]["code"] == "SOURCE_UNAVAILABLE"
        assert error["extensions"]["retryable"] is True
        assert error["path"][-1] in {"courseGrade", "courseModuleCounts"}
        assert "127.0.0.1" not in error["message"]


async def heal_and_wait(live: LiveServed) -> Any:
    """The first answer without errors after the cool-down; a probe may come too early."""
    live.platform.heal()
    until = time.monotonic() + HEAL_SECONDS
    while True:
        live.platform.clock.now += COOL_DOWN
        answer = await live.ask(BOTH)
        if "errors" not in answer or time.monotonic() > until:
            return answer
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("fault", "grades", "structure"),
    [
        (refuse_mysql, False, True),
        (silence_mysql, False, True),
        (stop_mysql, False, True),
        (slow_mysql, False, True),
        (cut_mysql, False, True),
        (refuse_mongo, True, False),
        (silence_mongo, True, False),
        (stop_mongo, True, False),
    ],
)
async def test_a_broken_source_costs_its_own_fields_until_it_is_back(
    hurried: LiveServed, fault: Fault, grades: bool, structure: bool
) -> None:
    check(await hurried.ask(BOTH), grades=True, structure=True)
    fault(hurried.platform)
    await fail_until_open(hurried, grades=grades, structure=structure)
    check(await heal_and_wait(hurried), grades=True, structure=True)


async def test_a_killed_server_is_missed_for_milliseconds_and_found_again(
    hurried: LiveServed,
) -> None:
    check(await hurried.ask(BOTH), grades=True, structure=True)
    hurried.platform.mariadb.kill()
    hurried.platform.mongo.kill()
    try:
        await fail_until_open(hurried, grades=False, structure=False)
    finally:
        hurried.platform.mariadb.start()
        hurried.platform.mongo.start()
    check(await heal_and_wait(hurried), grades=True, structure=True)


async def test_the_deadline_holds_from_the_first_connection_on(hurried: LiveServed) -> None:
    silence_mysql(hurried.platform)
    silence_mongo(hurried.platform)
    answer, seconds = await timed(hurried)
    check(answer, grades=False, structure=False)
    assert seconds < DEADLINE + SLACK


async def test_the_deadline_holds_while_all_connections_are_busy(
    platform: Platform, stored_url: str, registry: Registry
) -> None:
    platform.heal()
    async with serve_live(platform, stored_url, registry, courses=(), connections=1) as live:
        check(await live.ask(BOTH), grades=True, structure=True)
        platform.mysql_proxy.latency_seconds = DEADLINE * 0.7
        answers = await asyncio.gather(*(timed(live, ONE) for _ in range(4)))
        assert all(seconds < DEADLINE + SLACK for _, seconds in answers)
        had = [answer for answer, _ in answers if "errors" not in answer]
        assert len(had) == 1
        check(await heal_and_wait(live), grades=True, structure=True)
