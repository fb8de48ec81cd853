from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from aggregates.records import RoleRecord
from api.access.roles import LiveRoles, RoleCache
from courselens.errors import MissingSource, SourceRefused, SourceUnavailable, StoreError
from loaders.mysql.roles import UserRoles


class Clock:
    """Seconds that never go back, as a test wants them."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class People:
    """A role source that counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.held: Sequence[RoleRecord] = [RoleRecord("Uni", None, "staff")]
        self.is_down = False

    async def roles(self, user_id: int) -> Sequence[RoleRecord]:
        return self._tell(user_id, self.held)

    async def user_ids(self, username: str) -> Sequence[int]:
        return self._tell(username, [7])

    def _tell(self, asked: object, answer: Any) -> Any:
        self.asked.append(asked)
        if self.is_down:
            raise StoreError("does not answer")
        return answer


async def test_roles_are_remembered_for_a_minute_at_most() -> None:
    people, clock = People(), Clock()
    cache = RoleCache(people, seconds=60, clock=clock)
    assert await cache.roles(7) == people.held
    people.held = []
    clock.seconds = 59.9
    assert len(await cache.roles(7)) == 1
    clock.seconds = 60
    assert await cache.roles(7) == []
    assert people.asked == [7, 7]


async def test_answer_is_as_old_as_its_question() -> None:
    clock = Clock()

    class Slow(People):
        async def roles(self, user_id: int) -> Sequence[RoleRecord]:
            told = await super().roles(user_id)
            clock.seconds += 50
            return told

    people = Slow()
    cache = RoleCache(people, seconds=60, clock=clock)
    await cache.roles(7)
    clock.seconds = 60
    await cache.roles(7)
    assert len(people.asked) == 2


async def test_roles_of_one_are_never_anothers_and_failures_nobodys() -> None:
    people = People()
    cache = RoleCache(people, remembered=2)
    await cache.roles(7)
    people.held = []
    assert await cache.roles(8) == []
    assert await cache.user_ids("ana") == [7]
    assert people.asked == [7, 8, "ana"]
    await cache.roles(7)  # two are kept
    assert people.asked[-1] == 7
    people.is_down = True
    for _ in range(2):
        with pytest.raises(StoreError):
            await cache.roles(9)
    people.is_down = False
    assert await cache.roles(9) == []


async def test_nothing_is_remembered_where_it_is_switched_off() -> None:
    people = People()
    cache = RoleCache(people, seconds=0)
    await cache.roles(7)
    await cache.roles(7)
    assert people.asked == [7, 7]


class Platform:
    """A platform that says what it is told to, or fails as it is told to."""

    def __init__(self) -> None:
        self.says = UserRoles(held=(("Uni", "course-v1:Uni+A+1", "staff"),))
        self.fails: Exception | None = None
        self.deadlines: list[float] = []

    async def fetch_roles(self, user_id: int, *, deadline_seconds: float) -> UserRoles:
        self.deadlines.append(deadline_seconds)
        if self.fails is not None:
            raise self.fails
        return self.says


OUTAGES = [SourceUnavailable("mysql", 2), SourceRefused("mysql", "denied", "grant it")]
STAFF = [RoleRecord("Uni", "course-v1:Uni+A+1", "staff")]


def live_roles(platform: Platform, clock: Clock) -> LiveRoles:
    return LiveRoles(platform, People(), deadline_seconds=2, outage_seconds=900, clock=clock)


async def test_platform_is_asked_for_roles_with_a_deadline() -> None:
    platform = Platform()
    roles = live_roles(platform, Clock())
    assert await roles.roles(7) == STAFF
    platform.says = UserRoles(is_staff=True)
    assert await roles.roles(7) == [RoleRecord(None, None, "global_staff")]
    platform.says = UserRoles()
    assert await roles.roles(7) == []
    assert platform.deadlines == [2, 2, 2]
    assert await roles.user_ids("ana") == [7]


@pytest.mark.parametrize("outage", OUTAGES)
async def test_what_the_platform_said_last_counts_for_a_while(outage: Exception) -> None:
    platform, clock = Platform(), Clock()
    roles = live_roles(platform, clock)
    assert await roles.roles(7) == STAFF
    platform.fails = outage
    clock.seconds = 899.9
    assert await roles.roles(7) == STAFF
    clock.seconds = 900
    for user_id in (7, 8):  # too long ago, and never
        with pytest.raises(SourceUnavailable):
            await roles.roles(user_id)
    platform.fails = None
    assert await roles.roles(7) == STAFF


async def test_platform_without_roles_leaves_those_of_the_refresh() -> None:
    platform = Platform()
    platform.fails = MissingSource("course_roles")
    assert await live_roles(platform, Clock()).roles(7) == People().held


async def test_who_needs_younger_roles_asks_again_and_all_profit() -> None:
    people, clock = People(), Clock()
    cache = RoleCache(people, seconds=60, clock=clock)
    young = cache.no_older_than(30)
    await cache.roles(7)
    clock.seconds = 29.9
    await young.roles(7)
    assert people.asked == [7]
    clock.seconds = 30
    await young.roles(7)
    assert people.asked == [7, 7]
    clock.seconds = 80
    await cache.roles(7)
    assert people.asked == [7, 7]
    assert cache.no_older_than(90)._seconds == 60
