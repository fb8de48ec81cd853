"""From files to the raw facts of one course: datasets loaded once, logs ingested into the lake."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from opaque_keys import InvalidKeyError
from opaque_keys.edx.keys import CourseKey

from indicators.data import CourseData, LogCoverage
from loaders.datasets import DATASETS
from loaders.events.ingest import IngestReport, ingest
from loaders.events.lake import Lake
from loaders.events.people import People, people_in
from loaders.events.structure import Structure
from loaders.files.source import LoadedDatasets, open_source
from loaders.retired import Retired, leave_out_everywhere, nobody

Progress = Callable[[str, int, int], None]


class Facts(Protocol):
    """The raw facts of courses, wherever they are kept."""

    @property
    def lake(self) -> Lake:
        """The events."""

    @property
    def course_keys(self) -> list[str]:
        """Every course of which anything is known, sorted."""

    def course(self, course_key: str) -> CourseData:
        """The raw facts of one course."""

    def digest(self, course_key: str) -> str:
        """Digest of the course's raw facts: equal digests give equal numbers."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Everything that was loaded, by dataset and course, and the lake.

    Attributes:
        loaded: what the files gave.
        lake: the events.
        by_course: dataset name -> course key -> rows, for datasets with a course key.
        loaded_us: when the database state was loaded.
        other_files: files of the source that were not recognised.
    """

    loaded: LoadedDatasets
    lake: Lake
    by_course: Mapping[str, Mapping[str, pa.Table]]
    loaded_us: int
    other_files: tuple[Path, ...]

    @property
    def course_keys(self) -> list[str]:
        """Every course that has a structure, enrolments or events, sorted."""
        found = set(self.lake.course_keys())
        for name in ("courses", "blocks", "enrollments"):
            found |= set(self.by_course.get(name, {}))
        return sorted(found)

    def course(self, course_key: str) -> CourseData:
        """The raw facts of one course."""
        tables: dict[str, pa.Table] = {}
        for name, table in self.loaded.tables.items():
            if name == "course_roles":
                tables[name] = roles_for(table, course_key)
            elif name not in DATASETS:
                tables[name] = rows_of_course(table, course_key)
            elif name in self.by_course:
                own = self.by_course[name].get(course_key)
                tables[name] = own if own is not None else DATASETS[name].empty()
            else:
                tables[name] = table
        files = self.lake.files(course_key)
        if "profiles" in tables:
            tables["profiles"] = profiles_for(tables, people_in(files))
        days = self.lake.coverage()
        return CourseData(
            course_key=course_key,
            tables=tables,
            event_files=tuple(files),
            coverage=LogCoverage(days.first_day, days.last_day, frozenset(days.lost_days))
            if days
            else None,
            state_as_of_us=self.loaded_us if self.loaded.tables else None,
        )

    def with_tables(self, tables: Mapping[str, pa.Table]) -> Installation:
        """The same with tables of plugins' datasets."""
        loaded = replace(self.loaded, tables={**self.loaded.tables, **tables})
        return replace(self, loaded=loaded)

    def digest(self, course_key: str) -> str:
        """Digest of the course's raw facts: equal digests give equal numbers."""
        data = self.course(course_key)
        tables = {name: table_digest(table) for name, table in data.tables.items()}
        return facts_digest(self.lake.version(course_key), data.coverage, tables)


def load_installation(
    paths: Sequence[Path],
    lake: Lake,
    *,
    now_us: int,
    memory_limit: str,
    threads: int | None = None,
    progress: Progress | None = None,
    retired: Retired = nobody,
) -> tuple[Installation, IngestReport]:
    """Load everything that the paths hold and ingest their logs into the lake.

    What is about `retired` users is left out of both.

    Raises:
        SourceNotFound: a path does not exist, or nothing in it is recognised.
        LakeError: another process is writing to the lake.
    """
    source = open_source(paths)
    loaded = source.load(
        progress=lambda _, done, total: (
            progress("loading tables", done, total) if progress else None
        )
    )
    loaded = replace(loaded, tables=leave_out_everywhere(loaded.tables, retired()))
    report = ingest(
        source.log_files,
        lake,
        structure=Structure(
            blocks=loaded.tables.get("blocks"),
            courses=loaded.tables.get("courses"),
            profiles=loaded.tables.get("profiles"),
        ),
        retired=retired,
        memory_limit=memory_limit,
        threads=threads,
        progress=progress,
    )
    by_course = {
        name: split_by_course(table)
        for name, table in loaded.tables.items()
        if name in DATASETS and "course_key" in DATASETS[name].columns and name != "course_roles"
    }
    return Installation(loaded, lake.frozen(), by_course, now_us, source.other_files), report


def split_by_course(table: pa.Table) -> dict[str, pa.Table]:
    """Rows of each course, in the order of the table; rows without a course are left out."""
    encoded = table.column("course_key").combine_chunks().dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")
    ordered = table.take(pa.array(order))
    keys = encoded.dictionary.to_pylist()
    borders = np.searchsorted(codes[order], np.arange(len(keys) + 1))
    return {
        key: ordered.slice(int(borders[code]), int(borders[code + 1] - borders[code]))
        for code, key in enumerate(keys)
    }


def rows_of_course(table: pa.Table, course_key: str) -> pa.Table:
    """A course's rows of a plugin's dataset: all of them where they are not by course."""
    if "course_key" not in table.column_names:
        return table
    return table.filter(pc.fill_null(pc.equal(table.column("course_key"), course_key), False))


def course_org(course_key: str) -> str | None:
    """Org of a course key, None when it is no key."""
    try:
        org: str = CourseKey.from_string(course_key).org
    except InvalidKeyError:
        return None
    return org


def roles_for(roles: pa.Table, course_key: str) -> pa.Table:
    """Rows of the course, and of its org as a whole; global rows exclude nobody (1.1)."""
    own = pc.equal(roles.column("course_key"), course_key)
    org = course_org(course_key)
    if org is not None:
        is_org_wide = pc.equal(pc.fill_null(roles.column("course_key"), ""), "")
        own = pc.or_kleene(own, pc.and_kleene(is_org_wide, pc.equal(roles.column("org"), org)))
    return roles.filter(pc.fill_null(own, False))


def profiles_for(tables: Mapping[str, pa.Table], people: People) -> pa.Table:
    """Profiles of a course's people, and of global staff, who may see every course.

    Args:
        tables: of the course, and the `profiles` of the installation.
        people: whom the course's events name.
    """
    profiles = tables["profiles"]
    ids = [people.user_ids]
    for name, table in tables.items():
        if name in DATASETS and name != "profiles" and "user_id" in table.column_names:
            ids += table.column("user_id").chunks
    user_ids = pa.chunked_array(ids, pa.int64()).unique()
    kept = pc.or_(
        pc.is_in(profiles.column("user_id"), value_set=user_ids),
        pc.is_in(profiles.column("username"), value_set=people.usernames, skip_nulls=True),
    )
    return profiles.filter(pc.or_(kept, pc.fill_null(profiles.column("is_staff"), False)))


def table_digest(table: pa.Table) -> str:
    """Digest of a table's columns and rows, and of nothing that lies beside them in memory."""
    # The buffers of a slice are written in steps of 64 bytes, with what follows the slice.
    table = table.take(pa.array(np.arange(table.num_rows)))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return hashlib.blake2b(sink.getvalue(), digest_size=16).hexdigest()


def facts_digest(lake_version: str, coverage: LogCoverage | None, tables: Mapping[str, str]) -> str:
    """Digest of a course's raw facts from those of its events and of its tables, by dataset."""
    digest = hashlib.blake2b(digest_size=16)
    for part in (lake_version, repr(coverage), *map(repr, sorted(tables.items()))):
        digest.update(part.encode())
    return digest.hexdigest()
