"""The raw facts of courses as the workers keep them: copies of tables, and the lake."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pyarrow as pa

from courselens.sources import (
    facts_digest,
    profiles_for,
    roles_for,
    rows_of_course,
    table_digest,
)
from indicators.data import CourseData, LogCoverage
from loaders.datasets import DATASETS
from loaders.events.lake import Lake
from loaders.events.people import people_in
from workers.snapshot import Snapshot, is_by_course


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
        """The facts of the named sources, as of their last commits; they stay so."""
        return cls([Snapshot(tables_path / name) for name in names], lake.frozen())

    @property
    def course_keys(self) -> list[str]:
        """Every course of which anything is known, sorted."""
        found = set(self.lake.course_keys())
        for snapshot in self.snapshots:
            for name in ("courses", "blocks", "enrollments"):
                found |= set(snapshot.manifest.tables.get(name, ()))
        return sorted(found)

    def course(self, course_key: str) -> CourseData:
        """The raw facts of one course."""
        tables = {name: found[0] for name, found in self._tables(course_key).items()}
        loaded = [
            snapshot.manifest.loaded_us
            for snapshot in self.snapshots
            if any(name in DATASETS for name in snapshot.manifest.tables)
        ]
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
            tables.append(snapshot.table(dataset, without=seen))
            if not is_by_course(dataset):
                break
            seen |= set(snapshot.manifest.tables[dataset])
        return pa.concat_tables(tables) if tables else None

    def _tables(self, course_key: str) -> dict[str, tuple[pa.Table, str]]:
        """Rows and their digest, by dataset."""
        tables: dict[str, tuple[pa.Table, str]] = {}
        for name in sorted({name for one in self.snapshots for name in one.manifest.tables}):
            having = (one.rows(name, course_key) for one in self.snapshots if name in one)
            known = next((found for found in having if found is not None), None)
            if name not in DATASETS and known is not None:
                own = rows_of_course(known[0], course_key)
                known = own, table_digest(own)
            tables[name] = known or _empty(name)
        found = {name: rows for name, (rows, _) in tables.items()}
        if "course_roles" in found:
            found["course_roles"] = roles = roles_for(found["course_roles"], course_key)
            tables["course_roles"] = roles, table_digest(roles)
        if "profiles" in found:
            profiles = profiles_for(found, people_in(self.lake.files(course_key)))
            tables["profiles"] = profiles, table_digest(profiles)
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
