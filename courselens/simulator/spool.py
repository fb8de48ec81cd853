"""Events between simulation and writing: chunks on disk, read back by the day they arrived."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from courselens.simulator.events import EVENT, Array
from courselens.simulator.options import DAY_US


@dataclass(frozen=True, slots=True)
class SpooledChunk:
    """A chunk's events in a file, by arrival; `bounds` are the positions at which days begin."""

    path: Path
    size: int
    first_day: int
    bounds: Array

    def count(self, day: int) -> int:
        """How many events arrived on a day (a day number)."""
        if day not in self.days:
            return 0
        nth = day - self.first_day
        return int(self.bounds[nth + 1] - self.bounds[nth])

    def between(self, begin_us: int, end_us: int) -> Array:
        """Rows that arrived in a span within one day."""
        day = begin_us // DAY_US
        if not self.count(day):
            return np.zeros(0, EVENT)
        first, last = self.bounds[day - self.first_day : day - self.first_day + 2].tolist()
        if end_us - begin_us < DAY_US:
            # Mapped, so that only the pages that the search touches are read.
            mapped = np.memmap(self.path, EVENT, "r")["arrive_us"][first:last]
            last = first + int(np.searchsorted(mapped, end_us))
            first += int(np.searchsorted(mapped, begin_us))
        return np.fromfile(self.path, EVENT, last - first, offset=first * EVENT.itemsize)

    @property
    def days(self) -> range:
        """Days from the first to the last arrival."""
        return range(self.first_day, self.first_day + len(self.bounds) - 1)


def spool(path: Path, events: Array) -> SpooledChunk:
    """Write events that are sorted by arrival."""
    events.tofile(path)
    if not len(events):
        return SpooledChunk(path, 0, 0, np.zeros(1, np.int64))
    first, last = (int(events["arrive_us"][nth]) // DAY_US for nth in (0, -1))
    edges = np.arange(first, last + 2) * DAY_US
    bounds = np.searchsorted(np.ascontiguousarray(events["arrive_us"]), edges)
    return SpooledChunk(path, len(events), first, bounds)
