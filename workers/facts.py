"""The raw facts of courses as the workers keep them: copies of tables, and the lake."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pyarrow as pa

from courselens.sources import facts_digest, roles_for, table_digest
from indicators.data import CourseData, LogCoverage
from loaders.datasets import DATASETS
from loaders.events.lake import Lake
from workers.snapshot import Snapshot


class KeptFacts:
    """Tables of one or more snapshots, and the lake.

    A course's rows of a dataset are those of the first snapshot that has any: a course comes from
    one source as a whole, and no row is counted twice.
    """

    def __init__(self, snapshots: Sequence[Snapshot], lake: Lake) -> None:
        self.snapshots = tuple(snapshots)
        self.lake = lake

    @classmethod
    def open(cls, tables_path: Path, names: Sequence[str], lake: Lake) -> KeptFacts:
        """The facts of the named sources, as of their last commits."""
        return cls([Snapshot(tables_path / name) for name in names], lake)

    @property
    def course_keys(self) -> list[str]:
        """Every course of which anything is known, sorted."""
        found = set(self.lake.course_keys())
        for snapshot in self.snapshots:
            for name in ("courses", "blocks", "enrollments"):
                part = snapshot.manifest.parts.get(name)
                found |= set(part.courses or ()) if part else set()
        return sorted(found)

    def course(self, course_key: str) -> CourseData:
        """The raw facts of one course."""
        tables = {name: found[0] for name, found in self._tables(course_key).items()}
        loaded = [snapshot.manifest.loaded_us for snapshot in self.snapshots]
        known = [instant_us for instant_us in loaded if instant_us is not None]
        return CourseData(
            course_key=course_key,
            tables=tables,
            event_files=tuple(self.lake.files(course_key)),
            coverage=self._coverage(),
            state_as_of_us=min(known) if known and tables else None,
        )

    def digest(self, course_key: str) -> str:
        """Digest of the course's raw facts: equal digests give equal numbers."""
        tables = {name: found[1] for name, found in self._tables(course_key).items()}
        return facts_digest(self.lake.version(course_key), self._coverage(), tables)

    def whole(self, dataset: str) -> pa.Table | None:
        """All rows of a dataset; None if no source has it."""
        tables: list[pa.Table] = []
        seen: set[str] = set()
        for snapshot in (one for one in self.snapshots if dataset in one):
            courses = snapshot.manifest.parts[dataset].courses
            if courses is None:
                return snapshot.table(dataset)
            table = snapshot.table(dataset)
            tables += [
                table.slice(s.start, s.rows) for key, s in courses.items() if key not in seen
            ]
            seen |= set(courses)
        return pa.concat_tables([DATASETS[dataset].empty(), *tables]) if tables else None

    def _tables(self, course_key: str) -> dict[str, tuple[pa.Table, str]]:
        """Rows and their digest, by dataset."""
        tables: dict[str, tuple[pa.Table, str]] = {}
        for name in sorted({name for one in self.snapshots for name in one.manifest.parts}):
            if name == "course_roles":
                roles = roles_for(self.whole(name), course_key)
                tables[name] = roles, table_digest(roles)
                continue
            having = (one.rows(name, course_key) for one in self.snapshots if name in one)
            tables[name] = next((found for found in having if found is not None), _empty(name))
        return tables

    def _coverage(self) -> LogCoverage | None:
        days = self.lake.coverage()
        return (
            LogCoverage(days.first_day, days.last_day, frozenset(days.lost_days)) if days else None
        )


@cache
def _empty(dataset: str) -> tuple[pa.Table, str]:
    table = DATASETS[dataset].empty()
    return table, table_digest(table)
