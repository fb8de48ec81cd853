"""Answer a question, and again whenever there is news.

Nothing is remembered of the answer before but which run of the course it was made of. Each answer
is asked for as if it were the first: the token is checked, roles and rights are looked up, points
are paid, small numbers are protected.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from aggregates.notices import Notices
from api.access.policy import Viewer
from api.context import Context
from api.http.gate import Gate
from api.http.messages import Refused
from api.operations import Answer, Operations, Question, refused
from api.subscriptions.places import Places, StreamLimits
from courselens.errors import CourselensError, LimitExceeded

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
        places: how many may follow.
        gate: how many are answered at a time, and when the process leaves.
        limits: how often and how many at a time.
    """

    def __init__(
        self,
        operations: Operations,
        open_context: OpenContext,
        notices: Notices,
        places: Places,
        gate: Gate,
        limits: StreamLimits,
    ) -> None:
        self._operations = operations
        self._open_context = open_context
        self._notices = notices
        self._places = places
        self._gate = gate
        self._limits = limits
        self._turns = asyncio.Semaphore(limits.at_a_time)

    async def answers(self, question: Question, sign_in: SignIn) -> AsyncGenerator[Answer]:
        """One answer, or those of a subscription until it ends.

        A subscription ends with the answer that may tell nothing of the course any more; its
        errors say why. News that come while an answer is read are one.

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
                yield answer
                while answer.follows:
                    answer, since = await self._next(question, sign_in, answer, since)
                    yield answer
        except LimitExceeded as error:
            yield refused(error)

    async def _next(
        self, question: Question, sign_in: SignIn, before: Answer, since: int
    ) -> tuple[Answer, int]:
        """The next answer that differs, and the place of the news that it knows."""
        # A subscription has one field at its root, and that tells of one course.
        ((course_key, _, _),) = before.follows
        while True:
            await self._news(course_key, since)
            since = self._notices.position
            try:
                viewer = await sign_in()
            except Refused:
                continue  # names cannot be looked up: an outage is sat out
            async with self._turns:
                if await self._is_same(viewer, course_key, before):
                    continue
                return await self._answer(question, viewer), since

    async def _news(self, course_key: str, since: int) -> None:
        """Wait until there may be something new."""
        tasks = {
            asyncio.ensure_future(waiting)
            for waiting in (self._notices.changed(course_key, since), self._gate.leaving.wait())
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

    async def _is_same(self, viewer: Viewer | None, course_key: str, before: Answer) -> bool:
        """Whether the course has the same run, and the viewer the same rights to it."""
        async with self._open_context(viewer) as context:
            try:
                await context.course(course_key)
            except CourselensError as error:
                # An outage is sat out; anything else the answer says.
                return error.retryable
            return context.used == before.follows

    async def _answer(self, question: Question, viewer: Viewer | None) -> Answer:
        async with self._open_context(viewer) as context:
            return await self._operations.answer(question, context)
