"""Roles of viewers: from the platform where it can be asked, remembered for a moment.

A role that is withdrawn ends within a minute. While the platform does not answer, what it said last
counts for a while; after that nobody has a role, until it answers again.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar, cast

import structlog

from aggregates.records import RoleRecord
from api.access.policy import RoleSource
from courselens.domain import GLOBAL_STAFF
from courselens.errors import MissingSource, SourceRefused, SourceUnavailable

ROLES_SECONDS = 60.0
REMEMBERED = 10_000

ROLES = "the platform"

T = TypeVar("T")

logger = structlog.get_logger(__name__)


class UserRoles(Protocol):
    """What the platform says about a user: of the whole site, and by organisation and course."""

    @property
    def is_staff(self) -> bool:
        """Global staff or superuser."""
        ...

    @property
    def held(self) -> Sequence[tuple[str | None, str | None, str]]:
        """Organisation, course key and role."""
        ...


class Platform(Protocol):
    """Where the platform's own roles are asked for; `loaders.live.LiveSource` is one."""

    async def fetch_roles(self, user_id: int, *, deadline_seconds: float) -> UserRoles:
        """Roles of a user over all courses, as they are now."""
        ...


class LiveRoles:
    """Roles as the platform has them when it is asked.

    Args:
        platform: who is asked.
        stored: knows names of users, and roles where the platform's database keeps none.
        deadline_seconds: for one question.
        outage_seconds: for how long what the platform said counts while it does not answer.
        remembered: answers that are kept for that.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        platform: Platform,
        stored: RoleSource,
        *,
        deadline_seconds: float,
        outage_seconds: float,
        remembered: int = REMEMBERED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._platform = platform
        self._stored = stored
        self._deadline_seconds = deadline_seconds
        self._outage_seconds = outage_seconds
        self._remembered = remembered
        self._clock = clock
        self._said: OrderedDict[int, tuple[float, Sequence[RoleRecord]]] = OrderedDict()

    async def roles(self, user_id: int) -> Sequence[RoleRecord]:
        """All roles of a user, over all courses.

        Raises:
            SourceUnavailable: the platform does not answer, and has not for too long.
        """
        now = self._clock()
        try:
            found = await self._platform.fetch_roles(
                user_id, deadline_seconds=self._deadline_seconds
            )
        except MissingSource:
            return await self._stored.roles(user_id)
        except (SourceUnavailable, SourceRefused) as error:
            said = self._said.get(user_id)
            is_known = said is not None and now - said[0] < self._outage_seconds
            logger.warning("roles cannot be looked up", problem=str(error), is_known=is_known)
            if said is not None and is_known:
                return said[1]
            raise SourceUnavailable(
                ROLES, self._deadline_seconds, reason="roles cannot be looked up"
            ) from error
        records = [RoleRecord(*held) for held in found.held]
        if found.is_staff:
            records.append(RoleRecord(None, None, GLOBAL_STAFF))
        self._said[user_id] = (now, records)
        self._said.move_to_end(user_id)
        if len(self._said) > self._remembered:
            self._said.popitem(last=False)
        return records

    async def user_ids(self, username: str) -> Sequence[int]:
        """Users who are known by this name."""
        return await self._stored.user_ids(username)


class RoleCache:
    """What a source said about a user, for a while; a failure is never remembered.

    Args:
        source: who knows.
        seconds: for how long; 0: every request asks.
        remembered: answers that are kept; the least recently used goes.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        source: RoleSource,
        *,
        seconds: float = ROLES_SECONDS,
        remembered: int = REMEMBERED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._seconds = seconds
        self._remembered = remembered
        self._clock = clock
        self._answers: OrderedDict[int | str, tuple[float, Any]] = OrderedDict()

    def no_older_than(self, seconds: float) -> RoleCache:
        """The same answers, for those who need them younger."""
        young = RoleCache(
            self._source,
            seconds=min(seconds, self._seconds),
            remembered=self._remembered,
            clock=self._clock,
        )
        young._answers = self._answers
        return young

    async def roles(self, user_id: int) -> Sequence[RoleRecord]:
        """All roles of a user, over all courses."""
        return await self._answer(user_id, lambda: self._source.roles(user_id))

    async def user_ids(self, username: str) -> Sequence[int]:
        """Users who are known by this name."""
        return await self._answer(username, lambda: self._source.user_ids(username))

    async def _answer(self, key: int | str, ask: Callable[[], Awaitable[T]]) -> T:
        now = self._clock()
        kept = self._answers.get(key)
        if kept is not None and now - kept[0] < self._seconds:
            self._answers.move_to_end(key)
            return cast("T", kept[1])
        answer = await ask()
        # As old as the question: the source may have answered from just after it was asked.
        self._answers[key] = (now, answer)
        self._answers.move_to_end(key)
        if len(self._answers) > self._remembered:
            self._answers.popitem(last=False)
        return answer
