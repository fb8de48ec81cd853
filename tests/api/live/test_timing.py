"""One statement per dataset, in whatever order and from whatever thread live code asks."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from graphql import (
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
)

from aggregates.records import CourseRecord
from api.live.batch import HAND_OVER_TURNS, Batch, open_batch
from api.live.values import LiveQuestion, read_live
from api.schema.assembled import assemble
from indicators.live import Live, Sources
from indicators.parameters import Parameters
from indicators.registry import Registry
from loaders.datasets import DATASETS

GRADES, ENROLLMENTS = "course_grades", "enrollments"
KEY = "course-v1:A+B+C"
NOW = datetime(2025, 5, 1, tzinfo=UTC)
COURSE = CourseRecord(1, KEY, None, None, None, None, None, None, None, 1, NOW)

Compute = Callable[[Sources, Parameters], Awaitable[object]]


class Fetches:
    """A source without rows that remembers whom it was asked about."""

    datasets = frozenset({GRADES, ENROLLMENTS})

    def __init__(self) -> None:
        self.of_students: list[tuple[str, tuple[int, ...]]] = []

    async def fetch_for_users(
        self, dataset: str, course_key: str, user_ids: Sequence[int], *, deadline_seconds: float
    ) -> pa.Table:
        self.of_students.append((dataset, tuple(user_ids)))
        return DATASETS[dataset].empty()

    async def fetch_course(
        self, dataset: str, course_key: str, *, deadline_seconds: float
    ) -> pa.Table:
        raise AssertionError(dataset)


async def both_at_once(sources: Sources, p: Parameters) -> object:
    await asyncio.gather(sources.students(GRADES), sources.students(ENROLLMENTS))
    return {}


async def one_after_the_other(sources: Sources, p: Parameters) -> object:
    await sources.students(GRADES)
    await sources.students(ENROLLMENTS)
    return {}


async def the_other_way_round(sources: Sources, p: Parameters) -> object:
    await sources.students(ENROLLMENTS)
    await asyncio.sleep(0.01)
    await sources.students(GRADES)
    return {}


async def grades_alone(sources: Sources, p: Parameters) -> object:
    await sources.students(GRADES)
    return {}


@pytest.fixture
def source() -> Fetches:
    return Fetches()


def reader(batch: Batch, registry: Registry, compute: Compute) -> Callable[..., Awaitable[None]]:
    """What a resolver does that wants a plugin's live value of some students."""
    live = Live((GRADES, ENROLLMENTS), compute)

    async def read(*user_ids: int, turns: int = 0) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        with batch.running():
            question = LiveQuestion(registry.indicator("acme_sheet"), live, None, user_ids)
            found = await read_live(batch, registry, COURSE, [question])
        assert not isinstance(found["acme_sheet"], Exception), found

    return read


async def test_code_that_asks_later_shares_the_statement_of_code_that_asks_at_once(
    source: Fetches, registry: Registry
) -> None:
    async with open_batch(source, deadline_seconds=20) as batch:
        await asyncio.gather(
            reader(batch, registry, both_at_once)(1, 2),
            reader(batch, registry, one_after_the_other)(2, 3),
            reader(batch, registry, the_other_way_round)(4),
        )
    asked = [(GRADES, (1, 2, 3, 4)), (ENROLLMENTS, (1, 2, 3, 4))]
    assert sorted(source.of_students) == asked


async def test_what_is_declared_alone_is_not_asked(source: Fetches, registry: Registry) -> None:
    async with open_batch(source, deadline_seconds=20) as batch:
        await asyncio.gather(
            reader(batch, registry, grades_alone)(1), reader(batch, registry, grades_alone)(2)
        )
    assert source.of_students == [(GRADES, (1, 2))]


async def test_resolvers_that_hand_over_are_waited_for(source: Fetches, registry: Registry) -> None:
    async with open_batch(source, deadline_seconds=20) as batch:
        read = reader(batch, registry, both_at_once)

        async def course_of_a_list() -> None:
            for _ in range(3):  # each has its value at once, and hands over to the next
                with batch.running():
                    pass
                for _ in range(HAND_OVER_TURNS):
                    await asyncio.sleep(0)
            await read(3)

        await asyncio.gather(read(1), read(2, turns=HAND_OVER_TURNS), course_of_a_list())
    asked = [(GRADES, (1, 2, 3)), (ENROLLMENTS, (1, 2, 3))]
    assert sorted(source.of_students) == asked


def longest_way(schema: GraphQLSchema, kind: Any, seen: frozenset[str] = frozenset()) -> int:
    """Objects and lists from a value of a type to resolvers below it that wait; -1: there are none.

    Each of them may be a turn of the event loop: what is in it is gathered.
    """
    if isinstance(kind, GraphQLNonNull):
        return longest_way(schema, kind.of_type, seen)
    if isinstance(kind, GraphQLList):
        below = longest_way(schema, kind.of_type, seen)
        return below + 1 if below >= 0 else below
    if isinstance(kind, GraphQLInterfaceType):
        return max(longest_way(schema, one, seen) for one in schema.get_possible_types(kind))
    if not isinstance(kind, GraphQLObjectType) or kind.name in seen:
        return -1
    ways = [
        0
        if inspect.iscoroutinefunction(field.resolve)
        else longest_way(schema, field.type, seen | {kind.name})
        for field in kind.fields.values()
    ]
    return max(ways, default=-1) + 1 if max(ways, default=-1) >= 0 else -1


def test_no_way_from_resolver_to_resolver_is_longer_than_what_is_waited(registry: Registry) -> None:
    schema = assemble(registry).schema
    resolved = [
        field.type
        for kind in schema.type_map.values()
        if isinstance(kind, GraphQLObjectType)
        for field in kind.fields.values()
        if inspect.iscoroutinefunction(field.resolve)
    ]
    ways = [longest_way(schema, kind) for kind in (schema.query_type, *resolved)]
    assert 0 < max(ways) <= HAND_OVER_TURNS
    connection = next(one for name, one in schema.type_map.items() if name == "CourseConnection")
    assert longest_way(schema, connection) == 4  # itself, its edges, one of them, its course
