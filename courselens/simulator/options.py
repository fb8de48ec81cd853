"""What a simulation is asked for, checked before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from courselens.domain import to_us
from courselens.errors import BadParameter

ORG = "SimX"
DAY_US = 86_400_000_000
WEEK_US = 7 * DAY_US
HOUR_US = 3_600_000_000
SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Options:
    """Size and seed of a simulation; the same options give the same truth.

    `students` are enrolments per course without the course team, `start` is the first day of every
    course, a UTC date.
    """

    students: int = 500
    weeks: int = 8
    courses: int = 1
    seed: int = 1
    start: date = date(2025, 2, 3)

    def __post_init__(self) -> None:
        _check_range("students", self.students, 1, 2_000_000)
        _check_range("weeks", self.weeks, 1, 52)
        _check_range("courses", self.courses, 1, 500)
        _check_range("seed", self.seed, 0, 2**63 - 1)
        if isinstance(self.start, datetime) or not isinstance(self.start, date):
            raise BadParameter("start", self.start, "a date without a time")
        if not 2000 <= self.start.year <= 2100:
            raise BadParameter("start", self.start.isoformat(), "a day between 2000 and 2100")

    @property
    def start_us(self) -> int:
        """First instant of the courses."""
        return to_us(datetime(self.start.year, self.start.month, self.start.day, tzinfo=UTC))

    @property
    def end_us(self) -> int:
        """Instant at which the courses end."""
        return self.start_us + self.weeks * WEEK_US


def check_out(out: Path) -> None:
    """Refuse a place that already holds something: a simulation never mixes with other files.

    Raises:
        BadParameter: `out` is a file or a folder that is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadParameter("out", str(out), "a new or an empty folder")


def _check_range(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadParameter(name, value, f"a whole number from {low} to {high}")
