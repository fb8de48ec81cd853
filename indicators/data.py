"""The raw facts of one course, as a run takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class LogCoverage:
    """Days that the log source covers, any course (catalogue 1.6): both ends, less the lost."""

    first_day: int
    last_day: int
    lost_days: frozenset[int] = frozenset()

    def share(self, first_day: int, last_day: int) -> float:
        """Share of the days `first_day..last_day` that are covered; 0 for no days."""
        wanted = last_day - first_day + 1
        if wanted <= 0:
            return 0.0
        low, high = max(first_day, self.first_day), min(last_day, self.last_day)
        lost = sum(1 for day in self.lost_days if low <= day <= high)
        return max(0, high - low + 1 - lost) / wanted


@dataclass(frozen=True, slots=True)
class CourseData:
    """Everything known of one course.

    Attributes:
        course_key: the course.
        tables: by dataset name, rows of this course only (`profiles`: of its people and of global
            staff; `course_roles`: of the course or its org); an absent name is a dataset that the
            source does not have.
        event_files: Parquet files of the course in the lake.
        coverage: of the log source; None without logs.
        state_as_of_us: when the database state was loaded; None if unknown.
    """

    course_key: str
    tables: Mapping[str, pa.Table]
    event_files: tuple[Path, ...] = ()
    coverage: LogCoverage | None = None
    state_as_of_us: int | None = None
