"""What a serving process counts. Plain numbers: whoever shows them reads them when asked.

Nothing about a person, a course or a document is in them: every label is one of few words.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

BORDERS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds; the last bin has no upper border."""
OK = "OK"


@dataclass(frozen=True, slots=True)
class Reading:
    """A number that is kept elsewhere; a counter only grows."""

    description: str
    read: Callable[[], float]
    is_counter: bool


@dataclass(slots=True)
class Metrics:
    """Counts of one process.

    Attributes:
        outcomes: requests of `/graphql` by the code of their first error; `OK` without one.
        deopts: answers that no plan gave, by reason.
        bins: requests by how long they took, as many bins as `BORDERS` and one.
        seconds: what they took together.
        readings: numbers kept elsewhere, by name.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    deopts: Counter[str] = field(default_factory=Counter)
    bins: list[int] = field(default_factory=lambda: [0] * (len(BORDERS) + 1))
    seconds: float = 0.0
    readings: dict[str, Reading] = field(default_factory=dict)

    def answered(self, outcome: str, seconds: float) -> None:
        """Count a request."""
        self.outcomes[outcome] += 1
        self.bins[bisect_left(BORDERS, seconds)] += 1
        self.seconds += seconds

    def watch(
        self, readings: Mapping[str, tuple[str, Callable[[], float]]], *, is_counter: bool
    ) -> None:
        """Show numbers that are kept elsewhere: what they are and how they are read, by name."""
        for name, (description, read) in readings.items():
            self.readings[name] = Reading(description, read, is_counter)
