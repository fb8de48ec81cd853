"""How many questions are worked on at a time; beyond that one is sent away at once.

A process that takes in more than it can do answers everybody late. One that refuses early, before
anything of a request is parsed, keeps answering the others in time.
"""

from __future__ import annotations

import asyncio

from courselens.errors import Overloaded

RETRY_SECONDS = 1
HEALTH_PATHS = frozenset({"/healthz", "/readyz"})
"""Never refused: a busy process must not look like a dead one."""


class Gate:
    """Counts what is worked on.

    Args:
        capacity: questions at a time; None: as many as come.

    Attributes:
        waiting: questions that have come completely and are not answered yet, as the protocol
            counts them: of those that wait for their turn only it knows.
        shed: questions that were refused because there were too many.
        is_draining: the process has been told to stop and takes no new connections.
        leaving: set when what stays open has to end, so that it is opened again elsewhere.
    """

    def __init__(self, capacity: int | None = None) -> None:
        self._capacity = capacity
        self._reserve = 0 if capacity is None else max(1, capacity // 4)
        self._inside = 0
        self.waiting = 0
        self.shed = 0
        self.is_draining = False
        self.leaving = asyncio.Event()

    def is_full(self, *, is_small: bool = False) -> bool:
        """Whether one more is refused.

        `is_small`: a GET of a registered document, as the mobile app's summaries are; a quarter of
        the capacity is kept for those on top.
        """
        if self._capacity is None:
            return False
        allowed = self._capacity + (self._reserve if is_small else 0)
        if max(self._inside, self.waiting) < allowed:
            return False
        self.shed += 1
        return True

    @property
    def inside(self) -> int:
        """Questions that are worked on."""
        return self._inside

    def entered(self, *, is_small: bool = False) -> _Place:
        """Work on one question inside this block.

        Raises:
            Overloaded: there are too many already; on entering the block.
        """
        return _Place(self, is_small=is_small)

    def _enter(self, *, is_small: bool) -> None:
        reserve = self._reserve if is_small else 0
        if self._capacity is not None and self._inside >= self._capacity + reserve:
            self.shed += 1
            raise Overloaded(RETRY_SECONDS)
        self._inside += 1

    def _leave(self) -> None:
        self._inside -= 1


class _Place:
    __slots__ = ("_gate", "_is_small")

    def __init__(self, gate: Gate, *, is_small: bool) -> None:
        self._gate = gate
        self._is_small = is_small

    def __enter__(self) -> None:
        self._gate._enter(is_small=self._is_small)

    def __exit__(self, *_: object) -> None:
        self._gate._leave()
