"""What a serving process counts. Plain numbers: whoever shows them reads them when asked.

Nothing about a person, a course or a document is in them: every label is one of few words.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

BORDERS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds of a request; the last bin has no upper border."""
EXPORT_BORDERS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""The same of a file."""
OK = "OK"
CLIENT_GONE = "CLIENT_GONE"
"""A file whose reader left before its end."""
OTHER_FORM = "other"
"""A form of file that there is not."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A number that is kept elsewhere; a counter only grows."""

    description: str
    read: Callable[[], float]
    is_counter: bool


@dataclass(slots=True)
class Durations:
    """How long something took, as a histogram.

    Attributes:
        borders: seconds, rising.
        bins: how many by border, as many as `borders` and one.
        seconds: all of them together.
    """

    borders: Sequence[float]
    bins: list[int] = field(init=False)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.bins = [0] * (len(self.borders) + 1)

    def add(self, seconds: float) -> None:
        """Count one."""
        self.bins[bisect_left(self.borders, seconds)] += 1
        self.seconds += seconds


@dataclass(slots=True)
class Metrics:
    """Counts of one process.

    Attributes:
        outcomes: requests of `/graphql` by the code of their first error; `OK` without one.
        deopts: answers that no plan gave, by reason.
        took: how long these requests took.
        exports: requests for files by form and outcome: `OK`, `CLIENT_GONE` or the code of the
            error that refused the file or broke it off.
        export_rows: rows that were sent, by form.
        exports_took: how long requests for files took, to the last byte.
        readings: numbers kept elsewhere, by name.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    deopts: Counter[str] = field(default_factory=Counter)
    took: Durations = field(default_factory=lambda: Durations(BORDERS))
    exports: Counter[tuple[str, str]] = field(default_factory=Counter)
    export_rows: Counter[str] = field(default_factory=Counter)
    exports_took: Durations = field(default_factory=lambda: Durations(EXPORT_BORDERS))
    readings: dict[str, Reading] = field(default_factory=dict)

    def answered(self, outcome: str, seconds: float) -> None:
        """Count a request."""
        self.outcomes[outcome] += 1
        self.took.add(seconds)

    def exported(self, form: str, outcome: str, *, rows: int, seconds: float) -> None:
        """Count a request for a file, whatever became of it."""
        self.exports[form, outcome] += 1
        self.export_rows[form] += rows
        self.exports_took.add(seconds)

    def watch(
        self, readings: Mapping[str, tuple[str, Callable[[], float]]], *, is_counter: bool
    ) -> None:
        """Show numbers that are kept elsewhere: what they are and how they are read, by name."""
        for name, (description, read) in readings.items():
            self.readings[name] = Reading(description, read, is_counter)
