"""Reading a source: every file once, then the datasets from all of them together."""

from __future__ import annotations

import csv
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from courselens.errors import SourceMalformed
from loaders.course_rows import build_course_tables, merge_courses
from loaders.datasets import (
    BLOCK_ACCESS,
    BLOCKS,
    COURSES,
    DATASETS,
    FORUM_POSTS,
    GRADING_POLICY,
)
from loaders.files.convert import RawTable, TypedTable, convert_table
from loaders.files.course_files import FolderFiles, read_archive
from loaders.files.detect import Kind, Recognised
from loaders.files.dump import read_dump
from loaders.files.forum import read_forum
from loaders.files.olx import read_olx
from loaders.files.open_bytes import open_bytes
from loaders.files.report import Tally
from loaders.files.structure import read_structures
from loaders.files.tsv import TsvTable
from loaders.problem import Problem
from loaders.tables.queries import QUERIES, build_tables, keep_last
from loaders.tables.specs import TABLE_SPECS
from loaders.tables.typed import connect
from loaders.tree import RawCourse

_READ_KINDS = (Kind.TABLE, Kind.DUMP, Kind.STRUCTURE, Kind.FORUM)


class Loading:
    """One pass over the files of a source; `problems` and `tallies` grow as it runs."""

    def __init__(
        self,
        exports: Sequence[Path],
        files: Sequence[Recognised],
        progress: Callable[[str, int, int], None] | None,
    ) -> None:
        self.problems: list[Problem] = []
        self.tallies: dict[str, Tally] = defaultdict(Tally)
        self._exports = exports
        self._files = [found for found in files if found.kind in _READ_KINDS]
        self._progress = progress
        self._sizes = {found.path: found.path.stat().st_size for found in self._files}
        self._done = 0
        self._typed: dict[str, list[pa.Table]] = defaultdict(list)
        self._posts: list[pa.Table] = []
        self._course_rows: list[dict[str, object]] = []
        self._courses: dict[str, RawCourse] = {}

    def run(self) -> dict[str, pa.Table]:
        """Read everything and build the tables of the datasets."""
        readers = {
            Kind.TABLE: self._read_table,
            Kind.DUMP: self._read_dump,
            Kind.STRUCTURE: self._read_structure,
            Kind.FORUM: self._read_forum,
        }
        with connect() as connection:
            for found in self._files:
                try:
                    readers[found.kind](connection, found)
                except (SourceMalformed, OSError, EOFError, zlib.error, csv.Error) as error:
                    reason = error.reason if isinstance(error, SourceMalformed) else str(error)
                    self.problems.append(Problem(str(found.path), None, reason))
                self._done += self._sizes[found.path]
                self._tell(found.path, 0)
            typed = {name: pa.concat_tables(parts) for name, parts in self._typed.items()}
            self._typed.clear()
            tables = build_tables(connection, typed)
            if self._posts:
                tables[FORUM_POSTS.name] = _merge_posts(connection, self._posts)
        self._add_courses(tables)
        return {name: tables[name] for name in DATASETS if name in tables}

    def _tell(self, path: Path, read: int) -> None:
        if self._progress is not None:
            total = sum(self._sizes.values())
            self._progress(path.name, min(self._done + read, total), total)

    def _on_bytes(self, path: Path) -> Callable[[int], None]:
        # Bytes are counted unpacked, sizes are on disk: a file is never more than itself.
        return lambda read: self._tell(path, min(read, self._sizes[path]))

    def _read_table(self, connection: duckdb.DuckDBPyConnection, found: Recognised) -> None:
        self._convert(connection, TsvTable(found.table, found.path), found.path)

    def _read_dump(self, connection: duckdb.DuckDBPyConnection, found: Recognised) -> None:
        tables = read_dump(found.path, TABLE_SPECS)
        if not tables:
            reason = "the dump has none of the tables that are used"
            self.problems.append(Problem(str(found.path), None, reason))
        for table in tables.values():
            self._convert(connection, table, found.path)

    def _convert(self, connection: duckdb.DuckDBPyConnection, raw: RawTable, path: Path) -> None:
        spec = TABLE_SPECS[raw.name]
        typed = convert_table(connection, raw, spec, str(path), on_bytes=self._on_bytes(path))
        self.problems.extend(typed.problems)
        self._count(typed)
        if typed.is_usable:
            self._typed[typed.name].append(typed.table)

    def _count(self, typed: TypedTable) -> None:
        for query in QUERIES:
            if typed.name in query.tables:
                tally = self.tallies[query.dataset.name]
                tally.paths.add(typed.path)
                tally.lines += typed.lines
                tally.rejects += typed.rejects

    def _read_forum(self, _: duckdb.DuckDBPyConnection, found: Recognised) -> None:
        forum = read_forum(found.path, on_bytes=self._on_bytes(found.path))
        self.problems.extend(forum.problems)
        tally = self.tallies[FORUM_POSTS.name]
        tally.paths.add(str(found.path))
        tally.lines += forum.lines
        tally.rejects += forum.rejects
        self._posts.append(forum.table)

    def _read_structure(self, _: duckdb.DuckDBPyConnection, found: Recognised) -> None:
        with open_bytes(found.path) as file:
            text = file.read().decode("utf-8-sig", "replace")
        structures = read_structures(text, str(found.path))
        self.problems.extend(structures.problems)
        self._course_rows.extend(structures.rows)
        if structures.rows:
            self.tallies[COURSES.name].paths.add(str(found.path))
        for course in structures.courses:
            self._take_course(course)

    def _take_course(self, course: RawCourse, *, is_export: bool = False) -> None:
        before = self._courses.get(course.course_key)
        # A tree without its root says less than one that has it, whichever is read last.
        keeps_before = (
            before is not None
            and not is_export
            and course.root_key is None
            and before.root_key is not None
        )
        loser, winner = (course, before) if keeps_before else (before, course)
        if loser is not None and winner is not None:
            reason = f"{course.course_key} is also described by {winner.path}, which was taken"
            self.problems.append(Problem(loser.path, None, reason))
        if winner is not None:
            self._courses[course.course_key] = winner

    def _read_exports(self, old_keys: frozenset[str]) -> None:
        for path in self._exports:
            try:
                files = FolderFiles(path) if path.is_dir() else read_archive(path)
            except SourceMalformed as error:
                self.problems.append(Problem(str(path), None, error.reason))
                continue
            if files is None:
                continue
            course, problems = read_olx(files, str(path), old_keys=old_keys)
            self.problems.extend(problems)
            if course is not None:
                self._take_course(course, is_export=True)

    def _add_courses(self, tables: dict[str, pa.Table]) -> None:
        self._read_exports(_find_old_keys(tables.values(), self._courses))
        rows = self._course_rows
        if self._courses:
            made, problems = build_course_tables(self._courses.values())
            self.problems.extend(problems)
            rows = [*made[COURSES.name].to_pylist(), *rows]
            for course in self._courses.values():
                for name in (COURSES.name, BLOCKS.name, BLOCK_ACCESS.name):
                    self.tallies[name].paths.add(course.path)
                if course.grading_policy is not None:
                    self.tallies[GRADING_POLICY.name].paths.add(course.path)
            tables.update({name: table for name, table in made.items() if name != COURSES.name})
        if COURSES.name in tables:
            rows = [*rows, *tables[COURSES.name].to_pylist()]
        if rows:
            tables[COURSES.name] = merge_courses(rows)


def _find_old_keys(tables: Iterable[pa.Table], courses: Iterable[str]) -> frozenset[str]:
    keys = set(courses)
    for table in tables:
        if "course_key" in table.column_names:
            keys.update(table["course_key"].unique().drop_null().to_pylist())
    return frozenset(key for key in keys if "/" in key)


def _merge_posts(connection: duckdb.DuckDBPyConnection, parts: list[pa.Table]) -> pa.Table:
    posts = pa.concat_tables(parts)
    connection.register("posts", posts)
    try:
        # Row numbers of an Arrow table are its order.
        return keep_last(
            connection, "SELECT *, row_number() OVER () AS seq FROM posts", FORUM_POSTS
        )
    finally:
        connection.unregister("posts")
