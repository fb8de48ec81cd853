"""A built course as tables, and variants of it: without a dataset, shuffled, of fewer students."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from courselens.domain import DAY_US, to_us
from indicators.data import CourseData, LogCoverage


class Course(Protocol):
    """What the kit computes on: a `CourseBuilder`, or tables as a `BuiltCourse`."""

    @property
    def course_key(self) -> str:
        """The course."""

    def tables(self) -> Mapping[str, pa.Table]:
        """Arrow tables by dataset; one that is absent has no table."""

    def data(self, folder: Path, *, covered: tuple[str, str] | None = None) -> CourseData:
        """The course as a run takes it; events are written into the folder."""


@dataclass(frozen=True, slots=True)
class BuiltCourse:
    """A course as tables by dataset.

    Attributes:
        course_key: the course.
        by_dataset: Arrow tables, events among them.
        coverage: days that the logs cover; None: from the first to the last event.
    """

    course_key: str
    by_dataset: Mapping[str, pa.Table]
    coverage: LogCoverage | None = None

    @classmethod
    def of(cls, course: Course) -> BuiltCourse:
        """The tables of any course."""
        return course if isinstance(course, cls) else cls(course.course_key, dict(course.tables()))

    def tables(self) -> Mapping[str, pa.Table]:
        """Arrow tables by dataset."""
        return self.by_dataset

    def data(self, folder: Path, *, covered: tuple[str, str] | None = None) -> CourseData:
        """The course as a run takes it.

        Args:
            folder: where the events are written as Parquet.
            covered: first and last day of the logs; from the events if not given.
        """
        tables = dict(self.by_dataset)
        events = tables.pop("events", None)
        files: tuple[Path, ...] = ()
        coverage = self.coverage
        if events is not None and events.num_rows:
            files = (folder / "events.parquet",)
            pq.write_table(events, files[0])
            coverage = coverage or _days_of(events)
        if covered is not None:
            first, last = (to_us(datetime.fromisoformat(day)) // DAY_US for day in covered)
            coverage = LogCoverage(first, last)
        return CourseData(self.course_key, tables, files, coverage)

    def covering_its_events(self) -> BuiltCourse:
        """The same, whose logs cover these days even for variants with fewer events."""
        events = self.by_dataset.get("events")
        if self.coverage is not None or events is None or not events.num_rows:
            return self
        return replace(self, coverage=_days_of(events))

    def without(self, *datasets: str) -> BuiltCourse:
        """The course of a source that does not have these datasets."""
        kept = {name: table for name, table in self.by_dataset.items() if name not in datasets}
        coverage = None if "events" in datasets else self.coverage
        return replace(self, by_dataset=kept, coverage=coverage)

    def of_students(self, user_ids: Collection[int]) -> BuiltCourse:
        """The same course in which nobody else ever was."""
        ids = pa.array(sorted(user_ids), pa.int64())
        kept = {
            name: table.filter(pc.is_in(table.column("user_id"), ids))
            if "user_id" in table.column_names
            else table
            for name, table in self.by_dataset.items()
        }
        return replace(self.covering_its_events(), by_dataset=kept)

    def shuffled(self, seed: int) -> BuiltCourse:
        """The same rows, each table's in another order."""
        order = np.random.default_rng(seed)
        return replace(
            self,
            by_dataset={
                name: table.take(pa.array(order.permutation(table.num_rows)))
                for name, table in self.by_dataset.items()
            },
        )


def _days_of(events: pa.Table) -> LogCoverage:
    ends = pc.min_max(events.column("ts_us")).as_py()
    return LogCoverage(ends["min"] // DAY_US, ends["max"] // DAY_US)
