"""A circuit per source: after failures in a row, questions are refused at once for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

from courselens.errors import SourceUnavailable


class Circuit:
    """Closed: questions pass. Open: refused until the cool-down ends. Then one probe may pass.

    Not for several threads: a source belongs to one event loop.
    """

    def __init__(
        self,
        source: str,
        *,
        failures: int = 3,
        cool_down_seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._limit = failures
        self._cool_down = cool_down_seconds
        self._clock = clock
        self._failures = 0
        self._open_until: float | None = None
        self._is_probing = False

    @property
    def is_open(self) -> bool:
        """Whether the source is taken as dead."""
        return self._open_until is not None

    def check(self) -> None:
        """Let a question pass.

        Raises:
            SourceUnavailable: the circuit is open, or its one probe is under way.
        """
        if self._open_until is None:
            return
        left = self._open_until - self._clock()
        if left > 0 or self._is_probing:
            reason = f"it failed {self._failures} times, next try in {max(left, 0):.1f} s"
            raise SourceUnavailable(self._source, 0, reason=reason)
        self._is_probing = True

    def succeed(self) -> None:
        """A question was answered: close."""
        self._failures = 0
        self._open_until = None
        self._is_probing = False

    def fail(self) -> None:
        """A question was not answered: open after several, or at once when it was the probe."""
        self._failures += 1
        if self._failures >= self._limit or self._is_probing:
            self._open_until = self._clock() + self._cool_down
        self._is_probing = False

    def give_up(self) -> None:
        """A question ended without an answer of the source; another may probe."""
        self._is_probing = False
