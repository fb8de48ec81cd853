"""Questions about several courses that become one statement."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

Answer = Callable[[Sequence[T]], Awaitable[Sequence[R]]]
"""Answers any number of questions by one statement, in their order."""


class Together:
    """Questions of one kind that are asked in the same turn of the event loop are one statement.

    Fields of the courses of a page run side by side and ask the same things in the same turns. It
    belongs to one request: nobody waits for what somebody else asks.
    """

    def __init__(self) -> None:
        self._asked: dict[Hashable, _Asked] = {}

    async def ask(self, kind: Hashable, one: T, answer: Answer[T, R]) -> R:
        """What `answer` says to one question; those of a kind have the same `answer`."""
        asked = self._asked.get(kind)
        if asked is None:
            if not self._asked:
                asyncio.get_running_loop().call_soon(self._send)
            asked = self._asked[kind] = _Asked(answer)
        found: R = await asked.add(one)
        return found

    def _send(self) -> None:
        asked, self._asked = self._asked, {}
        for each in asked.values():
            each.send()


class _Asked:
    """Questions of one kind, and who waits for the answers."""

    def __init__(self, answer: Answer[Any, Any]) -> None:
        self._answer = answer
        self._questions: list[Any] = []
        self._waiting: list[asyncio.Future[Any]] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, question: Any) -> Any:
        waiting = asyncio.get_running_loop().create_future()
        self._questions.append(question)
        self._waiting.append(waiting)
        try:
            return await waiting
        finally:
            # A request that ends takes its statement with it.
            if self._task is not None and all(one.cancelled() for one in self._waiting):
                self._task.cancel()

    def send(self) -> None:
        if not all(one.cancelled() for one in self._waiting):
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            found = await self._answer(self._questions)
        except asyncio.CancelledError:
            for waiting in self._waiting:
                waiting.cancel()
            raise
        except Exception as error:  # it is raised where it was asked
            for waiting in self._waiting:
                if not waiting.done():
                    waiting.set_exception(error)
            return
        for waiting, one in zip(self._waiting, found, strict=True):
            if not waiting.done():
                waiting.set_result(one)
