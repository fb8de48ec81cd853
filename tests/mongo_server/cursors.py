"""Cursors of the test server: documents that were found and not yet fetched."""

from __future__ import annotations

import itertools
import time
from typing import Any

BATCH_BYTES = 16 * 2**20


class Cursors:
    """Open cursors by their number."""

    def __init__(self) -> None:
        # Never a number that a server before a restart has given out.
        self._numbers = itertools.count(time.time_ns())
        self._open: dict[int, list[Any]] = {}

    def open(
        self, documents: list[Any], batch_size: int, *, is_single: bool
    ) -> tuple[int, list[Any]]:
        """The first batch, and the number of the cursor: 0 where there is no more."""
        batch, rest = _cut(documents, batch_size)
        if not rest or is_single:
            return 0, batch
        number = next(self._numbers)
        self._open[number] = rest
        return number, batch

    def more(self, number: int, batch_size: int) -> tuple[int, list[Any]] | None:
        """The next batch; None where there is no such cursor."""
        rest = self._open.pop(number, None)
        if rest is None:
            return None
        batch, rest = _cut(rest, batch_size or len(rest))
        if rest:
            self._open[number] = rest
        return (number if rest else 0), batch

    def kill(self, number: int) -> bool:
        """Forget a cursor; False where there is none."""
        return self._open.pop(number, None) is not None


def _cut(documents: list[Any], size: int) -> tuple[list[Any], list[Any]]:
    held = 0
    for count, document in enumerate(documents[:size]):
        held += len(document.raw)
        if count and held > BATCH_BYTES:
            return documents[:count], documents[count:]
    return documents[:size], documents[size:]
