"""Answer a question, and again whenever there is news.

Nothing is remembered of the answer before but which run of the course it was made of, and which
refresh had ended. Each answer is asked for as if it were the first: the token is checked, roles
and rights are looked up, points are paid, small numbers are protected.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from aggregates.notices import Notices
from aggregates.work import Work
from api.access.policy import Viewer
from api.context import Context, Used
from api.http.gate import Gate
from api.http.messages import Refused
from api.operations import Answer, Operations, Question, refused
from api.subscriptions.places import Places, StreamLimits
from courselens.errors import CourselensError, LimitExceeded, StoreError

SignIn = Callable[[], Awaitable[Viewer | None]]
"""Gives the viewer of a connection; raises `Unauthenticated` once its token holds no more."""
OpenContext = Callable[[Viewer | None], AbstractAsyncContextManager[Context]]


class Leaving(Exception):
    """The process is about to stop: what is followed here goes on elsewhere."""


class Following:
    """Answers questions over connections that stay.

    Args:
        operations: answers each of them.
        open_context: what an answer is made in.
        notices: when there is news.
        work: which refreshes have ended.
        places: how many may follow.
        gate: how many are answered at a time, and when the process leaves.
        limits: how often and how many at a time.
    """

    def __init__(
        self,
        operations: Operations,
        open_context: OpenContext,
        notices: Notices,
        work: Work,
        places: Places,
        gate: Gate,
        limits: StreamLimits,
    ) -> None:
        self._operations = operations
        self._open_context = open_context
        self._notices = notices
        self._work = work
        self._places = places
        self._gate = gate
        self._limits = limits
        self._turns = asyncio.Semaphore(limits.at_a_time)

    async def answers(self, question: Question, sign_in: SignIn) -> AsyncGenerator[Answer]:
        """One answer, or those of a subscription until it ends.

        A subscription ends with the answer that may tell nothing of the course any more; its
        errors say why. News that come while an answer is read are one. After a refresh that
        has left the numbers as they were the same answer is given again, under another version.

        Raises:
            Unauthenticated: the token does not hold, or not any more.
            Overloaded: there is too much to do for a first answer, or no place to follow from.
            Leaving: the process is about to stop.
        """
        since = self._notices.position
        viewer = await sign_in()
        with self._gate.entered():
            answer = await self._answer(question, viewer)
        if not answer.follows:
            yield answer
            return
        try:
            with self._places.taken(viewer.user_id if viewer else None):
                unchanged_at = await self._unchanged_at(_followed(answer))
                yield _named(answer, unchanged_at)
                while answer.follows:
                    answer, since, unchanged_at = await self._next(
                        question, sign_in, answer, since, unchanged_at
                    )
                    yield _named(answer, unchanged_at)
        except LimitExceeded as error:
            yield refused(error)

    async def _next(
        self, question: Question, sign_in: SignIn, before: Answer, since: int, unchanged_at: int
    ) -> tuple[Answer, int, int]:
        """The next answer, and the place of the news and the end of the refresh that it knows."""
        course_key = _followed(before)
        while True:
            await self._news(course_key, since)
            since = self._notices.position
            try:
                viewer = await sign_in()
            except Refused:
                continue  # names cannot be looked up: an outage is sat out
            async with self._turns:
                ended = await self._unchanged_at(course_key)
                used = await self._used(viewer, course_key)
                if used is None or (used == before.follows and ended <= unchanged_at):
                    continue
                return await self._answer(question, viewer), since, ended

    async def _news(self, course_key: str, since: int) -> None:
        """Wait until there may be something new."""
        tasks = {
            asyncio.ensure_future(waiting)
            for waiting in (self._notices.news(course_key, since), self._gate.leaving.wait())
        }
        try:
            await asyncio.wait(
                tasks,
                timeout=self._limits.check_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for task in tasks:
                task.cancel()
        if self._gate.leaving.is_set():
            raise Leaving

    async def _unchanged_at(self, course_key: str) -> int:
        """`Work.unchanged_at`; 0 while it cannot be asked: told when it can."""
        try:
            return await self._work.unchanged_at(course_key)
        except StoreError:
            return 0

    async def _used(self, viewer: Viewer | None, course_key: str) -> frozenset[Used] | None:
        """The course's run and the viewer's rights to it; None while they cannot be looked up."""
        async with self._open_context(viewer) as context:
            try:
                await context.course(course_key)
            except CourselensError as error:
                # An outage is sat out; anything else the answer says.
                return None if error.retryable else frozenset()
            return frozenset(context.used)

    async def _answer(self, question: Question, viewer: Viewer | None) -> Answer:
        async with self._open_context(viewer) as context:
            return await self._operations.answer(question, context)


def _followed(answer: Answer) -> str:
    # A subscription has one field at its root, and that tells of one course.
    ((course_key, _, _),) = answer.follows
    return course_key


def _named(answer: Answer, unchanged_at: int) -> Answer:
    """The answer under a version that no answer before the end of that refresh has."""
    if answer.version is None or not unchanged_at:
        return answer
    return replace(answer, version=f"{answer.version}-{unchanged_at}")
