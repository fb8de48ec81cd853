"""Of several courses everything live is asked at once, and each dataset of a course once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pyarrow as pa
import pytest

from indicators.contract import Cost, Privacy
from indicators.live import Sources
from indicators.parameters import Parameters
from indicators.registry import Registry
from loaders.datasets import DATASETS
from tests.data.many_courses import PEOPLE, key_of, one_of_many
from tests.data.served_courses import GLOBAL, Served, serve, served_registry
from tests.data.toy_indicators import (
    Posts,
    build_registry,
    declare,
)

COURSES = 5
PRIVACY = (Privacy.SELF, Privacy.STAFF)
ME = PEOPLE[4]
GRADES, ENROLLMENTS = "course_grades", "enrollments"
HOME = """
{ viewer { students { totalCount nodes {
  course { key } indicators { toyLive { posts } toyTime { seconds } }
} } } }
"""
LISTS = """
{
  courses(first: 5) {
    nodes {
      key
      few: students(first: 2) { nodes { userId indicators { toyLive { posts } } } }
      last: students(first: 3, orderBy: { indicator: TOY_TIME, direction: DESC }) {
        edges { node { indicators { toyLive { posts } toyChapters { rows { seconds } } } } }
      }
    }
    edges { node { student(userId: WHO) { indicators { toyLive { posts } } } } }
  }
  viewer { courses(first: 5) { edges { node {
    students(first: 4) { nodes { indicators { toyLive { posts } } } }
  } } } }
}
""".replace("WHO", str(ME))


class Fetches:
    """A source without rows that remembers what it was asked, and how much of it at a time."""

    datasets = frozenset({GRADES, ENROLLMENTS})

    def __init__(self) -> None:
        self.asked: Counter[tuple[str, str]] = Counter()
        self.under_way = self.most = 0

    async def fetch_for_users(
        self, dataset: str, course_key: str, user_ids: Sequence[int], *, deadline_seconds: float
    ) -> pa.Table:
        self.asked[dataset, course_key] += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        return DATASETS[dataset].empty()

    async def fetch_course(
        self, dataset: str, course_key: str, *, deadline_seconds: float
    ) -> pa.Table:
        raise AssertionError(dataset)


def live_registry() -> Registry:
    """The toy indicators and one that is made now: the number of students asked about."""
    live = declare("toy_live", student=Posts, unit="posts", privacy=PRIVACY, cost=Cost.LIVE)

    @live.live_for_students(reads=(GRADES, ENROLLMENTS))
    async def now(sources: Sources, p: Parameters) -> dict[int, Posts]:
        await asyncio.gather(sources.students(GRADES), sources.students(ENROLLMENTS))
        return {user_id: Posts(len(sources.user_ids)) for user_id in sources.user_ids}

    return build_registry([*served_registry().indicators.values(), live])


@pytest.fixture(scope="module")
def source() -> Fetches:
    return Fetches()


@pytest.fixture(scope="module")
async def many(postgres_url: str, source: Fetches) -> AsyncIterator[Served]:
    courses = [one_of_many(number) for number in range(1, COURSES + 1)]
    registry = live_registry()
    async with serve(postgres_url, courses, registry=registry, live=source) as served:
        yield served


async def asked(many: Served, source: Fetches, query: str, user_id: int) -> Any:
    source.asked.clear()
    source.most = 0
    answer = await many.ask(query, user_id=user_id)
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


@pytest.mark.parametrize(("query", "user_id"), [(HOME, ME), (LISTS, GLOBAL)], ids=["home", "lists"])
async def test_a_dataset_is_asked_once_for_each_course(
    many: Served, source: Fetches, query: str, user_id: int
) -> None:
    once = {
        (dataset, key_of(number)): 1
        for dataset in source.datasets
        for number in range(1, COURSES + 1)
    }
    told = []
    for _ in range(3):  # the stock executor answers first, then a plan
        told.append(await asked(many, source, query, user_id))
        assert source.asked == once
        assert source.most == len(once)  # none waits for another
    assert told[0] == told[1] == told[2]


async def test_a_course_nobody_reads_live_is_not_asked(many: Served, source: Fetches) -> None:
    query = "{ viewer { students(first: 2) { nodes { indicators { toyLive { posts } } } } } }"
    for _ in range(3):
        data = await asked(many, source, query, ME)
        assert data["viewer"]["students"]["nodes"] == [
            {"indicators": {"toyLive": {"posts": 1}}} for _ in range(2)
        ]
        assert {course for _, course in source.asked} == {key_of(1), key_of(2)}
