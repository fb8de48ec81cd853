"""Some days' rows in memory: which are double, in which order, and whose location they carry.

Only few rows are double or carry a location. They are found here among all, by columns of numbers
in order of learner and time; what is to be said of them is `finish`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Positions = NDArray[np.int64]

_EVENT = ("user_id", "ts_us", "event_id")


@dataclass(slots=True)
class Batch:
    """Rows of a batch, each once.

    Attributes:
        rows: in any order, with a number of the slot and of the course; -1 in `own_no`: the event
            names no location.
        duplicates: rows left out because the same event is there already.
    """

    rows: pa.Table
    duplicates: int = 0
    _order: Positions = field(default_factory=lambda: np.empty(0, np.int64))

    def __post_init__(self) -> None:
        self._order = np.lexsort([self._column(name) for name in reversed(_EVENT)])
        self.leave_out(self._doubles())

    def leave_out(self, positions: Positions) -> None:
        """Take rows for duplicates, those that are left out already excepted."""
        is_left = np.ones(self.rows.num_rows, bool)
        is_left[positions] = False
        before = len(self._order)
        self._order = self._order[is_left[self._order]]
        self.duplicates += before - len(self._order)

    def seekers(self) -> Positions:
        """Activity that names no location, and the activity of its learner just before it."""
        order = self._by("course_no")
        order = order[self._column("is_activity")[order]]
        is_nowhere = self._column("own_no")[order] < 0
        is_before = np.zeros_like(is_nowhere)
        is_before[:-1] = is_nowhere[1:]
        found: Positions = order[is_nowhere | is_before]
        return found

    def slots(self) -> Iterator[tuple[int, Positions]]:
        """Number of each slot, and the positions of its rows by learner, time and `event_id`."""
        order = self._by("slot")
        slots = self._column("slot")[order]
        starts = np.flatnonzero(np.diff(slots, prepend=-1))
        for start, part in zip(starts, np.split(order, starts)[1:], strict=True):
            yield int(slots[start]), part

    def _by(self, name: str) -> Positions:
        """Positions of the rows by this number first."""
        numbers = self._column(name)[self._order]
        small = numbers.astype(np.min_scalar_type(numbers.max(initial=0)))  # much faster if 16 bits
        return self._order[np.argsort(small, kind="stable")]

    def _doubles(self) -> Positions:
        """Rows with slot, learner, instant and fingerprint of a row with a smaller `event_id`."""
        user, time = (self._column(name)[self._order] for name in ("user_id", "ts_us"))
        # Few share learner and instant, so that only those are compared in full.
        is_tied = np.zeros(len(user), bool)
        is_tied[1:] = (user[1:] == user[:-1]) & (time[1:] == time[:-1])
        is_tied[:-1] |= is_tied[1:]
        tied = self._order[is_tied]
        keys = [self._column(name)[tied] for name in ("slot", "user_id", "ts_us", "fingerprint")]
        order = np.lexsort([self._column("event_id")[tied], *keys])
        is_double = np.ones(max(len(tied) - 1, 0), bool)
        for key in keys:
            is_double &= key[order][1:] == key[order][:-1]
        doubles: Positions = tied[order][1:][is_double]
        return doubles

    def _column(self, name: str) -> Positions:
        column: Positions = self.rows.column(name).to_numpy()
        return column
