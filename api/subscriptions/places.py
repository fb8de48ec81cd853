"""How many streams are open at a time: of one process, and of one viewer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from courselens.errors import LimitExceeded, Overloaded

RETRY_SECONDS = 10
"""When somebody may have left a process that is full."""


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """What streams may take, and the seconds in which they do what.

    Attributes:
        open: WebSockets and subscriptions of one process.
        of_viewer: subscriptions of one viewer, in one process.
        of_socket: operations at a time on one WebSocket.
        check_seconds: after so long without news a subscription looks whether its viewer may still
            see the course. With `roles_seconds` it makes the minute in which a withdrawn role ends.
        roles_seconds: how old remembered roles may be for a subscription.
        beat_seconds: after so long a silent event stream shows that it is there.
        init_seconds: for the first message on a WebSocket.
        at_a_time: subscriptions that make their next answer at the same time; of a course's news
            all of its followers hear at once, and questions must still be answered.
    """

    open: int = 500
    of_viewer: int = 20
    of_socket: int = 20
    check_seconds: float = 20.0
    roles_seconds: float = 30.0
    beat_seconds: float = 12.0
    init_seconds: float = 10.0
    at_a_time: int = 4


class Places:
    """Counts what is open; `limits` says how much that may be."""

    def __init__(self, limits: StreamLimits) -> None:
        self._limits = limits
        self._taken = 0
        self._by_viewer: Counter[int] = Counter()

    @contextmanager
    def taken(self, user_id: int | None = None) -> Iterator[None]:
        """Take a place: a viewer's, for a subscription; nobody's, for a WebSocket.

        Raises:
            Overloaded: the process has none left.
            LimitExceeded: the viewer has as many as one may have.
        """
        if self._taken >= self._limits.open:
            raise Overloaded(RETRY_SECONDS)
        if user_id is not None and self._by_viewer[user_id] >= self._limits.of_viewer:
            most = self._limits.of_viewer
            raise LimitExceeded("subscriptions of one viewer", most + 1, most)
        self._taken += 1
        if user_id is not None:
            self._by_viewer[user_id] += 1
        try:
            yield
        finally:
            self._taken -= 1
            if user_id is not None:
                self._by_viewer[user_id] -= 1
                if not self._by_viewer[user_id]:
                    del self._by_viewer[user_id]
