"""Rows of what is done during visits, in order; times follow when all rows are in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from courselens.simulator.events import Array, Kind, make_events
from courselens.simulator.visits import Visits, settle

GAP_US = 40_000_000  # at least this long between two visits of a learner


@dataclass(frozen=True, slots=True)
class Items:
    """Leaf blocks met during visits: `unit` and `leaf` are places in the visit, from 1."""

    visit: Array
    unit: Array
    leaf: Array
    block: Array
    learner: Array
    again: Array
    mobile: Array

    def where(self, mask: Array) -> Items:
        """Those of a mask or of an array of positions."""
        return Items(
            self.visit[mask],
            self.unit[mask],
            self.leaf[mask],
            self.block[mask],
            self.learner[mask],
            self.again[mask],
            self.mobile[mask],
        )

    @property
    def size(self) -> int:
        """Number of items."""
        return len(self.visit)


class Sheet:
    """Collects rows (place in the visit, delay since the row before, what) and times them."""

    def __init__(self) -> None:
        self._order: list[Array] = []
        self._delay_us: list[Array] = []
        self._rows: list[Array] = []

    def add(
        self,
        place: tuple[Array, Array | int, Array | int, Array | int],
        kind: Array | int,
        block: Array | int,
        delay_us: Array | int,
        *,
        a: Array | int = 0,
        b: Array | int = 0,
        c: Array | int = 0,
    ) -> None:
        """Add rows at (visit, unit, leaf, step): rows are ordered by these four numbers.

        `delay_us` is the time between the row before it in the visit, whoever adds that, and this.
        """
        visit, unit, leaf, step = place
        order = (visit.astype(np.int64) << 40) + np.int64(0)
        order = order + (np.asarray(unit, np.int64) << 28) + (np.asarray(leaf, np.int64) << 16)
        self._order.append(order + np.asarray(step, np.int64))
        self._delay_us.append(np.broadcast_to(np.asarray(delay_us, np.int64), visit.shape))
        self._rows.append(make_events(visit, 0, block, kind, a=a, b=b, c=c))

    def timed(self, visits: Visits, rng: np.random.Generator) -> Array:
        """All rows but `PAUSE_ONLY` with times, in the order of (learner, time).

        Returns:
            Rows of `EVENT` whose `who` is the learner's index in the roster and whose `arrive_us`
            is still the number of the visit.
        """
        order = np.concatenate(self._order)
        sorting = np.argsort(order, kind="stable")
        rows = np.concatenate(self._rows)[sorting]
        delay_us = np.concatenate(self._delay_us)[sorting]
        delay_us = delay_us + rng.integers(0, 20_000, len(rows))
        visit = rows["at_us"].copy()
        since = np.cumsum(delay_us)
        heads = np.flatnonzero(np.diff(visit, prepend=-1))
        lengths = np.diff(heads, append=len(rows))
        since -= np.repeat((since - delay_us)[heads], lengths)
        lasting = np.full(visits.size, GAP_US)
        lasting[visit[heads]] += since[heads + lengths - 1]
        begin = settle(visits, lasting)
        rows["at_us"] = begin[visit] + since
        rows["arrive_us"] = visit
        rows["who"] = visits.learner[visit]
        return np.asarray(rows[rows["kind"] != Kind.PAUSE_ONLY])


def think_us(rng: np.random.Generator, size: int, median_seconds: float) -> Array:
    """Log-normal human delays with this median, microseconds; none over 25 minutes."""
    drawn = median_seconds * rng.lognormal(0, 0.8, size)
    return np.asarray((np.minimum(drawn, 1500) * 1e6).astype(np.int64))
